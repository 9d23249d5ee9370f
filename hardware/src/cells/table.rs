//! Look-up tables over slew and load.

use super::Table;

impl Table {
    /// A table of one value.
    pub fn scalar(value: f64) -> Self {
        Self { slews_ps: vec![0.0], loads_ff: vec![0.0], values: vec![value] }
    }

    /// Whether it has no values, as that of an edge which the arc does not cause.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The value, linear between the entries in both directions and beyond the outermost ones,
    /// as other timing tools have it; 0 of an empty table.
    pub fn lookup(&self, slew_ps: f64, load_ff: f64) -> f64 {
        if self.is_empty() {
            return 0.0;
        }
        let columns = self.loads_ff.len();
        let (row, row_part) = segment(&self.slews_ps, slew_ps);
        let (column, column_part) = segment(&self.loads_ff, load_ff);
        let in_row = |row: usize| {
            let first = self.values[row * columns + column];
            match columns {
                1 => first,
                _ => first + column_part * (self.values[row * columns + column + 1] - first),
            }
        };
        let first = in_row(row);
        match self.slews_ps.len() {
            1 => first,
            _ => first + row_part * (in_row(row + 1) - first),
        }
    }

    /// One value from the values of several tables, at the entries of the first that is not
    /// empty.
    pub fn combine(tables: &[&Self], combined: impl Fn(&[f64]) -> f64) -> Self {
        let filled: Vec<&Self> = tables.iter().copied().filter(|table| !table.is_empty()).collect();
        let Some(first) = filled.first() else { return Self::default() };
        let values = first.slews_ps.iter().flat_map(|&slew_ps| {
            let (filled, combined) = (&filled, &combined);
            first.loads_ff.iter().map(move |&load_ff| {
                let values: Vec<f64> =
                    filled.iter().map(|table| table.lookup(slew_ps, load_ff)).collect();
                combined(&values)
            })
        });
        let values = values.collect();
        Self { slews_ps: first.slews_ps.clone(), loads_ff: first.loads_ff.clone(), values }
    }
}

/// The entry before a place on an axis, and how far the place is on the way to the next one.
fn segment(axis: &[f64], at: f64) -> (usize, f64) {
    if axis.len() < 2 {
        return (0, 0.0);
    }
    let before = axis.partition_point(|&entry| entry <= at).clamp(1, axis.len() - 1) - 1;
    (before, (at - axis[before]) / (axis[before + 1] - axis[before]))
}
