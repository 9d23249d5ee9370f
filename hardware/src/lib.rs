//! The accelerator: systolic MAC arrays of approximate multipliers.
//!
//! The modules, in the order in which data flows:
//!
//! - [`rtl`] writes an array as SystemVerilog, proven by vectors from the emulator;
//! - [`kit`] adds what it takes to build the array into a chip;
//! - [`cells`] is a standard cell library as a Liberty file describes it;
//! - [`synthesis`] maps one onto the other, with yosys;
//! - [`mapped`] is a netlist of such cells, as synthesis leaves it;
//! - [`timing`] is how fast such a netlist is;
//! - [`units`] synthesises the kinds of units that an array is made of;
//! - [`simulate`] runs it and counts transitions, without delays or with the cells' own;
//! - [`power`] makes energies of them, for the data of a network's layers;
//! - [`measure`] does all that for a row of a table;
//! - [`cost_table`] is the table of what designs were found to cost;
//! - [`inference`] makes the energy of a network's inference of it.

pub mod cells;
pub mod cost_table;
pub mod inference;
pub mod kit;
mod layer_shape;
pub mod mapped;
pub mod mask_model;
pub mod measure;
pub mod power;
pub mod rtl;
pub mod simulate;
pub mod synthesis;
pub mod timing;
pub mod units;
