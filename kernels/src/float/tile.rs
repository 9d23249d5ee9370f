//! The innermost loop, for any vector.

use crate::{Isa, engine::gemm::tile_kernels, isa::Level, output::blocks::LANES};

/// A part of the receptive field: channels side by side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tap {
    /// Floats from a position's own address.
    pub offset: usize,
    pub channels: usize,
}

/// What a kernel reads.
#[derive(Debug)]
pub(crate) struct Tile<'a> {
    /// The first position's address.
    pub input: *const f32,
    /// Floats from one position to the next.
    pub step: usize,
    pub taps: &'a [Tap],
    /// A vector for each channel of each tap, in the first block.
    pub weights: *const f32,
    /// Floats from one block to the next, here and below.
    pub weights_block: usize,
    /// A vector for each block.
    pub bias: *const f32,
    /// What is added to the outputs, if anything.
    pub residual: Option<*const f32>,
    pub residual_block: usize,
    pub output_block: usize,
    pub low: f32,
    pub high: f32,
}

/// Computes the outputs of some neighbouring positions in some blocks of filters.
///
/// # Safety
/// For the numbers of positions and blocks that the kernel is compiled for, all that [`Tile`]
/// names can be read, and the output written; the processor has the features of the kernel.
pub(crate) type TileKernel = unsafe fn(&Tile<'_>, output: *mut f32);

/// The kernels of an instruction set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FloatKernels {
    /// All lanes read the same channels. By blocks, then by positions, each from 1 on.
    pub shared: &'static [&'static [TileKernel]],
    /// Each lane reads the channel of its own number; one block, by positions.
    pub lanewise: &'static [&'static [TileKernel]],
}

impl FloatKernels {
    pub fn of(isa: Isa) -> FloatKernels {
        match isa.level() {
            Level::Scalar => PORTABLE,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => crate::x86_64::floats::AVX2,
            #[cfg(target_arch = "x86_64")]
            Level::Avx512Vnni => crate::x86_64::floats::AVX512,
            // NEON is part of the baseline that the portable kernels are compiled for.
            #[cfg(target_arch = "aarch64")]
            Level::Neon => PORTABLE,
        }
    }
}

/// 16 floats in registers.
///
/// # Safety
/// Addresses that are read and written hold 16 floats; the processor has the vector's
/// instructions.
pub(crate) trait Vector: Copy {
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    unsafe fn splat(value: f32) -> Self;
    unsafe fn add(self, other: Self) -> Self;
    /// `self + left * right`, rounded once or twice.
    unsafe fn add_product(self, left: Self, right: Self) -> Self;
    /// NaN stays NaN.
    unsafe fn clamp(self, low: Self, high: Self) -> Self;
}

/// # Safety
/// As for [`TileKernel`].
#[inline(always)]
pub(crate) unsafe fn shared_tile<V: Vector, const P: usize, const B: usize>(
    tile: &Tile<'_>,
    output: *mut f32,
) {
    // SAFETY: the caller's.
    unsafe { run::<V, P, B>(tile, output, |input| V::splat(*input)) }
}

/// # Safety
/// As for [`TileKernel`].
#[inline(always)]
pub(crate) unsafe fn lanewise_tile<V: Vector, const P: usize, const B: usize>(
    tile: &Tile<'_>,
    output: *mut f32,
) {
    // SAFETY: the caller's.
    unsafe { run::<V, P, B>(tile, output, |input| V::load(input)) }
}

/// # Safety
/// As for [`TileKernel`].
#[inline(always)]
unsafe fn run<V: Vector, const P: usize, const B: usize>(
    tile: &Tile<'_>,
    output: *mut f32,
    element: impl Fn(*const f32) -> V,
) {
    // SAFETY: the caller provides P positions' channels for each tap, a vector of weights for each
    // channel in each of B blocks, and B vectors of bias, residual and output for each position.
    unsafe {
        let bias: [V; B] = std::array::from_fn(|b| V::load(tile.bias.add(b * LANES)));
        let mut sums = [bias; P];
        let mut weights = tile.weights;
        for tap in tile.taps {
            let mut input = tile.input.add(tap.offset);
            for _ in 0..tap.channels {
                let lines: [V; B] =
                    std::array::from_fn(|b| V::load(weights.add(b * tile.weights_block)));
                for (p, sums) in sums.iter_mut().enumerate() {
                    let element = element(input.add(p * tile.step));
                    for (sum, &line) in sums.iter_mut().zip(&lines) {
                        *sum = sum.add_product(element, line);
                    }
                }
                weights = weights.add(LANES);
                input = input.add(1);
            }
        }
        let (low, high) = (V::splat(tile.low), V::splat(tile.high));
        for (p, sums) in sums.iter().enumerate() {
            for (b, &(mut sum)) in sums.iter().enumerate() {
                if let Some(residual) = tile.residual {
                    sum = sum.add(V::load(residual.add(b * tile.residual_block + p * LANES)));
                }
                sum.clamp(low, high).store(output.add(b * tile.output_block + p * LANES));
            }
        }
    }
}

const PORTABLE: FloatKernels = FloatKernels {
    shared: tile_kernels!(portable_shared: 1 => [1 2 3 4]),
    lanewise: tile_kernels!(portable_lanewise: 1 => [1 2 3 4]),
};

/// # Safety
/// As for [`TileKernel`].
unsafe fn portable_shared<const P: usize, const B: usize>(tile: &Tile<'_>, output: *mut f32) {
    // SAFETY: the caller's.
    unsafe { shared_tile::<[f32; LANES], P, B>(tile, output) }
}

/// # Safety
/// As for [`TileKernel`].
unsafe fn portable_lanewise<const P: usize, const B: usize>(tile: &Tile<'_>, output: *mut f32) {
    // SAFETY: the caller's.
    unsafe { lanewise_tile::<[f32; LANES], P, B>(tile, output) }
}

impl Vector for [f32; LANES] {
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's.
        unsafe { from.cast::<Self>().read() }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's.
        unsafe { to.cast::<Self>().write(self) }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        [value; LANES]
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        std::array::from_fn(|lane| self[lane] + other[lane])
    }

    #[inline(always)]
    unsafe fn add_product(self, left: Self, right: Self) -> Self {
        std::array::from_fn(|lane| self[lane] + left[lane] * right[lane])
    }

    #[inline(always)]
    unsafe fn clamp(self, low: Self, high: Self) -> Self {
        std::array::from_fn(|lane| {
            let raised = if self[lane] < low[lane] { low[lane] } else { self[lane] };
            if raised > high[lane] { high[lane] } else { raised }
        })
    }
}
