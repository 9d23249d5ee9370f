//! Scripts and data inside the page, such that no text in them can end them or run.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Number, Value};
use sha2::{Digest, Sha256};

/// Observable Plot and the D3 that it stands on.
const LIBRARIES: [&str; 2] =
    [include_str!("../assets/vendor/d3.min.js"), include_str!("../assets/vendor/plot.umd.min.js")];

/// Their licences, and those of what Plot contains, which go with every copy.
pub const LICENCES: [(&str, &str); 5] = [
    ("D3", include_str!("../assets/vendor/d3.LICENSE")),
    ("Observable Plot", include_str!("../assets/vendor/plot.LICENSE")),
    ("isoformat", include_str!("../assets/vendor/isoformat.LICENSE")),
    ("interval-tree-1d", include_str!("../assets/vendor/interval-tree-1d.LICENSE")),
    ("binary-search-bounds", include_str!("../assets/vendor/binary-search-bounds.LICENSE")),
];

/// What draws, filters and sorts.
const OWN: [&str; 5] = [
    include_str!("../assets/marks.js"),
    include_str!("../assets/designs.js"),
    include_str!("../assets/layers.js"),
    include_str!("../assets/table.js"),
    include_str!("../assets/report.js"),
];

/// The scripts of the page in their order, each for an element of its own.
pub fn scripts() -> Vec<String> {
    let own = OWN.concat();
    let mut scripts: Vec<String> = LIBRARIES.iter().map(|text| (*text).to_owned()).collect();
    scripts.push(format!("(() => {{\n\"use strict\";\n{own}}})();\n"));
    scripts
}

/// The content security policy of a page with these scripts: nothing is loaded from anywhere, and
/// no other script runs. Images inside the page are the ramps of legends.
pub fn policy(scripts: &[String]) -> String {
    let hashes: Vec<String> = scripts
        .iter()
        .map(|script| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(script))))
        .collect();
    format!(
        "default-src 'none'; script-src {}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'",
        hashes.join(" ")
    )
}

/// JSON for inside a script element: `<`, `>` and `&`, which occur in strings only, are escaped,
/// so that neither `</script>` nor `<!--` can end it. Numbers have six significant digits: nothing
/// on the page is known better, and layers have many.
///
/// # Panics
/// When a map has keys that are no strings; a [`Report`](crate::data::Report) has none.
pub fn json(data: &impl Serialize) -> String {
    let mut data = serde_json::to_value(data).expect("plain data");
    round(&mut data);
    data.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// Rounds all fractions inside to six significant digits.
fn round(data: &mut Value) {
    match data {
        Value::Number(number) if number.is_f64() => {
            let rounded = number.as_f64().and_then(|value| format!("{value:.5e}").parse().ok());
            *data = rounded.and_then(Number::from_f64).map_or(Value::Null, Value::Number);
        }
        Value::Array(items) => items.iter_mut().for_each(round),
        Value::Object(fields) => fields.values_mut().for_each(round),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_script_early() {
        for script in scripts() {
            let lower = script.to_lowercase();
            assert!(!lower.contains("</script") && !lower.contains("<!--"));
        }
        let hostile = ["</script><script>alert(1)</script>", "<!--", "a & b"];
        let text = json(&hostile);
        assert!(!text.contains(['<', '>', '&']), "{text}");
        assert_eq!(serde_json::from_str::<[String; 3]>(&text).unwrap(), hostile);
    }

    #[test]
    fn numbers_are_rounded_but_not_counts() {
        let numbers = (1.0 / 3.0, -123_456_789.25, 0.0, 123_456_789_u64, f64::NAN);
        assert_eq!(json(&numbers), "[0.333333,-123457000.0,0.0,123456789,null]");
    }
}
