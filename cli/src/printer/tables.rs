//! Tables, and numbers in them.

use comfy_table::{CellAlignment, Table, presets};

use recoup_circuits::printable;
use recoup_core::accuracy::paired::PairedLoss;
use recoup_explore::power::Energy;

/// An empty table.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(header.to_vec());
    table
}

/// Aligns columns of numbers.
pub fn align_right(table: &mut Table, columns: impl IntoIterator<Item = usize>) {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// A name as wide as a column may be: converters join the names of all that they fused by semicolons,
/// hundreds of letters. JSON has it whole.
pub fn name(whole: &str) -> String {
    const WIDEST: usize = 80;
    let whole = printable(whole);
    let first = match whole.split_once(';') {
        Some((first, _)) => format!("{first};…"),
        None => whole.into_owned(),
    };
    match first.chars().count() {
        count if count > WIDEST => {
            format!("…{}", first.chars().skip(count - WIDEST + 1).collect::<String>())
        }
        _ => first,
    }
}

/// A share in percent.
pub fn percent(share: f64) -> String {
    format!("{:.2}", 100.0 * share)
}

/// A loss with its interval, points.
pub fn loss(loss: &PairedLoss) -> String {
    format!("{:.2} [{:.2}, {:.2}]", loss.points, loss.ci95[0], loss.ci95[1])
}

/// A fraction of the exact array's power; a dash where none is known.
pub fn power(fraction: Option<f64>) -> String {
    fraction.map_or("–".into(), |fraction| format!("{fraction:.2}"))
}

/// Energy of an inference, and over that of the exact network.
pub fn energy(energy: Option<Energy>) -> String {
    energy
        .map_or("–".into(), |energy| format!("{:.0} ({:.2})", energy.energy_nj, energy.relative))
}

/// A p of McNemar's test.
pub fn probability(p: f64) -> String {
    if p < 0.001 { "<0.001".into() } else { format!("{p:.3}") }
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn names_fit_a_column() {
        assert_eq!(name("layer1/conv"), "layer1/conv");
        assert_eq!(name("net/conv/Relu6;net/conv/add;net/conv"), "net/conv/Relu6;…");
        let long = name(&"é/".repeat(100));
        assert_eq!((long.chars().count(), long.starts_with("…/é/")), (80, true));
        assert_eq!(name(&"x".repeat(80)), "x".repeat(80));
    }
}
