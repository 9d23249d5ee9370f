//! AVX-512 with VNNI and VBMI.
//!
//! `vpdpbusd` adds four products of an unsigned and a signed byte to a 32-bit integer, without
//! saturation (its saturating relative is `vpdpbusds`).

use std::arch::x86_64::*;

use crate::{
    WeightCoding,
    epilogue::LANES,
    gemm::{TileInput, TileKernels, UNIT, tile_kernels},
    lookup::{ChunkInput, FILTERS, POSITIONS, Tables},
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

/// A [lookup kernel](crate::lookup): four channels of 16 positions to a vector, so that one
/// shuffle looks in the tables of four weights, and one `vpdpbusd` with ones adds the four up.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx512vbmi")]
pub(crate) fn lookup_chunk(
    input: &ChunkInput<'_>,
    acc: &mut [[i32; LANES]; POSITIONS],
    lane: usize,
) {
    match (input.high, input.coding) {
        (false, WeightCoding::Unsigned) => lookup_sums::<false, false>(input, acc, lane),
        (false, WeightCoding::Signed) => lookup_sums::<false, true>(input, acc, lane),
        (true, WeightCoding::Unsigned) => lookup_sums::<true, false>(input, acc, lane),
        (true, WeightCoding::Signed) => lookup_sums::<true, true>(input, acc, lane),
    }
}

/// The tables of four weights, low or high half, one after the other.
#[inline]
#[target_feature(enable = "avx512f")]
fn tables_of(tables: &Tables, weights: [u8; 4], half: usize) -> __m512i {
    let mut found = [_mm_setzero_si128(); 4];
    for (found, w) in found.iter_mut().zip(weights) {
        // SAFETY: a table has 16 bytes, and its address is a multiple of 16.
        *found = unsafe { _mm_load_si128(tables.0[usize::from(w)][half].as_ptr().cast()) };
    }
    // Masked broadcasts from memory leave more of the shuffle units to the lookups than inserts.
    let [t0, t1, t2, t3] = found;
    let t = _mm512_broadcast_i32x4(t0);
    let t = _mm512_mask_broadcast_i32x4(t, 0x00f0, t1);
    let t = _mm512_mask_broadcast_i32x4(t, 0x0f00, t2);
    _mm512_mask_broadcast_i32x4(t, 0xf000, t3)
}

// Values of vector types are kept out of closures here: what the standard library would call
// them from is compiled without the features, and the calls would go through memory.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx512vbmi")]
fn lookup_sums<const HIGH: bool, const SIGNED: bool>(
    input: &ChunkInput<'_>,
    acc: &mut [[i32; LANES]; POSITIONS],
    lane: usize,
) {
    const VECTORS: usize = POSITIONS / 16;
    let codes = input.codes.as_chunks::<{ 4 * POSITIONS }>().0;
    let weights = input.weights.as_chunks::<4>().0;
    assert_eq!(weights.len(), FILTERS * codes.len());
    assert!(lane + FILTERS <= LANES);
    // The four channels' tables are 16 bytes apart; the shuffle ignores the two highest bits.
    let table_of_channel = _mm512_set1_epi32(0x3020_1000);
    let low_bits = _mm512_set1_epi8(15);
    let ones = _mm512_set1_epi8(1);
    let mut sums = [[_mm512_setzero_si512(); FILTERS]; VECTORS];
    for (unit, codes) in codes.iter().enumerate() {
        let mut low = [_mm512_setzero_si512(); FILTERS];
        let mut high = low;
        for f in 0..FILTERS {
            let w = weights[f * (weights.len() / FILTERS) + unit];
            low[f] = tables_of(input.tables, w, 0);
            if HIGH {
                high[f] = tables_of(input.tables, w, 1);
            }
        }
        for (v, sums) in sums.iter_mut().enumerate() {
            // SAFETY: v is below VECTORS, and a unit has 64 * VECTORS bytes.
            let codes = unsafe { _mm512_loadu_si512(codes.as_ptr().add(64 * v).cast()) };
            // (codes & 15) | channel's table, in one operation each.
            const AND_OR: i32 = 0xea;
            let at_low = _mm512_ternarylogic_epi32::<AND_OR>(codes, low_bits, table_of_channel);
            let at_high = _mm512_ternarylogic_epi32::<AND_OR>(
                _mm512_srli_epi16::<4>(codes),
                low_bits,
                table_of_channel,
            );
            for (f, sum) in sums.iter_mut().enumerate() {
                let mut value = _mm512_permutexvar_epi8(at_low, low[f]);
                if HIGH {
                    value = _mm512_add_epi8(value, _mm512_permutexvar_epi8(at_high, high[f]));
                }
                *sum = if SIGNED {
                    _mm512_dpbusd_epi32(*sum, ones, value)
                } else {
                    _mm512_dpbusd_epi32(*sum, value, ones)
                };
            }
        }
    }
    let shift = _mm_cvtsi32_si128(input.shift as i32);
    for (v, sums) in sums.iter().enumerate() {
        let mut shifted = *sums;
        for sum in &mut shifted {
            *sum = _mm512_sll_epi32(*sum, shift);
        }
        let [s0, s1, s2, s3] = shifted;
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
                let out = &mut acc[16 * v + 4 * q + i][lane..lane + FILTERS];
                // SAFETY: the slice has four entries.
                unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), quarter) };
            }
        }
    }
}
