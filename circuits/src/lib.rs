//! Approximate 8 x 8 multipliers as their designers have them: product tables and netlists.
//!
//! Whatever the file, what comes out is a [`ProductTable`].

mod distance;
mod files;
mod function;
pub mod liberty;
mod metrics;
pub mod netlist;
pub mod npy;
mod product_table;
pub mod program;
pub mod table;
pub mod yosys_json;

pub use distance::Misread;
pub use files::{check_regular, printable, printable_path, read_bytes, read_text, regular_file};
pub use metrics::{Metrics, PRODUCT_RANGE};
pub use product_table::{Operands, ProductTable};
