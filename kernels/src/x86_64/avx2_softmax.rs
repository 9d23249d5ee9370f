//! Softmax to codes with AVX2: the steps of the portable loop, sixteen elements in two vectors.

use std::arch::x86_64::*;

use crate::{
    float::{LN_2, LOWEST, POWERS, ROUNDER},
    output::{blocks::LANES, rounding::Steps},
};

/// Rows side by side: the steps of one wait for each other.
pub(crate) const ROWS: usize = 2;

/// The lower and the upper eight of sixteen elements.
type Pair = [__m256; 2];

/// What makes codes of real values.
struct Encoding {
    inv: __m256,
    low: __m256,
    high: __m256,
    zero_point: __m256i,
    dropped_bits: __m128i,
}

/// The softmax of each row of so many columns; `scratch` has place for [`ROWS`] rows of whole vectors.
#[target_feature(enable = "avx2")]
pub(crate) fn softmax(
    from: &[f32],
    columns: usize,
    steps: Steps,
    codes: &mut [u8],
    scratch: &mut [f32],
) {
    assert_eq!(from.len(), codes.len());
    let encoding = Encoding {
        inv: _mm256_set1_ps(steps.inv),
        low: _mm256_set1_ps(steps.low),
        high: _mm256_set1_ps(steps.high),
        zero_point: _mm256_set1_epi32(steps.zero_point),
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
#[target_feature(enable = "avx2")]
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
    let below = _mm256_set1_ps(f32::NEG_INFINITY);
    let mut most = [[below; 2]; R];
    for vector in 0..vectors {
        for (r, most) in most.iter_mut().enumerate() {
            let row = &rows[r * columns..][..columns];
            let values = loaded(&row[vector * LANES..]);
            for (most, values) in most.iter_mut().zip(values) {
                // The second operand is what comes of NaN.
                *most = _mm256_max_ps(values, *most);
            }
        }
    }
    let mut largest = [below; R];
    for (largest, &most) in largest.iter_mut().zip(&most) {
        let most = reduced(most, |l, h| _mm256_max_ps(h, l), |l, h| _mm_max_ps(h, l));
        *largest = _mm256_set1_ps(most);
    }
    let mut sums = [[_mm256_setzero_ps(); 2]; R];
    for vector in 0..vectors {
        for (r, sums) in sums.iter_mut().enumerate() {
            let row = &rows[r * columns..][..columns];
            let values = loaded(&row[vector * LANES..]);
            let powers = &mut scratch[r * vectors + vector];
            for (half, sum) in sums.iter_mut().enumerate() {
                let power = exp(_mm256_sub_ps(values[half], largest[r]));
                *sum = _mm256_add_ps(*sum, power);
                // SAFETY: there are eight from here on.
                unsafe { _mm256_storeu_ps(powers[8 * half..].as_mut_ptr(), power) };
            }
        }
    }
    let mut all = [_mm256_setzero_ps(); R];
    for (all, &sums) in all.iter_mut().zip(&sums) {
        let sum = reduced(sums, |l, h| _mm256_add_ps(l, h), |l, h| _mm_add_ps(l, h));
        *all = _mm256_set1_ps(1.0 / sum);
    }
    for vector in 0..vectors {
        for (r, &all) in all.iter().enumerate() {
            let row = &mut codes[r * columns..][..columns];
            let to = &mut row[vector * LANES..];
            let count = to.len().min(LANES);
            let made = encoded(&scratch[r * vectors + vector], count, all, encoding);
            to[..count].copy_from_slice(&made[..count]);
        }
    }
}

/// The codes of sixteen powers, so many of which are a row's.
#[inline]
#[target_feature(enable = "avx2")]
fn encoded(powers: &[f32; LANES], count: usize, all: __m256, encoding: &Encoding) -> [u8; LANES] {
    let made = [0, 1].map(|half| {
        // SAFETY: there are eight from here on.
        let powers = unsafe { _mm256_loadu_ps(powers[8 * half..].as_ptr()) };
        // What is behind the row would be too small for normal numbers, which take less time.
        let powers = _mm256_and_ps(powers, _mm256_castsi256_ps(there(count, half)));
        let z = _mm256_mul_ps(_mm256_mul_ps(powers, all), encoding.inv);
        // The second operand is what comes of NaN.
        let z = _mm256_min_ps(_mm256_max_ps(z, encoding.low), encoding.high);
        let made = _mm256_add_epi32(_mm256_cvtps_epi32(z), encoding.zero_point);
        _mm256_sll_epi32(made, encoding.dropped_bits)
    });
    // In words the quarters are 0, 2, 1, 3; codes fit a byte.
    let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packus_epi32(made[0], made[1]));
    let [low, high] = [_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words)];
    let mut codes = [0; LANES];
    // SAFETY: there are sixteen.
    unsafe { _mm_storeu_si128(codes.as_mut_ptr().cast(), _mm_packus_epi16(low, high)) };
    codes
}

/// All ones in the lanes of a half that are among the first `count` of both.
#[inline]
#[target_feature(enable = "avx2")]
fn there(count: usize, half: usize) -> __m256i {
    let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    _mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32 - 8 * half as i32), lanes)
}

/// The first sixteen of a row's elements, and what is below all behind its end.
#[inline]
#[target_feature(enable = "avx2")]
fn loaded(row: &[f32]) -> Pair {
    let below = _mm256_set1_ps(f32::NEG_INFINITY);
    [0, 1].map(|half| {
        if row.len() >= 8 * half + 8 {
            // SAFETY: eight are left.
            return unsafe { _mm256_loadu_ps(row[8 * half..].as_ptr()) };
        }
        let there = there(row.len(), half);
        // SAFETY: what is behind the row is masked off.
        let values = unsafe { _mm256_maskload_ps(row.as_ptr().wrapping_add(8 * half), there) };
        _mm256_blendv_ps(below, values, _mm256_castsi256_ps(there))
    })
}

/// What is left of all lanes, two of which at a time become one: the first of each with the second.
#[inline]
#[target_feature(enable = "avx2")]
fn reduced(
    [low, high]: Pair,
    two: impl Fn(__m256, __m256) -> __m256,
    narrow: impl Fn(__m128, __m128) -> __m128,
) -> f32 {
    let lanes = two(low, high);
    let lanes = narrow(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps::<1>(lanes));
    let lanes = narrow(lanes, _mm_permute_ps::<0b00_00_11_10>(lanes));
    let lanes = narrow(lanes, _mm_permute_ps::<0b00_00_00_01>(lanes));
    _mm_cvtss_f32(lanes)
}

/// As the portable one, step by step.
#[inline]
#[target_feature(enable = "avx2")]
fn exp(x: __m256) -> __m256 {
    let rounder = _mm256_set1_ps(ROUNDER);
    // The second operand is what comes of NaN.
    let x = _mm256_max_ps(_mm256_set1_ps(LOWEST), x);
    let shifted =
        _mm256_add_ps(_mm256_mul_ps(x, _mm256_set1_ps(std::f32::consts::LOG2_E)), rounder);
    let n = _mm256_sub_ps(shifted, rounder);
    let r = _mm256_sub_ps(x, _mm256_mul_ps(n, _mm256_set1_ps(LN_2[0])));
    let r = _mm256_sub_ps(r, _mm256_mul_ps(n, _mm256_set1_ps(LN_2[1])));
    let mut power = _mm256_set1_ps(POWERS[0]);
    for &term in &POWERS[1..] {
        power = _mm256_add_ps(_mm256_mul_ps(power, r), _mm256_set1_ps(term));
    }
    let bias = (127u32.wrapping_sub(ROUNDER.to_bits())) as i32;
    let exponent = _mm256_add_epi32(_mm256_castps_si256(shifted), _mm256_set1_epi32(bias));
    _mm256_mul_ps(power, _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent)))
}
