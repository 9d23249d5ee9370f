//! x(a) as hardware: bits that are added, a gate, or a table.

use super::design::set_bits;
use super::module::{Bit, Module};
use super::range::Range;
use super::tree::Tree;

/// A function of the activation code and the cheapest circuit for it.
#[derive(Clone, Debug, PartialEq)]
pub struct XFunction {
    values: [u16; 256],
    shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// The sum of the weights of the bits that are set: wires and adders.
    Weights([u16; 8]),
    /// Whether one of these bits is set.
    AnyOf(u8),
    /// A case statement.
    Table,
}

impl XFunction {
    /// A function by its values for all codes.
    pub fn new(values: [u16; 256]) -> Self {
        let weights: [u16; 8] = std::array::from_fn(|bit| values[1 << bit]);
        let weighted = |code: usize| -> u32 {
            (0..8).filter(|bit| code >> bit & 1 == 1).map(|bit| u32::from(weights[bit])).sum()
        };
        let mask = (0..8).filter(|bit| values[1 << bit] != 0).fold(0, |mask, bit| mask | 1 << bit);
        let any = |code: usize| u16::from(code as u8 & mask != 0);
        let shape = if (0..256).all(|code| u32::from(values[code]) == weighted(code)) {
            Shape::Weights(weights)
        } else if (0..256).all(|code| values[code] == any(code)) {
            Shape::AnyOf(mask)
        } else {
            Shape::Table
        };
        Self { values, shape }
    }

    /// x of a code.
    pub fn value(&self, code: u8) -> u16 {
        self.values[usize::from(code)]
    }

    /// Its largest value.
    pub fn most(&self) -> i64 {
        self.values.iter().copied().max().map_or(0, i64::from)
    }

    /// The activation bits that it depends on.
    pub fn bits(&self) -> u8 {
        let flips = |bit: &usize| {
            (0..256).any(|code: usize| self.values[code] != self.values[code ^ 1 << bit])
        };
        (0..8).filter(flips).fold(0, |bits, bit| bits | 1 << bit)
    }

    /// Its circuit, in words.
    pub fn describe(&self) -> String {
        match self.shape {
            Shape::Weights(weights) => {
                let terms: Vec<String> = set_bits(self.bits())
                    .into_iter()
                    .map(|bit| match weights[bit] {
                        1 => format!("a[{bit}]"),
                        weight => format!("{weight} a[{bit}]"),
                    })
                    .collect();
                if terms.is_empty() { "x = 0".into() } else { format!("x = {}", terms.join(" + ")) }
            }
            Shape::AnyOf(mask) => {
                let bits = set_bits(mask).into_iter().map(|bit| format!("a[{bit}]"));
                format!("x = {}", bits.collect::<Vec<_>>().join(" | "))
            }
            Shape::Table => "x is looked up".into(),
        }
    }

    /// Adds x(a) to a tree. `name` is what a looked up value is called.
    pub fn add_to(&self, module: &mut Module, tree: &mut Tree, name: &str, a: &[Bit; 8]) {
        match self.shape {
            Shape::Weights(weights) => {
                for (bit, weight) in a.iter().zip(weights) {
                    let columns = (0..16).filter(|column| weight >> column & 1 == 1);
                    columns.for_each(|column| tree.add(column, *bit));
                }
            }
            Shape::AnyOf(mask) => {
                let bits: Vec<Bit> = set_bits(mask).into_iter().map(|bit| a[bit]).collect();
                let any = module.any(&bits);
                tree.add(0, any);
            }
            Shape::Table => {
                let used = set_bits(self.bits());
                let inputs: Vec<Bit> = used.iter().map(|&bit| a[bit]).collect();
                let code = |index: usize| -> usize {
                    used.iter().enumerate().map(|(at, bit)| (index >> at & 1) << bit).sum()
                };
                let values =
                    (0..1 << used.len()).map(|index| self.values[code(index)].into()).collect();
                let width = Range { low: 0, high: self.most() }.bits();
                let x = module.lookup(name, inputs, values, width);
                tree.add_word(module, 0, &x, false);
            }
        }
    }
}
