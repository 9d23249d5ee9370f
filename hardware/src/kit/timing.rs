//! When things enter an array and leave it, in clock cycles.
//!
//! Cycle 0 is the one in which a position's code is at row 0 of `a_in`. What is said to be at an
//! output in cycle t can be read before the rising edge that ends cycle t.

use crate::rtl::{ArrayRtl, mac_latency};

/// The delays of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    rows: usize,
    columns: usize,
    /// Columns that take their codes at once.
    share_columns: usize,
    /// Rows of PEs; each may take several rows' codes.
    pub pe_rows: usize,
    /// When the sum of the tiles before is at `acc_in` of column 0.
    pub acc_in: usize,
    /// When a sum is at `acc_out` of column 0.
    pub acc_out: usize,
    /// When X of the tiles before is at `x_acc_in`.
    pub x_in: usize,
    /// When X is at `x_acc_out`.
    pub x_out: usize,
}

impl Timing {
    /// Those of a design's array.
    pub fn of(design: &ArrayRtl) -> Self {
        let options = &design.options;
        let pe_rows = options.pe_rows();
        let psum = design.psum_delay();
        let (x_in, x_out) = if options.x_in_pe { (1, pe_rows + 1) } else { (pe_rows, psum) };
        Self {
            rows: options.rows,
            columns: options.columns,
            share_columns: options.share_columns,
            pe_rows,
            acc_in: psum,
            acc_out: psum + mac_latency(design),
            x_in,
            x_out,
        }
    }

    /// How much later than row 0 a row takes its code.
    pub fn row(&self, row: usize) -> usize {
        row * self.pe_rows / self.rows
    }

    /// How much later than column 0 a column takes and gives its sums.
    pub fn column(&self, column: usize) -> usize {
        column / self.share_columns
    }

    /// From a position's first code to its last sum.
    pub fn latency(&self) -> usize {
        self.acc_out + self.column(self.columns - 1)
    }

    /// Cycles that a tile keeps the array from the first weight on: loading, positions, and until the
    /// last of them has passed the last PE.
    pub fn tile(&self, positions: usize) -> usize {
        self.pe_rows + positions + self.latency()
    }
}
