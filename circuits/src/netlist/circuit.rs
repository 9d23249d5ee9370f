//! The combinational logic of an 8 x 8 multiplier, in the order in which it can be computed.

use std::collections::HashMap;

/// A signal: 0 to 7 are the bits of the first operand, lowest first, 8 to 15 those of the second,
/// 16 + i is the output of gate i.
pub type Signal = u32;

/// Bits of both operands.
pub(crate) const INPUTS: usize = 16;

/// Bits of the product.
pub(crate) const OUTPUTS: usize = 16;

/// A gate; its inputs are signals before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gate {
    /// 0 or 1.
    Constant(bool),
    /// Inversion.
    Not(Signal),
    /// Conjunction.
    And(Signal, Signal),
    /// Disjunction.
    Or(Signal, Signal),
    /// Exclusive or.
    Xor(Signal, Signal),
    /// `select ? high : low`.
    Mux {
        /// Chooses.
        select: Signal,
        /// If `select` is 1.
        high: Signal,
        /// If `select` is 0.
        low: Signal,
    },
}

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

/// Builds a netlist; equal gates are made once, and what is constant is not made at all.
#[derive(Default)]
pub(crate) struct NetlistBuilder {
    gates: Vec<Gate>,
    known: HashMap<Gate, Signal>,
}

impl NetlistBuilder {
    pub fn finish(self, outputs: [Signal; OUTPUTS]) -> Netlist {
        Netlist { gates: self.gates, outputs }
    }

    fn gate(&mut self, gate: Gate) -> Signal {
        *self.known.entry(gate).or_insert_with(|| {
            self.gates.push(gate);
            (INPUTS + self.gates.len() - 1) as Signal
        })
    }

    fn made_by(&self, signal: Signal) -> Option<Gate> {
        self.gates.get((signal as usize).checked_sub(INPUTS)?).copied()
    }

    fn value(&self, signal: Signal) -> Option<bool> {
        match self.made_by(signal) {
            Some(Gate::Constant(value)) => Some(value),
            _ => None,
        }
    }

    pub fn constant(&mut self, value: bool) -> Signal {
        self.gate(Gate::Constant(value))
    }

    pub fn not(&mut self, a: Signal) -> Signal {
        match self.made_by(a) {
            Some(Gate::Constant(value)) => self.constant(!value),
            Some(Gate::Not(inner)) => inner,
            _ => self.gate(Gate::Not(a)),
        }
    }

    pub fn and(&mut self, a: Signal, b: Signal) -> Signal {
        match (self.value(a), self.value(b)) {
            (Some(false), _) | (_, Some(false)) => self.constant(false),
            (Some(true), _) => b,
            (_, Some(true)) => a,
            _ if a == b => a,
            _ => self.gate(Gate::And(a.min(b), a.max(b))),
        }
    }

    pub fn or(&mut self, a: Signal, b: Signal) -> Signal {
        match (self.value(a), self.value(b)) {
            (Some(true), _) | (_, Some(true)) => self.constant(true),
            (Some(false), _) => b,
            (_, Some(false)) => a,
            _ if a == b => a,
            _ => self.gate(Gate::Or(a.min(b), a.max(b))),
        }
    }

    pub fn xor(&mut self, a: Signal, b: Signal) -> Signal {
        match (self.value(a), self.value(b)) {
            (Some(false), _) => b,
            (_, Some(false)) => a,
            (Some(true), _) => self.not(b),
            (_, Some(true)) => self.not(a),
            _ if a == b => self.constant(false),
            _ => self.gate(Gate::Xor(a.min(b), a.max(b))),
        }
    }

    pub fn mux(&mut self, select: Signal, high: Signal, low: Signal) -> Signal {
        match (self.value(select), self.value(high), self.value(low)) {
            (Some(true), _, _) => high,
            (Some(false), _, _) => low,
            _ if high == low => high,
            (_, Some(true), Some(false)) => select,
            (_, Some(false), Some(true)) => self.not(select),
            (_, Some(true), _) => self.or(select, low),
            (_, _, Some(false)) => self.and(select, high),
            _ => self.gate(Gate::Mux { select, high, low }),
        }
    }
}
