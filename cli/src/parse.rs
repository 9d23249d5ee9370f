//! Values of options that several verbs take.

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use recoup::Limit;
use recoup_zoo::Embedded;

/// A limit of loss, points.
pub fn parse_limit(text: &str) -> Result<Limit, String> {
    let points: f64 =
        text.parse().map_err(|_| format!("\"{text}\" is no number of points; try 0.5"))?;
    Limit::new(points).map_err(|error| error.to_string())
}

/// A time.
pub fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds: &f64| *seconds > 0.0);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| format!("\"{text}\" is no number of seconds; try 60"))
}

/// Rows and columns.
pub fn parse_array(text: &str) -> Result<[u32; 2], String> {
    let sizes: Option<Vec<u32>> =
        text.split('x').map(|size| size.parse().ok().filter(|size| *size > 0)).collect();
    sizes.and_then(|sizes| sizes.try_into().ok()).ok_or_else(|| {
        format!("\"{text}\" is no array; expected rows and columns, as in 16x16 or 64x64")
    })
}

/// A count.
pub fn parse_positive(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|n| *n > 0)
        .ok_or_else(|| format!("\"{text}\" is no count; expected at least 1"))
}

/// Reads the name of a network inside this program.
pub fn embedded() -> impl TypedValueParser<Value = Embedded> {
    let named = |name: String| Embedded::ALL.into_iter().find(|network| network.name() == name);
    PossibleValuesParser::new(Embedded::ALL.map(Embedded::name))
        .map(move |name| named(name).expect("one of the names"))
}
