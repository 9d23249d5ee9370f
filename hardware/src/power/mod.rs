//! Power of a mapped netlist, from the transitions that a simulation counted.
//!
//! - [`PowerModel`] knows the energy of every kind of transition: internal energy by the causing
//!   pin, state, slew and load; charging of nets; the clock with its tree; leakage.
//! - [`Role`] says what an instance is for, so that a PE's power is that of its multiplier, its
//!   adder, its registers and its clock.
//! - A [`Workload`] is what an array computes: a layer's weights and activation codes. From it come
//!   the stimuli of the units ([`PeStream`], [`XLineStream`], [`MacPlusStream`]).
//! - [`estimate`] simulates samples of it until the mean energy is known well enough.

mod clock_tree;
mod model;
mod role;

#[cfg(test)]
mod tests;

pub use clock_tree::ClockTree;
pub use model::{Energy, PowerModel, PowerOptions};
pub use role::Role;
