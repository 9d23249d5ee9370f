//! The tables of docs/hardware.md are those of the cost table inside.

use recoup_hardware::cost_table::{Array, Cost, CostTable, Stimulus, Structure};

/// What a row of the documentation is about, in words: multiplier, bits, and x.
fn named(array: &Array) -> Vec<String> {
    let bits = match (array.activation_bits, array.weight_bits) {
        (activations, weights) if activations == weights => activations.to_string(),
        (activations, weights) => format!("{activations} x {weights}"),
    };
    vec![array.multiplier.to_string(), bits, array.control.clone().unwrap_or("–".into())]
}

/// Whether it has a row: of several x the one that fits best.
fn is_shown(array: &Array) -> bool {
    let bits = [array.activation_bits, array.weight_bits];
    let is_cheaper_x = matches!(array.control.as_deref(), Some("popcount" | "any-bit"));
    !is_cheaper_x && (!array.multiplier.is_exact() || EXACT.contains(&bits))
}

/// Exact arrays of these bits of activations and of weights are shown.
const EXACT: [[u32; 2]; 9] =
    [[8, 8], [7, 7], [6, 6], [5, 5], [4, 4], [8, 4], [6, 4], [5, 4], [4, 8]];

/// A row for each design: area and power over the exact array's in both libraries.
fn savings(table: &CostTable) -> String {
    let mut text = String::from(
        "| multiplier | bits | x | area | power | uniform | demo, 16x16 | demo, 64x64 | IHP: area | power | uniform | demo, 64x64 |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    let of = |library: &str, array: &Array, size: u32, stimulus| -> Option<&Cost> {
        table.find(library, &Array { rows: size, columns: size, ..array.clone() }, stimulus)
    };
    for row in &table.costs {
        let array = &row.design;
        let run = table.run(row).expect("a run of each row");
        let is_first = run.id == "asap7"
            && [array.rows, array.columns] == [64; 2]
            && row.stimulus == Stimulus::ReluLike;
        if !is_first || !is_shown(array) {
            continue;
        }
        let ratio = |library: &str, size: u32, stimulus, of_cost: fn(&Cost) -> f64| {
            let ratio = (|| {
                let exact = of(library, &array.exact(), size, stimulus)?;
                Some(of_cost(of(library, array, size, stimulus)?) / of_cost(exact))
            })();
            ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.2}"))
        };
        let area = |cost: &Cost| cost.area_um2;
        let power = |cost: &Cost| cost.energy_fj;
        let (full, uniform, demo) = (Stimulus::ReluLike, Stimulus::Uniform, Stimulus::Demo);
        let ihp = "ihp-sg13g2";
        let ratios = [
            ratio("asap7", 64, full, area),
            ratio("asap7", 64, full, power),
            ratio("asap7", 64, uniform, power),
            ratio("asap7", 16, demo, power),
            ratio("asap7", 64, demo, power),
            ratio(ihp, 64, full, area),
            ratio(ihp, 64, full, power),
            ratio(ihp, 64, uniform, power),
            ratio(ihp, 64, demo, power),
        ];
        text += &format!("| {} |\n", [named(array), ratios.into()].concat().join(" | "));
    }
    text
}

/// The array of the table and the plain one, each against the plain exact one.
fn structures(table: &CostTable) -> String {
    let mut text = String::from(
        "| multiplier | bits | x | power: of the plain exact array | the same array's exact | plain array, of its exact | area: of the plain exact array | the same array's exact | plain array, of its exact |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    let full = Stimulus::ReluLike;
    let chosen = table.structure("asap7");
    for row in &table.costs {
        let run = table.run(row).expect("a run of each row");
        let is_plain = run.library.name == "asap7-plain" && row.stimulus == full;
        let plain = &row.design;
        if !is_plain || !is_shown(plain) {
            continue;
        }
        let plain_exact = table.find("asap7-plain", &plain.exact(), full).expect("exact products");
        let array = Array { structure: chosen, ..plain.clone() };
        let there = table.find("asap7", &array, full).expect("the same design in the table");
        let exact = table.find("asap7", &array.exact(), full).expect("exact products");
        let ratios = |of: fn(&Cost) -> f64| {
            [of(there) / of(plain_exact), of(there) / of(exact), of(row) / of(plain_exact)]
        };
        let mut cells = named(plain);
        for ratio in [ratios(|cost| cost.energy_fj), ratios(|cost| cost.area_um2)].concat() {
            cells.push(format!("{ratio:.2}"));
        }
        text += &format!("| {} |\n", cells.join(" | "));
    }
    text
}

/// What is between two marks of the page.
fn shown(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("<!-- {name} -->\n")).expect("the mark");
    rest.split_once(&format!("<!-- end of {name} -->")).expect("the other mark").0.to_owned()
}

/// Compares, or writes where `UPDATE_DOCS` is set.
fn check(name: &str, table: &str) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/hardware.md");
    let page = std::fs::read_to_string(path).expect("the page");
    let before = shown(&page, name);
    if std::env::var_os("UPDATE_DOCS").is_some() && before != table {
        let mark = format!("<!-- {name} -->\n");
        let page = page.replacen(&format!("{mark}{before}"), &format!("{mark}{table}"), 1);
        std::fs::write(path, page).expect("the page");
        return;
    }
    assert!(
        before == table,
        "docs/hardware.md, {name}: not what the cost table says; UPDATE_DOCS=1 cargo test -p \
         recoup-hardware --test docs writes it. Expected:\n{table}"
    );
}

#[test]
fn tables_are_those_of_the_costs_inside() {
    let table = CostTable::shipped();
    assert_eq!(table.structure("asap7"), Structure::CHOSEN);
    assert_eq!(table.structure("ihp-sg13g2"), Structure::CHOSEN);
    check("savings", &savings(&table));
    check("structures", &structures(&table));
}
