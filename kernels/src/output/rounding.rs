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

#[inline(always)]
pub(crate) fn quantize_body(
    input: &[f32],
    inv: f32,
    zero_point: u8,
    dropped_bits: u32,
    out: &mut [u8],
) {
    let zero_point = zero_point >> dropped_bits;
    let low = -f32::from(zero_point);
    let high = f32::from((255 >> dropped_bits) - zero_point);
    for (&value, code) in input.iter().zip(out) {
        let q = round(limit(value * inv, low, high)) + i32::from(zero_point);
        *code = (q << dropped_bits) as u8;
    }
}

multiversion! {
    /// Codes of real values; `inv` is per step of 2^dropped_bits.
    pub(crate) fn quantize(
        isa,
        input: &[f32],
        inv: f32,
        zero_point: u8,
        dropped_bits: u32,
        out: &mut [u8],
    ) = quantize_body;
}
