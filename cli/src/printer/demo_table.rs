//! The table of `demo`: a line for each multiplier, without and with V side by side, which is
//! written as soon as its designs are evaluated.

use std::io::Write;

use anyhow::Result;
use comfy_table::{ColumnConstraint, Table, Width};

use recoup::design::Mode;
use recoup::{Design, Results};
use recoup_explore::power::Power;

use super::tables::{align_right, energy, loss, percent, power, table};
use super::words::{functions, heading};
use crate::costs;

/// Columns, and the width of what usually stands in them: the first lines are written before the
/// others are known.
const COLUMNS: [(&str, u16); 9] = [
    ("", 24),
    ("dropped of 64", 13),
    ("without V", 9),
    ("with V", 6),
    ("loss with V [95 %]", 20),
    ("x", 8),
    ("array power", 11),
    ("energy nJ", 12),
    ("kernel", 44),
];

/// A table that grows.
pub struct DemoTable<'a, W: Write> {
    out: W,
    power: &'a Power,
    table: Table,
    /// Lines of the table that are written, without its lower edge.
    written: usize,
}

impl<'a, W: Write> DemoTable<'a, W> {
    /// A table of which nothing is written.
    pub fn new(out: W, power: &'a Power) -> Self {
        let mut table = table(&COLUMNS.map(|(name, _)| name));
        align_right(&mut table, [1, 2, 3, 6, 7]);
        for (column, (_, width)) in table.column_iter_mut().zip(COLUMNS) {
            // With a blank on either side; what is longer goes on below.
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width + 2)));
        }
        Self { out, power, table, written: 0 }
    }

    /// Writes the row that the last design of the results completes.
    pub fn add(&mut self, results: &Results) -> Result<()> {
        let last = results.candidates.len() - 1;
        let Design { multiplier, control_variate, .. } = &results.candidates[last].design;
        if last == 0 {
            heading(results, &mut self.out)?;
        }
        if multiplier.is_exact() {
            self.table.add_row(exact_row(results, last, self.power));
        } else if *control_variate != Mode::None {
            let mut before = results.candidates[..last].iter();
            let without = before.position(|it| it.design.multiplier == *multiplier);
            let without = without.expect("each multiplier comes without V first");
            self.table.add_row(row(results, without, last, self.power));
        } else {
            return Ok(());
        }
        let text = self.table.to_string();
        let lines: Vec<&str> = text.lines().collect();
        for line in &lines[self.written..lines.len() - 1] {
            writeln!(self.out, "{line}")?;
        }
        self.written = lines.len() - 1;
        Ok(self.out.flush()?)
    }

    /// Writes the lower edge, and what the columns mean.
    pub fn finish(mut self) -> Result<()> {
        let text = self.table.to_string();
        writeln!(self.out, "{}", text.lines().last().unwrap_or_default())?;
        writeln!(
            self.out,
            "top-1 accuracy in percent; loss in points against exact 8-bit products, on the same images.\n\
             V is the control variate: per filter V = C sum x(a) + C0, fitted offline, no retraining.\n\
             perforated:m ignores the m low activation bits; its rival is the same small circuit fed with\n\
             rounded codes: compare perforated:3 with exact at 5 activation bits. 5 x 5 bits: weights too.\n\
             {}\n\
             Next: recoup eval MODEL.onnx --data SPEC --multiplier truncated:7",
            costs::legend(false)
        )?;
        Ok(())
    }
}

/// Exact products, of codes of 8 or fewer bits.
fn exact_row(results: &Results, index: usize, arrays: &Power) -> Vec<String> {
    let candidate = &results.candidates[index];
    let figures = arrays.figures_of(candidate);
    vec![
        match candidate.design.weight_bits {
            8 => candidate.design.to_string(),
            weights => format!("exact, {} x {weights} bits", candidate.design.activation_bits),
        },
        "0".into(),
        accuracy(results, index),
        String::new(),
        if index == 0 { "reference".into() } else { loss_of(results, index) },
        String::new(),
        power(figures.power),
        energy(figures.energy),
        candidate.network.kernels().join(", "),
    ]
}

/// An approximate multiplier without and with V.
fn row(results: &Results, without: usize, with: usize, arrays: &Power) -> Vec<String> {
    let candidate = &results.candidates[with];
    let multiplier = &candidate.design.multiplier;
    let dropped = multiplier.mask().map(|mask| mask.count_zeros().to_string());
    let figures = arrays.figures_of(candidate);
    vec![
        multiplier.to_string(),
        dropped.unwrap_or_default(),
        accuracy(results, without),
        accuracy(results, with),
        loss_of(results, with),
        functions(candidate),
        power(figures.power),
        energy(figures.energy),
        results.candidates[without].network.kernels().join(", "),
    ]
}

fn accuracy(results: &Results, index: usize) -> String {
    results.evaluation.candidates[index].top1_accuracy().map(percent).unwrap_or_default()
}

fn loss_of(results: &Results, index: usize) -> String {
    results.loss_against_exact(index).as_ref().map(loss).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use recoup::{EvaluateOptions, Unwatched};

    use super::*;
    use crate::commands::demo::designs;
    use recoup_zoo::Embedded;

    #[test]
    fn a_row_is_written_before_the_next_design_is_evaluated() {
        let mut session = Embedded::Resnet8.session(Some(8)).unwrap();
        let power = Power::default();
        let mut table = DemoTable::new(Vec::new(), &power);
        let mut rows = Vec::new();
        // Exact products of seven widths, and two multipliers without and with V.
        let designs = &designs()[..11];
        let results =
            session.evaluate_in_turn(designs, EvaluateOptions::default(), &Unwatched, |results| {
                table.add(results)?;
                let written = String::from_utf8(table.out.clone())?;
                rows.push(written.lines().filter(|line| line.starts_with('│')).count() - 1);
                anyhow::Ok(())
            });
        assert_eq!(results.unwrap().candidates.len(), 11);
        assert_eq!(rows, [1, 2, 3, 4, 5, 6, 7, 7, 8, 8, 9]);
    }

    #[test]
    fn lines_are_as_wide_as_those_before_them_whatever_stands_in_them() {
        let power = Power::default();
        let mut table = DemoTable::new(Vec::new(), &power).table;
        let width = |table: &Table| table.lines().next().unwrap().chars().count();
        let before = width(&table);
        for length in [1, 40, 200] {
            table.add_row(COLUMNS.map(|_| "kernel, ".repeat(length)));
            assert!(table.lines().all(|line| line.chars().count() == before), "{table}");
        }
    }
}
