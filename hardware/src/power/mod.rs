//! Power of a mapped netlist, from the transitions that a simulation counted.
//!
//! - [`PowerModel`] knows the energy of every kind of transition: internal energy by the causing
//!   pin, state, slew and load; charging of nets; the clock with its tree; leakage.
//! - [`Role`] says what an instance is for, so that a PE's power is that of its multiplier, its
//!   adder, its registers and its clock.
//! - A [`Workload`] is what an array computes: a layer's weights and activation codes. From it and
//!   the design ([`Scene`]) follow the stimuli of the units, cycle for cycle ([`UnitStream`]).
//! - [`estimate`] simulates samples of it until the mean energy is known well enough.

mod clock_tree;
mod estimate;
mod model;
mod role;
mod streams;
mod unit;
mod workload;

#[cfg(test)]
mod tests;

pub use clock_tree::ClockTree;
pub use estimate::{Estimate, EstimateOptions, LayerEstimate, estimate};
pub use model::{Energy, PowerModel, PowerOptions};
pub use role::{Role, roles};
pub use streams::{Excerpt, Phase, PortBits, Scene, Unit, UnitStream};
pub use unit::{Mode, UnitModel};
pub use workload::Workload;
