//! Real values to codes.

use crate::dispatch::multiversion;

/// NaN gives `low`.
#[inline(always)]
pub(crate) fn limit(y: f32, low: f32, high: f32) -> f32 {
    let y = if y > low { y } else { low };
    if y < high { y } else { high }
}

/// 1.5 * 2^23: a sum of it and |z| < 2^22 has no fraction bits left, so the addition itself rounds
/// to the nearest integer, ties to even, and that is in the low bits.
pub(crate) const SHIFT: f32 = 12_582_912.0;

/// Nearest integer, ties to even, for |z| < 2^22.
#[inline(always)]
pub(crate) fn round(z: f32) -> i32 {
    ((z + SHIFT).to_bits() as i32).wrapping_sub(SHIFT.to_bits() as i32)
}

/// How real values become codes, in steps of 2^dropped_bits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steps {
    /// 1 / the real value of a step.
    pub inv: f32,
    /// The fewest from the real 0.
    pub low: f32,
    /// The most from it.
    pub high: f32,
    /// The step of the real 0.
    pub zero_point: i32,
    pub dropped_bits: u32,
}

impl Steps {
    /// Those of [`crate::OutputSpec::U8`].
    pub fn new(inv_scale: f32, zero_point: u8, dropped_bits: u32) -> Self {
        let zero_point = zero_point >> dropped_bits;
        Self {
            // A division by a power of two, and therefore exact.
            inv: inv_scale / (1u32 << dropped_bits) as f32,
            low: -f32::from(zero_point),
            high: f32::from((255 >> dropped_bits) - zero_point),
            zero_point: i32::from(zero_point),
            dropped_bits,
        }
    }

    /// The code of a real value.
    #[inline(always)]
    pub fn code(&self, value: f32) -> u8 {
        let steps = round(limit(value * self.inv, self.low, self.high)) + self.zero_point;
        (steps << self.dropped_bits) as u8
    }
}

#[inline(always)]
pub(crate) fn quantize_body(input: &[f32], steps: Steps, out: &mut [u8]) {
    for (&value, code) in input.iter().zip(out) {
        *code = steps.code(value);
    }
}

multiversion! {
    /// Codes of real values.
    pub(crate) fn quantize(isa, input: &[f32], steps: Steps, out: &mut [u8]) = quantize_body;
}
