//! Any table of products, by bytes looked up in registers.
//!
//! A weight selects a table, and a byte shuffle looks up many positions' codes at once. Positions
//! run along the vector, through several images if one is small; what a weight meets of them is
//! gathered for some taps at a time, to stay in the first-level cache.

use crate::{
    ConvShape, Isa, MacSpec,
    byte_tables::{ByteTables, Costs, Index, Line},
    dispatch::multiversion,
    epilogue::{Block, LANES, Tile, blocks},
    planes::{fill_planes, plane_len, planes_len, transpose},
    terms::{LookupProfile, Term},
};

/// Positions of a vector.
pub(crate) const POSITIONS: usize = 64;

/// Vectors of positions that are computed together.
pub(crate) const CHUNKS: usize = 4;

/// Positions that are computed together.
const SPAN: usize = CHUNKS * POSITIONS;

/// Filters that a kernel computes together.
pub(crate) const FILTERS: usize = 2;

/// Weight positions whose codes are gathered together; less than 256, lest sums of bytes overflow
/// 16 bits.
const TAPS: usize = 96;

/// The codes that one weight position meets.
pub(crate) type Codes = [[u8; POSITIONS]; CHUNKS];

/// One filter's sums.
pub(crate) type Sums = [[i32; POSITIONS]; CHUNKS];

/// What a kernel reads.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    pub tables: &'a [Line],
    pub index: Index,
    /// Of each tap, up to 256.
    pub codes: &'a [Codes],
    /// Chunks that have positions.
    pub chunks: usize,
    /// Numbers of tables, for each filter as many as codes.
    pub weights: [&'a [u8]; FILTERS],
    pub entries_per_byte: usize,
    pub shift: u32,
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

/// Transposes up to as many positions as sums of a block's filters, and adds their constants.
///
/// # Safety
/// The processor has the features of the kernel.
type ToRows = unsafe fn(&[Sums; LANES], constants: &[i32; LANES], rows: &mut [[i32; LANES]]);

#[derive(Debug, Clone, Copy)]
struct Kernel {
    add_bytes: AddBytes,
    map_codes: MapCodes,
    to_rows: ToRows,
    costs: Costs,
    /// For masks.
    profile: LookupProfile,
}

fn kernel(isa: Isa) -> Option<Kernel> {
    #[cfg(target_arch = "x86_64")]
    use crate::x86_64::{avx2_bytes, avx512_bytes};
    match isa.level() {
        #[cfg(target_arch = "x86_64")]
        crate::isa::Level::Avx2 => {
            let (one, two, no) = (Some(4), Some(14), None);
            let column = [one, one, one, one, one, two, no, no, no];
            Some(Kernel {
                add_bytes: avx2_bytes::add_bytes,
                map_codes,
                to_rows,
                costs: Costs { column, nibbles: Some(16), add: 4, widen: 12, product: 16 },
                profile: LookupProfile { bits: 8, positions: POSITIONS, cost: 8, widening_cost: 0 },
            })
        }
        #[cfg(target_arch = "x86_64")]
        crate::isa::Level::Avx512Vnni => {
            let (one, two) = (Some(8), Some(20));
            let column = [one, one, one, one, one, one, one, one, two];
            Some(Kernel {
                add_bytes: avx512_bytes::add_bytes,
                map_codes: avx512_bytes::map_codes,
                to_rows: avx512_bytes::to_rows,
                costs: Costs { column, nibbles: None, add: 4, widen: 12, product: 8 },
                profile: LookupProfile { bits: 7, positions: POSITIONS, cost: 5, widening_cost: 6 },
            })
        }
        _ => None,
    }
}

/// None if the instruction set has no kernel.
pub(crate) fn profile(isa: Isa) -> Option<LookupProfile> {
    kernel(isa).map(|kernel| kernel.profile)
}

fn map_codes(entries: &[u8; 256], codes: &mut [u8]) {
    codes.iter_mut().for_each(|code| *code = entries[usize::from(*code)]);
}

/// A stretch of positions in one row of one image.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    /// Where the first position's receptive field starts in the planes.
    from: usize,
    /// First of the positions that are computed together.
    to: usize,
    len: usize,
}

#[derive(Debug)]
pub(crate) struct ByteLookup {
    isa: Isa,
    shape: ConvShape,
    padding: u8,
    kernel: Kernel,
    tables: ByteTables,
    /// Offsets of the receptive field's codes in the planes of a group.
    taps: Vec<usize>,
    blocks: Vec<Block>,
    /// Numbers of tables, `[blocks][LANES][depth]`.
    weights: Vec<u8>,
    /// What each filter's sums are more than the planes say.
    constants: Vec<[i32; LANES]>,
}

/// Buffers of a [`ByteLookup`].
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    /// Columns, `[images][channels][padded height][padded width]`.
    planes: Vec<u8>,
    codes: Vec<Codes>,
    stretches: Vec<Stretch>,
    /// `[filters of a block]`, for all blocks of a group.
    sums: Vec<Sums>,
    /// The result, `[blocks][images][positions]`.
    rows: Vec<[i32; LANES]>,
}

impl ByteLookup {
    /// None if the instruction set has no kernel for it. `table`: entry 256 w + a. One of the
    /// `terms` is left to others.
    pub fn new(
        isa: Isa,
        spec: &MacSpec,
        table: &[i32],
        terms: &[Option<Term>],
    ) -> Option<ByteLookup> {
        let kernel = kernel(isa)?;
        let tables = ByteTables::new(spec, table, terms, &kernel.costs)?;
        let shape = spec.shape;
        let depth = shape.depth();
        let mut taps = Vec::with_capacity(depth);
        for ky in 0..shape.kernel_height {
            for kx in 0..shape.kernel_width {
                let offset =
                    ky * shape.dilation_height * shape.padded_width() + kx * shape.dilation_width;
                let channels = 0..shape.channels_per_group();
                taps.extend(channels.map(|channel| channel * plane_len(&shape) + offset));
            }
        }
        let blocks = blocks(shape.groups, shape.filters_per_group());
        let mut weights = vec![0; blocks.len() * LANES * depth];
        let mut constants = vec![[0; LANES]; blocks.len()];
        for (b, block) in blocks.iter().enumerate() {
            for lane in 0..block.count {
                let filter = &spec.weights[(block.filter + lane) * depth..][..depth];
                let numbers = &mut weights[(b * LANES + lane) * depth..][..depth];
                for (number, &w) in numbers.iter_mut().zip(filter) {
                    *number = tables.numbers[usize::from(w)];
                    let more = tables.of_weight[usize::from(w)];
                    constants[b][lane] = i32::wrapping_add(constants[b][lane], more);
                }
            }
        }
        let padding = spec.input_zero_point;
        Some(ByteLookup { isa, shape, padding, kernel, tables, taps, blocks, weights, constants })
    }

    /// Images that should be computed together.
    pub fn images(&self) -> usize {
        (SPAN / self.shape.positions()).max(1)
    }

    /// What the sums lack.
    pub fn missing(&self) -> Option<Term> {
        self.tables.term
    }

    /// Bits of the index, and bytes of an entry.
    pub fn size(&self) -> (String, usize) {
        let index = match self.tables.index {
            Index::Column(bits) => bits.to_string(),
            Index::Nibbles => "4+4".to_owned(),
        };
        (index, self.tables.planes.len())
    }

    /// Computes the sums of all images into `buffers`.
    pub fn run<'a>(&self, images: impl Iterator<Item = &'a [u8]>, buffers: &mut Buffers) {
        let (shape, image_len) = (&self.shape, planes_len(&self.shape));
        let mut count = 0;
        for image in images {
            buffers.planes.resize(((count + 1) * image_len).max(buffers.planes.len()), 0);
            let planes = &mut buffers.planes[count * image_len..][..image_len];
            fill_planes(self.isa, shape, self.padding, 0xff, image, planes);
            if !self.tables.columns.iter().enumerate().all(|(a, &c)| a == usize::from(c)) {
                // SAFETY: kernel() chose the function for the features of an Isa.
                unsafe { (self.kernel.map_codes)(&self.tables.columns, planes) };
            }
            count += 1;
        }
        let positions = count * shape.positions();
        let Buffers { planes, codes, stretches, sums, rows } = buffers;
        codes.resize(TAPS, [[0; POSITIONS]; CHUNKS]);
        // Exactly so many: they are cut into blocks.
        rows.resize(self.blocks.len() * positions, [0; LANES]);
        for group in 0..shape.groups {
            let of_group = self.blocks.len() / shape.groups;
            let blocks = group * of_group..(group + 1) * of_group;
            let planes = &planes[group * shape.channels_per_group() * plane_len(shape)..];
            for first in (0..positions).step_by(SPAN) {
                let span = first..positions.min(first + SPAN);
                self.stretches(span.clone(), stretches);
                sums.clear();
                sums.resize(of_group * LANES, [[0; POSITIONS]; CHUNKS]);
                for (t, taps) in self.taps.chunks(TAPS).enumerate() {
                    let codes = &mut codes[..taps.len()];
                    gather(self.isa, taps, planes, stretches, shape, codes);
                    for (b, sums) in blocks.clone().zip(sums.chunks_exact_mut(LANES)) {
                        self.add_bytes(b, TAPS * t, codes, span.len().div_ceil(POSITIONS), sums);
                    }
                }
                for (b, sums) in blocks.clone().zip(sums.as_chunks().0) {
                    let rows = &mut rows[b * positions..][span.clone()];
                    // SAFETY: kernel() chose the function for the features of an Isa.
                    unsafe { (self.kernel.to_rows)(sums, &self.constants[b], rows) };
                }
            }
        }
    }

    /// Adds the sums of the last run's `image` of `images` to a tile.
    pub fn add_to(&self, buffers: &Buffers, images: usize, image: usize, tile: &mut Tile<'_>) {
        let positions = self.shape.positions();
        let all = images * positions;
        add_rows(self.isa, &buffers.rows, all, image * positions, tile);
    }

    /// Hands the sums of the last run's `image` of `images` to `sink`, block by block.
    pub fn tiles(
        &self,
        buffers: &mut Buffers,
        images: usize,
        image: usize,
        mut sink: impl FnMut(Tile<'_>),
    ) {
        let positions = self.shape.positions();
        for (block, rows) in buffers.rows.chunks_exact_mut(images * positions).enumerate() {
            let acc = rows[image * positions..][..positions].as_flattened_mut();
            sink(Tile { acc, position: 0, positions, block, blocks: 1 });
        }
    }

    fn add_bytes(&self, b: usize, tap: usize, codes: &[Codes], chunks: usize, sums: &mut [Sums]) {
        let depth = self.taps.len();
        let filters = sums.as_chunks_mut::<FILTERS>().0.iter_mut();
        for (f, sums) in filters.enumerate().take(self.blocks[b].count.div_ceil(FILTERS)) {
            let weights = std::array::from_fn(|i| {
                &self.weights[(b * LANES + FILTERS * f + i) * depth + tap..][..codes.len()]
            });
            for plane in &self.tables.planes {
                let input = Input {
                    tables: &plane.tables,
                    index: self.tables.index,
                    codes,
                    chunks,
                    weights,
                    entries_per_byte: plane.entries_per_byte,
                    shift: plane.shift,
                };
                // SAFETY: kernel() chose the function for the features of an Isa.
                unsafe { (self.kernel.add_bytes)(&input, sums) };
            }
        }
    }

    /// Cuts positions where a row of an image ends.
    fn stretches(&self, positions: std::ops::Range<usize>, stretches: &mut Vec<Stretch>) {
        let shape = &self.shape;
        stretches.clear();
        let mut position = positions.start;
        while position < positions.end {
            let (image, rest) = (position / shape.positions(), position % shape.positions());
            let (oy, ox) = (rest / shape.out_width(), rest % shape.out_width());
            let len = (shape.out_width() - ox).min(positions.end - position);
            let pixel = oy * shape.stride_height * shape.padded_width() + ox * shape.stride_width;
            let from = image * planes_len(shape) + pixel;
            stretches.push(Stretch { from, to: position - positions.start, len });
            position += len;
        }
    }
}

#[inline(always)]
fn gather_body(
    taps: &[usize],
    planes: &[u8],
    stretches: &[Stretch],
    shape: &ConvShape,
    codes: &mut [Codes],
) {
    let len = shape.out_width();
    let whole = stretches.iter().all(|stretch| stretch.len == len);
    // A call for each copy would take longer than copying so little.
    match (shape.stride_width, len) {
        (1, 8) if whole => copy::<8, 8, 1>(taps, planes, stretches, codes),
        (1, 16) if whole => copy::<16, 16, 1>(taps, planes, stretches, codes),
        (1, 32) if whole => copy::<32, 32, 1>(taps, planes, stretches, codes),
        (1, 64) if whole => copy::<64, 64, 1>(taps, planes, stretches, codes),
        (2, 8) if whole => copy::<8, 15, 2>(taps, planes, stretches, codes),
        (2, 16) if whole => copy::<16, 31, 2>(taps, planes, stretches, codes),
        (stride, _) => {
            for (&tap, codes) in taps.iter().zip(codes) {
                let codes = codes.as_flattened_mut();
                for &Stretch { from, to, len } in stretches {
                    let (to, from) = (&mut codes[to..to + len], &planes[from + tap..]);
                    if stride == 1 {
                        to.copy_from_slice(&from[..len]);
                    } else {
                        let from = from.iter().step_by(stride);
                        to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                    }
                }
            }
        }
    }
}

/// `LEN` codes out of `FROM`.
#[inline(always)]
fn copy<const LEN: usize, const FROM: usize, const STRIDE: usize>(
    taps: &[usize],
    planes: &[u8],
    stretches: &[Stretch],
    codes: &mut [Codes],
) {
    for (&tap, codes) in taps.iter().zip(codes) {
        let codes = codes.as_flattened_mut();
        for &Stretch { from, to, .. } in stretches {
            let from: &[u8; FROM] = planes[from + tap..].first_chunk().expect("a row of the plane");
            let to: &mut [u8; LEN] = codes[to..].first_chunk_mut().expect("a part of the codes");
            *to = std::array::from_fn(|i| from[STRIDE * i]);
        }
    }
}

fn to_rows(sums: &[Sums; LANES], constants: &[i32; LANES], rows: &mut [[i32; LANES]]) {
    for (c, rows) in rows.chunks_mut(LANES).enumerate() {
        let mut square: [[i32; LANES]; LANES] = std::array::from_fn(|lane| {
            *sums[lane].as_flattened()[LANES * c..].first_chunk().expect("whole chunks")
        });
        transpose(&mut square);
        for (row, square) in rows.iter_mut().zip(square) {
            *row = std::array::from_fn(|lane| square[lane].wrapping_add(constants[lane]));
        }
    }
}

/// Adds rows, of which each block has `all`, to a tile whose position 0 is row `first`.
#[inline(always)]
fn add_rows_body(rows: &[[i32; LANES]], all: usize, first: usize, tile: &mut Tile<'_>) {
    let positions = tile.acc.chunks_exact_mut(tile.blocks * LANES);
    for (position, acc) in (first + tile.position..).zip(positions) {
        for (b, acc) in (tile.block..).zip(acc.as_chunks_mut::<LANES>().0) {
            for (acc, sum) in acc.iter_mut().zip(&rows[b * all + position]) {
                *acc = acc.wrapping_add(*sum);
            }
        }
    }
}

multiversion! {
    /// The codes that each tap meets; those beyond the last position stay what they were.
    fn gather(
        isa,
        taps: &[usize],
        planes: &[u8],
        stretches: &[Stretch],
        shape: &ConvShape,
        codes: &mut [Codes],
    ) = gather_body;
}

multiversion! {
    fn add_rows(
        isa,
        rows: &[[i32; LANES]],
        all: usize,
        first: usize,
        tile: &mut Tile<'_>,
    ) = add_rows_body;
}
