//! Boolean functions of up to 6 variables as 64 bits.

use super::{Sense, TruthTable};

impl TruthTable {
    /// Most variables.
    pub const MAX_INPUTS: usize = 6;

    /// The table of a function; its argument has the value of variable i in bit i.
    ///
    /// # Panics
    /// With more than [`Self::MAX_INPUTS`] variables.
    pub fn new(inputs: usize, value: impl Fn(u32) -> bool) -> Self {
        assert!(inputs <= Self::MAX_INPUTS, "{inputs} variables");
        let bits = (0..1u32 << inputs).filter(|&v| value(v)).fold(0, |bits, v| bits | 1 << v);
        Self { inputs: inputs as u8, bits }
    }

    /// The value for the variables' values in the bits of `v`.
    pub fn value(&self, v: u32) -> bool {
        self.bits >> v & 1 == 1
    }

    /// How the value can change when variable `input` rises; `None` if it never does.
    pub fn sense(&self, input: usize) -> Option<Sense> {
        let low = (0..1u32 << self.inputs).filter(|v| v >> input & 1 == 0);
        let (mut rises, mut falls) = (false, false);
        for v in low {
            let (before, after) = (self.value(v), self.value(v | 1 << input));
            rises |= !before && after;
            falls |= before && !after;
        }
        match (rises, falls) {
            (false, false) => None,
            (true, false) => Some(Sense::Positive),
            (false, true) => Some(Sense::Negative),
            (true, true) => Some(Sense::Both),
        }
    }

    /// Whether the value depends on variable `input`.
    pub fn depends_on(&self, input: usize) -> bool {
        self.sense(input).is_some()
    }

    /// The value, if it is the same for all variables.
    pub fn constant(&self) -> Option<bool> {
        match self.bits {
            0 => Some(false),
            bits if bits == Self::new(self.inputs.into(), |_| true).bits => Some(true),
            _ => None,
        }
    }

    /// The values of 64 independent evaluations, one in each bit of the words.
    ///
    /// # Panics
    /// If there are fewer words than variables.
    pub fn evaluate_words(&self, words: &[u64]) -> u64 {
        // Shannon's expansion, from the first variable on: halves the table each time.
        let mut values = [0; 64];
        let length = 1 << self.inputs;
        for (v, value) in values[..length].iter_mut().enumerate() {
            *value = if self.bits >> v & 1 == 1 { u64::MAX } else { 0 };
        }
        let mut length = length;
        for word in &words[..self.inputs.into()] {
            length /= 2;
            for v in 0..length {
                values[v] = values[2 * v] & !word | values[2 * v + 1] & word;
            }
        }
        values[0]
    }
}
