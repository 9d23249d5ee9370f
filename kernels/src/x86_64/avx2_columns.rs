//! Depthwise convolution with AVX2: two rows of 16-bit codes to a unit, one `vpmaddwd` for eight
//! channels.

use std::arch::x86_64::*;

use crate::{
    engine::depthwise::columns::{CHANNELS, Column, Function, Input, Row},
    output::blocks::LANES,
};

#[target_feature(enable = "avx2")]
pub(crate) fn pack(rows: &[Row<'_>], channels: usize, to: &mut [Column], step: usize) {
    assert!((1..=CHANNELS).contains(&channels));
    let last = (to.len() - 1) / step;
    let rows: [Row<'_>; 2] = std::array::from_fn(|row| rows[row]);
    assert!(rows.iter().all(|row| last * row.stride + channels <= row.codes.len()));
    for (number, column) in to.iter_mut().step_by(step).enumerate() {
        let codes = rows.map(|row| &row.codes[number * row.stride..][..channels]);
        let chunks = codes[0].chunks(LANES).zip(codes[1].chunks(LANES));
        for (to, (upper, lower)) in column.0.as_chunks_mut::<64>().0.iter_mut().zip(chunks) {
            let codes = [upper, lower].map(|codes| {
                let mut whole = [0; LANES];
                match codes.first_chunk() {
                    Some(codes) => whole = *codes,
                    None => whole[..codes.len()].copy_from_slice(codes),
                }
                whole
            });
            // SAFETY: there are 16 codes of each row; a quarter of a column has 64 bytes.
            unsafe {
                let upper = _mm_loadu_si128(codes[0].as_ptr().cast());
                let lower = _mm_loadu_si128(codes[1].as_ptr().cast());
                let to: *mut __m256i = to.as_mut_ptr().cast();
                let both = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(upper, lower));
                _mm256_storeu_si256(to, both);
                let both = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(upper, lower));
                _mm256_storeu_si256(to.add(1), both);
            }
        }
    }
}

#[target_feature(enable = "avx2")]
pub(crate) fn sum(input: &Input<'_>, acc: &mut [[i32; LANES]], x: &mut [[i32; LANES]]) {
    match input.function {
        Function::None => sum_with::<0>(input, acc, x),
        Function::Bits(_) => sum_with::<1>(input, acc, x),
        Function::Nibbles(_) => sum_with::<2>(input, acc, x),
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn sum_with<const F: u8>(input: &Input<'_>, acc: &mut [[i32; LANES]], x: &mut [[i32; LANES]]) {
    input.check(acc, x);
    let positions = acc.len() / input.blocks;
    for block in 0..input.blocks {
        let mut first = 0;
        while first < positions {
            // SAFETY: the input was checked for all positions and blocks.
            unsafe {
                first += match positions - first {
                    1 => tile::<1, F>(input, first, block, acc, x),
                    2 => tile::<2, F>(input, first, block, acc, x),
                    3 => tile::<3, F>(input, first, block, acc, x),
                    _ => tile::<4, F>(input, first, block, acc, x),
                };
            }
        }
    }
}

/// The sums of `P` positions and one block, and of the function `F`: none, bits or nibbles. Gives P.
///
/// # Safety
/// `input` was checked for more than `first + P - 1` positions and for `block`.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn tile<const P: usize, const F: u8>(
    input: &Input<'_>,
    first: usize,
    block: usize,
    acc: &mut [[i32; LANES]],
    x: &mut [[i32; LANES]],
) -> usize {
    let terms = input.masks.len();
    let mut weights = input.weights[block * input.taps.len() * terms..].iter();
    let mut sums = [[_mm256_setzero_si256(); 2]; P];
    let mut windows = [[_mm256_setzero_si256(); 2]; P];
    let (bits, nibbles) = input.function.parts();
    let bits = _mm256_set1_epi16(i16::from(bits));
    let low_bits = _mm256_set1_epi16(15);
    let mut entries = [_mm256_setzero_si256(); 2];
    for (entries, nibbles) in entries.iter_mut().zip(&nibbles) {
        // SAFETY: there are 16 entries.
        *entries = _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(nibbles.as_ptr().cast()) });
    }
    for (&tap, &rows) in input.taps.iter().zip(input.rows) {
        let columns = input.columns[first * input.stride + tap..].as_ptr();
        if F > 0 {
            // For the rows that the kernel has.
            let ones = _mm256_set1_epi32(if rows == 1 { 1 } else { 0x0001_0001 });
            // The upper bytes of codes are 0, and nibbles have entries for that as well.
            let byte = _mm256_set1_epi16(255);
            for (p, windows) in windows.iter_mut().enumerate() {
                for (half, window) in windows.iter_mut().enumerate() {
                    // SAFETY: as below.
                    let codes = unsafe {
                        let columns = columns.add(p * input.stride).cast::<__m256i>();
                        _mm256_load_si256(columns.add(2 * block + half))
                    };
                    let bytes = if F == 1 {
                        _mm256_and_si256(codes, bits)
                    } else {
                        let high = _mm256_srli_epi16::<4>(codes);
                        let low = _mm256_and_si256(codes, low_bits);
                        let sum = _mm256_add_epi8(
                            _mm256_shuffle_epi8(entries[0], low),
                            _mm256_shuffle_epi8(entries[1], high),
                        );
                        _mm256_and_si256(sum, byte)
                    };
                    *window = _mm256_add_epi32(*window, _mm256_madd_epi16(bytes, ones));
                }
            }
        }
        for &mask in input.masks {
            let Some(line) = weights.next() else { unreachable!("checked") };
            let mask = _mm256_set1_epi16(i16::from(mask));
            for (p, sums) in sums.iter_mut().enumerate() {
                // SAFETY: the columns of the position are there, with a quarter for each block;
                // lines and quarters have 64 bytes and are aligned to them.
                unsafe {
                    let codes = columns.add(p * input.stride).cast::<__m256i>().add(2 * block);
                    let weights = std::ptr::from_ref(line).cast::<__m256i>();
                    for (half, sum) in sums.iter_mut().enumerate() {
                        let codes = _mm256_and_si256(_mm256_load_si256(codes.add(half)), mask);
                        let weights = _mm256_load_si256(weights.add(half));
                        *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(codes, weights));
                    }
                }
            }
        }
    }
    for (p, sums) in sums.iter().enumerate() {
        let acc = &mut acc[(first + p) * input.blocks + block];
        for (acc, &sum) in acc.as_chunks_mut::<8>().0.iter_mut().zip(sums) {
            // SAFETY: there are 8 accumulators.
            unsafe { _mm256_storeu_si256(acc.as_mut_ptr().cast(), sum) };
        }
    }
    if F > 0 {
        for (p, windows) in windows.iter().enumerate() {
            let x = &mut x[(first + p) * input.blocks + block];
            for (x, &window) in x.as_chunks_mut::<8>().0.iter_mut().zip(windows) {
                // SAFETY: there are 8 sums.
                unsafe { _mm256_storeu_si256(x.as_mut_ptr().cast(), window) };
            }
        }
    }
    P
}
