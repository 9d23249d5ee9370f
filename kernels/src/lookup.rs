//! Products from small tables held in registers: for masks with many different rows.
//!
//! A weight selects two tables of 16 bytes, one for the low and one for the high four bits of the
//! activation; a byte shuffle looks up many positions' codes at once. Positions run along the
//! vector, so the receptive fields are transposed first: `[depth][64 positions]`, a chunk of 64
//! positions at a time.

use crate::{
    ConvShape, Isa, MacSpec, WeightCoding,
    epilogue::{Block, LANES, Tile, blocks},
    terms::Lookup,
};

/// Positions of a chunk.
pub(crate) const POSITIONS: usize = 64;

/// Filters that a kernel computes together; the largest of any kernel's.
pub(crate) const FILTERS: usize = 4;

/// For each weight byte, the tables of the low and the high four bits.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Tables(pub [[[u8; 16]; 2]; 256]);

/// What a kernel reads.
#[derive(Debug)]
pub(crate) struct ChunkInput<'a> {
    pub tables: &'a Tables,
    /// Codes, `[units][POSITIONS][codes per unit]`.
    pub codes: &'a [u8],
    /// Weight bytes, `[FILTERS][units][codes per unit]`.
    pub weights: &'a [u8],
    /// Whether the tables of the high bits are needed.
    pub high: bool,
    /// What the result is shifted left by.
    pub shift: u32,
    pub coding: WeightCoding,
}

/// Writes the sums of `FILTERS` filters to `acc`, `[POSITIONS][LANES]`, from the lane `lane` on.
///
/// # Safety
/// The processor has the features of the kernel.
type ChunkKernel = unsafe fn(&ChunkInput<'_>, acc: &mut [[i32; LANES]; POSITIONS], lane: usize);

/// The kernel, and the neighbouring channels that its units hold.
fn kernel(isa: Isa) -> Option<(ChunkKernel, usize)> {
    match isa.level() {
        #[cfg(target_arch = "x86_64")]
        crate::isa::Level::Avx2 => Some((crate::x86_64::avx2::lookup_chunk, 1)),
        #[cfg(target_arch = "x86_64")]
        crate::isa::Level::Avx512Vnni => Some((crate::x86_64::avx512::lookup_chunk, 4)),
        _ => None,
    }
}

pub(crate) fn is_available(isa: Isa) -> bool {
    kernel(isa).is_some()
}

#[derive(Debug)]
pub(crate) struct LookupConv {
    shape: ConvShape,
    padding: u8,
    kernel: ChunkKernel,
    /// Codes per unit.
    unit: usize,
    /// Units of one group's channels.
    channel_units: usize,
    tables: Box<Tables>,
    high: bool,
    shift: u32,
    coding: WeightCoding,
    blocks: Vec<Block>,
    /// `[blocks][LANES][units][unit]`
    weights: Vec<u8>,
}

/// Buffers of a [`LookupConv`].
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    /// The padded image, `[groups][channel units][height][width][unit]`.
    planes: Vec<u8>,
    /// The codes of a chunk.
    codes: Vec<u8>,
    /// The result, `[blocks][chunks][POSITIONS][LANES]`.
    acc: Vec<[[i32; LANES]; POSITIONS]>,
}

impl LookupConv {
    /// Only for an `isa` that [`is_available`] accepts.
    pub fn new(isa: Isa, spec: &MacSpec, lookup: &Lookup) -> LookupConv {
        let shape = spec.shape;
        let (kernel, unit) = kernel(isa).expect("an instruction set with a lookup kernel");
        let channels = shape.channels_per_group();
        let channel_units = channels.div_ceil(unit);
        let blocks = blocks(shape.groups, shape.filters_per_group());
        let units = shape.kernel_height * shape.kernel_width * channel_units;
        let mut weights = vec![0; blocks.len() * LANES * units * unit];
        for (block, packed) in blocks.iter().zip(weights.chunks_exact_mut(LANES * units * unit)) {
            let filters = spec.weights[block.filter * shape.depth()..].chunks_exact(shape.depth());
            for (filter, packed) in
                filters.take(block.count).zip(packed.chunks_exact_mut(units * unit))
            {
                let taps = packed.chunks_exact_mut(channel_units * unit);
                for (tap, packed) in filter.chunks_exact(channels).zip(taps) {
                    packed[..channels].copy_from_slice(tap);
                }
            }
        }
        let table = |w: usize, first: u32| {
            std::array::from_fn(|n| lookup.value(w as u8, (n as u8) << first, spec.coding) as u8)
        };
        LookupConv {
            shape,
            padding: spec.input_zero_point,
            kernel,
            unit,
            channel_units,
            tables: Box::new(Tables(std::array::from_fn(|w| [table(w, 0), table(w, 4)]))),
            high: lookup.high,
            shift: lookup.shift,
            coding: spec.coding,
            blocks,
            weights,
        }
    }

    /// Computes all sums into `buffers`.
    pub fn run(&self, input: &[u8], buffers: &mut Buffers) {
        let shape = &self.shape;
        let Buffers { planes, codes, acc } = buffers;
        self.fill_planes(input, planes);
        let units = shape.kernel_height * shape.kernel_width * self.channel_units;
        let chunks = shape.positions().div_ceil(POSITIONS);
        codes.resize(units * POSITIONS * self.unit, 0);
        acc.resize(self.blocks.len() * chunks, [[0; LANES]; POSITIONS]);
        let filter_bytes = units * self.unit;
        for group in 0..shape.groups {
            for chunk in 0..chunks {
                self.fill_codes(planes, group, chunk * POSITIONS, codes);
                for (b, block) in self.blocks.iter().enumerate().filter(|(_, b)| b.group == group) {
                    for lane in (0..block.count).step_by(FILTERS) {
                        let first = (b * LANES + lane) * filter_bytes;
                        let input = ChunkInput {
                            tables: &self.tables,
                            codes,
                            weights: &self.weights[first..first + FILTERS * filter_bytes],
                            high: self.high,
                            shift: self.shift,
                            coding: self.coding,
                        };
                        // SAFETY: kernel() chose the function for the features of an Isa.
                        unsafe { (self.kernel)(&input, &mut acc[b * chunks + chunk], lane) };
                    }
                }
            }
        }
    }

    /// Adds the sums of the last run to a tile.
    pub fn add_to(&self, buffers: &Buffers, tile: &mut Tile<'_>) {
        let chunks = self.shape.positions().div_ceil(POSITIONS);
        let rows = tile.acc.chunks_exact_mut(tile.blocks * LANES);
        for (position, row) in (tile.position..).zip(rows) {
            for (b, lanes) in (tile.block..).zip(row.as_chunks_mut::<LANES>().0) {
                let chunk = &buffers.acc[b * chunks + position / POSITIONS];
                for (sum, add) in lanes.iter_mut().zip(&chunk[position % POSITIONS]) {
                    *sum = sum.wrapping_add(*add);
                }
            }
        }
    }

    fn plane_bytes(&self) -> usize {
        self.shape.padded_height() * self.shape.padded_width() * self.unit
    }

    fn fill_planes(&self, input: &[u8], planes: &mut Vec<u8>) {
        let (shape, unit) = (&self.shape, self.unit);
        let plane = self.plane_bytes();
        planes.clear();
        planes.resize(shape.groups * self.channel_units * plane, self.padding);
        for (y, row) in input.chunks_exact(shape.width * shape.channels).enumerate() {
            let start = ((y + shape.pad_top) * shape.padded_width() + shape.pad_left) * unit;
            for (group, planes) in planes.chunks_exact_mut(self.channel_units * plane).enumerate() {
                let channels = shape.channels_per_group();
                for (u, plane) in planes.chunks_exact_mut(plane).enumerate() {
                    let first = group * channels + u * unit;
                    let len = unit.min(channels - u * unit);
                    let out = &mut plane[start..start + shape.width * unit];
                    let pixels = row.chunks_exact(shape.channels);
                    match (unit, len) {
                        (1, _) => {
                            for (out, pixel) in out.iter_mut().zip(pixels) {
                                *out = pixel[first];
                            }
                        }
                        (4, 4) => {
                            for (out, pixel) in out.as_chunks_mut::<4>().0.iter_mut().zip(pixels) {
                                *out = *pixel[first..].first_chunk().expect("four channels");
                            }
                        }
                        _ => {
                            for (out, pixel) in out.chunks_exact_mut(unit).zip(pixels) {
                                out[..len].copy_from_slice(&pixel[first..first + len]);
                            }
                        }
                    }
                }
            }
        }
    }

    /// The codes of the positions from `position` on; those beyond the last stay what they were.
    fn fill_codes(&self, planes: &[u8], group: usize, position: usize, codes: &mut [u8]) {
        let (shape, unit) = (&self.shape, self.unit);
        let plane = self.plane_bytes();
        let planes = &planes[group * self.channel_units * plane..];
        let out_width = shape.out_width();
        let mut done = 0;
        while done < POSITIONS.min(shape.positions() - position) {
            let (oy, ox) = ((position + done) / out_width, (position + done) % out_width);
            let len = (out_width - ox).min(POSITIONS - done);
            let mut rows = codes.chunks_exact_mut(POSITIONS * unit);
            for ky in 0..shape.kernel_height {
                let y = oy * shape.stride_height + ky * shape.dilation_height;
                for kx in 0..shape.kernel_width {
                    let x = ox * shape.stride_width + kx * shape.dilation_width;
                    let start = (y * shape.padded_width() + x) * unit;
                    for (plane, out) in
                        planes.chunks_exact(plane).zip(rows.by_ref().take(self.channel_units))
                    {
                        let out = &mut out[done * unit..(done + len) * unit];
                        copy_strided(&plane[start..], unit, shape.stride_width, out);
                    }
                }
            }
            done += len;
        }
    }
}

/// Copies every `stride`-th unit.
fn copy_strided(from: &[u8], unit: usize, stride: usize, out: &mut [u8]) {
    if stride == 1 {
        out.copy_from_slice(&from[..out.len()]);
    } else if unit == 4 {
        let units = from.as_chunks::<4>().0.iter().step_by(stride);
        for (out, unit) in out.as_chunks_mut::<4>().0.iter_mut().zip(units) {
            *out = *unit;
        }
    } else {
        debug_assert_eq!(unit, 1);
        for (i, out) in out.iter_mut().enumerate() {
            *out = from[i * stride];
        }
    }
}
