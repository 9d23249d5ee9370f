//! Accumulators to codes, or to real values, with AVX-512.
//!
//! Four blocks of a position are 64 codes, one vector. The steps are those of the portable loop, but
//! for the limits: conversions round to nearest, ties to even, and packing saturates.

use std::arch::x86_64::*;

use crate::{
    output::blocks::LANES,
    output::epilogue::BlockParameters,
    output::requantize::{Addend, BLOCKS, Input, Values},
    output::rounding::SHIFT,
};

/// Writes the codes of each position.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
pub(crate) fn requantize(input: &Input<'_>, out: &mut [u8]) {
    input.check(out.len());
    match (input.is_whole(), input.is_plain()) {
        (true, true) => of_size::<true, true>(input, out),
        (true, false) => of_size::<true, false>(input, out),
        (false, true) => of_size::<false, true>(input, out),
        (false, false) => of_size::<false, false>(input, out),
    }
}

/// Writes the real values of each position.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
pub(crate) fn reals(input: &Input<'_>, out: &mut [f32]) {
    input.check(out.len());
    match (input.parameters.len(), input.is_plain()) {
        (1, true) => reals_of::<1, true>(input, out),
        (1, false) => reals_of::<1, false>(input, out),
        (2, true) => reals_of::<2, true>(input, out),
        (2, false) => reals_of::<2, false>(input, out),
        (3, true) => reals_of::<3, true>(input, out),
        (3, false) => reals_of::<3, false>(input, out),
        (4, true) => reals_of::<4, true>(input, out),
        (4, false) => reals_of::<4, false>(input, out),
        _ => unreachable!("one to four blocks"),
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn reals_of<const B: usize, const PLAIN: bool>(input: &Input<'_>, out: &mut [f32]) {
    let out = out.as_mut_ptr().cast();
    // SAFETY: `check` has seen that there is place.
    unsafe { outputs::<B, B, false, PLAIN, true>(input, input.positions, out) };
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn of_size<const WHOLE: bool, const PLAIN: bool>(input: &Input<'_>, out: &mut [u8]) {
    let (all, out) = (input.positions, out.as_mut_ptr());
    // SAFETY: `check` has seen that there is place.
    unsafe {
        match input.parameters.len() {
            1 if WHOLE && all >= BLOCKS => {
                outputs::<BLOCKS, 1, true, PLAIN, false>(input, all, out);
            }
            1 => outputs::<1, 1, WHOLE, PLAIN, false>(input, all, out),
            2 => outputs::<2, 2, WHOLE, PLAIN, false>(input, all, out),
            3 => outputs::<3, 3, WHOLE, PLAIN, false>(input, all, out),
            4 => outputs::<4, 4, WHOLE, PLAIN, false>(input, all, out),
            _ => unreachable!("one to four blocks"),
        }
    }
}

/// Where dword b of quarter k comes from when it is to be dword k of quarter b.
const TURNED: [i32; LANES] = [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15];

/// Of `B` blocks, all of which are whole if `WHOLE`; nothing is added if `PLAIN`. If just one has
/// parameters, there is one block, and positions side by side stand for the others. `out` is the first
/// place for real values if they are `REAL`, else for codes.
///
/// # Safety
/// There is place for the outputs of each position, as many as filters.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
unsafe fn outputs<
    const B: usize,
    const N: usize,
    const WHOLE: bool,
    const PLAIN: bool,
    const REAL: bool,
>(
    input: &Input<'_>,
    positions: usize,
    out: *mut u8,
) {
    let parameters: &[BlockParameters; N] = input.parameters.first_chunk().expect("checked");
    let mut constant = [_mm512_setzero_si512(); B];
    let mut scale = [_mm512_setzero_ps(); B];
    for b in 0..B {
        let parameters = &parameters[b % N];
        // SAFETY: there are 16 of each.
        unsafe {
            constant[b] = _mm512_loadu_si512(parameters.constant.0.as_ptr().cast());
            scale[b] = _mm512_loadu_ps(parameters.scale.0.as_ptr());
        }
    }
    let inv = _mm512_set1_ps(input.inv);
    let zero_point = _mm512_set1_epi16(input.zero_point as i16);
    // SAFETY: there are 16 indices.
    let turned = unsafe { _mm512_loadu_si512(TURNED.as_ptr().cast()) };
    for p in (0..positions).step_by(B / N) {
        // The last are computed again where they would be too few.
        let p = p.min(positions - B / N);
        let mut t = sums::<B, N, WHOLE>(&input.acc, input.filters, p);
        for (t, &constant) in t.iter_mut().zip(&constant) {
            *t = _mm512_add_epi32(*t, constant);
        }
        if !PLAIN {
            add_sums::<B, N, WHOLE>(input, parameters, p, &mut t);
        }
        let mut y = [_mm512_setzero_ps(); B];
        for ((y, &t), &scale) in y.iter_mut().zip(&t).zip(&scale) {
            *y = _mm512_mul_ps(_mm512_cvtepi32_ps(t), scale);
        }
        if !PLAIN {
            add_residual::<B, N, WHOLE>(input, p, &mut y);
        }
        if REAL {
            let (low, high) = input.limits.unwrap_or((f32::NEG_INFINITY, f32::INFINITY));
            for (b, &y) in y.iter().enumerate() {
                // The second operand is what comes of NaN.
                let y = _mm512_max_ps(y, _mm512_set1_ps(low));
                let y = _mm512_min_ps(y, _mm512_set1_ps(high));
                // SAFETY: there is place for as many as filters; the others are masked off.
                unsafe {
                    let out = out.cast::<f32>().add(p * input.step + b * LANES);
                    _mm512_mask_storeu_ps(out, lanes::<B, WHOLE>(input.filters, b), y);
                }
            }
            continue;
        }
        // Blocks that are not there repeat the first.
        let mut codes = [_mm512_setzero_si512(); BLOCKS];
        for (b, codes) in codes.iter_mut().enumerate() {
            let mut z = _mm512_mul_ps(y[if b < B { b } else { 0 }], inv);
            if let Some((low, high)) = input.limits {
                // The second operand is what comes of NaN.
                z = _mm512_max_ps(z, _mm512_set1_ps(low));
                z = _mm512_min_ps(z, _mm512_set1_ps(high));
            }
            *codes = _mm512_cvtps_epi32(z);
        }
        let [a, b, c, d] = codes;
        let mut words = [_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d)];
        for words in &mut words {
            *words = _mm512_adds_epi16(*words, zero_point);
            if input.dropped_bits > 0 {
                *words = _mm512_sll_epi16(*words, _mm_cvtsi32_si128(input.dropped_bits as i32));
            }
        }
        let bytes = _mm512_packus_epi16(words[0], words[1]);
        let bytes = _mm512_permutexvar_epi32(turned, bytes);
        // SAFETY: there is place for the codes of each position, as many as filters, and for no more
        // where the last block is not whole.
        unsafe {
            let out = out.add(p * input.step);
            match B {
                _ if N < B => {
                    let positions = [
                        _mm512_castsi512_si128(bytes),
                        _mm512_extracti32x4_epi32::<1>(bytes),
                        _mm512_extracti32x4_epi32::<2>(bytes),
                        _mm512_extracti32x4_epi32::<3>(bytes),
                    ];
                    for (p, bytes) in positions.into_iter().enumerate() {
                        _mm_storeu_si128(out.add(p * input.step).cast(), bytes);
                    }
                }
                _ if !WHOLE => {
                    let mask = u64::MAX >> (BLOCKS * LANES - input.filters);
                    _mm512_mask_storeu_epi8(out.cast(), mask, bytes);
                }
                1 => _mm_storeu_si128(out.cast(), _mm512_castsi512_si128(bytes)),
                2 => _mm256_storeu_si256(out.cast(), _mm512_castsi512_si256(bytes)),
                3 => {
                    _mm256_storeu_si256(out.cast(), _mm512_castsi512_si256(bytes));
                    let third = _mm512_extracti32x4_epi32::<2>(bytes);
                    _mm_storeu_si128(out.add(2 * LANES).cast(), third);
                }
                _ => _mm512_storeu_si512(out.cast(), bytes),
            }
        }
    }
}

/// The lanes of a block that have filters.
#[inline]
fn lanes<const B: usize, const WHOLE: bool>(filters: usize, b: usize) -> __mmask16 {
    if WHOLE || b + 1 < B { 0xffff } else { 0xffff >> (B * LANES - filters) }
}

/// How many values from the first of a position a block's are.
#[inline]
fn of_block<const B: usize, const N: usize>(step: usize, b: usize) -> usize {
    b * if N < B { step } else { LANES }
}

/// The values of a position.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn sums<const B: usize, const N: usize, const WHOLE: bool>(
    values: &Values<'_, i32>,
    filters: usize,
    p: usize,
) -> [__m512i; B] {
    let mut sums = [_mm512_setzero_si512(); B];
    // SAFETY: `check` has seen that there is one value for each position, or one for each filter; the
    // others are masked off.
    unsafe {
        let at = values.of.as_ptr().add(p * values.step);
        if values.is_shared {
            if N == B {
                return [_mm512_set1_epi32(*at); B];
            }
            for (b, sums) in sums.iter_mut().enumerate() {
                *sums = _mm512_set1_epi32(*at.add(b * values.step));
            }
            return sums;
        }
        for (b, sums) in sums.iter_mut().enumerate() {
            let lanes = lanes::<B, WHOLE>(filters, b);
            let at = at.add(of_block::<B, N>(values.step, b));
            *sums = _mm512_maskz_loadu_epi32(lanes, at);
        }
    }
    sums
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn add_sums<const B: usize, const N: usize, const WHOLE: bool>(
    input: &Input<'_>,
    parameters: &[BlockParameters; N],
    p: usize,
    t: &mut [__m512i; B],
) {
    let filters = input.filters;
    if let Some(offset) = &input.offset {
        for (t, offset) in t.iter_mut().zip(sums::<B, N, WHOLE>(offset, filters, p)) {
            *t = _mm512_add_epi32(*t, offset);
        }
    }
    if let Some(codes) = &input.codes {
        let codes = sums::<B, N, WHOLE>(codes, filters, p);
        for (b, (t, codes)) in t.iter_mut().zip(codes).enumerate() {
            let zero_point = parameters[b % N].negated_zero_point.0.as_ptr();
            // SAFETY: there are 16 of them.
            let zero_point = unsafe { _mm512_loadu_si512(zero_point.cast()) };
            *t = _mm512_add_epi32(*t, _mm512_mullo_epi32(zero_point, codes));
        }
    }
    if let Some(x) = &input.x {
        let is_shared = x.is_shared && N == B;
        let x = sums::<B, N, WHOLE>(x, filters, p);
        let mut real = [_mm512_cvtepi32_ps(x[0]); B];
        if !is_shared {
            for (real, &x) in real.iter_mut().zip(&x) {
                *real = _mm512_cvtepi32_ps(x);
            }
        }
        for (b, (t, x)) in t.iter_mut().zip(real).enumerate() {
            // SAFETY: there are 16 of them.
            let c = unsafe { _mm512_loadu_ps(parameters[b % N].c_real.0.as_ptr()) };
            let v = _mm512_fmadd_ps(c, x, _mm512_set1_ps(SHIFT));
            *t = _mm512_add_epi32(*t, _mm512_castps_si512(v));
        }
        if input.offset_scale != 0 {
            let scale = _mm512_set1_epi32(input.offset_scale);
            for (t, x) in t.iter_mut().zip(x) {
                *t = _mm512_add_epi32(*t, _mm512_mullo_epi32(scale, x));
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn add_residual<const B: usize, const N: usize, const WHOLE: bool>(
    input: &Input<'_>,
    p: usize,
    y: &mut [__m512; B],
) {
    match &input.residual {
        Addend::None => {}
        &Addend::Codes { codes, scale, zero_point } => {
            let (scale, zero_point) = (_mm512_set1_ps(scale), _mm512_set1_epi32(zero_point));
            for (b, y) in y.iter_mut().enumerate() {
                let lanes = lanes::<B, WHOLE>(input.filters, b);
                // SAFETY: `check` has seen that there is a code for each filter; the others are
                // masked off.
                let codes = unsafe {
                    let at = codes.of.as_ptr().add(p * codes.step);
                    let at = at.add(of_block::<B, N>(codes.step, b));
                    _mm_maskz_loadu_epi8(lanes, at.cast())
                };
                let codes = _mm512_sub_epi32(_mm512_cvtepu8_epi32(codes), zero_point);
                *y = _mm512_add_ps(*y, _mm512_mul_ps(_mm512_cvtepi32_ps(codes), scale));
            }
        }
        Addend::Reals(values) => {
            for (b, y) in y.iter_mut().enumerate() {
                let lanes = lanes::<B, WHOLE>(input.filters, b);
                // SAFETY: as above.
                let values = unsafe {
                    let at = values.of.as_ptr().add(p * values.step);
                    let at = at.add(of_block::<B, N>(values.step, b));
                    _mm512_maskz_loadu_ps(lanes, at)
                };
                *y = _mm512_add_ps(*y, values);
            }
        }
    }
}
