//! AVX-512 with VNNI and VBMI.
//!
//! `vpdpbusd` adds four products of an unsigned and a signed byte to a 32-bit integer, without
//! saturation (its saturating relative is `vpdpbusds`).

use std::arch::x86_64::*;

use crate::{
    epilogue::LANES,
    gemm::{TileInput, TileKernels, UNIT, tile_kernels},
    lookup::{ChunkInput, Codes, FILTERS, POSITIONS, Sums},
    sums::Plane,
};

/// At most 24 accumulators, leaving registers for the weights and one step of codes.
pub(crate) const KERNELS: TileKernels = tile_kernels!(tile:
    1 => [1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16],
    2 => [1 2 3 4 5 6 7 8 9 10 11 12],
    3 => [1 2 3 4 5 6 7 8],
    4 => [1 2 3 4 5 6],
);

/// # Safety
/// As for [`crate::gemm::TileKernel`].
#[target_feature(enable = "avx512f,avx512vnni")]
unsafe fn tile<const P: usize, const B: usize>(input: &TileInput<'_>, acc: *mut i32) {
    let mut sums = [[_mm512_setzero_si512(); B]; P];
    let mut line = input.weights;
    for run in input.runs {
        let mut codes = input.codes.wrapping_add(run.offset);
        for _ in 0..run.units {
            // SAFETY: the caller provides B blocks of `lines` lines, and P positions' codes for
            // each step of each run.
            unsafe {
                let mut weights = [_mm512_setzero_si512(); B];
                for (b, weights) in weights.iter_mut().enumerate() {
                    *weights = _mm512_load_si512(line.add(b * input.lines).cast());
                }
                for (p, sums) in sums.iter_mut().enumerate() {
                    let codes = codes.add(p * input.stride).cast::<i32>().read_unaligned();
                    let codes = _mm512_set1_epi32(codes);
                    for (sum, &weights) in sums.iter_mut().zip(&weights) {
                        *sum = _mm512_dpbusd_epi32(*sum, codes, weights);
                    }
                }
            }
            line = line.wrapping_add(1);
            codes = codes.wrapping_add(UNIT);
        }
    }
    for (p, sums) in sums.iter().enumerate() {
        for (b, &sum) in sums.iter().enumerate() {
            // SAFETY: the caller provides P * B * LANES accumulators.
            unsafe { _mm512_storeu_si512(acc.add((p * B + b) * LANES).cast(), sum) };
        }
    }
}

/// Adds the sum of the plane over each `channels` neighbouring codes to `out`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512vbmi")]
pub(crate) fn plane_sums(plane: &Plane, channels: usize, input: &[u8], out: &mut [i32]) {
    assert!(channels * out.len() <= input.len());
    let mut table = [_mm512_setzero_si512(); 4];
    for (i, table) in table.iter_mut().enumerate() {
        // SAFETY: the table has 256 entries.
        *table = unsafe { _mm512_loadu_si512(plane.table.as_ptr().add(64 * i).cast()) };
    }
    let lookup = |codes: __m512i| {
        let low = _mm512_permutex2var_epi8(table[0], codes, table[1]);
        let high = _mm512_permutex2var_epi8(table[2], codes, table[3]);
        _mm512_mask_blend_epi8(_mm512_movepi8_mask(codes), low, high)
    };
    // Lanes beyond the last channel are read as code 0.
    let surplus = channels.next_multiple_of(16) - channels;
    let surplus = _mm512_set1_epi32((surplus * usize::from(plane.table[0])) as i32);
    for (block, out) in out.chunks_mut(16).enumerate() {
        let pixels = out.len();
        // Vector i, quarter q: pixel 4 q + i. Pixels beyond the last repeat it.
        let mut sums = [_mm512_setzero_si512(); 4];
        for (i, sum) in sums.iter_mut().enumerate() {
            let starts: [usize; 4] =
                std::array::from_fn(|q| (16 * block + (4 * q + i).min(pixels - 1)) * channels);
            for c in (0..channels).step_by(16) {
                let mask = (0xffffu32 >> (16 - (channels - c).min(16))) as __mmask16;
                let mut quarters = [_mm_setzero_si128(); 4];
                for (quarter, start) in quarters.iter_mut().zip(starts) {
                    // SAFETY: the masked-off bytes are not accessed, the others are channels c..
                    // of pixels below out.len(), which the assertion puts inside the input.
                    *quarter =
                        unsafe { _mm_maskz_loadu_epi8(mask, input.as_ptr().add(start + c).cast()) };
                }
                let [q0, q1, q2, q3] = quarters;
                let codes = _mm512_castsi128_si512(q0);
                let codes = _mm512_inserti32x4::<1>(codes, q1);
                let codes = _mm512_inserti32x4::<2>(codes, q2);
                let codes = _mm512_inserti32x4::<3>(codes, q3);
                *sum = _mm512_dpbusd_epi32(*sum, lookup(codes), _mm512_set1_epi8(1));
            }
        }
        // Transpose 4 x 4 within the quarters while adding up.
        let [s0, s1, s2, s3] = sums;
        let s01 = _mm512_add_epi32(_mm512_unpacklo_epi32(s0, s1), _mm512_unpackhi_epi32(s0, s1));
        let s23 = _mm512_add_epi32(_mm512_unpacklo_epi32(s2, s3), _mm512_unpackhi_epi32(s2, s3));
        let sum =
            _mm512_add_epi32(_mm512_unpacklo_epi64(s01, s23), _mm512_unpackhi_epi64(s01, s23));
        let sum = _mm512_sub_epi32(sum, surplus);
        let mask = (0xffffu32 >> (16 - pixels)) as __mmask16;
        // SAFETY: the mask limits the access to out.len() entries.
        unsafe {
            let before = _mm512_maskz_loadu_epi32(mask, out.as_ptr());
            _mm512_mask_storeu_epi32(out.as_mut_ptr(), mask, _mm512_add_epi32(before, sum));
        }
    }
}

/// A [lookup kernel](crate::lookup): 64 positions to a vector, tables of seven bits.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
pub(crate) fn lookup_chunks(
    input: &ChunkInput<'_>,
    codes: &[&Codes],
    sums: &mut [Sums],
    lane: usize,
) {
    // Codes of 64 values need half of each table.
    match (codes, sums, input.bits <= 6) {
        (&[a, b], [x, y], true) => lookup_sums::<2, true>(input, [a, b], [x, y], lane),
        (&[a, b], [x, y], false) => lookup_sums::<2, false>(input, [a, b], [x, y], lane),
        (&[a], [x], true) => lookup_sums::<1, true>(input, [a], [x], lane),
        (&[a], [x], false) => lookup_sums::<1, false>(input, [a], [x], lane),
        _ => unreachable!("one or two chunks, and as many sums"),
    }
}

// Values of vector types are kept out of closures here: what the standard library would call
// them from is compiled without the features, and the calls would go through memory.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
fn lookup_sums<const N: usize, const SMALL: bool>(
    input: &ChunkInput<'_>,
    codes: [&Codes; N],
    mut out: [&mut Sums; N],
    lane: usize,
) {
    // 256 bytes of at most 255 fit 16 bits.
    const BYTES: usize = 256;
    let depth = codes[0].len();
    assert!(codes.iter().all(|codes| codes.len() == depth));
    assert!(input.weights.iter().all(|weights| weights.len() == depth));
    assert!(lane + FILTERS <= LANES);
    // Sums of positions, in quarters of 16: [chunk][quarter][filter].
    let mut sums = [[[_mm512_set1_epi32(input.start); FILTERS]; POSITIONS / 16]; N];
    let steps = BYTES * input.entries_per_byte;
    for first in (0..depth).step_by(steps) {
        // The odd positions' sums, and the even positions' plus 256 times the odd ones'.
        let mut both = [[_mm512_setzero_si512(); FILTERS]; N];
        let mut odd = both;
        let end = depth.min(first + steps);
        for first in (first..end).step_by(input.entries_per_byte) {
            let mut bytes = [[_mm512_setzero_si512(); N]; FILTERS];
            for j in first..end.min(first + input.entries_per_byte) {
                let mut at = [_mm512_setzero_si512(); N];
                for (at, codes) in at.iter_mut().zip(codes) {
                    // SAFETY: j is below the depth, and a row has 64 codes.
                    *at = unsafe { _mm512_loadu_si512(codes.as_ptr().add(j).cast()) };
                }
                for (bytes, weights) in bytes.iter_mut().zip(input.weights) {
                    // SAFETY: j is below the depth.
                    let number = unsafe { *weights.get_unchecked(j) };
                    let table = input.tables[usize::from(number)].0.as_ptr();
                    // SAFETY: a table has 128 bytes and is aligned to 64.
                    let (low, high) = unsafe {
                        (_mm512_load_si512(table.cast()), _mm512_load_si512(table.add(64).cast()))
                    };
                    for (bytes, &at) in bytes.iter_mut().zip(&at) {
                        let entries = if SMALL {
                            _mm512_permutexvar_epi8(at, low)
                        } else {
                            _mm512_permutex2var_epi8(low, at, high)
                        };
                        *bytes = _mm512_add_epi8(*bytes, entries);
                    }
                }
            }
            for (f, bytes) in bytes.iter().enumerate() {
                for (n, &bytes) in bytes.iter().enumerate() {
                    both[n][f] = _mm512_add_epi16(both[n][f], bytes);
                    odd[n][f] = _mm512_add_epi16(odd[n][f], _mm512_srli_epi16::<8>(bytes));
                }
            }
        }
        for n in 0..N {
            for f in 0..FILTERS {
                // Lane by lane of 128 bits, positions 0 to 7 and 8 to 15 of each 16.
                let odd = odd[n][f];
                let even = _mm512_sub_epi16(both[n][f], _mm512_slli_epi16::<8>(odd));
                let low = _mm512_unpacklo_epi16(even, odd);
                let high = _mm512_unpackhi_epi16(even, odd);
                let first = _mm512_shuffle_i32x4::<0b01_00_01_00>(low, high);
                let last = _mm512_shuffle_i32x4::<0b11_10_11_10>(low, high);
                // [low 0, low 1, high 0, high 1] to [low 0, high 0, low 1, high 1].
                let first = _mm512_shuffle_i32x4::<0b11_01_10_00>(first, first);
                let last = _mm512_shuffle_i32x4::<0b11_01_10_00>(last, last);
                let quarters = [
                    _mm512_castsi512_si256(first),
                    _mm512_extracti64x4_epi64::<1>(first),
                    _mm512_castsi512_si256(last),
                    _mm512_extracti64x4_epi64::<1>(last),
                ];
                for (sums, words) in sums[n].iter_mut().zip(quarters) {
                    sums[f] = _mm512_add_epi32(sums[f], _mm512_cvtepu16_epi32(words));
                }
            }
        }
    }
    let shift = _mm_cvtsi32_si128(input.shift as i32);
    for (out, sums) in out.iter_mut().zip(sums) {
        for (v, sums) in sums.iter().enumerate() {
            let s0 = _mm512_sll_epi32(sums[0], shift);
            let s1 = _mm512_sll_epi32(sums[1], shift);
            let s2 = _mm512_sll_epi32(sums[2], shift);
            let s3 = _mm512_sll_epi32(sums[3], shift);
            // Transpose 4 x 4 within the quarters: filters become neighbours.
            let (a, b) = (_mm512_unpacklo_epi32(s0, s1), _mm512_unpackhi_epi32(s0, s1));
            let (c, d) = (_mm512_unpacklo_epi32(s2, s3), _mm512_unpackhi_epi32(s2, s3));
            let columns = [
                _mm512_unpacklo_epi64(a, c),
                _mm512_unpackhi_epi64(a, c),
                _mm512_unpacklo_epi64(b, d),
                _mm512_unpackhi_epi64(b, d),
            ];
            for (i, column) in columns.into_iter().enumerate() {
                let quarters = [
                    _mm512_extracti32x4_epi32::<0>(column),
                    _mm512_extracti32x4_epi32::<1>(column),
                    _mm512_extracti32x4_epi32::<2>(column),
                    _mm512_extracti32x4_epi32::<3>(column),
                ];
                for (q, quarter) in quarters.into_iter().enumerate() {
                    let out = &mut out[16 * v + 4 * q + i][lane..lane + FILTERS];
                    // SAFETY: the slice has four entries.
                    unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), quarter) };
                }
            }
        }
    }
}
