//! Depthwise convolution by columns of the kernel, with instructions that add several products.
//!
//! For 64 channels at a time, the codes of neighbouring rows are laid side by side, channel by channel:
//! four of one byte or two of two bytes. What a kernel's column meets is then one or a few such
//! units per channel, and each column of the image is packed once for all positions that read it.

use crate::{
    ConvShape, Isa, MacSpec, Product, WeightCoding,
    buffer::first,
    engine::{
        byte_lookup::Aligned,
        gemm::{Line, UNIT, storage_offset},
    },
    input::image::Width,
    output::{blocks::LANES, epilogue::Tile, sums::CodeFunction},
    product::{
        factors::{CodeFactor, Factor},
        terms::Term,
    },
};

/// Channels that are computed together.
pub(crate) const CHANNELS: usize = 64;

/// Blocks of filters among them.
const BLOCKS: usize = CHANNELS / LANES;

/// Positions of a tile.
const POSITIONS: usize = 16;

/// The codes of some rows of one column of the image, a unit for each channel.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Column(pub [u8; CHANNELS * UNIT]);

/// Codes of one row of the image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub codes: &'a [u8],
    /// From one column to the next.
    pub stride: usize,
}

/// Lays rows, as many as a unit has codes, side by side in every `step`-th of `to`, for so many
/// channels; the others get any codes.
///
/// # Safety
/// The processor has the features of the kernel.
type Pack = unsafe fn(rows: &[Row<'_>], channels: usize, to: &mut [Column], step: usize);

/// What a kernel sums.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    /// From the first position's first column on.
    pub columns: &'a [Column],
    /// Columns from one position to the next.
    pub stride: usize,
    /// Where the units that the kernel meets are, in columns.
    pub taps: &'a [usize],
    /// How many rows of the kernel each of them has.
    pub rows: &'a [usize],
    /// Bits of the codes in each term.
    pub masks: &'a [u8],
    /// `[blocks][taps][terms]`
    pub weights: &'a [Line],
    pub blocks: usize,
    pub function: Function,
}

/// A function from codes to bytes that is summed beside the products.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Function {
    None,
    /// Some of the code's bits.
    Bits(u8),
    /// The sum of an entry for the low and one for the high four bits.
    Nibbles([[u8; 16]; 2]),
}

impl Function {
    /// The bits of one and the entries of the other, 0 where it is not that.
    pub fn parts(self) -> (u8, [[u8; 16]; 2]) {
        match self {
            Self::None => (0, [[0; 16]; 2]),
            Self::Bits(bits) => (bits, [[0; 16]; 2]),
            Self::Nibbles(nibbles) => (0, nibbles),
        }
    }
}

impl Input<'_> {
    /// That the columns and weights of so many positions are there.
    pub fn check(&self, acc: &[[i32; LANES]], x: &[[i32; LANES]]) {
        let positions = acc.len() / self.blocks;
        let last = self.taps.iter().max().unwrap_or(&0);
        assert!(self.blocks <= BLOCKS && acc.len() == positions * self.blocks && positions > 0);
        assert!((positions - 1) * self.stride + last < self.columns.len());
        assert!(self.blocks * self.taps.len() * self.masks.len() <= self.weights.len());
        assert!(self.function == Function::None || x.len() == acc.len());
        assert!(self.rows.len() == self.taps.len());
    }
}

/// Sums of neighbouring positions, `[positions][blocks]`, and of the function, if there is one.
///
/// # Safety
/// The processor has the features of the kernel.
type SumColumns = unsafe fn(&Input<'_>, acc: &mut [[i32; LANES]], x: &mut [[i32; LANES]]);

/// The kernels of an instruction set, and how wide the codes in a unit are.
#[derive(Debug, Clone, Copy)]
struct Kernel {
    pack: Pack,
    sum: SumColumns,
    width: Width,
}

impl Kernel {
    fn of(isa: Isa) -> Option<Kernel> {
        #[cfg(target_arch = "x86_64")]
        use crate::x86_64::{avx2_columns, avx512_columns};
        match isa.level() {
            #[cfg(target_arch = "x86_64")]
            crate::isa::Level::Avx2 => {
                Some(Kernel { pack: avx2_columns::pack, sum: avx2_columns::sum, width: Width::Two })
            }
            #[cfg(target_arch = "x86_64")]
            crate::isa::Level::Avx512Vnni => Some(Kernel {
                pack: avx512_columns::pack,
                sum: avx512_columns::sum,
                width: Width::One,
            }),
            _ => None,
        }
    }

    /// Rows in a unit.
    fn rows(self) -> usize {
        UNIT / self.width.bytes()
    }
}

#[derive(Debug)]
pub(crate) struct Columns {
    kernel: Kernel,
    shape: ConvShape,
    padding: u8,
    /// Columns for each column of the image: so many rows' worth of units.
    units: usize,
    taps: Vec<usize>,
    /// How many rows of the kernel each of them has.
    rows: Vec<usize>,
    masks: Vec<u8>,
    /// `[blocks][taps][terms]`
    weights: Vec<Line>,
    function: Function,
    /// X is this times the function's sum, and this more.
    function_scale: (i32, i32),
}

impl Columns {
    /// The sum of `terms`, and what it leaves out as a function of the code; none if the instruction
    /// set has no kernel.
    pub fn new(isa: Isa, spec: &MacSpec, terms: &[Factor]) -> Option<(Columns, [i32; 256])> {
        let kernel = Kernel::of(isa)?;
        let shape = spec.shape;
        let rows = kernel.rows();
        let units = shape.kernel_height.div_ceil(rows);
        let columns = (0..shape.kernel_width).map(|kx| kx * shape.dilation_width * units);
        let taps = columns.flat_map(|column| column..column + units).collect::<Vec<_>>();
        let in_column = (0..units).map(|unit| rows.min(shape.kernel_height - unit * rows));
        let rows_of_taps = (0..shape.kernel_width).flat_map(|_| in_column.clone()).collect();
        let used = spec.used_weights();
        let mut correction = [0; 256];
        let mut masks = Vec::new();
        let mut offsets = Vec::new();
        for term in terms {
            let &CodeFactor::Bits(mask) = &term.of_code else { return None };
            let offset = storage_offset(&used, &spec.weight_zero_points, term, kernel.width);
            for (a, sum) in (0..=255).zip(&mut correction) {
                *sum += offset * i32::from(a & mask);
            }
            masks.push(mask);
            offsets.push(offset);
        }
        let mut weights = Vec::new();
        for first in (0..shape.filters).step_by(LANES) {
            for (kx, unit) in
                (0..shape.kernel_width).flat_map(|kx| (0..units).map(move |u| (kx, u)))
            {
                for (term, offset) in terms.iter().zip(&offsets) {
                    let mut line = Line([0; LANES * UNIT]);
                    for (lane, row) in
                        (0..LANES).flat_map(|lane| (0..rows).map(move |row| (lane, row)))
                    {
                        let ky = unit * rows + row;
                        if first + lane >= shape.filters || ky >= shape.kernel_height {
                            continue;
                        }
                        let tap = ky * shape.kernel_width + kx;
                        let byte = spec.weights[(first + lane) * shape.depth() + tap];
                        let w = i32::from(term.of_weight[usize::from(byte)]) - offset;
                        line.set(kernel.width, lane * UNIT + row * kernel.width.bytes(), w);
                    }
                    weights.push(line);
                }
            }
        }
        let padding = spec.input_zero_point;
        let columns = Columns {
            kernel,
            shape,
            padding,
            units,
            taps,
            rows: rows_of_taps,
            masks,
            weights,
            function: Function::None,
            function_scale: (1, 0),
        };
        Some((columns, correction))
    }

    /// Sums `f` over the windows as well, if it can: whether it does.
    pub fn sum_also(&mut self, f: &CodeFunction) -> bool {
        let Some([plane]) = f.planes() else { return false };
        self.function = match (plane.bits, plane.nibbles) {
            (Some(bits), _) => Function::Bits(bits),
            (None, Some(nibbles)) => Function::Nibbles(nibbles),
            (None, None) => return false,
        };
        let taps = (self.shape.kernel_height * self.shape.kernel_width) as i32;
        let (scale, offset) = f.scale_and_offset();
        self.function_scale = (scale, offset.wrapping_mul(taps));
        true
    }

    /// The sum of the codes that each channel's windows meet, for layers whose groups have one channel
    /// each; none where no kernel is faster than the obvious way.
    pub fn of_windows(isa: Isa, shape: &ConvShape) -> Option<Columns> {
        if shape.groups == 1 || shape.groups != shape.channels {
            return None;
        }
        let shape = ConvShape { filters: shape.groups, ..*shape };
        let ones = vec![1; shape.filters * shape.depth()];
        let all = Term { rows: 0xff, keep: 0xff };
        let spec = MacSpec::bare(shape, ones, WeightCoding::Unsigned, Product::Mask(u64::MAX));
        let (columns, _) = Self::new(isa, &spec, &[Factor::of_term(all, spec.coding)])?;
        Some(columns)
    }

    /// Hands the accumulators to `sink`, tile by tile.
    pub fn run(&self, input: &[u8], columns: &mut Vec<Column>, sink: impl FnMut(Tile<'_>)) {
        self.run_padded(input, self.padding, columns, sink);
    }

    /// The same with another code around the image.
    pub fn run_padded(
        &self,
        input: &[u8],
        padding: u8,
        columns: &mut Vec<Column>,
        mut sink: impl FnMut(Tile<'_>),
    ) {
        let (shape, units) = (&self.shape, self.units);
        let columns = first(columns, shape.padded_width() * units, Column([0; CHANNELS * UNIT]));
        let out_width = shape.out_width();
        let per_block = self.taps.len() * self.masks.len();
        let mut acc = Aligned([[0; LANES]; POSITIONS * BLOCKS]);
        let mut x = Aligned([[0; LANES]; POSITIONS * BLOCKS]);
        for channel in (0..shape.channels).step_by(CHANNELS) {
            let channels = CHANNELS.min(shape.channels - channel);
            let (block, blocks) = (channel / LANES, channels.div_ceil(LANES));
            for oy in 0..shape.out_height() {
                self.pack(input, padding, oy, (channel, channels), columns);
                for ox in (0..out_width).step_by(POSITIONS) {
                    let positions = POSITIONS.min(out_width - ox);
                    let acc = &mut acc[..positions * blocks];
                    let x = match self.function {
                        Function::None => &mut [],
                        _ => &mut x[..positions * blocks],
                    };
                    let stride = shape.stride_width * units;
                    let sums = Input {
                        columns: &columns[ox * stride..],
                        stride,
                        taps: &self.taps,
                        rows: &self.rows,
                        masks: &self.masks,
                        weights: &self.weights[block * per_block..],
                        blocks,
                        function: self.function,
                    };
                    // SAFETY: Kernel::of chose the function for the features of an Isa.
                    unsafe { (self.kernel.sum)(&sums, acc, x) };
                    let (acc, control) = (acc.as_flattened_mut(), x.as_flattened_mut());
                    let (scale, more) = self.function_scale;
                    if (scale, more) != (1, 0) {
                        for x in &mut *control {
                            *x = x.wrapping_mul(scale).wrapping_add(more);
                        }
                    }
                    let position = oy * out_width + ox;
                    sink(Tile { acc, control, position, positions, block, blocks });
                }
            }
        }
    }

    /// Packs the rows that an output row reads.
    fn pack(
        &self,
        input: &[u8],
        padding: u8,
        oy: usize,
        (first, channels): (usize, usize),
        columns: &mut [Column],
    ) {
        let (shape, units, rows) = (&self.shape, self.units, self.kernel.rows());
        let border = [padding; CHANNELS];
        let border = Row { codes: &border, stride: 0 };
        let row = |ky: usize| {
            let y = oy * shape.stride_height + ky * shape.dilation_height;
            let y = y.checked_sub(shape.pad_top).filter(|&y| y < shape.height);
            // The weights of rows beyond the kernel are 0.
            y.filter(|_| ky < shape.kernel_height).map_or(border, |y| Row {
                codes: &input[y * shape.width * shape.channels..][..shape.width * shape.channels]
                    [first..],
                stride: shape.channels,
            })
        };
        let inside = shape.pad_left * units..(shape.pad_left + shape.width) * units;
        for unit in 0..units {
            let mut found = [border; UNIT];
            let found = &mut found[..rows];
            found.iter_mut().zip(unit * rows..).for_each(|(found, ky)| *found = row(ky));
            let borders = [border; UNIT];
            for (rows, range) in [
                (&borders[..rows], 0..inside.start),
                (&*found, inside.clone()),
                (&borders[..rows], inside.end..columns.len()),
            ] {
                if !range.is_empty() {
                    let to = &mut columns[range][unit..];
                    // SAFETY: Kernel::of chose the function for the features of an Isa.
                    unsafe { (self.kernel.pack)(rows, channels, to, units) };
                }
            }
        }
    }
}
