//! Tables, and numbers in them.

use comfy_table::{CellAlignment, Table, presets};

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
