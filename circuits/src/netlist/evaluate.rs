//! All 65,536 products of a netlist, 64 pairs of operands at a time.

use super::circuit::{INPUTS, Netlist, OUTPUTS};
use super::gates::Gate;

/// Words of 64 pairs in all.
const WORDS: usize = (1 << 16) / 64;

/// Bytes of the signals computed together: they stay in the second-level cache.
const BLOCK_BYTES: usize = 256 << 10;

/// Bits 0 to 5 of the numbers 0 to 63, as words.
const LOW_BITS: [u64; 6] = [
    0xAAAA_AAAA_AAAA_AAAA,
    0xCCCC_CCCC_CCCC_CCCC,
    0xF0F0_F0F0_F0F0_F0F0,
    0xFF00_FF00_FF00_FF00,
    0xFFFF_0000_FFFF_0000,
    0xFFFF_FFFF_0000_0000,
];

impl Netlist {
    /// The product's 16 bits for each pair, at 256 x first operand + second operand.
    pub fn products(&self) -> Vec<u16> {
        let signals = INPUTS + self.gates().len();
        let block = (BLOCK_BYTES / 8 / signals).clamp(4, 64);
        // The largest power of two, so that blocks divide the words.
        let block = 1 << block.ilog2();
        let mut values = vec![0u64; signals * block];
        let mut products = vec![0u16; 1 << 16];
        for first in (0..WORDS).step_by(block) {
            self.fill_inputs(&mut values, first, block);
            self.compute(&mut values, block);
            for (bit, &output) in self.outputs().iter().enumerate() {
                let words = &values[output as usize * block..][..block];
                for (word, pairs) in words.iter().zip(products[64 * first..].chunks_mut(64)) {
                    for (lane, product) in pairs.iter_mut().enumerate() {
                        *product |= ((word >> lane & 1) as u16) << bit;
                    }
                }
            }
        }
        debug_assert_eq!(self.outputs().len(), OUTPUTS);
        products
    }

    /// The operands' bits for the words from `first` on.
    fn fill_inputs(&self, values: &mut [u64], first: usize, block: usize) {
        for (signal, words) in values.chunks_mut(block).take(INPUTS).enumerate() {
            // The second operand, signals 8 to 15, is the low byte of the pair's number.
            let bit = (signal + 8) % INPUTS;
            for (place, word) in words.iter_mut().enumerate() {
                *word = match LOW_BITS.get(bit) {
                    Some(&pattern) => pattern,
                    None if (first + place) >> (bit - LOW_BITS.len()) & 1 == 1 => u64::MAX,
                    None => 0,
                };
            }
        }
    }

    fn compute(&self, values: &mut [u64], block: usize) {
        for (place, &gate) in self.gates().iter().enumerate() {
            let (before, rest) = values.split_at_mut((INPUTS + place) * block);
            let out = &mut rest[..block];
            let words = |signal: u32| &before[signal as usize * block..][..block];
            match gate {
                Gate::Constant(value) => out.fill(if value { u64::MAX } else { 0 }),
                Gate::Not(a) => unary(out, words(a), |a| !a),
                Gate::And(a, b) => binary(out, words(a), words(b), |a, b| a & b),
                Gate::Or(a, b) => binary(out, words(a), words(b), |a, b| a | b),
                Gate::Xor(a, b) => binary(out, words(a), words(b), |a, b| a ^ b),
                Gate::Mux { select, high, low } => {
                    let choices = words(high).iter().zip(words(low));
                    for ((out, select), (high, low)) in
                        out.iter_mut().zip(words(select)).zip(choices)
                    {
                        *out = select & high | !select & low;
                    }
                }
            }
        }
    }
}

fn unary(out: &mut [u64], a: &[u64], operator: impl Fn(u64) -> u64) {
    for (out, &a) in out.iter_mut().zip(a) {
        *out = operator(a);
    }
}

fn binary(out: &mut [u64], a: &[u64], b: &[u64], operator: impl Fn(u64, u64) -> u64) {
    for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
        *out = operator(a, b);
    }
}
