//! Any table of products, by rows: for one weight position and one code, the products with the
//! weights of 16 filters lie side by side, so that a code selects 16 products with one load.
//!
//! Rows are built from the table for a few weight positions at a time, to stay in the first-level
//! cache, and serve all positions of several images. [`Entries`] that 16 bits hold are added up in
//! 16 bits: for as long as they are too small to overflow, or, if they are not, twice, whole and
//! without their low byte, from which the sum follows. Others are added up in 32 bits.

use crate::{
    ConvShape, Isa, MacSpec,
    buffer::first,
    dispatch::multiversion,
    input::planes::{fill_batch, plane_len, planes_len, transpose_copy, transpose_words},
    isa::first_cache_bytes,
    output::blocks::{Block, LANES, blocks},
    output::epilogue::{Tile, tiles},
    product::entries::Entries,
};

/// Weight positions whose rows are built together, and are to stay in the first-level cache: with
/// 256 codes and 16 filters of 16 bits, 8 KB each. Fewer leave more sums to load and store.
fn taps_in_cache() -> usize {
    // A fourth of the cache is for codes and sums.
    (first_cache_bytes() * 3 / 4 / size_of::<[Row<u16>; 256]>()).min(MOST_TAPS)
}

/// Most of them, for which there is code.
const MOST_TAPS: usize = 4;

/// Weight positions after which [`Split`] sums are widened; more could overflow them.
const SPLIT: usize = 255;

/// Weight positions of a run below which [`Split`] sums are faster.
const SHORT: usize = 9;

/// Output positions that share the rows, of as many images as it takes.
const POSITIONS: usize = 8192;

/// Products of one code with the weights of the block's filters.
#[derive(Debug, Clone, Copy)]
#[repr(align(32))]
struct Row<T>([T; LANES]);

/// [`Entries`] of 16 bits.
#[derive(Debug)]
struct Words {
    of_code: [i32; 256],
    of_weight: [i32; 256],
    /// `[w][a]`
    values: Vec<u16>,
    /// The largest value of each weight.
    largest: [u16; 256],
    /// What a sum is shifted left by.
    shift: u32,
}

impl Words {
    /// Those with the smallest values; None if 16 bits never hold them.
    fn new(spec: &MacSpec, table: &[i32]) -> Option<Words> {
        let entries = Entries::candidates(spec, table, &[None])
            .into_iter()
            .filter(|entries| entries.values.iter().all(|&value| u16::try_from(value).is_ok()))
            .min_by(|a, b| a.mean_largest(|v| v).total_cmp(&b.mean_largest(|v| v)))?;
        let mut words = Words {
            of_code: entries.of_code,
            of_weight: [0; 256],
            values: vec![0; 1 << 16],
            largest: [0; 256],
            shift: entries.shift,
        };
        let weights = entries.used.iter().zip(&entries.of_weight);
        for ((&(w, _), &least), row) in weights.zip(entries.values.chunks_exact(256)) {
            let w = usize::from(w);
            let values = &mut words.values[w << 8..][..256];
            values.iter_mut().zip(row).for_each(|(to, &value)| *to = value as u16);
            words.largest[w] = values.iter().copied().max().unwrap_or(0);
            words.of_weight[w] = least;
        }
        Some(words)
    }

    /// Cuts taps into runs whose values 16 bits can add up, each but the last of a multiple of
    /// `pass` taps; None if they are so short that [`Split`] sums are faster.
    fn runs(&self, weights: &[[u8; LANES]], pass: usize) -> Option<Vec<usize>> {
        let mut runs = Vec::new();
        let mut sums = [u32::MAX; LANES];
        for weights in weights.chunks(pass) {
            let mut more = [0; LANES];
            for lanes in weights {
                let largest = lanes.map(|w| u32::from(self.largest[usize::from(w)]));
                more.iter_mut().zip(largest).for_each(|(more, largest)| *more += largest);
            }
            // The values of one pass have to fit in any case.
            if more.iter().any(|&more| more > u32::from(u16::MAX)) {
                return None;
            }
            sums.iter_mut().zip(more).for_each(|(sum, more)| *sum = sum.saturating_add(more));
            match runs.last_mut() {
                Some(run) if sums.iter().all(|&sum| sum <= u32::from(u16::MAX)) => {
                    *run += weights.len();
                }
                _ => {
                    runs.push(weights.len());
                    sums = more;
                }
            }
        }
        (runs.len() * SHORT <= weights.len()).then_some(runs)
    }
}

/// Sums of up to 256 words, modulo 2^16, and of the words' upper bytes.
#[derive(Debug, Clone, Copy)]
struct Split {
    words: Row<u16>,
    upper: Row<u16>,
}

impl Split {
    const ZERO: Split = Split { words: Row([0; LANES]), upper: Row([0; LANES]) };

    #[inline(always)]
    fn add(&mut self, entry: &Row<u16>) {
        add_entry(&mut self.words.0, entry, u16::wrapping_add);
        add_entry(&mut self.upper.0, entry, |sum, entry| sum.wrapping_add(entry >> 8));
    }
}

#[derive(Debug)]
enum Values {
    Words(Box<Words>),
    Products(Vec<i32>),
}

#[derive(Debug)]
pub(crate) struct RowsConv {
    isa: Isa,
    shape: ConvShape,
    padding: u8,
    values: Values,
    /// Offsets of the receptive field's codes in the planes of a group.
    taps: Vec<usize>,
    /// How many of them are added in one pass over the positions.
    pass: usize,
    blocks: Vec<Block>,
    /// `[blocks][taps][LANES]`
    weights: Vec<[u8; LANES]>,
    /// See [`Words::runs`], for each block.
    runs: Vec<Option<Vec<usize>>>,
}

/// Buffers of a [`RowsConv`].
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    /// `[images][channels][padded height][padded width]`
    planes: Vec<u8>,
    word_rows: Vec<Row<u16>>,
    product_rows: Vec<Row<i32>>,
    /// One block's sums, `[images][positions]`.
    words: Vec<Row<u16>>,
    split: Vec<Split>,
    /// The result, `[blocks][images][positions]`.
    sums: Vec<[i32; LANES]>,
}

impl RowsConv {
    /// `table`: entry 256 w + a.
    pub fn new(isa: Isa, spec: &MacSpec, table: &[i32]) -> RowsConv {
        Self::with_pass(isa, spec, table, taps_in_cache())
    }

    fn with_pass(isa: Isa, spec: &MacSpec, table: &[i32], pass: usize) -> RowsConv {
        let shape = spec.shape;
        let (depth, channels) = (shape.depth(), shape.channels_per_group());
        // Neighbouring taps of one channel read neighbouring codes.
        let mut order: Vec<(usize, usize)> = Vec::with_capacity(depth);
        for channel in 0..channels {
            for ky in 0..shape.kernel_height {
                for kx in 0..shape.kernel_width {
                    let offset = channel * plane_len(&shape)
                        + ky * shape.dilation_height * shape.padded_width()
                        + kx * shape.dilation_width;
                    order.push((offset, (ky * shape.kernel_width + kx) * channels + channel));
                }
            }
        }
        let blocks = blocks(shape.groups, shape.filters_per_group());
        let lanes = |block: &Block, j: usize| {
            // Idle lanes repeat the last filter.
            std::array::from_fn(|lane| {
                spec.weights[(block.filter + lane.min(block.count - 1)) * depth + j]
            })
        };
        let weights: Vec<_> = blocks
            .iter()
            .flat_map(|block| order.iter().map(move |&(_, j)| lanes(block, j)))
            .collect();
        let values = match Words::new(spec, table) {
            Some(words) => Values::Words(Box::new(words)),
            None => Values::Products(table.to_vec()),
        };
        let runs = weights.chunks(depth).map(|weights| match &values {
            Values::Words(words) => words.runs(weights, pass),
            Values::Products(_) => None,
        });
        RowsConv {
            isa,
            shape,
            padding: spec.input_zero_point,
            runs: runs.collect(),
            values,
            weights,
            taps: order.iter().map(|&(offset, _)| offset).collect(),
            pass,
            blocks,
        }
    }

    /// Images that should be computed together.
    pub fn images(&self) -> usize {
        (POSITIONS / self.shape.positions()).max(1)
    }

    /// Bits of an entry.
    pub fn bits(&self) -> u32 {
        match self.values {
            Values::Words(_) => 16,
            Values::Products(_) => 32,
        }
    }

    /// What has to be added to each sum, as a function of the codes.
    pub fn correction(&self) -> [i32; 256] {
        match &self.values {
            Values::Words(words) => words.of_code,
            Values::Products(_) => [0; 256],
        }
    }

    /// Computes the sums of all images into `buffers`.
    pub fn run<'a>(&self, images: impl Iterator<Item = &'a [u8]>, buffers: &mut Buffers) {
        let shape = &self.shape;
        let count = fill_batch(self.isa, shape, self.padding, images, &mut buffers.planes);
        let positions = count * shape.positions();
        first(&mut buffers.sums, self.blocks.len() * positions, [0; LANES]);
        match &self.values {
            Values::Words(words) => {
                first(&mut buffers.words, positions, Row([0; LANES]));
                first(&mut buffers.split, positions, Split::ZERO);
                buffers.word_rows.resize(MOST_TAPS << 8, Row([0; LANES]));
                for b in 0..self.blocks.len() {
                    add_words(self.isa, self, words, b, count, buffers);
                }
            }
            Values::Products(table) => {
                buffers.product_rows.resize(MOST_TAPS << 8, Row([0; LANES]));
                for b in 0..self.blocks.len() {
                    add_products(self.isa, self, table, b, count, buffers);
                }
            }
        }
    }

    /// Hands the sums of the last run's image, its number and how many there were, to `sink`.
    pub fn tiles(&self, buffers: &mut Buffers, image: (usize, usize), sink: impl FnMut(Tile<'_>)) {
        let positions = self.shape.positions();
        let sums = &mut buffers.sums[..self.blocks.len() * image.1 * positions];
        tiles(sums, positions, image, sink);
    }

    #[inline(always)]
    fn add_words(&self, words: &Words, b: usize, images: usize, buffers: &mut Buffers) {
        let Buffers { planes, word_rows, words: plain, split, sums, .. } = buffers;
        let positions = images * self.shape.positions();
        let sums = &mut sums[b * positions..][..positions];
        let weights = &self.weights[b * self.taps.len()..][..self.taps.len()];
        let mut constant = [0i32; LANES];
        for lanes in weights {
            for (constant, &w) in constant.iter_mut().zip(lanes) {
                *constant = constant.wrapping_add(words.of_weight[usize::from(w)]);
            }
        }
        sums.fill(constant);
        if let Some(runs) = &self.runs[b] {
            let plain = &mut plain[..positions];
            plain.fill(Row([0; LANES]));
            let (mut taps, mut weights) = (&self.taps[..], weights);
            for &run in runs {
                let (run_taps, run_weights);
                (run_taps, taps) = taps.split_at(run);
                (run_weights, weights) = weights.split_at(run);
                for (taps, weights) in run_taps.chunks(self.pass).zip(run_weights.chunks(self.pass))
                {
                    build_rows(&words.values, weights, word_rows, transpose_words);
                    self.pass(b, images, taps, planes, word_rows, plain, |sum, entry| {
                        add_entry(&mut sum.0, entry, u16::wrapping_add);
                    });
                }
                widen(plain, words.shift, sums);
            }
            return;
        }
        let split = &mut split[..positions];
        split.fill(Split::ZERO);
        for (taps, weights) in self.taps.chunks(SPLIT).zip(weights.chunks(SPLIT)) {
            for (taps, weights) in taps.chunks(self.pass).zip(weights.chunks(self.pass)) {
                build_rows(&words.values, weights, word_rows, transpose_words);
                self.pass(b, images, taps, planes, word_rows, split, Split::add);
            }
            join(split, words.shift, sums);
        }
    }

    #[inline(always)]
    fn add_products(&self, table: &[i32], b: usize, images: usize, buffers: &mut Buffers) {
        let Buffers { planes, product_rows, sums, .. } = buffers;
        let positions = images * self.shape.positions();
        let sums = &mut sums[b * positions..][..positions];
        sums.fill([0; LANES]);
        let weights = &self.weights[b * self.taps.len()..][..self.taps.len()];
        for (taps, weights) in self.taps.chunks(self.pass).zip(weights.chunks(self.pass)) {
            build_rows(table, weights, product_rows, transpose_copy);
            self.pass(b, images, taps, planes, product_rows, sums, |sum, entry| {
                add_entry(sum, entry, i32::wrapping_add);
            });
        }
    }

    /// Adds the rows of some taps to the sums of all positions.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    fn pass<T: Copy, S: Copy>(
        &self,
        b: usize,
        images: usize,
        taps: &[usize],
        planes: &[u8],
        rows: &[Row<T>],
        sums: &mut [S],
        add: impl Fn(&mut S, &Row<T>) + Copy,
    ) {
        let shape = &self.shape;
        let group = self.blocks[b].group * shape.channels_per_group() * plane_len(shape);
        let rows = rows.as_chunks::<256>().0;
        for (image, sums) in (0..images).zip(sums.chunks_exact_mut(shape.positions())) {
            let planes = &planes[image * planes_len(shape) + group..];
            for (y, sums) in sums.chunks_exact_mut(shape.out_width()).enumerate() {
                let codes = &planes[y * shape.stride_height * shape.padded_width()..];
                let stride = shape.stride_width;
                match *taps {
                    [a, b, c, d] => add_row([a, b, c, d], codes, rows, stride, sums, add),
                    [a, b, c] => add_row([a, b, c], codes, rows, stride, sums, add),
                    [a, b] => add_row([a, b], codes, rows, stride, sums, add),
                    [a] => add_row([a], codes, rows, stride, sums, add),
                    _ => unreachable!("one to four taps"),
                }
            }
        }
    }
}

/// One row of output positions.
#[inline(always)]
fn add_row<T: Copy, S: Copy, const N: usize>(
    taps: [usize; N],
    codes: &[u8],
    rows: &[[Row<T>; 256]],
    stride: usize,
    sums: &mut [S],
    add: impl Fn(&mut S, &Row<T>) + Copy,
) {
    let rows: &[[Row<T>; 256]; N] = rows.first_chunk().expect("rows for each tap");
    let codes = taps.map(|tap| &codes[tap..]);
    let done = match stride {
        1 => add_chunks::<T, S, N, 1, 8>(codes, rows, sums, add),
        2 => add_chunks::<T, S, N, 2, 15>(codes, rows, sums, add),
        _ => 0,
    };
    for (x, sum) in sums.iter_mut().enumerate().skip(done) {
        for (codes, rows) in codes.iter().zip(rows) {
            add(sum, &rows[usize::from(codes[x * stride])]);
        }
    }
}

/// The positions of a row in chunks of eight, for which `SPAN` codes are read; how many positions
/// that were. Their places are known when this is compiled, and not checked again and again.
#[inline(always)]
fn add_chunks<T: Copy, S: Copy, const N: usize, const STRIDE: usize, const SPAN: usize>(
    codes: [&[u8]; N],
    rows: &[[Row<T>; 256]; N],
    sums: &mut [S],
    add: impl Fn(&mut S, &Row<T>) + Copy,
) -> usize {
    const CHUNK: usize = 8;
    let rows = rows.as_flattened();
    let chunks = sums.as_chunks_mut::<CHUNK>().0;
    for (c, sums) in chunks.iter_mut().enumerate() {
        let codes: [&[u8; SPAN]; N] =
            codes.map(|codes| codes[CHUNK * c * STRIDE..].first_chunk().expect("codes of a row"));
        for (x, sum) in sums.iter_mut().enumerate() {
            let mut lanes = *sum;
            for (tap, codes) in codes.iter().enumerate() {
                // One array, so that one register holds where it is.
                add(&mut lanes, &rows[256 * tap + usize::from(codes[x * STRIDE])]);
            }
            *sum = lanes;
        }
    }
    CHUNK * chunks.len()
}

#[inline(always)]
fn add_entry<T: Copy>(sum: &mut [T; LANES], entry: &Row<T>, add: impl Fn(T, T) -> T) {
    let mut lanes = *sum;
    for (lane, &entry) in lanes.iter_mut().zip(&entry.0) {
        *lane = add(*lane, entry);
    }
    *sum = lanes;
}

/// Moves the narrow sums to the wide ones.
#[inline(always)]
fn widen(words: &mut [Row<u16>], shift: u32, sums: &mut [[i32; LANES]]) {
    for (words, sums) in words.iter_mut().zip(sums) {
        let words = std::mem::replace(words, Row([0; LANES]));
        let mut lanes = *sums;
        for (lane, word) in lanes.iter_mut().zip(words.0) {
            *lane = lane.wrapping_add(i32::from(word) << shift);
        }
        *sums = lanes;
    }
}

/// Moves the split sums to the wide ones. // eq. (5.7)
#[inline(always)]
fn join(split: &mut [Split], shift: u32, sums: &mut [[i32; LANES]]) {
    for (split, sums) in split.iter_mut().zip(sums) {
        let Split { words, upper } = std::mem::replace(split, Split::ZERO);
        let mut lanes = *sums;
        for ((lane, words), upper) in lanes.iter_mut().zip(words.0).zip(upper.0) {
            // What the low bytes add up to is less than 2^16.
            let lower = words.wrapping_sub(upper << 8);
            let sum = (i32::from(upper) << 8) + i32::from(lower);
            *lane = lane.wrapping_add(sum << shift);
        }
        *sums = lanes;
    }
}

/// For each weight position, transposes its filters' columns of 256 codes into 256 rows.
#[inline(always)]
fn build_rows<T: Copy>(
    values: &[T],
    weights: &[[u8; LANES]],
    rows: &mut [Row<T>],
    transpose: impl Fn([&[T; LANES]; LANES], [&mut [T; LANES]; LANES]),
) {
    for (lanes, rows) in weights.iter().zip(rows.as_chunks_mut::<256>().0) {
        let columns: [&[T; 256]; LANES] =
            lanes.map(|w| values[usize::from(w) << 8..].first_chunk().expect("256 codes"));
        for (c, rows) in rows.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            let parts = columns.map(|column| column[LANES * c..].first_chunk().expect("16 codes"));
            transpose(parts, rows.each_mut().map(|row| &mut row.0));
        }
    }
}

multiversion! {
    fn add_words(
        isa,
        conv: &RowsConv,
        words: &Words,
        b: usize,
        images: usize,
        buffers: &mut Buffers,
    ) = RowsConv::add_words;
}

multiversion! {
    fn add_products(
        isa,
        conv: &RowsConv,
        table: &[i32],
        b: usize,
        images: usize,
        buffers: &mut Buffers,
    ) = RowsConv::add_products;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OutputSpec, Product, ResidualSpec, WeightCoding, tests::judged::Judged};

    /// Caches differ, and with them how many taps are added at once: the sums do not.
    #[test]
    fn any_number_of_taps_in_a_pass_gives_the_same_sums() {
        let shape = ConvShape {
            height: 6,
            kernel_height: 3,
            kernel_width: 3,
            ..ConvShape::linear(9, 5, 18)
        };
        let byte = |i: usize| (i * i * 31 + i * 7) as u8;
        let spec = MacSpec {
            weights: (0..18 * shape.depth()).map(byte).collect(),
            shape,
            coding: WeightCoding::Unsigned,
            product: Product::Mask(0),
            input_zero_point: 3,
            weight_zero_points: vec![0; 18],
            control: None,
            constant: vec![0; 18],
            scale: vec![1.0; 18],
            low: 0.0,
            high: 1.0,
            residual: ResidualSpec::None,
            output: OutputSpec::F32,
            activation: None,
        };
        let input: Vec<u8> = (0..spec.shape.input_len()).map(byte).collect();
        let mut judged = Judged::default();
        // Small entries add up plainly, large ones twice, 32-bit ones as they are.
        for most in [50, 40_000, 3_000_000] {
            let table: Vec<i32> = (0..1 << 16).map(|i: i32| i * 7919 % (most + 1)).collect();
            for isa in Isa::available() {
                let sums = |pass| {
                    let mut buffers = Buffers::default();
                    let conv = RowsConv::with_pass(isa, &spec, &table, pass);
                    conv.run([input.as_slice()].into_iter(), &mut buffers);
                    buffers.sums
                };
                let one = sums(1);
                assert!(one.iter().flatten().any(|&sum| sum != 0));
                assert!((2..=MOST_TAPS).all(|pass| sums(pass) == one), "{most}, {}", isa.name());
                judged.count(isa, "entries");
            }
        }
        judged.verdict(&[("entries", 3)]);
        assert!((1..=MOST_TAPS).contains(&taps_in_cache()));
    }
}
