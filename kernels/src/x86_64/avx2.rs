//! AVX2.
//!
//! `vpmaddwd` multiplies 16-bit integers and adds neighbouring products exactly. (`vpmaddubsw`, on
//! bytes, saturates: 255 * 127 * 2 does not fit 16 bits.)

use std::arch::x86_64::*;

use crate::{
    engine::gemm::{TileInput, TileKernels, UNIT, tile_kernels},
    output::{blocks::LANES, sums::Plane},
};

/// At most 12 accumulators of the 16 registers.
pub(crate) const KERNELS: TileKernels = tile_kernels!(tile: 1 => [1 2 3 4 5 6]);

/// # Safety
/// As for [`crate::engine::gemm::TileKernel`].
#[target_feature(enable = "avx2")]
unsafe fn tile<const P: usize, const B: usize>(input: &TileInput<'_>, acc: *mut i32) {
    const { assert!(B == 1) };
    let mut sums = [[_mm256_setzero_si256(); 2]; P];
    let mut line = input.weights.cast::<__m256i>();
    for run in input.runs {
        let mut codes = input.codes.wrapping_add(run.offset);
        for _ in 0..run.units {
            // SAFETY: the caller provides `lines` lines, and P positions' codes for each step of
            // each run. A line is 64 bytes and as much aligned.
            unsafe {
                let weights = [_mm256_load_si256(line), _mm256_load_si256(line.add(1))];
                for (p, sums) in sums.iter_mut().enumerate() {
                    let codes = codes.add(p * input.stride).cast::<i32>().read_unaligned();
                    let codes = _mm256_set1_epi32(codes);
                    for (sum, &weights) in sums.iter_mut().zip(&weights) {
                        *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(codes, weights));
                    }
                }
            }
            line = line.wrapping_add(2);
            codes = codes.wrapping_add(UNIT);
        }
    }
    for (p, sums) in sums.iter().enumerate() {
        for (half, &sum) in sums.iter().enumerate() {
            // SAFETY: the caller provides P * LANES accumulators.
            unsafe { _mm256_storeu_si256(acc.add(p * LANES + 8 * half).cast(), sum) };
        }
    }
}

/// Adds the sum of the plane over each `channels` neighbouring codes to `out`.
#[target_feature(enable = "avx2")]
pub(crate) fn plane_sums(plane: &Plane, channels: usize, input: &[u8], out: &mut [i32]) {
    assert!(channels * out.len() <= input.len());
    match &plane.nibbles {
        Some([low, high]) => {
            let (low, high) = (both_halves(low), both_halves(high));
            sums_of(plane, channels, input, out, |codes| {
                let (l, h) = nibbles(codes);
                _mm256_add_epi8(_mm256_shuffle_epi8(low, l), _mm256_shuffle_epi8(high, h))
            });
        }
        None => {
            sums_of(plane, channels, input, out, |codes| entries(&plane.table, codes));
        }
    }
}

/// Replaces each code by its entry.
#[target_feature(enable = "avx2")]
pub(crate) fn map_codes(table: &[u8; 256], codes: &mut [u8]) {
    let (whole, rest) = codes.as_chunks_mut::<32>();
    for codes in whole {
        // SAFETY: there are 32 codes.
        unsafe {
            let mapped = entries(table, _mm256_loadu_si256(codes.as_ptr().cast()));
            _mm256_storeu_si256(codes.as_mut_ptr().cast(), mapped);
        }
    }
    rest.iter_mut().for_each(|code| *code = table[usize::from(*code)]);
}

/// The entry of each code: all sixteen tables' at its low four bits, and of these the half that
/// each of the other bits says.
#[inline]
#[target_feature(enable = "avx2")]
fn entries(table: &[u8; 256], codes: __m256i) -> __m256i {
    let low = _mm256_and_si256(codes, _mm256_set1_epi8(15));
    let mut found = [_mm256_setzero_si256(); 16];
    for (found, table) in found.iter_mut().zip(table.as_chunks().0) {
        *found = _mm256_shuffle_epi8(both_halves(table), low);
    }
    // Bit 4, 5, 6 and 7 where a blend looks, in bit 7.
    let bits = [_mm256_slli_epi16::<3>(codes), _mm256_slli_epi16::<2>(codes)];
    let bits = [bits[0], bits[1], _mm256_slli_epi16::<1>(codes), codes];
    for (level, bit) in bits.into_iter().enumerate() {
        for i in 0..8 >> level {
            found[i] = _mm256_blendv_epi8(found[2 * i], found[2 * i + 1], bit);
        }
    }
    found[0]
}

/// A 16-entry table for `vpshufb`.
#[inline]
#[target_feature(enable = "avx2")]
fn both_halves(table: &[u8; 16]) -> __m256i {
    // SAFETY: the table has 16 bytes.
    _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(table.as_ptr().cast()) })
}

/// The low and the high four bits of each code.
#[inline]
#[target_feature(enable = "avx2")]
fn nibbles(codes: __m256i) -> (__m256i, __m256i) {
    let low = _mm256_set1_epi8(15);
    (_mm256_and_si256(codes, low), _mm256_and_si256(_mm256_srli_epi16::<4>(codes), low))
}

#[inline]
#[target_feature(enable = "avx2")]
fn sums_of(
    plane: &Plane,
    channels: usize,
    input: &[u8],
    out: &mut [i32],
    lookup: impl Fn(__m256i) -> __m256i,
) {
    // Lanes beyond the last channel are read as code 0.
    let surplus = channels.next_multiple_of(16) - channels;
    let surplus = (surplus * usize::from(plane.table[0])) as i32;
    let load = |start: usize, c: usize| {
        let codes = &input[start + c..start + channels];
        match codes.first_chunk::<16>() {
            // SAFETY: the chunk has 16 bytes.
            Some(codes) => unsafe { _mm_loadu_si128(codes.as_ptr().cast()) },
            None => {
                let mut padded = [0; 16];
                padded[..codes.len()].copy_from_slice(codes);
                // SAFETY: as above.
                unsafe { _mm_loadu_si128(padded.as_ptr().cast()) }
            }
        }
    };
    for (block, out) in out.chunks_mut(8).enumerate() {
        let pixels = out.len();
        // Vector i, half h: pixel 4 h + i. Pixels beyond the last repeat it.
        let mut sums = [_mm256_setzero_si256(); 4];
        for (i, sum) in sums.iter_mut().enumerate() {
            let [low, high] =
                [0, 4].map(|first| (8 * block + (first + i).min(pixels - 1)) * channels);
            for c in (0..channels).step_by(16) {
                let codes = _mm256_set_m128i(load(high, c), load(low, c));
                let values = _mm256_sad_epu8(lookup(codes), _mm256_setzero_si256());
                *sum = _mm256_add_epi64(*sum, values);
            }
        }
        // Each half holds two 64-bit sums, whose high words are 0: pack, then add neighbours.
        let [s0, s1, s2, s3] = sums;
        let s02 = _mm256_or_si256(s0, _mm256_slli_epi64::<32>(s2));
        let s13 = _mm256_or_si256(s1, _mm256_slli_epi64::<32>(s3));
        let sum =
            _mm256_add_epi32(_mm256_unpacklo_epi32(s02, s13), _mm256_unpackhi_epi32(s02, s13));
        let mut lanes = [0i32; 8];
        // SAFETY: `lanes` has 32 bytes.
        unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), sum) };
        for (out, sum) in out.iter_mut().zip(lanes) {
            *out = out.wrapping_add(sum).wrapping_sub(surplus);
        }
    }
}
