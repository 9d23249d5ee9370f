//! The combinational logic of an 8 x 8 multiplier, in the order in which it can be computed.

use std::collections::HashMap;

use super::gates::{Gate, GateBuilder};

/// A signal: 0 to 7 are the bits of the first operand, lowest first, 8 to 15 those of the second,
/// 16 + i is the output of gate i.
pub type Signal = u32;

/// Bits of both operands.
pub(crate) const INPUTS: usize = 16;

/// Bits of the product.
pub(crate) const OUTPUTS: usize = 16;

/// An 8 x 8 multiplier of gates. Every gate comes after those that it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Netlist {
    gates: Vec<Gate>,
    outputs: [Signal; OUTPUTS],
}

impl Netlist {
    /// The gates, in an order in which they can be computed.
    pub fn gates(&self) -> &[Gate] {
        &self.gates
    }

    /// The bits of the product, lowest first.
    pub fn outputs(&self) -> &[Signal; OUTPUTS] {
        &self.outputs
    }

    /// Gates on the longest path from an operand to the product.
    pub fn levels(&self) -> usize {
        let mut levels = vec![0; INPUTS];
        for &gate in &self.gates {
            let level = |signal: Signal| levels[signal as usize];
            let level = match gate {
                Gate::Constant(_) => 0,
                Gate::Not(a) => 1 + level(a),
                Gate::And(a, b) | Gate::Or(a, b) | Gate::Xor(a, b) => 1 + level(a).max(level(b)),
                Gate::Mux { select, high, low } => {
                    1 + level(select).max(level(high)).max(level(low))
                }
            };
            levels.push(level);
        }
        self.outputs.iter().map(|&output| levels[output as usize]).max().unwrap_or(0)
    }
}

/// Builds a netlist.
#[derive(Default)]
pub(crate) struct NetlistBuilder {
    gates: Vec<Gate>,
    known: HashMap<Gate, Signal>,
}

impl NetlistBuilder {
    pub fn finish(self, outputs: [Signal; OUTPUTS]) -> Netlist {
        Netlist { gates: self.gates, outputs }
    }

    fn made_by(&self, signal: Signal) -> Option<Gate> {
        self.gates.get((signal as usize).checked_sub(INPUTS)?).copied()
    }
}

impl GateBuilder for NetlistBuilder {
    type Signal = Signal;

    fn gate(&mut self, gate: Gate) -> Signal {
        *self.known.entry(gate).or_insert_with(|| {
            self.gates.push(gate);
            (INPUTS + self.gates.len() - 1) as Signal
        })
    }

    fn constant(&mut self, value: bool) -> Signal {
        self.gate(Gate::Constant(value))
    }

    fn value(&self, signal: Signal) -> Option<bool> {
        match self.made_by(signal) {
            Some(Gate::Constant(value)) => Some(value),
            _ => None,
        }
    }

    fn inverted(&self, signal: Signal) -> Option<Signal> {
        match self.made_by(signal) {
            Some(Gate::Not(inner)) => Some(inner),
            _ => None,
        }
    }
}
