//! What commands print, for people and for machines: a file for each of them.
//!
//! `tables` and `words` are what they share.

mod array;
mod calibration;
mod codes;
mod costs;
mod demo_table;
mod evaluation;
pub mod exploration;
mod fidelity;
pub mod heat_map;
pub mod made;
mod model;
pub mod multiplier;
mod power;
mod profile;
mod record;
mod report;
mod synthesis;
pub mod tables;
mod term_cost;
mod words;

pub use array::array;
pub use calibration::calibration;
pub use codes::{CodesRecord, codes};
pub use costs::costs;
pub use demo_table::DemoTable;
pub use evaluation::{json, text};
pub use model::graph;
pub use power::power;
pub use record::record;
pub use report::Report;
pub use synthesis::synthesis;
