//! Vectors of float32.

use std::arch::x86_64::*;

use crate::{
    engine::gemm::tile_kernels,
    float::tile::{FloatKernels, Tile, Vector, lanewise_tile, shared_tile},
    output::blocks::LANES,
};

/// At most 24 accumulators of the 32 registers.
pub(crate) const AVX512: FloatKernels = FloatKernels {
    shared: tile_kernels!(avx512_shared:
        1 => [1 2 3 4 5 6 7 8],
        2 => [1 2 3 4 5 6 7 8],
        3 => [1 2 3 4 5 6 7 8],
    ),
    lanewise: tile_kernels!(avx512_lanewise: 1 => [1 2 3 4 5 6 7 8]),
};

/// At most 12 accumulators of the 16 registers.
pub(crate) const AVX2: FloatKernels = FloatKernels {
    shared: tile_kernels!(avx2_shared: 1 => [1 2 3 4 5 6]),
    lanewise: tile_kernels!(avx2_lanewise: 1 => [1 2 3 4 5 6]),
};

macro_rules! kernel {
    ($name:ident, $body:ident, $vector:ty, $features:literal) => {
        /// # Safety
        /// As for [`crate::float::tile::TileKernel`].
        #[target_feature(enable = $features)]
        unsafe fn $name<const P: usize, const B: usize>(tile: &Tile<'_>, output: *mut f32) {
            // SAFETY: the caller's.
            unsafe { $body::<$vector, P, B>(tile, output) }
        }
    };
}
kernel!(avx512_shared, shared_tile, __m512, "avx512f");
kernel!(avx512_lanewise, lanewise_tile, __m512, "avx512f");
kernel!(avx2_shared, shared_tile, [__m256; 2], "avx2,fma");
kernel!(avx2_lanewise, lanewise_tile, [__m256; 2], "avx2,fma");

impl Vector for __m512 {
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's, as in all that follow.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's.
        unsafe { _mm512_storeu_ps(to, self) }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the caller's.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the caller's.
        unsafe { _mm512_add_ps(self, other) }
    }

    #[inline(always)]
    unsafe fn add_product(self, left: Self, right: Self) -> Self {
        // SAFETY: the caller's.
        unsafe { _mm512_fmadd_ps(left, right, self) }
    }

    // The second operand is what comes out when one is NaN.
    #[inline(always)]
    unsafe fn clamp(self, low: Self, high: Self) -> Self {
        // SAFETY: the caller's.
        unsafe { _mm512_min_ps(high, _mm512_max_ps(low, self)) }
    }
}

impl Vector for [__m256; 2] {
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's.
        unsafe { [_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(LANES / 2))] }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's.
        unsafe {
            _mm256_storeu_ps(to, self[0]);
            _mm256_storeu_ps(to.add(LANES / 2), self[1]);
        }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the caller's.
        unsafe { [_mm256_set1_ps(value); 2] }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the caller's.
        unsafe { [_mm256_add_ps(self[0], other[0]), _mm256_add_ps(self[1], other[1])] }
    }

    #[inline(always)]
    unsafe fn add_product(self, left: Self, right: Self) -> Self {
        // SAFETY: the caller's.
        unsafe {
            [
                _mm256_fmadd_ps(left[0], right[0], self[0]),
                _mm256_fmadd_ps(left[1], right[1], self[1]),
            ]
        }
    }

    // As above.
    #[inline(always)]
    unsafe fn clamp(self, low: Self, high: Self) -> Self {
        // SAFETY: the caller's.
        unsafe {
            [
                _mm256_min_ps(high[0], _mm256_max_ps(low[0], self[0])),
                _mm256_min_ps(high[1], _mm256_max_ps(low[1], self[1])),
            ]
        }
    }
}
