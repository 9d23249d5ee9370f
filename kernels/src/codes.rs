//! What goes to codes between layers, from codes or softmax: each result is rounded to a code once.

#[cfg(target_arch = "x86_64")]
use crate::x86_64::{avx2_softmax, avx512_softmax};
use crate::{
    Isa, KernelError,
    buffer::first,
    dispatch::multiversion,
    engine::byte_lookup,
    float::softmax,
    layer::spec::validate_output,
    output::blocks::LANES,
    output::rounding::{Steps, quantize_body},
};

/// Codes that stand for scale (code - zero_point).
#[derive(Debug, Clone, Copy)]
pub struct Coded<'a> {
    /// The codes.
    pub codes: &'a [u8],
    /// Real value of one step.
    pub scale: f32,
    /// Code of the real 0.
    pub zero_point: u8,
}

/// Where codes go, and how real values are rounded to them, as [`crate::OutputSpec::U8`] says.
#[derive(Debug)]
pub struct Encoded<'a> {
    /// The codes.
    pub codes: &'a mut [u8],
    /// 1 / the real value of one 8-bit step. Positive and finite.
    pub inv_scale: f32,
    /// Code of the real 0; a multiple of 2^dropped_bits.
    pub zero_point: u8,
    /// Low bits that are always 0, from 0 to 4.
    pub dropped_bits: u32,
}

impl Encoded<'_> {
    fn steps(&self) -> Steps {
        Steps::new(self.inv_scale, self.zero_point, self.dropped_bits)
    }
}

/// How the elements of two tensors become one's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pairing {
    /// Their sum.
    Sum,
    /// Their product.
    Product,
}

/// The sums or products of the elements of `left` and `right`, as codes; the elements of a shorter
/// `right` repeat, one for each channel. // eq. (4.10), (4.11)
///
/// # Errors
/// [`KernelError::Range`] for an `inv_scale`, `zero_point` or `dropped_bits` outside its range.
///
/// # Panics
/// If `left` and `to` differ in length, or `right` does not fit them a whole number of times.
pub fn pair(
    isa: Isa,
    pairing: Pairing,
    [left, right]: [Coded<'_>; 2],
    to: &mut Encoded<'_>,
) -> Result<(), KernelError> {
    validate_output(to.inv_scale, to.zero_point, to.dropped_bits)?;
    assert_eq!(left.codes.len(), to.codes.len(), "lengths of left and to");
    assert_eq!(left.codes.len() % right.codes.len().max(1), 0, "length of right");
    match pairing {
        Pairing::Sum => sums(isa, left, right, to),
        Pairing::Product => products(isa, left, right, to),
    }
    Ok(())
}

/// The softmax of each row of so many columns, as codes; `scratch` is memory to be used again.
///
/// # Errors
/// [`KernelError::Range`] for an `inv_scale`, `zero_point` or `dropped_bits` outside its range.
///
/// # Panics
/// If a row is not whole, or there is not a code for each element.
pub fn softmax_codes(
    isa: Isa,
    rows: &[f32],
    columns: usize,
    to: &mut Encoded<'_>,
    scratch: &mut Vec<f32>,
) -> Result<(), KernelError> {
    validate_output(to.inv_scale, to.zero_point, to.dropped_bits)?;
    assert_eq!(rows.len() % columns.max(1), 0, "length of the rows");
    assert_eq!(rows.len(), to.codes.len(), "length of the output");
    if rows.is_empty() {
        return Ok(());
    }
    let row = columns.next_multiple_of(LANES);
    let (steps, codes) = (to.steps(), &mut *to.codes);
    match isa.level() {
        #[cfg(target_arch = "x86_64")]
        crate::isa::Level::Avx512Vnni => {
            let scratch = first(scratch, avx512_softmax::ROWS * row, 0.0);
            // SAFETY: an Isa of this level exists only after Isa::available found the features.
            unsafe { avx512_softmax::softmax(rows, columns, steps, codes, scratch) };
        }
        #[cfg(target_arch = "x86_64")]
        crate::isa::Level::Avx2 => {
            let scratch = first(scratch, avx2_softmax::ROWS * row, 0.0);
            // SAFETY: as above.
            unsafe { avx2_softmax::softmax(rows, columns, steps, codes, scratch) };
        }
        _ => each_softmax(isa, rows, columns, steps, codes, first(scratch, row, 0.0)),
    }
    Ok(())
}

/// Replaces each code by its entry. // eq. (4.9)
pub fn map(isa: Isa, entries: &[u8; 256], codes: &mut [u8]) {
    byte_lookup::map_codes(isa, entries, codes);
}

/// Adds each channel's codes to its sum; there is a sum for each channel.
///
/// # Panics
/// If a pixel is not whole.
pub fn channel_sums(isa: Isa, codes: &[u8], sums: &mut [i32]) {
    assert_eq!(codes.len() % sums.len().max(1), 0, "length of the codes");
    add_pixels(isa, codes, sums);
}

#[inline(always)]
fn real(code: u8, of: Coded<'_>) -> f32 {
    (i32::from(code) - i32::from(of.zero_point)) as f32 * of.scale
}

#[inline(always)]
fn sums_body(left: Coded<'_>, right: Coded<'_>, to: &mut Encoded<'_>) {
    encode(left, right, to, |a, b| a + b);
}

#[inline(always)]
fn products_body(left: Coded<'_>, right: Coded<'_>, to: &mut Encoded<'_>) {
    encode(left, right, to, |a, b| a * b);
}

#[inline(always)]
fn encode(
    left: Coded<'_>,
    right: Coded<'_>,
    to: &mut Encoded<'_>,
    paired: impl Fn(f32, f32) -> f32,
) {
    let steps = to.steps();
    if left.codes.len() == right.codes.len() {
        for ((to, &a), &b) in to.codes.iter_mut().zip(left.codes).zip(right.codes) {
            *to = steps.code(paired(real(a, left), real(b, right)));
        }
        return;
    }
    let of_channels: Vec<f32> = right.codes.iter().map(|&code| real(code, right)).collect();
    let channels = of_channels.len();
    for (to, from) in to.codes.chunks_exact_mut(channels).zip(left.codes.chunks_exact(channels)) {
        for ((to, &a), &b) in to.iter_mut().zip(from).zip(&of_channels) {
            *to = steps.code(paired(real(a, left), b));
        }
    }
}

#[inline(always)]
fn add_pixels_body(codes: &[u8], sums: &mut [i32]) {
    for pixel in codes.chunks_exact(sums.len()) {
        for (sum, &code) in sums.iter_mut().zip(pixel) {
            *sum += i32::from(code);
        }
    }
}

multiversion! {
    fn sums(isa, left: Coded<'_>, right: Coded<'_>, to: &mut Encoded<'_>) = sums_body;
}

multiversion! {
    fn products(isa, left: Coded<'_>, right: Coded<'_>, to: &mut Encoded<'_>) = products_body;
}

multiversion! {
    fn add_pixels(isa, codes: &[u8], sums: &mut [i32]) = add_pixels_body;
}

#[inline(always)]
fn softmax_body(rows: &[f32], columns: usize, steps: Steps, codes: &mut [u8], scratch: &mut [f32]) {
    for (row, codes) in rows.chunks_exact(columns).zip(codes.chunks_exact_mut(columns)) {
        scratch[..columns].copy_from_slice(row);
        softmax(scratch, columns, 1.0);
        quantize_body(&scratch[..columns], steps, codes);
    }
}

multiversion! {
    fn each_softmax(
        isa,
        rows: &[f32],
        columns: usize,
        steps: Steps,
        codes: &mut [u8],
        scratch: &mut [f32],
    ) = softmax_body;
}
