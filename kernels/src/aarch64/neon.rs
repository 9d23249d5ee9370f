//! NEON, on every 64-bit Arm processor.
//!
//! `smlal` multiplies 16-bit integers by one of them and adds to 32-bit integers, exactly.

use std::arch::aarch64::*;

use crate::{
    engine::gemm::{TileInput, TileKernels, UNIT, tile_kernels},
    output::blocks::LANES,
};

/// At most 20 accumulators of the 32 registers.
pub(crate) const KERNELS: TileKernels = tile_kernels!(tile: 1 => [1 2 3 4 5]);

/// # Safety
/// As for [`crate::engine::gemm::TileKernel`].
#[target_feature(enable = "neon")]
unsafe fn tile<const P: usize, const B: usize>(input: &TileInput<'_>, acc: *mut i32) {
    const { assert!(B == 1) };
    let mut sums = [[vdupq_n_s32(0); LANES / 4]; P];
    let mut line = input.weights.cast::<i16>();
    for run in input.runs {
        let mut codes = input.codes.wrapping_add(run.offset);
        for _ in 0..run.units {
            // SAFETY: the caller provides `lines` lines, each 32 16-bit integers, and P positions'
            // codes for each step of each run.
            unsafe {
                // De-interleaved: the first and the second code's weights, filters 0..8 and 8..16.
                let int16x8x2_t(first_low, second_low) = vld2q_s16(line);
                let int16x8x2_t(first_high, second_high) = vld2q_s16(line.add(LANES));
                for (p, sums) in sums.iter_mut().enumerate() {
                    let pair = codes.add(p * input.stride).cast::<[i16; 2]>().read_unaligned();
                    let [s0, s1, s2, s3] = sums;
                    for (code, low, high) in
                        [(pair[0], first_low, first_high), (pair[1], second_low, second_high)]
                    {
                        *s0 = vmlal_n_s16(*s0, vget_low_s16(low), code);
                        *s1 = vmlal_high_n_s16(*s1, low, code);
                        *s2 = vmlal_n_s16(*s2, vget_low_s16(high), code);
                        *s3 = vmlal_high_n_s16(*s3, high, code);
                    }
                }
            }
            line = line.wrapping_add(2 * LANES);
            codes = codes.wrapping_add(UNIT);
        }
    }
    for (p, sums) in sums.iter().enumerate() {
        for (quarter, &sum) in sums.iter().enumerate() {
            // SAFETY: the caller provides P * LANES accumulators.
            unsafe { vst1q_s32(acc.add(p * LANES + 4 * quarter), sum) };
        }
    }
}
