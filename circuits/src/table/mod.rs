//! Product tables in the formats in use: read, checked and written.
//!
//! [`read_table`] goes through these steps: the bytes of a file, no more than a table has
//! ([`Format::max_bytes`]); its 65,536 numbers ([`Format::parse`]); what the numbers mean
//! ([`Reading`]); and what a file says of its multiplier against what it is ([`Import`]).
//! [`write_table`] is the way back.

mod c_array;
mod c_lexer;
mod cells;
mod declared;
mod error;
mod format;
mod import;
mod labels;
mod mirror;
mod npy;
mod options;
mod raw;
mod reading;
mod text;
mod write;

#[cfg(test)]
mod tests;

pub use c_array::parse_c_header;
pub use cells::Cells;
pub use declared::{Declared, DeclaredMetric, Metric, Mismatch, check, declared_metrics};
pub use error::{Contradiction, ParseError, Place, TableError};
pub use format::Format;
pub use import::{Import, Warning, import_table, read_table};
pub use npy::parse_npy;
pub use options::{ElementType, Index, OptionError, Order, TableOptions};
pub use raw::parse_raw;
pub use reading::Reading;
pub use text::parse_csv;
pub use write::{WriteError, WriteOptions, write_table};
