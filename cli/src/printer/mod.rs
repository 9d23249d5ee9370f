//! What commands print, for people and for machines: a file for each of them.
//!
//! `tables` and `words` are what they share.

mod calibration;
mod demo_table;
mod evaluation;
pub mod exploration;
mod fidelity;
pub mod heat_map;
mod model;
pub mod multiplier;
mod report;
pub mod tables;
mod term_cost;
mod words;

pub use calibration::calibration;
pub use demo_table::DemoTable;
pub use evaluation::{json, text};
pub use model::graph;
pub use report::Report;
