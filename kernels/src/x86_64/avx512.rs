//! AVX-512 with VNNI and VBMI.
//!
//! `vpdpbusd` adds four products of an unsigned and a signed byte to a 32-bit integer, without
//! saturation (its saturating relative is `vpdpbusds`).

use std::arch::x86_64::*;

use crate::{
    engine::gemm::{TileInput, TileKernels, UNIT, tile_kernels},
    output::{blocks::LANES, sums::Plane},
};

/// At most 24 accumulators, leaving registers for the weights and one step of codes.
macro_rules! of_all_sizes {
    ($name:ident) => {
        tile_kernels!($name:
            1 => [1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16],
            2 => [1 2 3 4 5 6 7 8 9 10 11 12],
            3 => [1 2 3 4 5 6 7 8],
            4 => [1 2 3 4 5 6],
        )
    };
}

pub(crate) const KERNELS: TileKernels = of_all_sizes!(whole);

/// The same of some bits of the codes, as the runs say.
pub(crate) const MASKED: TileKernels = of_all_sizes!(masked);

/// The same, and bits that are counted.
pub(crate) const COUNTING: TileKernels = of_all_sizes!(counting);

/// # Safety
/// As for [`crate::engine::gemm::TileKernel`].
#[target_feature(enable = "avx512f,avx512vnni")]
unsafe fn whole<const P: usize, const B: usize>(input: &TileInput<'_>, acc: *mut i32) {
    // SAFETY: as the caller says.
    unsafe { store(&products::<P, B, false>(input), acc) };
}

/// # Safety
/// As for [`crate::engine::gemm::TileKernel`].
#[target_feature(enable = "avx512f,avx512vnni")]
unsafe fn masked<const P: usize, const B: usize>(input: &TileInput<'_>, acc: *mut i32) {
    // SAFETY: as the caller says.
    unsafe { store(&products::<P, B, true>(input), acc) };
}

/// # Safety
/// As for [`crate::engine::gemm::TileKernel`].
#[target_feature(enable = "avx512f,avx512vnni,avx512bitalg")]
unsafe fn counting<const P: usize, const B: usize>(input: &TileInput<'_>, acc: *mut i32) {
    // SAFETY: as the caller says.
    let mut sums = unsafe { products::<P, B, true>(input) };
    let units: usize = input.runs.iter().map(|run| run.units).sum();
    let mut line = input.weights.wrapping_add(units);
    let factor = _mm512_set1_epi8(input.factor);
    for run in input.counted {
        let mut codes = input.codes.wrapping_add(run.offset);
        for _ in 0..run.units {
            // SAFETY: as in `products`, and two steps of codes for each line.
            unsafe {
                let mut weights = [_mm512_setzero_si512(); B];
                for (b, weights) in weights.iter_mut().enumerate() {
                    *weights = _mm512_load_si512(line.add(b * input.lines).cast());
                }
                for (p, sums) in sums.iter_mut().enumerate() {
                    let codes = codes.add(p * input.stride).cast::<i32>().read_unaligned();
                    let codes = _mm512_set1_epi32(codes);
                    for (sum, &weights) in sums.iter_mut().zip(&weights) {
                        let count = _mm512_popcnt_epi8(_mm512_and_si512(codes, weights));
                        *sum = _mm512_dpbusd_epi32(*sum, count, factor);
                    }
                }
            }
            line = line.wrapping_add(1);
            codes = codes.wrapping_add(2 * UNIT);
        }
    }
    // SAFETY: as the caller says.
    unsafe { store(&sums, acc) };
}

/// The sums of all runs' products.
///
/// # Safety
/// As for [`crate::engine::gemm::TileKernel`].
#[inline]
#[target_feature(enable = "avx512f,avx512vnni")]
unsafe fn products<const P: usize, const B: usize, const MASKED: bool>(
    input: &TileInput<'_>,
) -> [[__m512i; B]; P] {
    let mut sums = [[_mm512_setzero_si512(); B]; P];
    let mut line = input.weights;
    for run in input.runs {
        let mut codes = input.codes.wrapping_add(run.offset);
        let mask = _mm512_set1_epi8(run.mask as i8);
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
                    let mut codes = _mm512_set1_epi32(codes);
                    if MASKED {
                        codes = _mm512_and_si512(codes, mask);
                    }
                    for (sum, &weights) in sums.iter_mut().zip(&weights) {
                        *sum = _mm512_dpbusd_epi32(*sum, codes, weights);
                    }
                }
            }
            line = line.wrapping_add(1);
            codes = codes.wrapping_add(UNIT);
        }
    }
    sums
}

/// # Safety
/// `acc` can be written.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn store<const P: usize, const B: usize>(sums: &[[__m512i; B]; P], acc: *mut i32) {
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
    let kept = plane.bits.map(|bits| _mm512_set1_epi8(bits as i8));
    let lookup = |codes: __m512i| {
        if let Some(kept) = kept {
            return _mm512_and_si512(codes, kept);
        }
        let low = _mm512_permutex2var_epi8(table[0], codes, table[1]);
        let high = _mm512_permutex2var_epi8(table[2], codes, table[3]);
        _mm512_mask_blend_epi8(_mm512_movepi8_mask(codes), low, high)
    };
    if channels <= 4 {
        // Each pixel's codes in a dword of their own.
        let at: [u8; 64] = std::array::from_fn(|i| (i / 4 * channels + i % 4) as u8);
        // SAFETY: there are 64 indices.
        let at = unsafe { _mm512_loadu_si512(at.as_ptr().cast()) };
        let there = 0x1111_1111_1111_1111 * ((1u64 << channels) - 1);
        for (block, out) in out.chunks_mut(16).enumerate() {
            let bytes = u64::MAX >> (64 - channels * out.len());
            let pixels = (0xffffu32 >> (16 - out.len())) as __mmask16;
            // SAFETY: the masks limit the accesses to pixels below out.len(), which the assertion
            // puts inside the input.
            unsafe {
                let codes = input.as_ptr().add(16 * channels * block);
                let values = lookup(_mm512_maskz_loadu_epi8(bytes, codes.cast()));
                let values = _mm512_maskz_permutexvar_epi8(there, at, values);
                let before = _mm512_maskz_loadu_epi32(pixels, out.as_ptr());
                let sums = _mm512_dpbusd_epi32(before, values, _mm512_set1_epi8(1));
                _mm512_mask_storeu_epi32(out.as_mut_ptr(), pixels, sums);
            }
        }
        return;
    }
    if channels >= 64 {
        // As below, but each vector is one pixel.
        let surplus = channels.next_multiple_of(64) - channels;
        let surplus = _mm_set1_epi32((surplus * usize::from(plane.table[0])) as i32);
        for (block, out) in out.chunks_mut(4).enumerate() {
            let mut sums = [_mm512_setzero_si512(); 4];
            for (i, sum) in sums.iter_mut().enumerate() {
                let start = (4 * block + i.min(out.len() - 1)) * channels;
                for c in (0..channels).step_by(64) {
                    let mask = u64::MAX >> (64 - (channels - c).min(64));
                    // SAFETY: the masked-off bytes are not accessed, the others are channels c.. of
                    // pixels below out.len(), which the assertion puts inside the input.
                    let codes = unsafe {
                        _mm512_maskz_loadu_epi8(mask, input.as_ptr().add(start + c).cast())
                    };
                    *sum = _mm512_dpbusd_epi32(*sum, lookup(codes), _mm512_set1_epi8(1));
                }
            }
            let sum = add_within_quarters(sums);
            let sum =
                _mm256_add_epi32(_mm512_castsi512_si256(sum), _mm512_extracti64x4_epi64::<1>(sum));
            let sum =
                _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
            let mask = 0xf >> (4 - out.len());
            // SAFETY: the mask limits the access to out.len() entries.
            unsafe {
                let before = _mm_maskz_loadu_epi32(mask, out.as_ptr());
                let sum = _mm_add_epi32(before, _mm_sub_epi32(sum, surplus));
                _mm_mask_storeu_epi32(out.as_mut_ptr(), mask, sum);
            }
        }
        return;
    }
    // Lanes beyond the last channel are read as code 0.
    let surplus = channels.next_multiple_of(16) - channels;
    let surplus = _mm512_set1_epi32((surplus * usize::from(plane.table[0])) as i32);
    // Where 4 i + q is 4 q + i.
    let turned = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
    for (block, out) in out.chunks_mut(16).enumerate() {
        let pixels = out.len();
        // Vector i, quarter q: pixel 4 q + i. Pixels beyond the last repeat it.
        let mut sums = [_mm512_setzero_si512(); 4];
        for (i, sum) in sums.iter_mut().enumerate() {
            let starts: [usize; 4] =
                std::array::from_fn(|q| (16 * block + (4 * q + i).min(pixels - 1)) * channels);
            if channels == 16 {
                // Four pixels side by side: quarter q is pixel 4 i + q, until the end.
                let bytes = (16 * pixels).saturating_sub(64 * i).min(64);
                let mask = if bytes == 0 { 0 } else { u64::MAX >> (64 - bytes) };
                // SAFETY: the mask limits the access to pixels below out.len(), which the
                // assertion puts inside the input; behind them nothing is accessed.
                let codes = unsafe {
                    let start = input.as_ptr().wrapping_add(256 * block + 64 * i);
                    _mm512_maskz_loadu_epi8(mask, start.cast())
                };
                *sum = _mm512_dpbusd_epi32(*sum, lookup(codes), _mm512_set1_epi8(1));
                continue;
            }
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
        let sum = add_within_quarters(sums);
        let sum = if channels == 16 {
            _mm512_permutexvar_epi32(turned, sum)
        } else {
            _mm512_sub_epi32(sum, surplus)
        };
        let mask = (0xffffu32 >> (16 - pixels)) as __mmask16;
        // SAFETY: the mask limits the access to out.len() entries.
        unsafe {
            let before = _mm512_maskz_loadu_epi32(mask, out.as_ptr());
            _mm512_mask_storeu_epi32(out.as_mut_ptr(), mask, _mm512_add_epi32(before, sum));
        }
    }
}

/// Dword i of each quarter: the sum of that quarter of vector i.
#[inline]
#[target_feature(enable = "avx512f")]
fn add_within_quarters([s0, s1, s2, s3]: [__m512i; 4]) -> __m512i {
    let s01 = _mm512_add_epi32(_mm512_unpacklo_epi32(s0, s1), _mm512_unpackhi_epi32(s0, s1));
    let s23 = _mm512_add_epi32(_mm512_unpacklo_epi32(s2, s3), _mm512_unpackhi_epi32(s2, s3));
    _mm512_add_epi32(_mm512_unpacklo_epi64(s01, s23), _mm512_unpackhi_epi64(s01, s23))
}
