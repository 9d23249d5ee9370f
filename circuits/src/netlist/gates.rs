//! Gates, and the rules by which they are made.

use super::circuit::Signal;

/// A gate; its inputs are signals before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gate<S = Signal> {
    /// 0 or 1.
    Constant(bool),
    /// Inversion.
    Not(S),
    /// Conjunction.
    And(S, S),
    /// Disjunction.
    Or(S, S),
    /// Exclusive or.
    Xor(S, S),
    /// `select ? high : low`.
    Mux {
        /// Chooses.
        select: S,
        /// If `select` is 1.
        high: S,
        /// If `select` is 0.
        low: S,
    },
}

/// Makes gates. What is constant is not made at all, nor what is one of its inputs.
pub trait GateBuilder {
    /// What gates read.
    type Signal: Copy + Ord;

    /// The signal of a gate; equal gates are made once.
    fn gate(&mut self, gate: Gate<Self::Signal>) -> Self::Signal;

    /// A constant.
    fn constant(&mut self, value: bool) -> Self::Signal;

    /// The value of a constant.
    fn value(&self, signal: Self::Signal) -> Option<bool>;

    /// What an inversion reads.
    fn inverted(&self, signal: Self::Signal) -> Option<Self::Signal>;

    /// A conjunction: the signal that it is, or the gate that it needs.
    fn find_and(
        &mut self,
        a: Self::Signal,
        b: Self::Signal,
    ) -> Result<Self::Signal, Gate<Self::Signal>> {
        match (self.value(a), self.value(b)) {
            (Some(false), _) | (_, Some(false)) => Ok(self.constant(false)),
            (Some(true), _) => Ok(b),
            (_, Some(true)) => Ok(a),
            _ if a == b => Ok(a),
            _ => Err(Gate::And(a.min(b), a.max(b))),
        }
    }

    /// Inversion.
    fn not(&mut self, a: Self::Signal) -> Self::Signal {
        match (self.value(a), self.inverted(a)) {
            (Some(value), _) => self.constant(!value),
            (None, Some(inner)) => inner,
            (None, None) => self.gate(Gate::Not(a)),
        }
    }

    /// Conjunction.
    fn and(&mut self, a: Self::Signal, b: Self::Signal) -> Self::Signal {
        self.find_and(a, b).unwrap_or_else(|gate| self.gate(gate))
    }

    /// Disjunction.
    fn or(&mut self, a: Self::Signal, b: Self::Signal) -> Self::Signal {
        match (self.value(a), self.value(b)) {
            (Some(true), _) | (_, Some(true)) => self.constant(true),
            (Some(false), _) => b,
            (_, Some(false)) => a,
            _ if a == b => a,
            _ => self.gate(Gate::Or(a.min(b), a.max(b))),
        }
    }

    /// Exclusive or.
    fn xor(&mut self, a: Self::Signal, b: Self::Signal) -> Self::Signal {
        match (self.value(a), self.value(b)) {
            (Some(false), _) => b,
            (_, Some(false)) => a,
            (Some(true), _) => self.not(b),
            (_, Some(true)) => self.not(a),
            _ if a == b => self.constant(false),
            _ => self.gate(Gate::Xor(a.min(b), a.max(b))),
        }
    }

    /// `select ? high : low`.
    fn mux(&mut self, select: Self::Signal, high: Self::Signal, low: Self::Signal) -> Self::Signal {
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
