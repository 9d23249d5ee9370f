//! What control variates cost in hardware, as `eval` and `multiplier show` print it.

use std::io::Write;

use anyhow::Result;

use recoup_core::control_variate::{ROWS, TermCost};

use super::report::Report;
use super::tables::table;

/// The full adders of [`TermCost`] in words.
pub const COST: &str = "of the line that sums X in each row, of C X in each column's MAC+";

/// The two columns of a cost in a table.
pub const COLUMNS: [&str; 2] = ["bits of x, C, X", "full adders: row, MAC+"];

/// A cost in these columns.
pub fn cells(cost: &TermCost) -> [String; 2] {
    [
        format!("{}, {}, {}", cost.x_bits, cost.c_bits, cost.sum_bits),
        format!("{}, {}", cost.row_full_adders, cost.mac_full_adders),
    ]
}

/// What each term costs, where there are several.
pub fn print(report: &Report, out: &mut impl Write) -> Result<()> {
    let controls = report.results().filter_map(|(_, candidate)| {
        let control = candidate.control.as_ref()?;
        (control.functions.len() > 1).then_some((candidate, control))
    });
    let mut rows = table(&[&["multiplier", "control variate", "x"], &COLUMNS[..]].concat());
    for (candidate, control) in controls {
        for (x, cost) in control.functions.iter().zip(control.costs()) {
            let name = [
                candidate.design.multiplier.to_string(),
                candidate.design.control_variate.to_string(),
                x.function.to_string(),
            ];
            rows.add_row(name.into_iter().chain(cells(&cost)));
        }
    }
    if !rows.is_empty() {
        writeln!(out, "\ncost of each term beside {ROWS} rows: {COST}\n{rows}")?;
    }
    Ok(())
}
