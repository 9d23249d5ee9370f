//! Softmax to codes with AVX-512: the steps of the portable loop, sixteen elements at a time.

use std::arch::x86_64::*;

use crate::{
    float::{LN_2, LOWEST, POWERS, ROUNDER},
    output::{blocks::LANES, rounding::Steps},
};

/// Rows side by side: the steps of one wait for each other.
pub(crate) const ROWS: usize = 4;

/// What makes codes of real values.
struct Encoding {
    inv: __m512,
    low: __m512,
    high: __m512,
    zero_point: __m512i,
    dropped_bits: __m128i,
}

/// The softmax of each row of so many columns; `scratch` has place for [`ROWS`] rows of whole vectors.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
pub(crate) fn softmax(
    from: &[f32],
    columns: usize,
    steps: Steps,
    codes: &mut [u8],
    scratch: &mut [f32],
) {
    assert_eq!(from.len(), codes.len());
    let encoding = Encoding {
        inv: _mm512_set1_ps(steps.inv),
        low: _mm512_set1_ps(steps.low),
        high: _mm512_set1_ps(steps.high),
        zero_point: _mm512_set1_epi32(steps.zero_point),
        dropped_bits: _mm_cvtsi32_si128(steps.dropped_bits as i32),
    };
    let (rows, codes) = (from.chunks(ROWS * columns), codes.chunks_mut(ROWS * columns));
    for (rows, codes) in rows.zip(codes) {
        if rows.len() == ROWS * columns {
            side_by_side::<ROWS>(rows, columns, &encoding, codes, scratch);
            continue;
        }
        for (row, codes) in rows.chunks_exact(columns).zip(codes.chunks_exact_mut(columns)) {
            side_by_side::<1>(row, columns, &encoding, codes, scratch);
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn side_by_side<const R: usize>(
    rows: &[f32],
    columns: usize,
    encoding: &Encoding,
    codes: &mut [u8],
    scratch: &mut [f32],
) {
    assert!(rows.len() == R * columns && codes.len() == rows.len());
    let vectors = columns.div_ceil(LANES);
    let scratch = &mut scratch.as_chunks_mut::<LANES>().0[..R * vectors];
    let there = |vector: usize| {
        let count = (columns - vector * LANES).min(LANES);
        (0xffffu32 >> (LANES - count)) as __mmask16
    };
    let below = _mm512_set1_ps(f32::NEG_INFINITY);
    let mut most = [below; R];
    for vector in 0..vectors {
        for (r, most) in most.iter_mut().enumerate() {
            let at = r * columns + vector * LANES;
            // SAFETY: what is behind the row is masked off.
            let values = unsafe {
                _mm512_mask_loadu_ps(below, there(vector), rows.as_ptr().wrapping_add(at))
            };
            // The second operand is what comes of NaN.
            *most = _mm512_max_ps(values, *most);
        }
    }
    let mut largest = [below; R];
    for (largest, &most) in largest.iter_mut().zip(&most) {
        *largest = _mm512_set1_ps(reduced(most, |low, high| _mm512_max_ps(high, low)));
    }
    let mut sums = [_mm512_setzero_ps(); R];
    for vector in 0..vectors {
        for (r, sum) in sums.iter_mut().enumerate() {
            let at = r * columns + vector * LANES;
            // SAFETY: as above.
            let values = unsafe {
                _mm512_mask_loadu_ps(below, there(vector), rows.as_ptr().wrapping_add(at))
            };
            let power = exp(_mm512_sub_ps(values, largest[r]));
            *sum = _mm512_add_ps(*sum, power);
            let powers = scratch[r * vectors + vector].as_mut_ptr();
            // SAFETY: there are 16.
            unsafe { _mm512_storeu_ps(powers, power) };
        }
    }
    let mut all = [_mm512_setzero_ps(); R];
    for (all, &sum) in all.iter_mut().zip(&sums) {
        *all = _mm512_set1_ps(1.0 / reduced(sum, |low, high| _mm512_add_ps(low, high)));
    }
    for vector in 0..vectors {
        for (r, &all) in all.iter().enumerate() {
            let there = there(vector);
            // SAFETY: there are 16.
            let powers = unsafe { _mm512_loadu_ps(scratch[r * vectors + vector].as_ptr()) };
            // What is behind the row would be too small for normal numbers, which take less time.
            let z = _mm512_mul_ps(_mm512_maskz_mul_ps(there, powers, all), encoding.inv);
            // The second operand is what comes of NaN.
            let z = _mm512_min_ps(_mm512_max_ps(z, encoding.low), encoding.high);
            let made = _mm512_add_epi32(_mm512_cvtps_epi32(z), encoding.zero_point);
            let made = _mm512_cvtepi32_epi8(_mm512_sll_epi32(made, encoding.dropped_bits));
            let at = codes.as_mut_ptr().wrapping_add(r * columns + vector * LANES);
            // SAFETY: what is behind the row is masked off.
            unsafe { _mm_mask_storeu_epi8(at.cast(), there, made) };
        }
    }
}

/// What is left of all lanes, two of which at a time become one: the first of each with the second.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn reduced(lanes: __m512, two: impl Fn(__m512, __m512) -> __m512) -> f32 {
    let lanes = two(lanes, _mm512_shuffle_f32x4::<0b00_00_11_10>(lanes, lanes));
    let lanes = two(lanes, _mm512_shuffle_f32x4::<0b00_00_00_01>(lanes, lanes));
    let lanes = two(lanes, _mm512_permute_ps::<0b00_00_11_10>(lanes));
    let lanes = two(lanes, _mm512_permute_ps::<0b00_00_00_01>(lanes));
    _mm512_cvtss_f32(lanes)
}

/// As the portable one, step by step.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn exp(x: __m512) -> __m512 {
    let rounder = _mm512_set1_ps(ROUNDER);
    // The second operand is what comes of NaN.
    let x = _mm512_max_ps(_mm512_set1_ps(LOWEST), x);
    let shifted =
        _mm512_add_ps(_mm512_mul_ps(x, _mm512_set1_ps(std::f32::consts::LOG2_E)), rounder);
    let n = _mm512_sub_ps(shifted, rounder);
    let r = _mm512_sub_ps(x, _mm512_mul_ps(n, _mm512_set1_ps(LN_2[0])));
    let r = _mm512_sub_ps(r, _mm512_mul_ps(n, _mm512_set1_ps(LN_2[1])));
    let mut power = _mm512_set1_ps(POWERS[0]);
    for &term in &POWERS[1..] {
        power = _mm512_add_ps(_mm512_mul_ps(power, r), _mm512_set1_ps(term));
    }
    let bias = (127u32.wrapping_sub(ROUNDER.to_bits())) as i32;
    let exponent = _mm512_add_epi32(_mm512_castps_si512(shifted), _mm512_set1_epi32(bias));
    _mm512_mul_ps(power, _mm512_castsi512_ps(_mm512_slli_epi32::<23>(exponent)))
}
