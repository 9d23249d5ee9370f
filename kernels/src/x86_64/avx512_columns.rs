//! Depthwise convolution with AVX-512 VNNI: four rows to a unit, one `vpdpbusd` for sixteen channels.

use std::arch::x86_64::*;

use crate::{
    engine::depthwise::columns::{CHANNELS, Column, Function, Input, Row},
    output::blocks::LANES,
};

/// Where the dwords of a row go, so that the lanes of the unpacked vectors have neighbouring channels.
const ORDER: [u32; LANES] = [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15];

#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub(crate) fn pack(rows: &[Row<'_>], channels: usize, to: &mut [Column], step: usize) {
    assert!((1..=CHANNELS).contains(&channels));
    let last = (to.len() - 1) / step;
    let rows: [Row<'_>; 4] = std::array::from_fn(|row| rows[row]);
    assert!(rows.iter().all(|row| last * row.stride + channels <= row.codes.len()));
    let mask = u64::MAX >> (CHANNELS - channels);
    // SAFETY: there are 16 indices.
    let order = unsafe { _mm512_loadu_si512(ORDER.as_ptr().cast()) };
    for (number, column) in to.iter_mut().step_by(step).enumerate() {
        let mut codes = [_mm512_setzero_si512(); 4];
        for (codes, row) in codes.iter_mut().zip(&rows) {
            // SAFETY: the mask limits the access to the channels, which the row has.
            let loaded = unsafe {
                let at = row.codes.as_ptr().add(number * row.stride);
                _mm512_maskz_loadu_epi8(mask, at.cast())
            };
            *codes = _mm512_permutexvar_epi32(order, loaded);
        }
        let low = [codes[0], codes[2]].into_iter().zip([codes[1], codes[3]]);
        let mut twos = [_mm512_setzero_si512(); 4];
        for (i, (a, b)) in low.enumerate() {
            twos[i] = _mm512_unpacklo_epi8(a, b);
            twos[2 + i] = _mm512_unpackhi_epi8(a, b);
        }
        let fours = [
            _mm512_unpacklo_epi16(twos[0], twos[1]),
            _mm512_unpackhi_epi16(twos[0], twos[1]),
            _mm512_unpacklo_epi16(twos[2], twos[3]),
            _mm512_unpackhi_epi16(twos[2], twos[3]),
        ];
        for (to, fours) in column.0.as_chunks_mut::<64>().0.iter_mut().zip(fours) {
            // SAFETY: a quarter of a column has 64 bytes and is aligned to them.
            unsafe { _mm512_store_si512(to.as_mut_ptr().cast(), fours) };
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(crate) fn sum(input: &Input<'_>, acc: &mut [[i32; LANES]], x: &mut [[i32; LANES]]) {
    match input.function {
        Function::None => sum_with::<0>(input, acc, x),
        Function::Bits(_) => sum_with::<1>(input, acc, x),
        Function::Nibbles(_) => sum_with::<2>(input, acc, x),
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
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
                    4 => tile::<4, F>(input, first, block, acc, x),
                    5 => tile::<5, F>(input, first, block, acc, x),
                    6 => tile::<6, F>(input, first, block, acc, x),
                    7 => tile::<7, F>(input, first, block, acc, x),
                    _ => tile::<8, F>(input, first, block, acc, x),
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
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn tile<const P: usize, const F: u8>(
    input: &Input<'_>,
    first: usize,
    block: usize,
    acc: &mut [[i32; LANES]],
    x: &mut [[i32; LANES]],
) -> usize {
    let terms = input.masks.len();
    let mut weights = input.weights[block * input.taps.len() * terms..].iter();
    let mut sums = [_mm512_setzero_si512(); P];
    let mut windows = [_mm512_setzero_si512(); P];
    let (bits, nibbles) = input.function.parts();
    let bits = _mm512_set1_epi8(bits as i8);
    let low_bits = _mm512_set1_epi8(15);
    let mut entries = [_mm512_setzero_si512(); 2];
    for (entries, nibbles) in entries.iter_mut().zip(&nibbles) {
        // SAFETY: there are 16 entries.
        *entries = _mm512_broadcast_i32x4(unsafe { _mm_loadu_si128(nibbles.as_ptr().cast()) });
    }
    for (&tap, &rows) in input.taps.iter().zip(input.rows) {
        let columns = input.columns[first * input.stride + tap..].as_ptr();
        if F > 0 {
            // For the rows that the kernel has.
            let ones = _mm512_set1_epi32((0x0101_0101_u32 >> (8 * (4 - rows))) as i32);
            for (p, window) in windows.iter_mut().enumerate() {
                // SAFETY: as below.
                let codes = unsafe {
                    _mm512_load_si512(columns.add(p * input.stride).cast::<__m512i>().add(block))
                };
                let bytes = if F == 1 {
                    _mm512_and_si512(codes, bits)
                } else {
                    let high = _mm512_and_si512(_mm512_srli_epi16::<4>(codes), low_bits);
                    let low = _mm512_and_si512(codes, low_bits);
                    _mm512_add_epi8(
                        _mm512_shuffle_epi8(entries[0], low),
                        _mm512_shuffle_epi8(entries[1], high),
                    )
                };
                *window = _mm512_dpbusd_epi32(*window, bytes, ones);
            }
        }
        for &mask in input.masks {
            let Some(line) = weights.next() else { unreachable!("checked") };
            let mask = _mm512_set1_epi8(mask as i8);
            for (p, sum) in sums.iter_mut().enumerate() {
                // SAFETY: the columns of the position are there, with a quarter for each block;
                // lines and quarters are aligned to their 64 bytes.
                unsafe {
                    let codes = columns.add(p * input.stride).cast::<__m512i>().add(block);
                    let codes = _mm512_and_si512(_mm512_load_si512(codes), mask);
                    let weights = _mm512_load_si512(std::ptr::from_ref(line).cast());
                    *sum = _mm512_dpbusd_epi32(*sum, codes, weights);
                }
            }
        }
    }
    for (p, &sum) in sums.iter().enumerate() {
        let acc = &mut acc[(first + p) * input.blocks + block];
        // SAFETY: there are 16 accumulators.
        unsafe { _mm512_storeu_si512(acc.as_mut_ptr().cast(), sum) };
    }
    if F > 0 {
        for (p, &window) in windows.iter().enumerate() {
            let x = &mut x[(first + p) * input.blocks + block];
            // SAFETY: there are 16 sums.
            unsafe { _mm512_storeu_si512(x.as_mut_ptr().cast(), window) };
        }
    }
    P
}
