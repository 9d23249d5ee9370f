//! Array power of configurations, from a cost table.

use recoup_hardware::costs::{CostTable, Design, Stimulus};

use crate::space::Point;

/// A cell library and an array size of a cost table.
#[derive(Clone, Debug)]
pub struct Power {
    /// The costs.
    pub table: CostTable,
    /// Name of the cell library in it.
    pub library: String,
    /// Rows of the array.
    pub rows: u32,
    /// Columns of the array.
    pub columns: u32,
}

impl Power {
    /// Array power of a configuration whose control variate uses `functions`, as a fraction of
    /// the exact 8-bit array's; none if the table does not have the design, as with more than
    /// one function. The activity is that of random codes as a network has them where the table
    /// has it, else that of uniform codes.
    pub fn relative(&self, point: &Point, functions: &[String]) -> Option<f64> {
        let size = [self.rows, self.columns];
        let design = Design::new(&point.configuration, functions, size)?;
        [Stimulus::ReluLike, Stimulus::Uniform]
            .into_iter()
            .find_map(|stimulus| self.table.relative_power(&self.library, &design, stimulus))
    }
}
