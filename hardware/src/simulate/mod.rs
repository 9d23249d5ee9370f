//! Simulates a mapped netlist and counts what its power depends on.
//!
//! [`Circuit`] is the netlist checked and put in order. Two simulators run it over a
//! [`Stimulus`] and fill an [`Activity`]:
//!
//! - [`ZeroDelay`]: every net has one value per cycle; 64 streams at a time. Fast, and blind to
//!   glitches.
//! - [`EventDriven`]: the delays of the cells' tables ([`Delays`]), inertial; glitches that reach
//!   an output are counted.

mod activity;
mod circuit;
mod delays;
mod events;
mod program;
mod wheel;
mod zero_delay;

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;

pub use activity::{Activity, Layout, WHOLE};
pub use circuit::{Circuit, GATED_CLOCK, Sink};
pub(crate) use delays::holds;
pub use delays::{DelayOptions, Delays};
pub use events::EventDriven;
pub(crate) use events::clock_pin;
pub use zero_delay::{LANES, ZeroDelay};

/// Values for the input ports, cycle by cycle.
pub trait Stimulus {
    /// Fills in the next cycle: one element per bit of the input ports, the ports in their order,
    /// bit 0 first. The clock's bit is ignored.
    fn next(&mut self, bits: &mut [bool]);
}

impl<F: FnMut(&mut [bool])> Stimulus for F {
    fn next(&mut self, bits: &mut [bool]) {
        self(bits);
    }
}

/// Why a netlist cannot be simulated.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// Not connected as a netlist must be.
    #[error(transparent)]
    Netlist(#[from] crate::mapped::MappedError),
    /// A flip-flop whose clock is not the one clock port.
    #[error(
        "netlist {netlist}: the clock of {instance} is net {net}; expected every flip-flop at one \
         clock port, with nothing but a clock gate before it"
    )]
    Clock {
        /// Top module.
        netlist: String,
        /// The flip-flop.
        instance: String,
        /// Its clock's net.
        net: String,
    },
    /// A flip-flop at the falling edge.
    #[error(
        "netlist {netlist}: flip-flop {instance} stores at the falling edge; expected the rising \
         one everywhere"
    )]
    FallingEdge {
        /// Top module.
        netlist: String,
        /// The flip-flop.
        instance: String,
    },
}
