//! A netlist of library cells, flattened: what synthesis leaves, and timing, simulation and power
//! read.
//!
//! [`MappedNetlist::from_yosys_json`] reads it, [`MappedNetlist::order`] sorts its gates,
//! [`Evaluator`] computes what a combinational one does, [`MappedNetlist::units`] adds areas up.

mod error;
mod evaluate;
mod json;
mod order;
#[cfg(test)]
mod tests;
mod units;

use crate::cells::CellId;

pub use error::MappedError;
pub use evaluate::Evaluator;
pub(crate) use order::Driver;
pub use units::UnitArea;

/// Index of a net.
pub type NetId = usize;

/// A mapped netlist. Net 0 is constant 0 and net 1 constant 1.
#[derive(Clone, Debug, Default)]
pub struct MappedNetlist {
    /// The top module.
    pub name: String,
    /// Names of the nets, `unit/net` inside a kept unit.
    pub nets: Vec<String>,
    /// The cells.
    pub instances: Vec<Instance>,
    /// Input ports, each with its nets from bit 0 on.
    pub inputs: Vec<Port>,
    /// Output ports.
    pub outputs: Vec<Port>,
}

/// A cell in the netlist.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Its name; the path of units in front: `pe_3_0/_123_`.
    pub name: String,
    /// Which cell of the library.
    pub cell: CellId,
    /// Net of each pin, in the order of the cell's pins; `None` where it is not connected.
    pub nets: Vec<Option<NetId>>,
}

/// A port of the top module.
#[derive(Clone, Debug)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Its nets, bit 0 first.
    pub nets: Vec<NetId>,
}
