//! Any table of products, by bytes looked up in registers.
//!
//! A weight selects a table, and a byte shuffle looks up many positions' codes at once. Positions
//! run along the vector, through several images if one is small; what a weight meets of them is
//! gathered for some taps at a time, to stay in the first-level cache.

pub(crate) mod gather;
mod kernel;
pub(crate) mod tables;

use std::ops::Range;

use self::kernel::{Kernel, kernel};
pub(crate) use self::kernel::{ToRows, map_codes, profile};
use crate::{
    ConvShape, Isa, MacSpec,
    buffer::{Rows, first},
    dispatch::multiversion,
    engine::{
        byte_lookup::{
            gather::{Gather, Stretch, WINDOW, Window, cut_into_stretches, gather, windows},
            tables::{ByteTables, Index, Line},
        },
        gemm::is_pointwise,
    },
    input::planes::{fill_batch, plane_len, planes_len},
    output::blocks::{Block, LANES, blocks},
    output::epilogue::Tile,
    product::terms::{LookupProfile, Term},
};

/// Positions of a vector.
pub(crate) const POSITIONS: usize = 64;

/// Vectors of positions that are computed together.
pub(crate) const CHUNKS: usize = 4;

/// Positions that are computed together.
pub(crate) const SPAN: usize = CHUNKS * POSITIONS;

/// Filters that a kernel computes together: with so many positions their sums fill the registers.
pub(crate) const FILTERS: usize = 2;

/// Blocks whose sums lie side by side, position by position, as what makes codes of them likes it.
const FOUR: usize = 4;

/// Where a block's sums are among those of up to [`FOUR`] blocks.
#[derive(Debug, Clone, Copy)]
struct Four {
    /// The first of these blocks.
    first: usize,
    /// The block's number among them, and how many they are.
    number: usize,
    count: usize,
}

impl Four {
    /// The row of a position, where rows hold so many.
    fn row(self, positions: usize, position: usize) -> usize {
        self.first * positions + position * self.count + self.number
    }
}

/// Pairs of filters in a block.
const PAIRS: usize = LANES / FILTERS;

/// Most weight positions whose codes are gathered together; less than 256, lest sums of bytes overflow
/// 16 bits.
const TAPS: usize = 192;

/// Of tables of one byte: their codes leave half of the first-level cache to tables. More bytes have
/// more sums, which are better read and written less often.
const TAPS_OF_BYTE: usize = TAPS / 2;

/// The codes that one weight position meets.
pub(crate) type Codes = Aligned<[[u8; POSITIONS]; CHUNKS]>;

/// One filter's sums modulo 2^16; of each chunk the even positions' first, see [`position`].
pub(crate) type Sums = Aligned<[[u16; POSITIONS]; CHUNKS]>;

/// The position of a chunk's n-th sum: bytes that are added as words leave even and odd ones apart.
pub(crate) fn position(n: usize) -> usize {
    2 * (n % (POSITIONS / 2)) + n / (POSITIONS / 2)
}

/// Vectors of it do not straddle cache lines.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Aligned<T>(pub T);

impl<T> std::ops::Deref for Aligned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> std::ops::DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// What a kernel reads.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    pub tables: &'a [Line],
    /// See [`BytePlane`](tables::BytePlane).
    pub upper: Option<&'a [u8; 256]>,
    pub index: Index,
    /// Of each tap, up to 256.
    pub codes: &'a [Codes],
    /// Chunks that have positions.
    pub chunks: usize,
    /// Numbers of tables, for each filter; as many as codes.
    pub weights: &'a [[u8; FILTERS]],
    /// The taps in runs whose entries fit a byte together: their lengths.
    pub runs: &'a [u8],
    /// The sums are the first: what was there is overwritten.
    pub first: bool,
}

impl Input<'_> {
    /// Whether no byte takes more than one entry.
    pub fn is_single(&self) -> bool {
        self.runs.len() == self.codes.len()
    }
}

/// Adds the sums of `FILTERS` filters.
///
/// # Safety
/// The processor has the features of the kernel.
type AddBytes = unsafe fn(&Input<'_>, &mut [Sums; FILTERS]);

/// Replaces each code by its entry.
///
/// # Safety
/// The processor has the features of the kernel.
type MapCodes = unsafe fn(&[u8; 256], &mut [u8]);

/// Filters that are computed together.
#[derive(Debug)]
struct Pair {
    /// Numbers of tables, `[depth]`.
    weights: Vec<[u8; FILTERS]>,
    /// See [`Input::runs`], `[taps that are gathered][planes]`.
    runs: Vec<Vec<u8>>,
}

#[derive(Debug)]
pub(crate) struct ByteLookup {
    isa: Isa,
    shape: ConvShape,
    padding: u8,
    kernel: Kernel,
    tables: ByteTables,
    /// What each code is replaced by, if any is.
    columns: Option<[u8; 256]>,
    /// Offsets of the receptive field's codes in the planes of a group, and how many are gathered
    /// together.
    taps: Vec<usize>,
    together: usize,
    blocks: Vec<Block>,
    pairs: Vec<Pair>,
    /// Whether a plane's sums over all taps fit 16 bits.
    narrow: bool,
    /// What each filter's sums are more than the planes say.
    constants: Vec<[i32; LANES]>,
    /// Of all chunks, if there is a faster way to gather their codes.
    windows: Option<(Gather, Vec<Vec<Window>>)>,
}

/// Buffers of a [`ByteLookup`].
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    /// Columns, `[images][channels][padded height][padded width]`.
    planes: Vec<u8>,
    codes: Vec<Codes>,
    stretches: Vec<Stretch>,
    /// `[planes][filters of a block]`, for all blocks of a group.
    sums: Vec<Sums>,
    /// The result, `[fours of a group's blocks][positions][blocks]`: of all images' positions, or of
    /// the last two spans.
    rows: Rows,
    /// Positions that spans were computed for.
    done: usize,
}

impl ByteLookup {
    /// None if the instruction set has no kernel for it, or so many ordinary `products` are
    /// computed sooner. `table`: entry 256 w + a. One of the `terms` is left to others.
    pub fn new(
        isa: Isa,
        spec: &MacSpec,
        table: &[i32],
        terms: &[Option<Term>],
        products: usize,
    ) -> Option<ByteLookup> {
        let kernel = kernel(isa)?;
        let tables = ByteTables::new(spec, table, terms, &kernel.costs, products)?;
        let raise = if tables.index == Index::Column(5) { kernel.raise } else { 0 };
        let columns = tables.columns.map(|column| column + raise);
        let moved = columns.iter().enumerate().any(|(a, &column)| a != usize::from(column));
        let together = if tables.planes.len() > 1 { TAPS } else { TAPS_OF_BYTE };
        let mut shape = spec.shape;
        if is_pointwise(&shape) {
            (shape.height, shape.width) = (1, shape.height * shape.width);
        }
        let depth = shape.depth();
        // Neighbours in a row follow each other: what is read for one of them serves the next.
        let mut taps = Vec::with_capacity(depth);
        let mut order = Vec::with_capacity(depth);
        for ky in 0..shape.kernel_height {
            let row = ky * shape.dilation_height * shape.padded_width();
            for channel in 0..shape.channels_per_group() {
                for kx in 0..shape.kernel_width {
                    taps.push(channel * plane_len(&shape) + row + kx * shape.dilation_width);
                    let pixel = ky * shape.kernel_width + kx;
                    order.push(pixel * shape.channels_per_group() + channel);
                }
            }
        }
        let blocks = blocks(shape.groups, shape.filters_per_group());
        let mut pairs = Vec::with_capacity(blocks.len() * PAIRS);
        let mut constants = vec![[0i32; LANES]; blocks.len()];
        for (block, constants) in blocks.iter().zip(&mut constants) {
            let mut weights = vec![[0; FILTERS]; PAIRS * depth];
            for (lane, constant) in constants[..block.count].iter_mut().enumerate() {
                let filter = &spec.weights[(block.filter + lane) * depth..][..depth];
                let numbers = &mut weights[lane / FILTERS * depth..][..depth];
                for (numbers, &j) in numbers.iter_mut().zip(&order) {
                    let w = usize::from(filter[j]);
                    numbers[lane % FILTERS] = tables.numbers[w];
                    *constant = constant.wrapping_add(tables.of_weight[w]);
                }
            }
            pairs.extend(weights.chunks_exact(depth).map(|weights| {
                let runs = weights
                    .chunks(together)
                    .flat_map(|taps| tables.planes.iter().map(|plane| plane.runs(taps)));
                Pair { runs: runs.collect(), weights: weights.to_vec() }
            }));
        }
        let fit = |pair: &Pair| tables.planes.iter().all(|plane| plane.fit_words(&pair.weights));
        let narrow = pairs.iter().all(fit);
        let positions = images(&shape) * shape.positions();
        let windows = kernel.gather.and_then(|gather| Some((gather, windows(&shape, positions)?)));
        Some(ByteLookup {
            isa,
            shape,
            padding: spec.input_zero_point,
            kernel,
            tables,
            columns: moved.then_some(columns),
            taps,
            together,
            blocks,
            pairs,
            narrow,
            constants,
            windows,
        })
    }

    /// Images that should be computed together.
    pub fn images(&self) -> usize {
        images(&self.shape)
    }

    /// What the sums lack.
    pub fn missing(&self) -> Option<Term> {
        self.tables.term
    }

    /// What has to be added to each sum, as a function of the codes.
    pub fn correction(&self) -> &[i32; 256] {
        &self.tables.of_code
    }

    /// Bits of the index, and bytes of an entry.
    pub fn size(&self) -> (String, usize) {
        (self.tables.index.to_string(), self.tables.planes.len())
    }

    /// Whether spans are computed as they are wanted, by an engine that wants them in order or by none.
    pub fn streams(&self, is_in_order: bool) -> bool {
        is_in_order && self.images() == 1 && self.shape.groups == 1
    }

    /// Computes the sums of all images into `buffers`.
    pub fn run<'a>(&self, images: impl Iterator<Item = &'a [u8]>, buffers: &mut Buffers) {
        let positions = self.begin(images, buffers);
        buffers.rows.first(self.blocks.len() * positions);
        for group in 0..self.shape.groups {
            for start in (0..positions).step_by(SPAN) {
                let span = start..positions.min(start + SPAN);
                self.add_span(group, span, (positions, start), buffers);
            }
        }
    }

    /// Transposes the images: how many positions they have.
    pub fn begin<'a>(
        &self,
        images: impl Iterator<Item = &'a [u8]>,
        buffers: &mut Buffers,
    ) -> usize {
        let shape = &self.shape;
        let count = fill_batch(self.isa, shape, self.padding, images, &mut buffers.planes);
        if let Some(columns) = &self.columns {
            map_codes(self.isa, columns, &mut buffers.planes[..count * planes_len(shape)]);
        }
        let planes = &mut buffers.planes;
        // The windows of the last chunk may reach beyond the images.
        planes.resize((self.images() * planes_len(shape) + WINDOW).max(planes.len()), 0);
        buffers.codes.resize(TAPS, Aligned([[0; POSITIONS]; CHUNKS]));
        buffers.done = 0;
        count * shape.positions()
    }

    /// Computes a group's sums for a span. The rows hold `all` positions, and the span's from `at` on.
    fn add_span(
        &self,
        group: usize,
        span: Range<usize>,
        (all, at): (usize, usize),
        buffers: &mut Buffers,
    ) {
        let shape = &self.shape;
        let Buffers { planes, codes, stretches, sums: buffer, rows, .. } = buffers;
        let of_group = self.blocks.len() / shape.groups;
        let blocks = group * of_group..(group + 1) * of_group;
        let planes = &planes[group * shape.channels_per_group() * plane_len(shape)..];
        let rows = rows.first(self.blocks.len() * all);
        let chunks = span.len().div_ceil(POSITIONS);
        if self.windows.is_none() {
            cut_into_stretches(shape, span.clone(), stretches);
        }
        let of_block = self.tables.planes.len() * LANES;
        let sums = Aligned([[0; POSITIONS]; CHUNKS]);
        let sums = first(buffer, of_group * of_block, sums);
        for (t, taps) in self.taps.chunks(self.together).enumerate() {
            let codes = &mut codes[..taps.len()];
            match &self.windows {
                Some((gather, windows)) => {
                    let windows = &windows[span.start / POSITIONS..][..chunks];
                    // SAFETY: kernel() chose the function for the features of an Isa.
                    unsafe { gather(taps, planes, windows, codes) };
                }
                None => gather(self.isa, taps, planes, stretches, shape, codes),
            }
            for (n, b) in blocks.clone().enumerate() {
                let four = self.four(b);
                let from = four.row(all, at);
                let rows = &mut rows[from..from + (span.len() - 1) * four.count + 1];
                let sums = &mut sums[n * of_block..][..of_block];
                self.add_taps(b, t, codes, chunks, sums, (rows, four.count));
            }
        }
    }

    /// Where a block's sums are.
    fn four(&self, block: usize) -> Four {
        let of_group = self.blocks.len() / self.shape.groups;
        let in_group = block % of_group;
        // Sums that are added to again and again are faster when a block's follow each other.
        let most = if self.narrow && self.tables.planes.len() <= 1 { FOUR } else { 1 };
        let number = in_group % most;
        let count = most.min(of_group - (in_group - number));
        Four { first: block - number, number, count }
    }

    /// Adds the sums of the last run's `image` of `images` to a tile.
    pub fn add_to(&self, buffers: &Buffers, images: usize, image: usize, tile: &mut Tile<'_>) {
        let positions = self.shape.positions();
        let of_image = (images * positions, image * positions);
        for n in 0..tile.blocks {
            let four = self.four(tile.block + n);
            let rows = &buffers.rows.all()[four.row(of_image.0, of_image.1 + tile.position)..];
            add_rows(self.isa, rows, four.count, n, tile);
        }
    }

    /// Adds the sums of the image that was begun to a tile; tiles come in the order of positions.
    pub fn stream_to(&self, buffers: &mut Buffers, tile: &mut Tile<'_>) {
        let end = tile.position + tile.positions;
        assert!(tile.positions <= SPAN && tile.position + 2 * SPAN >= buffers.done);
        while buffers.done < end {
            let start = buffers.done;
            let span = start..self.shape.positions().min(start + SPAN);
            buffers.rows.first(self.blocks.len() * 2 * SPAN);
            self.add_span(0, span, (2 * SPAN, start % (2 * SPAN)), buffers);
            buffers.done += SPAN;
        }
        // Where the spans begin again.
        let cut = tile.positions.min(2 * SPAN - tile.position % (2 * SPAN));
        let (blocks, lanes) = (tile.blocks, tile.blocks * LANES);
        for (from, to) in [(0, cut), (cut, tile.positions)] {
            if from == to {
                continue;
            }
            let mut part = Tile {
                acc: &mut tile.acc[from * lanes..to * lanes],
                control: &[],
                position: (tile.position + from) % (2 * SPAN),
                positions: to - from,
                block: tile.block,
                blocks,
            };
            for n in 0..blocks {
                let four = self.four(part.block + n);
                let rows = &buffers.rows.all()[four.row(2 * SPAN, part.position)..];
                add_rows(self.isa, rows, four.count, n, &mut part);
            }
        }
    }

    /// Hands the sums of the image that was begun to `sink`.
    pub fn stream(&self, buffers: &mut Buffers, mut sink: impl FnMut(Tile<'_>)) {
        buffers.rows.first(self.blocks.len() * SPAN);
        for start in (0..self.shape.positions()).step_by(SPAN) {
            let span = start..self.shape.positions().min(start + SPAN);
            self.add_span(0, span.clone(), (SPAN, 0), buffers);
            self.tiles_of(buffers, (SPAN, 0), span, &mut sink);
        }
    }

    /// Hands the sums of the last run's image, its number and how many there were, to `sink`.
    pub fn tiles(
        &self,
        buffers: &mut Buffers,
        (image, images): (usize, usize),
        mut sink: impl FnMut(Tile<'_>),
    ) {
        let positions = self.shape.positions();
        let rows = (images * positions, image * positions);
        self.tiles_of(buffers, rows, 0..positions, &mut sink);
    }

    fn tiles_of(
        &self,
        buffers: &mut Buffers,
        (all, at): (usize, usize),
        positions: Range<usize>,
        sink: &mut impl FnMut(Tile<'_>),
    ) {
        let mut block = 0;
        while block < self.blocks.len() {
            let four = self.four(block);
            let rows = buffers.rows.first(self.blocks.len() * all);
            let rows = &mut rows[four.row(all, at)..][..positions.len() * four.count];
            sink(Tile {
                acc: rows.as_flattened_mut(),
                control: &[],
                position: positions.start,
                positions: positions.len(),
                block,
                blocks: four.count,
            });
            block += four.count;
        }
    }

    /// Adds what the `t`-th taps that are gathered give a block to its sums and, before these overflow and after
    /// the last, the sums to its rows.
    fn add_taps(
        &self,
        b: usize,
        t: usize,
        codes: &[Codes],
        chunks: usize,
        sums: &mut [Sums],
        (rows, step): (&mut [[i32; LANES]], usize),
    ) {
        let count = self.blocks[b].count.div_ceil(FILTERS);
        let last = (t + 1) * self.together >= self.taps.len();
        // So often do 16 bits hold their bytes' sums.
        let times = TAPS / self.together;
        let (begins, ends) = (t.is_multiple_of(times), (t + 1).is_multiple_of(times));
        let mut constants = (t < times || self.narrow).then_some(&self.constants[b]);
        let planes = &self.tables.planes;
        if planes.is_empty() {
            rows.iter_mut().step_by(step).for_each(|row| *row = self.constants[b]);
        }
        for ((p, plane), sums) in planes.iter().enumerate().zip(sums.as_chunks_mut::<LANES>().0) {
            let pairs = self.pairs[PAIRS * b..][..count].iter();
            for (pair, sums) in pairs.zip(sums.as_chunks_mut::<FILTERS>().0) {
                let input = Input {
                    tables: &plane.tables,
                    upper: plane.upper.as_deref(),
                    index: self.tables.index,
                    codes,
                    chunks,
                    weights: &pair.weights[self.together * t..][..codes.len()],
                    runs: &pair.runs[planes.len() * t + p],
                    first: t == 0 || begins && !self.narrow,
                };
                // SAFETY: kernel() chose the function for the features of an Isa.
                unsafe { (self.kernel.add_bytes)(&input, sums) };
            }
            if last || ends && !self.narrow {
                // SAFETY: kernel() chose the function for the features of an Isa.
                unsafe {
                    (self.kernel.to_rows)(sums, plane.shift, constants.take(), (&mut *rows, step))
                };
            }
        }
    }
}

/// Images that should be computed together: as many as fill a span, or a few more if that leaves less
/// of the last vector and span idle.
fn images(shape: &ConvShape) -> usize {
    const MOST: usize = 5;
    const POSITIONS_OF_MOST: usize = 4 * SPAN;
    let positions = shape.positions();
    let least = (SPAN / positions).max(1);
    let most = (POSITIONS_OF_MOST / positions).min(MOST).max(least);
    // A span's tables are loaded in about the time of one vector's lookups.
    let time = |images: usize| {
        let all = images * positions;
        all.div_ceil(POSITIONS) + all.div_ceil(SPAN)
    };
    let faster = |&a: &usize, &b: &usize| (time(a) * b).cmp(&(time(b) * a));
    (least..=most).min_by(faster).unwrap_or(least)
}

/// Adds every `step`-th row to the `block`-th accumulators of a tile's positions.
#[inline(always)]
fn add_rows_body(rows: &[[i32; LANES]], step: usize, block: usize, tile: &mut Tile<'_>) {
    let acc = tile.acc.as_chunks_mut::<LANES>().0;
    for position in 0..tile.positions {
        let (acc, row) = (&mut acc[position * tile.blocks + block], &rows[position * step]);
        let before = *acc;
        *acc = std::array::from_fn(|lane| before[lane].wrapping_add(row[lane]));
    }
}

multiversion! {
    fn add_rows(isa, rows: &[[i32; LANES]], step: usize, block: usize, tile: &mut Tile<'_>)
        = add_rows_body;
}
