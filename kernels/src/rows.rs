//! Any table of products, by rows: for one weight position and one code, the products with the
//! weights of 16 filters lie side by side, so that a code selects 16 products with one load.
//!
//! Rows are built from the table for a few weight positions at a time, to stay in the first-level
//! cache, and serve all positions of several images. If an exact product and functions of the
//! code alone and of the weight alone leave residuals of 16 bits, only those are added up by
//! rows, several before a sum is widened; otherwise whole products of 32 bits.

use crate::{
    ConvShape, Isa, MacSpec, WeightCoding,
    dispatch::multiversion,
    epilogue::{Block, LANES, Tile, blocks},
    planes::{fill_batch, plane_len, planes_len, transpose},
};

/// Weight positions whose rows are built together: with 256 codes and 16 filters of 16 bits, 24 KB.
const TAPS: usize = 3;

/// Output positions that share the rows, of as many images as it takes.
const POSITIONS: usize = 4096;

/// Products or residuals of one code with the weights of the block's filters.
#[derive(Debug, Clone, Copy)]
#[repr(align(32))]
struct Row<T>([T; LANES]);

/// What a table's products differ by from `w a + of_code[a] + of_weight[w]`.
#[derive(Debug)]
struct Residuals {
    of_code: [i32; 256],
    of_weight: [i32; 256],
    /// `[w][a]`
    values: Vec<i16>,
    /// The largest for each weight, without its sign.
    bounds: [i32; 256],
}

impl Residuals {
    /// None if 16 bits do not hold the sum of `TAPS` residuals.
    fn new(table: &[i32], coding: WeightCoding) -> Option<Residuals> {
        let weight = |w: usize| match coding {
            WeightCoding::Unsigned => w as i64,
            WeightCoding::Signed => i64::from(w as u8 as i8),
        };
        let mut left: Vec<i64> =
            (0..1 << 16).map(|i| i64::from(table[i]) - weight(i >> 8) * (i & 255) as i64).collect();
        let middle = |values: &mut dyn Iterator<Item = i64>| {
            let (low, high) =
                values.fold((i64::MAX, i64::MIN), |(low, high), v| (low.min(v), high.max(v)));
            (low + high).div_euclid(2)
        };
        let of_code: [i64; 256] =
            std::array::from_fn(|a| middle(&mut (0..256).map(|w| left[256 * w + a])));
        left.iter_mut().enumerate().for_each(|(i, left)| *left -= of_code[i & 255]);
        let of_weight: [i64; 256] =
            std::array::from_fn(|w| middle(&mut left[256 * w..][..256].iter().copied()));
        left.iter_mut().enumerate().for_each(|(i, left)| *left -= of_weight[i >> 8]);
        let bounds: [i64; 256] = std::array::from_fn(|w| {
            left[256 * w..][..256].iter().map(|left| left.abs()).max().unwrap_or(0)
        });
        let most = bounds.iter().max().copied().unwrap_or(0);
        (most * TAPS as i64 <= i64::from(i16::MAX)).then(|| Residuals {
            // Sums wrap, and so may these.
            of_code: of_code.map(|value| value as i32),
            of_weight: of_weight.map(|value| value as i32),
            values: left.iter().map(|&left| left as i16).collect(),
            bounds: bounds.map(|bound| bound as i32),
        })
    }
}

#[derive(Debug)]
enum Entries {
    Residuals(Box<Residuals>),
    Products(Vec<i32>),
}

#[derive(Debug)]
pub(crate) struct RowsConv {
    isa: Isa,
    shape: ConvShape,
    padding: u8,
    entries: Entries,
    /// Offsets of the receptive field's codes in the planes of a group.
    taps: Vec<usize>,
    blocks: Vec<Block>,
    /// `[blocks][taps][LANES]`
    weights: Vec<[u8; LANES]>,
}

/// Buffers of a [`RowsConv`].
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    /// `[images][channels][padded height][padded width]`
    planes: Vec<u8>,
    residual_rows: Vec<Row<i16>>,
    product_rows: Vec<Row<i32>>,
    /// One block's narrow sums, `[images][positions]`.
    narrow: Vec<Row<i16>>,
    /// The result, `[blocks][images][positions]`.
    sums: Vec<Row<i32>>,
}

impl RowsConv {
    /// `table`: entry 256 w + a.
    pub fn new(isa: Isa, spec: &MacSpec, table: &[i32]) -> RowsConv {
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
            // Idle lanes repeat the last filter, whose bounds count anyway.
            std::array::from_fn(|lane| {
                spec.weights[(block.filter + lane.min(block.count - 1)) * depth + j]
            })
        };
        let weights =
            blocks.iter().flat_map(|block| order.iter().map(move |&(_, j)| lanes(block, j)));
        let entries = match Residuals::new(table, spec.coding) {
            Some(residuals) => Entries::Residuals(Box::new(residuals)),
            None => Entries::Products(table.to_vec()),
        };
        RowsConv {
            isa,
            shape,
            padding: spec.input_zero_point,
            entries,
            weights: weights.collect(),
            taps: order.iter().map(|&(offset, _)| offset).collect(),
            blocks,
        }
    }

    /// Images that should be computed together.
    pub fn images(&self) -> usize {
        (POSITIONS / self.shape.positions()).max(1)
    }

    /// Bits of an entry.
    pub fn bits(&self) -> u32 {
        match self.entries {
            Entries::Residuals(_) => 16,
            Entries::Products(_) => 32,
        }
    }

    /// Whether the sums lack the exact products, and what else they lack: a function of the code.
    pub fn missing(&self) -> Option<[i32; 256]> {
        match &self.entries {
            Entries::Residuals(residuals) => Some(residuals.of_code),
            Entries::Products(_) => None,
        }
    }

    /// Computes the sums of all images into `buffers`.
    pub fn run<'a>(&self, images: impl Iterator<Item = &'a [u8]>, buffers: &mut Buffers) {
        let shape = &self.shape;
        let count = fill_batch(self.isa, shape, self.padding, images, &mut buffers.planes);
        let positions = count * shape.positions();
        buffers.sums.resize(self.blocks.len() * positions, Row([0; LANES]));
        buffers.narrow.resize(positions, Row([0; LANES]));
        buffers.residual_rows.resize(TAPS << 8, Row([0; LANES]));
        buffers.product_rows.resize(TAPS << 8, Row([0; LANES]));
        for b in 0..self.blocks.len() {
            match &self.entries {
                Entries::Residuals(residuals) => {
                    add_residuals(self.isa, self, residuals, b, count, buffers);
                }
                Entries::Products(table) => add_products(self.isa, self, table, b, count, buffers),
            }
        }
    }

    /// Adds the sums of the last run's `image` of `images` to a tile.
    pub fn add_to(&self, buffers: &Buffers, images: usize, image: usize, tile: &mut Tile<'_>) {
        let positions = self.shape.positions();
        let rows = tile.acc.chunks_exact_mut(tile.blocks * LANES);
        for (position, row) in (tile.position..).zip(rows) {
            for (b, lanes) in (tile.block..).zip(row.as_chunks_mut::<LANES>().0) {
                let sums = &buffers.sums[(b * images + image) * positions + position];
                for (lane, sum) in lanes.iter_mut().zip(sums.0) {
                    *lane = lane.wrapping_add(sum);
                }
            }
        }
    }

    #[inline(always)]
    fn add_residuals(&self, residuals: &Residuals, b: usize, images: usize, buffers: &mut Buffers) {
        let Buffers { planes, residual_rows, narrow, sums, .. } = buffers;
        let depth = self.taps.len();
        let sums = &mut sums[b * narrow.len()..][..narrow.len()];
        let weights = &self.weights[b * depth..][..depth];
        let mut constant = [0i32; LANES];
        for lanes in weights {
            for (constant, &w) in constant.iter_mut().zip(lanes) {
                *constant = constant.wrapping_add(residuals.of_weight[usize::from(w)]);
            }
        }
        sums.fill(Row(constant));
        narrow.fill(Row([0; LANES]));
        let mut bound = 0;
        for (taps, weights) in self.taps.chunks(TAPS).zip(weights.chunks(TAPS)) {
            let most = |lanes: &[u8; LANES]| lanes.map(|w| residuals.bounds[usize::from(w)]);
            let more: i32 =
                weights.iter().map(|lanes| most(lanes).into_iter().max().unwrap_or(0)).sum();
            if bound + more > i32::from(i16::MAX) {
                widen(narrow, sums);
                bound = 0;
            }
            bound += more;
            for (lanes, rows) in weights.iter().zip(residual_rows.as_chunks_mut().0) {
                let columns = lanes.map(|w| {
                    residuals.values[usize::from(w) << 8..].first_chunk().expect("256 codes")
                });
                build_rows(columns, rows);
            }
            self.pass(b, images, taps, planes, residual_rows, narrow, i16::wrapping_add);
        }
        widen(narrow, sums);
    }

    #[inline(always)]
    fn add_products(&self, table: &[i32], b: usize, images: usize, buffers: &mut Buffers) {
        let Buffers { planes, product_rows, sums, narrow, .. } = buffers;
        let depth = self.taps.len();
        let sums = &mut sums[b * narrow.len()..][..narrow.len()];
        sums.fill(Row([0; LANES]));
        let weights = &self.weights[b * depth..][..depth];
        for (taps, weights) in self.taps.chunks(TAPS).zip(weights.chunks(TAPS)) {
            for (lanes, rows) in weights.iter().zip(product_rows.as_chunks_mut().0) {
                let columns =
                    lanes.map(|w| table[usize::from(w) << 8..].first_chunk().expect("256 codes"));
                build_rows(columns, rows);
            }
            self.pass(b, images, taps, planes, product_rows, sums, i32::wrapping_add);
        }
    }

    /// Adds the rows of some taps to the sums of all positions.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    fn pass<T: Copy>(
        &self,
        b: usize,
        images: usize,
        taps: &[usize],
        planes: &[u8],
        rows: &[Row<T>],
        sums: &mut [Row<T>],
        add: impl Fn(T, T) -> T + Copy,
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
                    [a, b, c] => add_row([a, b, c], codes, rows, stride, sums, add),
                    [a, b] => add_row([a, b], codes, rows, stride, sums, add),
                    [a] => add_row([a], codes, rows, stride, sums, add),
                    _ => unreachable!("one to three taps"),
                }
            }
        }
    }
}

/// One row of output positions.
#[inline(always)]
fn add_row<T: Copy, const N: usize>(
    taps: [usize; N],
    codes: &[u8],
    rows: &[[Row<T>; 256]],
    stride: usize,
    sums: &mut [Row<T>],
    add: impl Fn(T, T) -> T + Copy,
) {
    let rows: &[[Row<T>; 256]; N] = rows.first_chunk().expect("rows for each tap");
    let codes = taps.map(|tap| &codes[tap..]);
    let done = match stride {
        1 => add_chunks::<T, N, 1, 8>(codes, rows, sums, add),
        2 => add_chunks::<T, N, 2, 15>(codes, rows, sums, add),
        _ => 0,
    };
    for (x, sum) in sums.iter_mut().enumerate().skip(done) {
        for (codes, rows) in codes.iter().zip(rows) {
            add_entry(sum, &rows[usize::from(codes[x * stride])], add);
        }
    }
}

/// The positions of a row in chunks of eight, for which `SPAN` codes are read; how many positions
/// that were. Their places are known when this is compiled, and not checked again and again.
#[inline(always)]
fn add_chunks<T: Copy, const N: usize, const STRIDE: usize, const SPAN: usize>(
    codes: [&[u8]; N],
    rows: &[[Row<T>; 256]; N],
    sums: &mut [Row<T>],
    add: impl Fn(T, T) -> T + Copy,
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
                add_entry(&mut lanes, &rows[256 * tap + usize::from(codes[x * STRIDE])], add);
            }
            *sum = lanes;
        }
    }
    CHUNK * chunks.len()
}

#[inline(always)]
fn add_entry<T: Copy>(sum: &mut Row<T>, entry: &Row<T>, add: impl Fn(T, T) -> T) {
    let mut lanes = sum.0;
    for (lane, &entry) in lanes.iter_mut().zip(&entry.0) {
        *lane = add(*lane, entry);
    }
    sum.0 = lanes;
}

/// Moves the narrow sums to the wide ones.
#[inline(always)]
fn widen(narrow: &mut [Row<i16>], sums: &mut [Row<i32>]) {
    for (narrow, sums) in narrow.iter_mut().zip(sums) {
        // Copies, lest the compiler go lane by lane to allow for an overlap.
        let more = std::mem::replace(&mut narrow.0, [0; LANES]);
        let mut lanes = sums.0;
        for (lane, more) in lanes.iter_mut().zip(more) {
            *lane = lane.wrapping_add(i32::from(more));
        }
        sums.0 = lanes;
    }
}

/// Transposes the filters' columns of 256 codes into 256 rows.
#[inline(always)]
fn build_rows<T: Copy + Default>(columns: [&[T; 256]; LANES], rows: &mut [Row<T>; 256]) {
    for (c, rows) in rows.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let mut square = [[T::default(); LANES]; LANES];
        for (square, column) in square.iter_mut().zip(columns) {
            *square = *column[LANES * c..].first_chunk().expect("16 codes");
        }
        transpose(&mut square);
        for (row, square) in rows.iter_mut().zip(square) {
            row.0 = square;
        }
    }
}

multiversion! {
    fn add_residuals(
        isa,
        conv: &RowsConv,
        residuals: &Residuals,
        b: usize,
        images: usize,
        buffers: &mut Buffers,
    ) = RowsConv::add_residuals;
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
