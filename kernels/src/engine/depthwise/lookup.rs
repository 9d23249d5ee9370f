//! Depthwise convolution by bytes looked up in registers: any table of products.
//!
//! Channels go one by one, with their positions along the vectors, so that a weight selects one table
//! for all lanes. Positions are numbered through the padded image, row after row: what a tap meets is
//! then the same codes further on, read where they are, and the sums at the ends of rows are for
//! nothing. With strides, an image is kept as one for each remainder of row and column.

pub(crate) mod input;

use crate::{
    ConvShape, Isa, MacSpec,
    buffer::first,
    engine::{
        byte_lookup::{
            Aligned, CHUNKS, POSITIONS, SPAN, Sums, ToRows,
            gather::{WINDOW, Window},
            map_codes,
            tables::{BytePlane, ByteTables, Index},
        },
        depthwise::lookup::input::{
            Channels, ControlInput, Input, LookUp, MOST_TAPS, Offsets, Pad, PadInput, SumControl,
        },
    },
    input::planes::{TransposePixels, transpose_row},
    output::{blocks::LANES, epilogue::Tile, sums::CodeFunction},
};

/// Codes of a channel that is small.
const SMALL: usize = 2 << 10;

/// Codes that are kept in the second-level cache.
const CACHED_CODES: usize = 64 << 10;

/// Values of x that are kept in the first-level cache.
const CACHED_WORDS: usize = 8 << 10;

#[derive(Debug, Clone, Copy)]
struct Kernel {
    look_up: LookUp,
    sum_control: SumControl,
    to_rows: ToRows,
    transpose: TransposePixels,
    pad: Pad,
}

impl Kernel {
    fn of(isa: Isa) -> Option<Kernel> {
        #[cfg(target_arch = "x86_64")]
        use crate::x86_64::{avx512_bytes, avx512_planes, transpose};
        match isa.level() {
            #[cfg(target_arch = "x86_64")]
            crate::isa::Level::Avx512Vnni => Some(Kernel {
                look_up: avx512_planes::look_up,
                sum_control: avx512_planes::sum_control,
                to_rows: avx512_bytes::to_rows,
                transpose: transpose::pixels,
                pad: avx512_planes::pad,
            }),
            _ => None,
        }
    }
}

/// A channel of the padded image: as many planes as there are remainders of row and column.
#[derive(Debug)]
struct Planes {
    shape: ConvShape,
    width: usize,
    /// Codes of one plane.
    len: usize,
}

impl Planes {
    fn new(shape: ConvShape) -> Planes {
        let width = shape.padded_width().div_ceil(shape.stride_width);
        let height = shape.padded_height().div_ceil(shape.stride_height);
        Planes { shape, width, len: width * height }
    }

    /// Codes of all planes, in whole chunks.
    fn channel_len(&self) -> usize {
        let planes = self.shape.stride_height * self.shape.stride_width;
        (planes * self.len).next_multiple_of(POSITIONS)
    }

    /// Positions, with those at the ends of rows that are none.
    fn positions(&self) -> usize {
        (self.shape.out_height() - 1) * self.width + self.shape.out_width()
    }

    /// Where the codes of a row of the kernel begin, in the planes of the columns' remainder.
    fn row(&self, ky: usize, remainder: usize) -> usize {
        let (y, stride) = (ky * self.shape.dilation_height, self.shape.stride_height);
        let plane = y % stride * self.shape.stride_width + remainder;
        plane * self.len + y / stride * self.width
    }

    /// The remainder of a column of the kernel, and how many codes it is from the row's first.
    fn column(&self, kx: usize) -> (usize, usize) {
        let (x, stride) = (kx * self.shape.dilation_width, self.shape.stride_width);
        (x % stride, x / stride)
    }

    /// Writes the padded planes of some channels, row by row.
    fn fill(
        &self,
        transpose: TransposePixels,
        padding: u8,
        channels: usize,
        input: &[u8],
        out: &mut [u8],
    ) {
        let shape = &self.shape;
        let (stride_y, stride_x) = (shape.stride_height, shape.stride_width);
        out[..channels * self.channel_len()].fill(padding);
        for y in 0..shape.height {
            let padded_y = y + shape.pad_top;
            let row = &input[y * shape.width * shape.channels..];
            for x in 0..stride_x.min(shape.width) {
                let padded_x = x + shape.pad_left;
                let plane = padded_y % stride_y * stride_x + padded_x % stride_x;
                let at = padded_y / stride_y * self.width + padded_x / stride_x;
                let pixels = (shape.width - x).div_ceil(stride_x);
                transpose_row(
                    transpose,
                    (&row[x * shape.channels..], stride_x * shape.channels),
                    (pixels, channels),
                    &mut out[plane * self.len + at..],
                    self.channel_len(),
                );
            }
        }
    }

    /// The code of the image that one of the planes' is; none for padding.
    fn source(&self, at: usize) -> Option<usize> {
        let shape = &self.shape;
        let (plane, at) = (at / self.len, at % self.len);
        let (row, column) = (at / self.width, at % self.width);
        let y = row * shape.stride_height + plane / shape.stride_width;
        let x = column * shape.stride_width + plane % shape.stride_width;
        let y = y.checked_sub(shape.pad_top).filter(|&y| y < shape.height)?;
        let x = x.checked_sub(shape.pad_left).filter(|&x| x < shape.width)?;
        (plane < shape.stride_height * shape.stride_width).then_some(y * shape.width + x)
    }

    /// For each chunk of the planes, where its codes are in the image.
    fn windows(&self) -> Vec<Vec<Window>> {
        let of_chunk = |chunk: usize| {
            let mut windows: Vec<Window> = Vec::new();
            for i in 0..POSITIONS {
                let Some(from) = self.source(chunk * POSITIONS + i) else { continue };
                let is_in = |window: &Window| (window.from..window.from + WINDOW).contains(&from);
                if !windows.last().is_some_and(is_in) {
                    windows.push(Window { from, positions: 0, at: [0; POSITIONS], last: 0 });
                }
                let window = windows.last_mut().expect("one at least");
                window.at[i] = (from - window.from) as u8;
                window.last = window.last.max(from - window.from);
                window.positions |= 1 << i;
            }
            windows
        };
        (0..self.channel_len() / POSITIONS).map(of_chunk).collect()
    }

    fn taps(&self) -> Vec<usize> {
        let of_row = |ky| {
            (0..self.shape.kernel_width).map(move |kx| {
                let (remainder, column) = self.column(kx);
                self.row(ky, remainder) + column
            })
        };
        (0..self.shape.kernel_height).flat_map(of_row).collect()
    }
}

/// The function x.
#[derive(Debug)]
struct Control {
    /// See [`ControlInput`].
    entries: [[u8; 256]; 2],
    rows: Vec<Offsets>,
    columns: Offsets,
    row_len: usize,
    /// Words of a channel.
    words: usize,
    /// X is this times the sum, and this more.
    scale: (i32, i32),
}

#[derive(Debug)]
pub(crate) struct Lookup {
    isa: Isa,
    kernel: Kernel,
    padding: u8,
    planes: Planes,
    /// Of a small image, whose rows are too short to be transposed one by one.
    windows: Vec<Vec<Window>>,
    /// Bits of the index.
    bits: u32,
    tables: Vec<BytePlane>,
    /// What each code is replaced by, if any is.
    columns: Option<[u8; 256]>,
    taps: Offsets,
    /// Codes that kernels read from a channel's first on.
    reach: usize,
    /// Numbers of tables, `[channels][taps]`.
    numbers: Vec<u8>,
    /// See [`Input::runs`], `[tables][channels]`.
    runs: Vec<Vec<Vec<u8>>>,
    /// What each channel's sums are more than the tables say.
    constants: Vec<[i32; LANES]>,
    control: Option<Control>,
}

/// Buffers of a [`Lookup`].
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    /// Of some channels, without padding and with it.
    image: Vec<u8>,
    planes: Vec<u8>,
    /// The values of x, of one channel.
    words: Vec<u16>,
    /// Their sums over the kernel's rows.
    rows: Vec<u16>,
    /// And over its columns, `[spans][channels of the block]`.
    x: Vec<Sums>,
}

impl Lookup {
    /// None if the instruction set has no kernel for it. `table`: entry 256 w + a. Only for shapes
    /// that [`Depthwise::fits`](super::Depthwise::fits).
    pub fn new(isa: Isa, spec: &MacSpec, table: &[i32]) -> Option<(Lookup, [i32; 256])> {
        let kernel = Kernel::of(isa)?;
        let depth = spec.shape.depth();
        if depth > MOST_TAPS {
            return None;
        }
        let planes = Planes::new(spec.shape);
        let tables = ByteTables::for_zero_point(spec, table)?;
        let Index::Column(bits) = tables.index else { return None };
        let moved = tables.columns.iter().enumerate().any(|(a, &column)| a != usize::from(column));
        let numbers: Vec<u8> =
            spec.weights.iter().map(|&w| tables.numbers[usize::from(w)]).collect();
        let runs = |plane: &BytePlane| {
            // All at once or one by one: processors do not foresee how long runs between are.
            let of_channel = |numbers: &[[u8; 1]]| match plane.runs(numbers) {
                runs if runs.len() == 1 => runs,
                _ => vec![1; numbers.len()],
            };
            numbers.as_chunks().0.chunks_exact(depth).map(of_channel).collect()
        };
        let runs = tables.planes.iter().map(runs).collect();
        let mut constants = vec![[0i32; LANES]; spec.shape.channels.div_ceil(LANES)];
        for (constant, weights) in
            constants.as_flattened_mut().iter_mut().zip(spec.weights.chunks_exact(depth))
        {
            let of_weights = weights.iter().map(|&w| tables.of_weight[usize::from(w)]);
            *constant = of_weights.fold(0, i32::wrapping_add);
        }
        let correction = tables.of_code;
        let taps = Offsets::new(planes.taps());
        let reach = planes.positions().next_multiple_of(POSITIONS) + taps.last();
        let lookup = Lookup {
            isa,
            kernel,
            padding: spec.input_zero_point,
            reach: reach.max(planes.channel_len()),
            taps,
            windows: if planes.channel_len() <= SMALL { planes.windows() } else { Vec::new() },
            planes,
            columns: moved.then_some(tables.columns),
            bits,
            tables: tables.planes,
            numbers,
            runs,
            constants,
            control: None,
        };
        Some((lookup, correction))
    }

    /// Bits of the index, and bytes of an entry.
    pub fn size(&self) -> (String, usize) {
        (self.bits.to_string(), self.tables.len())
    }

    /// Sums `f` over the windows as well, if it can: whether it does.
    pub fn sum_also(&mut self, f: &CodeFunction) -> bool {
        let entries = match f.planes() {
            Some([low]) => [low.table, [0; 256]],
            Some([low, high]) => [low.table, high.table],
            _ => return false,
        };
        let value = |a: usize| usize::from(u16::from_le_bytes([entries[0][a], entries[1][a]]));
        let largest = (0..256).map(value).max().unwrap_or(0);
        if largest * self.taps.all().len() > u16::MAX.into() {
            return false;
        }
        let (planes, shape) = (&self.planes, &self.planes.shape);
        let all_columns = || (0..shape.kernel_width).map(|kx| planes.column(kx));
        let last = all_columns().map(|(_, column)| column).max().unwrap_or(0);
        let row_len =
            (planes.positions().next_multiple_of(POSITIONS) + last).next_multiple_of(POSITIONS);
        let of_remainder =
            |x| Offsets::new((0..shape.kernel_height).map(|ky| planes.row(ky, x)).collect());
        let rows: Vec<_> = (0..shape.stride_width).map(of_remainder).collect();
        let columns = all_columns().map(|(remainder, column)| remainder * row_len + column);
        let columns = Offsets::new(columns.collect());
        let last = rows.iter().map(|rows| rows.last()).max().unwrap_or(0);
        let words = (last + row_len).next_multiple_of(POSITIONS);
        self.reach = self.reach.max(words);
        let (scale, offset) = f.scale_and_offset();
        let scale = (scale, offset.wrapping_mul(self.taps.all().len() as i32));
        self.control = Some(Control { entries, rows, columns, row_len, words, scale });
        true
    }

    /// Hands the accumulators to `sink`, tile by tile.
    pub fn run(&self, input: &[u8], buffers: &mut Buffers, mut sink: impl FnMut(Tile<'_>)) {
        let Planes { shape, width, .. } = &self.planes;
        let channel_len = self.planes.channel_len();
        let positions = self.planes.positions();
        let mut sums = [Aligned([[0; POSITIONS]; CHUNKS]); LANES];
        let mut acc = Aligned([[0; LANES]; SPAN]);
        let mut x = Aligned([[0; LANES]; SPAN]);
        // As many blocks as the second-level cache holds easily are transposed together.
        let together = (CACHED_CODES / channel_len / LANES * LANES).clamp(LANES, 4 * LANES);
        for (block, first_channel) in (0..shape.channels).step_by(LANES).enumerate() {
            let channels = LANES.min(shape.channels - first_channel);
            let at = first_channel % together * channel_len;
            if at == 0 {
                // The last spans read beyond the channel.
                let all = (together - 1) * channel_len + self.reach;
                let planes = first(&mut buffers.planes, all, 0);
                let channels = together.min(shape.channels - first_channel);
                self.fill(&input[first_channel..], channels, &mut buffers.image, planes);
            }
            if let Some(control) = &self.control {
                self.sum_control(control, channels, at, buffers);
            }
            let all = (LANES - 1) * channel_len + self.reach;
            let planes = &mut buffers.planes[at..][..all];
            if let Some(columns) = &self.columns {
                map_codes(self.isa, columns, &mut planes[..channels * channel_len]);
            }
            let planes = &*planes;
            let of_block = Channels { codes: planes, step: channel_len, count: channels };
            let taps = self.taps.all().len();
            for (span, start) in (0..positions).step_by(SPAN).enumerate() {
                let span_len = SPAN.min(positions - start);
                let chunks = span_len.div_ceil(POSITIONS);
                let acc = &mut acc[..span_len];
                let mut constants = Some(&self.constants[block]);
                for (table, runs) in self.tables.iter().zip(&self.runs) {
                    let input = Input {
                        channels: Channels { codes: &planes[start..], ..of_block },
                        chunks,
                        taps: &self.taps,
                        numbers: &self.numbers[first_channel * taps..][..channels * taps],
                        runs: &runs[first_channel..][..channels],
                        table,
                        bits: self.bits,
                    };
                    // SAFETY: Kernel::of chose the functions for the features of an Isa.
                    unsafe {
                        (self.kernel.look_up)(&input, &mut sums);
                        (self.kernel.to_rows)(&sums, table.shift, constants.take(), (acc, 1));
                    }
                }
                if let Some(constants) = constants {
                    acc.fill(*constants);
                }
                let mut control: &mut [i32] = &mut [];
                if let Some(of) = &self.control {
                    let x = &mut x[..span_len];
                    let sums = &buffers.x[span * LANES..].first_chunk().expect("a span's sums");
                    // SAFETY: Kernel::of chose the function for the features of an Isa.
                    unsafe { (self.kernel.to_rows)(sums, 0, Some(&[0; LANES]), (x, 1)) };
                    control = x.as_flattened_mut();
                    if of.scale != (1, 0) {
                        for x in &mut *control {
                            *x = x.wrapping_mul(of.scale.0).wrapping_add(of.scale.1);
                        }
                    }
                }
                for y in start / width..(start + span_len).div_ceil(*width) {
                    let row = y * width..y * width + shape.out_width();
                    let (from, to) = (row.start.max(start), row.end.min(start + span_len));
                    if from >= to {
                        continue;
                    }
                    let lanes = (from - start) * LANES..(to - start) * LANES;
                    let control = control.get(lanes.clone()).unwrap_or(&[]);
                    sink(Tile {
                        acc: &mut acc.as_flattened_mut()[lanes],
                        control,
                        position: y * shape.out_width() + from - row.start,
                        positions: to - from,
                        block,
                        blocks: 1,
                    });
                }
            }
        }
    }

    /// Writes the padded planes of some channels.
    fn fill(&self, input: &[u8], channels: usize, image: &mut Vec<u8>, planes: &mut [u8]) {
        if self.windows.is_empty() {
            return self.planes.fill(self.kernel.transpose, self.padding, channels, input, planes);
        }
        let shape = &self.planes.shape;
        let pixels = shape.height * shape.width;
        // The last windows may reach beyond the image.
        let image = first(image, channels * pixels + WINDOW, 0);
        let (row, size) = ((input, shape.channels), (pixels, channels));
        transpose_row(self.kernel.transpose, row, size, image, pixels);
        let input = PadInput {
            image,
            pixels,
            channels,
            windows: &self.windows,
            padding: self.padding,
            step: self.planes.channel_len(),
        };
        // SAFETY: Kernel::of chose the function for the features of an Isa.
        unsafe { (self.kernel.pad)(&input, planes) };
    }

    /// The sums of x for a block's channels.
    fn sum_control(&self, control: &Control, channels: usize, at: usize, buffers: &mut Buffers) {
        let Buffers { planes, words, rows, x, .. } = buffers;
        let channel_len = self.planes.channel_len();
        let chunks = self.planes.positions().div_ceil(POSITIONS);
        let sums = Aligned([[0; POSITIONS]; CHUNKS]);
        let x = first(x, chunks.div_ceil(CHUNKS) * LANES, sums);
        let together = (CACHED_WORDS / control.words).clamp(1, LANES);
        let words = first(words, together * control.words, 0);
        let rows = first(rows, together * control.rows.len() * control.row_len, 0);
        let input = ControlInput {
            channels: Channels { codes: &planes[at..], step: channel_len, count: channels },
            entries: &control.entries,
            rows: &control.rows,
            columns: &control.columns,
            words: control.words,
            row_len: control.row_len,
            together,
            chunks,
        };
        // SAFETY: Kernel::of chose the function for the features of an Isa.
        unsafe { (self.kernel.sum_control)(&input, words, rows, x) };
    }
}
