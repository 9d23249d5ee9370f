//! Convolution as a matrix product that reads the padded image in place.
//!
//! The receptive field of an output position is a list of contiguous runs of the padded image, at
//! the same offsets for every position, so no patch matrix is built. A tile of neighbouring
//! positions times blocks of 16 filters is accumulated in registers over all runs and over all
//! [`Factor`]s of the multiplier, each of which has its own copy of the image, of what stands for
//! the codes.

mod packing;

use std::{cell::Cell, cmp::Reverse};

use crate::{
    ConvShape, Isa, MacSpec,
    dispatch::multiversion,
    engine::byte_lookup::map_codes,
    input::image::{Copy, Width, fill},
    isa::Level,
    output::blocks::{Block, LANES, blocks},
    output::epilogue::Tile,
    product::{
        factors::{CodeFactor, Factor},
        terms::Count,
    },
};
use packing::Packing;

/// Bytes of activation codes that one step of a kernel reads: four codes of one byte, or two of
/// two bytes.
pub(crate) const UNIT: usize = 4;

/// The weights of one step: `[LANES]` times four signed bytes or two 16-bit integers.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(crate) struct Line(pub [u8; LANES * UNIT]);

impl Line {
    /// Stores a weight at a byte.
    pub fn set(&mut self, width: Width, at: usize, w: i32) {
        match width {
            Width::One => self.0[at] = w as u8,
            Width::Two => self.0[at..at + 2].copy_from_slice(&(w as i16).to_ne_bytes()),
        }
    }

    /// All bytes of some lines.
    fn flattened(lines: &mut [Line]) -> &mut [u8] {
        let (first, bytes) = (lines.as_mut_ptr().cast(), size_of_val(lines));
        // SAFETY: a line is an array of bytes without padding, as large as its alignment.
        unsafe { std::slice::from_raw_parts_mut(first, bytes) }
    }
}

/// A contiguous part of the receptive field.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// Bytes from the position's own address in the first copy.
    pub offset: usize,
    /// Steps; codes read beyond the run meet weights of 0.
    pub units: usize,
    /// Bits of the codes, for kernels that look at them.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    pub mask: u8,
}

/// What a tile kernel reads.
#[derive(Debug)]
pub(crate) struct TileInput<'a> {
    /// The first position's address.
    pub codes: *const u8,
    /// Bytes from one position to the next.
    pub stride: usize,
    pub runs: &'a [Run],
    /// Whose bits are counted, two steps of codes at once. Unread by kernels that do not count.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    pub counted: &'a [Run],
    /// [`Count::factor`]
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    pub factor: i8,
    /// The first block's weights.
    pub weights: *const Line,
    /// Lines from one block to the next: the sum of all runs' units. Unread by kernels that take
    /// one block.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    pub lines: usize,
}

/// Accumulates `[positions][blocks][LANES]` into `acc`, for the numbers of positions and blocks
/// that the kernel is compiled for.
///
/// # Safety
/// For each position p and run, `units * UNIT` bytes at `codes + p * stride + offset` can be read
/// (`2 * units * UNIT` where bits are counted), as can `blocks * lines` lines at `weights`; `acc` can be written; the processor has the
/// features of the kernel.
pub(crate) type TileKernel = unsafe fn(&TileInput<'_>, acc: *mut i32);

/// The kernels of an instruction set: entry `[b][p]` takes b + 1 blocks and p + 1 positions.
pub(crate) type TileKernels = &'static [&'static [TileKernel]];

/// Accumulators that go on together: they, the codes that they come from and become, and the weights
/// of few codes share the first-level cache.
const SPAN: usize = 128 * LANES;

/// Weights that may be read again and again from the second-level cache, in bytes.
const CACHED_WEIGHTS: usize = 256 << 10;

/// Lists the instances of a kernel `name::<positions, blocks>` for [`TileKernels`].
macro_rules! tile_kernels {
    ($name:ident: $($blocks:literal => [$($positions:literal)+]),+ $(,)?) => {
        &[$(&[$($name::<$positions, $blocks>),+]),+]
    };
}
pub(crate) use tile_kernels;

/// Neighbouring positions of a row, as many as a kernel takes.
#[derive(Debug, Clone, Copy)]
struct Positions {
    first: usize,
    count: usize,
    /// Of the first, in bytes.
    offset: usize,
}

#[derive(Debug)]
pub(crate) struct Gemm {
    isa: Isa,
    /// With a pointwise convolution's rows joined into one.
    shape: ConvShape,
    padding: u8,
    width: Width,
    terms: usize,
    count: Option<Count>,
    /// What each copy has for the codes; of what is counted, the last.
    copies: Vec<CodeFactor>,
    copy_bytes: usize,
    image_bytes: usize,
    /// Whether the input is read as it is.
    in_place: bool,
    runs: Vec<Run>,
    counted: Vec<Run>,
    lines: usize,
    weights: Vec<Line>,
    packing: Packing,
    /// Sorted by group, the same number in each.
    blocks: Vec<Block>,
    kernels: TileKernels,
    /// Blocks of a tile.
    tile_blocks: usize,
    tiles: Vec<Positions>,
    /// Tiles whose accumulators go on together.
    span: usize,
    /// What the weights are stored less, times what stands for the codes that meet them, summed
    /// over the terms.
    correction: Box<[i32; 256]>,
}

/// Buffers of a [`Gemm`].
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    image: Vec<u8>,
    /// What stands for the codes, before it is copied.
    replaced: Vec<u8>,
}

impl Gemm {
    /// Sums of the products of all `terms`, whose factors of the weights in use span less than
    /// [`Gemm::span`], and of a count, if [`Gemm::counts`].
    pub fn new(isa: Isa, spec: &MacSpec, terms: &[Factor], count: Option<Count>) -> Gemm {
        let mut gemm = Self::without_weights(isa, spec, terms, count, &spec.used_weights());
        gemm.load(spec);
        gemm
    }

    /// The same, for weights among those `used`, which [`Gemm::load`] brings.
    pub fn without_weights(
        isa: Isa,
        spec: &MacSpec,
        terms: &[Factor],
        count: Option<Count>,
        used: &[u8],
    ) -> Gemm {
        let mut shape = spec.shape;
        if is_pointwise(&shape) {
            (shape.height, shape.width) = (1, shape.height * shape.width);
        }
        let (mut kernels, width) = kernels(isa);
        let mut copies: Vec<_> = terms.iter().map(|term| term.of_code.clone()).collect();
        let mut masks = vec![0xff; terms.len()];
        let bits = |factor: &CodeFactor| match factor {
            &CodeFactor::Bits(bits) => Some(bits),
            CodeFactor::Bytes(_) => None,
        };
        if let Some(masked) = masked_kernels(isa)
            && let Some(bits) = copies.iter().map(bits).collect::<Option<Vec<_>>>()
            && bits.iter().any(|&bits| bits != 0xff)
        {
            // One copy serves all terms.
            (kernels, masks) = (masked, bits);
            copies = vec![CodeFactor::Bits(0xff)];
        }
        let terms_copies = copies.len();
        if let Some(count) = count {
            kernels = counting_kernels(isa).expect("an instruction set that counts");
            copies.push(CodeFactor::by(|code| count.of_code(code)));
        }
        let pixel = shape.channels * width.bytes();
        let copy_bytes = shape.padded_height() * shape.padded_width() * pixel;
        let taps = contiguous(&shape);
        let mut runs = Vec::new();
        for (term, &mask) in masks.iter().enumerate() {
            let copy = if terms_copies == 1 { 0 } else { term };
            for &(offset, len) in &taps {
                runs.push(Run {
                    offset: copy * copy_bytes + offset * width.bytes(),
                    units: (len * width.bytes()).div_ceil(UNIT),
                    mask,
                });
            }
        }
        let runs_counted = count.iter().flat_map(|_| &taps).map(|&(offset, len)| Run {
            offset: terms_copies * copy_bytes + offset,
            units: len.div_ceil(2 * UNIT),
            mask: 0xff,
        });
        let counted: Vec<Run> = runs_counted.collect();
        let lines = runs.iter().chain(&counted).map(|run| run.units).sum();

        let blocks = blocks(shape.groups, shape.filters_per_group());
        let mut correction = Box::new([0; 256]);
        let mut offset_terms = Vec::new();
        for term in terms {
            let offset = storage_offset(used, &spec.weight_zero_points, term, width);
            offset_terms.push((term, offset));
            for (a, sum) in (0..=255).zip(correction.iter_mut()) {
                *sum += offset * i32::from(term.of_code.of(a));
            }
        }
        let weights = vec![Line([0; LANES * UNIT]); lines * blocks.len()];
        let packing = Packing::new(taps, &offset_terms, count, width);

        let last_group = (shape.groups - 1) * shape.channels_per_group() * width.bytes();
        let last_position = ((shape.out_height() - 1) * shape.stride_height * shape.padded_width()
            + (shape.out_width() - 1) * shape.stride_width)
            * pixel;
        let of_terms = runs.iter().map(|run| run.offset + run.units * UNIT);
        let of_count = counted.iter().map(|run| run.offset + 2 * run.units * UNIT);
        let reach = of_terms.chain(of_count).max().unwrap_or(0);
        let image_bytes = (copies.len() * copy_bytes).max(last_position + last_group + reach);
        let padding = [shape.pad_top, shape.pad_left, shape.pad_bottom, shape.pad_right];
        let in_place = copies == [CodeFactor::Bits(0xff)]
            && (width, padding) == (Width::One, [0; 4])
            && image_bytes <= shape.input_len();
        let per_group = blocks.len() / shape.groups;
        let (tile_blocks, tile_positions) = choose_tile(kernels, per_group, shape.out_width());
        let tiles = cut_into_tiles(&shape, tile_positions, pixel);
        let span = SPAN / LANES / tile_blocks / tile_positions;
        Gemm {
            isa,
            shape,
            padding: spec.input_zero_point,
            width,
            terms: terms.len(),
            count,
            copies,
            copy_bytes,
            image_bytes,
            in_place,
            runs,
            counted,
            lines,
            weights,
            packing,
            blocks,
            kernels,
            tile_blocks,
            tiles,
            span,
            correction,
        }
    }

    /// Puts the weights of `spec` into their places.
    pub fn load(&mut self, spec: &MacSpec) {
        if self.lines == 0 {
            return;
        }
        for (block, lines) in self.blocks.iter().zip(self.weights.chunks_exact_mut(self.lines)) {
            self.packing.pack(self.isa, spec, block, lines);
        }
    }

    /// What has to be added to each accumulator, as a function of the activation codes.
    pub fn correction(&self) -> &[i32; 256] {
        &self.correction
    }

    pub fn terms(&self) -> usize {
        self.terms
    }

    /// Whether bits of partial products are counted.
    pub fn has_count(&self) -> bool {
        self.count.is_some()
    }

    /// Whether there are kernels that count.
    pub fn counts(isa: Isa) -> bool {
        counting_kernels(isa).is_some()
    }

    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Images that should be computed together: weights that come from memory serve some, if they
    /// are many beside the image.
    pub fn images(&self) -> usize {
        const IMAGES: usize = 4;
        let is_large = self.shape.positions() > 1 && self.weight_bytes() > 2 * CACHED_WEIGHTS;
        if is_large { IMAGES } else { 1 }
    }

    /// Whether tiles come in the order of positions, those of all blocks before the next span's.
    pub fn is_in_order(&self) -> bool {
        self.shape.groups == 1 && self.weight_bytes() <= CACHED_WEIGHTS
    }

    fn weight_bytes(&self) -> usize {
        size_of_val(&*self.weights)
    }

    /// Up to how much factors of the weight may span.
    pub fn span(isa: Isa) -> i32 {
        match kernels(isa).1 {
            Width::One => 1 << 8,
            Width::Two => 1 << 16,
        }
    }

    /// Copies the input if need be and hands the accumulators to `sink`, tile by tile.
    pub fn run(&self, input: &[u8], buffers: &mut Buffers, sink: impl FnMut(Tile<'_>)) {
        if self.in_place {
            return self.run_on(input, sink);
        }
        let Buffers { image, replaced } = buffers;
        if image.len() < self.image_bytes {
            image.resize(self.image_bytes, 0);
        }
        let (shape, width) = (&self.shape, self.width);
        let copies = image.chunks_exact_mut(self.copy_bytes);
        for (i, (factor, out)) in self.copies.iter().zip(copies).enumerate() {
            let padding = factor.of(self.padding);
            match factor {
                &CodeFactor::Bits(mask) => {
                    fill(self.isa, Copy { shape, padding, mask, width }, input, out);
                }
                CodeFactor::Bytes(bytes) => {
                    replaced.clear();
                    replaced.extend_from_slice(input);
                    map_codes(self.isa, bytes, replaced);
                    fill(self.isa, Copy { shape, padding, mask: 0xff, width }, replaced, out);
                }
            }
            if self.count.is_some() && i + 1 == self.copies.len() {
                pair(self.isa, out);
            }
        }
        self.run_on(image, sink);
    }

    fn run_on(&self, image: &[u8], mut sink: impl FnMut(Tile<'_>)) {
        assert!(image.len() >= self.image_bytes);
        let per_group = self.blocks.len() / self.shape.groups;
        // Few weights meet a span of positions one after the other, so that codes are written, and
        // sums of them read, while they are in the cache; of many, some meet all positions.
        let spans_together = match self.weight_bytes() <= CACHED_WEIGHTS {
            true => 1,
            false => self.tiles.len().div_ceil(self.span),
        };
        let mut acc = Accumulators([0; SPAN]);
        for group in 0..self.shape.groups {
            for tiles in self.tiles.chunks(self.span * spans_together) {
                for first in (0..per_group).step_by(self.tile_blocks) {
                    let blocks = self.tile_blocks.min(per_group - first);
                    let block = group * per_group + first;
                    for tiles in tiles.chunks(self.span) {
                        self.run_span(image, tiles, (block, blocks), &mut acc, &mut sink);
                    }
                }
            }
        }
    }

    /// Some tiles, one after the other, of blocks of one group.
    fn run_span(
        &self,
        image: &[u8],
        tiles: &[Positions],
        (block, blocks): (usize, usize),
        acc: &mut Accumulators,
        sink: &mut impl FnMut(Tile<'_>),
    ) {
        let (shape, bytes) = (&self.shape, self.width.bytes());
        let of_group = self.blocks[block].group * shape.channels_per_group() * bytes;
        let weights = self.weights[block * self.lines..].as_ptr();
        let mut positions = 0;
        for tile in tiles {
            let kernel = self.kernels[blocks - 1][tile.count - 1];
            let input = TileInput {
                codes: image[tile.offset + of_group..].as_ptr(),
                stride: shape.stride_width * shape.channels * bytes,
                runs: &self.runs,
                counted: &self.counted,
                factor: self.count.map_or(0, |count| count.factor),
                weights,
                lines: self.lines,
            };
            let acc = &mut acc.0[positions * blocks * LANES..][..tile.count * blocks * LANES];
            // SAFETY: the positions of the tile are output positions, and `image_bytes`, which
            // `image` was checked to have at least, is the largest sum of the last position's
            // address, a group's and a run's end. `weights` holds `lines` lines for each block.
            // `acc` has as many accumulators as the kernel writes. `isa` proves the features, and
            // `counting_kernels` asks for those of its own.
            unsafe { kernel(&input, acc.as_mut_ptr()) };
            positions += tile.count;
        }
        sink(Tile {
            acc: &mut acc.0[..positions * blocks * LANES],
            control: &[],
            position: tiles[0].first,
            positions,
            block,
            blocks,
        });
    }
}

#[repr(align(64))]
struct Accumulators([i32; SPAN]);

/// Has each byte take the bits of the one a step further on between its own.
#[inline(always)]
fn pair_body(bytes: &mut [u8]) {
    let bytes = Cell::from_mut(bytes).as_slice_of_cells();
    for (byte, next) in bytes.iter().zip(bytes.iter().skip(UNIT)) {
        byte.set(byte.get() | next.get() << 1);
    }
}

multiversion! {
    fn pair(isa, bytes: &mut [u8]) = pair_body;
}

/// Each row's positions, in tiles of at most `most` that differ little in size.
fn cut_into_tiles(shape: &ConvShape, most: usize, pixel: usize) -> Vec<Positions> {
    let width = shape.out_width();
    let per_row = width.div_ceil(most);
    let rows = (0..shape.out_height()).flat_map(|y| (0..per_row).map(move |t| (y, t)));
    rows.map(|(y, t)| {
        let x = t * width / per_row;
        let row = y * shape.stride_height * shape.padded_width();
        Positions {
            first: y * width + x,
            count: (t + 1) * width / per_row - x,
            offset: (row + x * shape.stride_width) * pixel,
        }
    })
    .collect()
}

/// Whether each output position reads just the pixel of the same number.
pub(crate) fn is_pointwise(shape: &ConvShape) -> bool {
    shape.kernel_height * shape.kernel_width * shape.stride_height * shape.stride_width == 1
        && shape.pad_top + shape.pad_left + shape.pad_bottom + shape.pad_right == 0
}

/// The receptive field as (offset, length) of contiguous codes, in the order of the weights.
pub(crate) fn contiguous(shape: &ConvShape) -> Vec<(usize, usize)> {
    let len = shape.channels_per_group();
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for ky in 0..shape.kernel_height {
        for kx in 0..shape.kernel_width {
            let pixel =
                ky * shape.dilation_height * shape.padded_width() + kx * shape.dilation_width;
            let offset = pixel * shape.channels;
            match runs.last_mut() {
                Some((start, run)) if *start + *run == offset => *run += len,
                _ => runs.push((offset, len)),
            }
        }
    }
    runs
}

fn kernels(isa: Isa) -> (TileKernels, Width) {
    match isa.level() {
        Level::Scalar => (scalar::KERNELS, Width::Two),
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => (crate::x86_64::avx2::KERNELS, Width::Two),
        #[cfg(target_arch = "x86_64")]
        Level::Avx512Vnni => (crate::x86_64::avx512::KERNELS, Width::One),
        #[cfg(target_arch = "aarch64")]
        Level::Neon => (crate::aarch64::neon::KERNELS, Width::Two),
    }
}

/// Kernels that multiply some bits of the codes, in about the same time; none where copies of such
/// are made.
fn masked_kernels(isa: Isa) -> Option<TileKernels> {
    match isa.level() {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512Vnni => Some(crate::x86_64::avx512::MASKED),
        _ => None,
    }
}

/// Kernels that count bits besides, which are the places of [`Count`].
fn counting_kernels(isa: Isa) -> Option<TileKernels> {
    match isa.level() {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512Vnni if is_x86_feature_detected!("avx512bitalg") => {
            Some(crate::x86_64::avx512::COUNTING)
        }
        _ => None,
    }
}

/// What all weights of a term are stored less; it has to fit all filters, because what is missing
/// is then the same for all of them, one function of the activation codes.
///
/// The best choice is the zero point: its own term of the output cancels what is missing, for the
/// activation bits that the multiplier does not drop. The kernels for bytes multiply unsigned by
/// signed ones, so that they cannot store unsigned weights above 127 as they are.
pub(crate) fn storage_offset(used: &[u8], zero_points: &[i32], term: &Factor, width: Width) -> i32 {
    let lowest = match width {
        Width::One => i32::from(i8::MIN),
        Width::Two => i32::from(i16::MIN),
    };
    let factors = used.iter().map(|&w| i32::from(term.of_weight[usize::from(w)]));
    let (least, most) = factors.fold((i32::MAX, i32::MIN), |(a, b), f| (a.min(f), b.max(f)));
    let first = zero_points[0];
    let uniform = zero_points.iter().all(|&z| z == first);
    // What moves the least factor to the lowest number fits if anything does.
    [uniform.then_some(first), Some(0), Some(128), Some(least.saturating_sub(lowest))]
        .into_iter()
        .flatten()
        .find(|&offset| {
            let fits = |factor: i32| (lowest..=!lowest).contains(&factor.saturating_sub(offset));
            fits(least) && fits(most)
        })
        .expect("the factors span no more than numbers of this width")
}

/// Blocks and positions per tile: the fewest loads per product, with a block's weights counted
/// twice (they are 16 times wider than the codes), among tiles that divide the work evenly; of such,
/// the most blocks, whose codes are more of a line of the cache.
fn choose_tile(kernels: TileKernels, blocks: usize, out_width: usize) -> (usize, usize) {
    let even = |total: usize, most: usize| total.div_ceil(total.div_ceil(most));
    (1..=kernels.len())
        .map(|b| (even(blocks, b), even(out_width, kernels[even(blocks, b) - 1].len())))
        .min_by_key(|&(b, p)| (1000 * (p + 2 * b) / (p * b), Reverse(b)))
        .expect("an instruction set has kernels")
}

/// The portable kernel.
mod scalar {
    use super::{LANES, TileInput, TileKernels, UNIT};

    pub(super) const KERNELS: TileKernels = tile_kernels!(tile: 1 => [1]);

    /// # Safety
    /// As for [`super::TileKernel`].
    unsafe fn tile<const P: usize, const B: usize>(input: &TileInput<'_>, acc: *mut i32) {
        let mut sums = [0i32; LANES];
        let mut line = input.weights;
        for run in input.runs {
            for unit in 0..run.units {
                // SAFETY: the caller provides `units` steps of codes and a line for each.
                let (codes, weights) = unsafe {
                    let codes = input.codes.add(run.offset + unit * UNIT);
                    (codes.cast::<[[u8; 2]; 2]>().read(), &(*line).0)
                };
                let [a, b] = codes.map(|code| i32::from(i16::from_ne_bytes(code)));
                for (sum, w) in sums.iter_mut().zip(weights.as_chunks::<4>().0) {
                    let [v, w] = [[w[0], w[1]], [w[2], w[3]]].map(i16::from_ne_bytes);
                    *sum = sum
                        .wrapping_add(a.wrapping_mul(i32::from(v)))
                        .wrapping_add(b.wrapping_mul(i32::from(w)));
                }
                line = line.wrapping_add(1);
            }
        }
        // SAFETY: the caller provides a tile of P * B * LANES = LANES accumulators.
        unsafe { acc.cast::<[i32; LANES]>().write(sums) };
    }
}
