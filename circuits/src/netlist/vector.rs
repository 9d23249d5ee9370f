//! Operators on vectors, as gates. Vectors have their lowest bit first.

use super::error::NetlistError;
use super::graph::{Graph, Node};

/// Order relations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

impl Graph {
    /// Truncates, or extends with zeros or the sign.
    pub fn resize(&self, mut bits: Vec<Node>, width: usize, signed: bool) -> Vec<Node> {
        let fill = match bits.last() {
            Some(&sign) if signed => sign,
            _ => self.constant(false),
        };
        bits.resize(width, fill);
        bits
    }

    pub fn invert(&mut self, bits: &[Node]) -> Vec<Node> {
        bits.iter().map(|&bit| self.not(bit)).collect()
    }

    /// Bit by bit; both have the same width.
    pub fn bitwise(
        &mut self,
        a: &[Node],
        b: &[Node],
        gate: impl Fn(&mut Self, Node, Node) -> Node,
    ) -> Vec<Node> {
        a.iter().zip(b).map(|(&a, &b)| gate(self, a, b)).collect()
    }

    /// All bits through one gate; `empty` if there are none.
    pub fn reduce(
        &mut self,
        bits: &[Node],
        empty: bool,
        gate: impl Fn(&mut Self, Node, Node) -> Node,
    ) -> Node {
        let start = self.constant(empty);
        bits.iter().copied().reduce(|a, b| gate(self, a, b)).unwrap_or(start)
    }

    /// Whether any bit is 1.
    pub fn truth(&mut self, bits: &[Node]) -> Node {
        self.reduce(bits, false, Self::or)
    }

    /// The sum and the carry out of it; both have the same width.
    pub fn add_with_carry(&mut self, a: &[Node], b: &[Node], carry: Node) -> (Vec<Node>, Node) {
        let mut carry = carry;
        let mut sum = Vec::with_capacity(a.len());
        for (&a, &b) in a.iter().zip(b) {
            let half = self.xor(a, b);
            sum.push(self.xor(half, carry));
            let both = self.and(a, b);
            let passed = self.and(half, carry);
            carry = self.or(both, passed);
        }
        (sum, carry)
    }

    pub fn add(&mut self, a: &[Node], b: &[Node]) -> Vec<Node> {
        let carry = self.constant(false);
        self.add_with_carry(a, b, carry).0
    }

    pub fn subtract(&mut self, a: &[Node], b: &[Node]) -> Vec<Node> {
        let inverted = self.invert(b);
        let carry = self.constant(true);
        self.add_with_carry(a, &inverted, carry).0
    }

    pub fn negate(&mut self, a: &[Node]) -> Vec<Node> {
        let zero = vec![self.constant(false); a.len()];
        self.subtract(&zero, a)
    }

    /// The low bits of the product, as many as the operands have, which holds for both signs.
    pub fn multiply(&mut self, a: &[Node], b: &[Node]) -> Result<Vec<Node>, NetlistError> {
        let zero = self.constant(false);
        let mut sum = vec![zero; a.len()];
        for (place, &b) in b.iter().enumerate() {
            // A constant zero, as in zero-extended operands, adds nothing.
            if b != zero {
                let row: Vec<_> = a[..a.len() - place].iter().map(|&a| self.and(a, b)).collect();
                let high = sum.split_off(place);
                sum.extend(self.add(&high, &row));
                self.check_size()?;
            }
        }
        Ok(sum)
    }

    pub fn equal(&mut self, a: &[Node], b: &[Node]) -> Node {
        let different = self.bitwise(a, b, Self::xor);
        let any = self.truth(&different);
        self.not(any)
    }

    pub fn compare(&mut self, order: Order, a: &[Node], b: &[Node], signed: bool) -> Node {
        let (a, b, inverted) = match order {
            Order::Less => (a, b, false),
            Order::GreaterEqual => (a, b, true),
            Order::Greater => (b, a, false),
            Order::LessEqual => (b, a, true),
        };
        let mut a = a.to_vec();
        let mut b = self.invert(b);
        if signed && let (Some(a), Some(b)) = (a.last_mut(), b.last_mut()) {
            *a = self.not(*a);
            *b = self.not(*b);
        }
        // a - b carries out of the highest bit if and only if a >= b.
        let carry = self.constant(true);
        let (_, not_less) = self.add_with_carry(&a, &b, carry);
        if inverted { not_less } else { self.not(not_less) }
    }

    pub fn choose(&mut self, select: Node, high: &[Node], low: &[Node]) -> Vec<Node> {
        self.bitwise(high, low, |graph, high, low| graph.mux(select, high, low))
    }

    /// Shifted left by a constant.
    pub fn shift_left(&self, mut bits: Vec<Node>, by: usize) -> Vec<Node> {
        let width = bits.len();
        let by = by.min(width);
        bits.truncate(width - by);
        bits.splice(0..0, vec![self.constant(false); by]);
        bits
    }

    /// Shifted right by a constant.
    pub fn shift_right(&self, mut bits: Vec<Node>, by: usize, signed: bool) -> Vec<Node> {
        let width = bits.len();
        let fill = self.resize(bits.clone(), width + 1, signed)[width];
        bits.drain(..by.min(width));
        bits.resize(width, fill);
        bits
    }

    /// Shifted by a vector: a stage for each bit of it that can matter.
    pub fn shift_by(
        &mut self,
        bits: Vec<Node>,
        by: &[Node],
        shift: impl Fn(&Self, Vec<Node>, usize) -> Vec<Node>,
    ) -> Vec<Node> {
        let mut bits = bits;
        for (place, &stage) in by.iter().enumerate() {
            // Stages at and above the width all shift everything out.
            let distance = if place < 17 { 1 << place } else { bits.len() };
            let shifted = shift(self, bits.clone(), distance);
            bits = self.choose(stage, &shifted, &bits);
        }
        bits
    }
}
