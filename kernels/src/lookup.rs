//! Products from small tables held in registers: for masks with many different rows.
//!
//! A weight selects a table, and a byte shuffle looks up many positions' codes at once. Positions
//! run along the vector, so the receptive fields are transposed first, a chunk of positions at a
//! time: `[depth][POSITIONS]`.

use crate::{
    ConvShape, Isa, MacSpec,
    dispatch::multiversion,
    epilogue::{Block, LANES, Tile, blocks},
    planes::{fill_planes, gather_bits, plane_len, planes_len},
    terms::{Lookup, LookupProfile},
};

/// Positions of a chunk.
pub(crate) const POSITIONS: usize = 64;

/// Filters that a kernel computes together.
pub(crate) const FILTERS: usize = 4;

/// Chunks that a kernel computes together at most.
pub(crate) const CHUNKS: usize = 2;

/// The table of one weight: entries for codes of 7 bits, or those for the low and those for the
/// high four bits of 8, to be added up modulo 256.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Table(pub [u8; 128]);

/// The transposed receptive fields of one chunk.
pub(crate) type Codes = [[u8; POSITIONS]];

/// Sums of one chunk.
pub(crate) type Sums = [[i32; LANES]; POSITIONS];

/// What a kernel reads.
#[derive(Debug)]
pub(crate) struct ChunkInput<'a> {
    pub tables: &'a [Table],
    /// The weights' tables, one slice of the field's depth for each filter.
    pub weights: [&'a [u8]; FILTERS],
    /// Bits of the codes.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    pub bits: u32,
    /// Entries that a byte can add up.
    pub entries_per_byte: usize,
    /// What a sum starts at.
    pub start: i32,
    /// What a sum is shifted left by in the end.
    pub shift: u32,
}

/// Writes the sums of `FILTERS` filters over up to `CHUNKS` chunks to the lanes from `lane` on.
///
/// # Safety
/// The processor has the features of the kernel.
type ChunkKernel = unsafe fn(&ChunkInput<'_>, codes: &[&Codes], sums: &mut [Sums], lane: usize);

#[derive(Debug, Clone, Copy)]
struct Kernel {
    run: ChunkKernel,
    /// 7 bits, or 8 for tables in two halves.
    profile: LookupProfile,
}

fn kernel(isa: Isa) -> Option<Kernel> {
    match isa.level() {
        #[cfg(target_arch = "x86_64")]
        crate::isa::Level::Avx2 => Some(Kernel {
            run: crate::x86_64::avx2::lookup_chunks,
            profile: LookupProfile { bits: 8, positions: POSITIONS, cost: 8, widening_cost: 0 },
        }),
        #[cfg(target_arch = "x86_64")]
        crate::isa::Level::Avx512Vnni => Some(Kernel {
            run: crate::x86_64::avx512::lookup_chunks,
            profile: LookupProfile { bits: 7, positions: POSITIONS, cost: 5, widening_cost: 6 },
        }),
        _ => None,
    }
}

/// None if the instruction set has no lookup kernel.
pub(crate) fn profile(isa: Isa) -> Option<LookupProfile> {
    kernel(isa).map(|kernel| kernel.profile)
}

#[derive(Debug)]
pub(crate) struct LookupConv {
    isa: Isa,
    shape: ConvShape,
    padding: u8,
    kernel: Kernel,
    tables: Vec<Table>,
    /// The bits of the codes that index the tables, moved together.
    rows: u8,
    entries_per_byte: usize,
    shift: u32,
    /// What each entry is too large by.
    bias: i32,
    blocks: Vec<Block>,
    /// Numbers of tables, `[blocks][LANES][depth]`
    weights: Vec<u8>,
}

/// Buffers of a [`LookupConv`].
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    /// The padded image, `[channels][height][width]`.
    planes: Vec<u8>,
    /// The codes of the chunks that are computed together.
    codes: Vec<[u8; POSITIONS]>,
    /// The result, `[blocks][chunks]`.
    sums: Vec<Sums>,
}

impl LookupConv {
    /// Only for an `isa` that has a [`profile`], and a lookup that fits it.
    pub fn new(isa: Isa, spec: &MacSpec, lookup: &Lookup) -> LookupConv {
        let shape = spec.shape;
        let kernel = kernel(isa).expect("an instruction set with a lookup kernel");
        let blocks = blocks(shape.groups, shape.filters_per_group());
        let bias = -lookup.low;
        let halves = kernel.profile.bits == 8;
        let rows = if halves { 0xff } else { lookup.rows };
        let entry = |w: usize, code: usize| lookup.value(w as u8, code as u8, spec.coding);
        let table = |w: usize| {
            let mut table = Table([0; 128]);
            if halves {
                for n in 0..16 {
                    table.0[n] = (entry(w, n) + bias) as u8;
                    table.0[n + 16] = entry(w, n << 4) as u8;
                }
            } else {
                for code in (0..=255).filter(|code| code & !rows == 0) {
                    let entry = entry(w, usize::from(code)) + bias;
                    table.0[usize::from(gather_bits(code, rows))] = entry as u8;
                }
            }
            table
        };
        // Few, where the lookup reads few bits of the weight: they should stay in the cache.
        let mut tables: Vec<Table> = Vec::new();
        let numbers: [u8; 256] = std::array::from_fn(|w| {
            let table = table(w);
            let known = tables.iter().position(|other| other.0 == table.0);
            known.unwrap_or_else(|| {
                tables.push(table);
                tables.len() - 1
            }) as u8
        });
        let mut weights = vec![0; blocks.len() * LANES * shape.depth()];
        for (block, packed) in blocks.iter().zip(weights.chunks_exact_mut(LANES * shape.depth())) {
            let first = block.filter * shape.depth();
            let weights = &spec.weights[first..first + block.count * shape.depth()];
            for (number, &w) in packed.iter_mut().zip(weights) {
                *number = numbers[usize::from(w)];
            }
        }
        LookupConv {
            isa,
            shape,
            padding: spec.input_zero_point,
            kernel,
            tables,
            rows,
            entries_per_byte: lookup.entries_per_byte(),
            shift: lookup.shift,
            bias,
            blocks,
            weights,
        }
    }

    fn chunks(&self) -> usize {
        self.shape.positions().div_ceil(POSITIONS)
    }

    /// Computes all sums into `buffers`.
    pub fn run(&self, input: &[u8], buffers: &mut Buffers) {
        let (depth, chunks) = (self.shape.depth(), self.chunks());
        let Buffers { planes, codes, sums } = buffers;
        planes.resize(planes_len(&self.shape), 0);
        fill_planes(self.isa, &self.shape, self.padding, self.rows, input, planes);
        codes.resize(CHUNKS * depth, [0; POSITIONS]);
        sums.resize(self.blocks.len() * chunks, [[0; LANES]; POSITIONS]);
        let start = (depth as i32).wrapping_mul(-self.bias);
        for group in 0..self.shape.groups {
            for first in (0..chunks).step_by(CHUNKS) {
                let some = first..chunks.min(first + CHUNKS);
                for (chunk, codes) in some.clone().zip(codes.chunks_exact_mut(depth)) {
                    fill_codes(self.isa, self, planes, group, chunk * POSITIONS, codes);
                }
                let codes: [&Codes; CHUNKS] =
                    std::array::from_fn(|chunk| &codes[chunk * depth..][..depth]);
                let codes = &codes[..some.len()];
                for (b, block) in self.blocks.iter().enumerate().filter(|(_, b)| b.group == group) {
                    let sums = &mut sums[b * chunks..][some.clone()];
                    for lane in (0..block.count).step_by(FILTERS) {
                        let input = ChunkInput {
                            tables: &self.tables,
                            bits: self.rows.count_ones(),
                            entries_per_byte: self.entries_per_byte,
                            weights: std::array::from_fn(|f| {
                                &self.weights[(b * LANES + lane + f) * depth..][..depth]
                            }),
                            start,
                            shift: self.shift,
                        };
                        // SAFETY: kernel() chose the function for the features of an Isa.
                        unsafe { (self.kernel.run)(&input, codes, sums, lane) };
                    }
                }
            }
        }
    }

    /// Adds the sums of the last run to a tile.
    pub fn add_to(&self, buffers: &Buffers, tile: &mut Tile<'_>) {
        add_sums(self.isa, &buffers.sums, self.chunks(), tile);
    }

    #[inline(always)]
    fn fill_codes(
        &self,
        planes: &[u8],
        group: usize,
        position: usize,
        codes: &mut [[u8; POSITIONS]],
    ) {
        let (shape, plane) = (&self.shape, plane_len(&self.shape));
        let planes = &planes[group * shape.channels_per_group() * plane..];
        let out_width = shape.out_width();
        let mut done = 0;
        while done < POSITIONS.min(shape.positions() - position) {
            let (oy, ox) = ((position + done) / out_width, (position + done) % out_width);
            let len = (out_width - ox).min(POSITIONS - done);
            let mut rows = &mut *codes;
            for ky in 0..shape.kernel_height {
                let y = oy * shape.stride_height + ky * shape.dilation_height;
                for kx in 0..shape.kernel_width {
                    let x = ox * shape.stride_width + kx * shape.dilation_width;
                    let (tap, rest) = rows.split_at_mut(shape.channels_per_group());
                    let from = planes[y * shape.padded_width() + x..].chunks(plane);
                    copy_tap(from, shape.stride_width, tap, done, len);
                    rows = rest;
                }
            }
            done += len;
        }
    }
}

#[inline(always)]
fn add_sums_body(sums: &[Sums], chunks: usize, tile: &mut Tile<'_>) {
    let rows = tile.acc.chunks_exact_mut(tile.blocks * LANES);
    for (position, row) in (tile.position..).zip(rows) {
        for (b, lanes) in (tile.block..).zip(row.as_chunks_mut::<LANES>().0) {
            let chunk = &sums[b * chunks + position / POSITIONS];
            for (sum, add) in lanes.iter_mut().zip(&chunk[position % POSITIONS]) {
                *sum = sum.wrapping_add(*add);
            }
        }
    }
}

multiversion! {
    fn add_sums(isa, sums: &[Sums], chunks: usize, tile: &mut Tile<'_>) = add_sums_body;
}

multiversion! {
    /// The codes of the positions from `position` on; those beyond the last stay what they were.
    fn fill_codes(
        isa,
        conv: &LookupConv,
        planes: &[u8],
        group: usize,
        position: usize,
        codes: &mut [[u8; POSITIONS]],
    ) = LookupConv::fill_codes;
}

/// Copies every `stride`-th code of each channel to `len` places from `start` on.
#[inline(always)]
fn copy_tap<'a>(
    from: impl Iterator<Item = &'a [u8]>,
    stride: usize,
    to: &mut [[u8; POSITIONS]],
    start: usize,
    len: usize,
) {
    #[inline(always)]
    fn whole<'a, const LEN: usize>(
        from: impl Iterator<Item = &'a [u8]>,
        to: &mut [[u8; POSITIONS]],
        start: usize,
    ) {
        for (from, to) in from.zip(to) {
            let codes: &[u8; LEN] = from.first_chunk().expect("a row of the plane");
            *to[start..].first_chunk_mut().expect("a part of the chunk") = *codes;
        }
    }
    match (stride, len) {
        // A call for each copy would take longer than copying so little.
        (1, 8) => whole::<8>(from, to, start),
        (1, 16) => whole::<16>(from, to, start),
        (1, 32) => whole::<32>(from, to, start),
        (1, 64) => whole::<64>(from, to, start),
        (1, _) => {
            for (from, to) in from.zip(to) {
                to[start..start + len].copy_from_slice(&from[..len]);
            }
        }
        (2, _) => {
            for (from, to) in from.zip(to) {
                let (last, to) = to[start..start + len].split_last_mut().expect("a position");
                for (to, [code, _]) in to.iter_mut().zip(from.as_chunks().0) {
                    *to = *code;
                }
                *last = from[2 * to.len()];
            }
        }
        _ => {
            for (from, to) in from.zip(to) {
                for (to, code) in to[start..start + len].iter_mut().zip(from.iter().step_by(stride))
                {
                    *to = *code;
                }
            }
        }
    }
}
