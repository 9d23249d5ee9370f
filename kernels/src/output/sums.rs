//! Sums over the receptive field that all filters share: sum_j f(a_j). // eq. (3.1)
//!
//! First f is summed over the channels of each pixel, then over the kernel's window: rows first,
//! columns second, a few additions per position whatever the number of channels.

use crate::{
    ConvShape, Isa,
    buffer::first,
    dispatch::multiversion,
    engine::{
        byte_lookup::map_codes,
        depthwise::columns::{Column, Columns},
        gemm::is_pointwise,
    },
    output::blocks::LANES,
};

/// A function of the activation code, split so that vectors of bytes can evaluate it:
/// f(a) = offset + scale * sum_b 2^(8 b) plane_b(a).
#[derive(Debug, Clone)]
pub(crate) struct CodeFunction {
    table: [i32; 256],
    offset: i32,
    scale: u32,
    /// None if f spans more than two bytes.
    planes: Option<Vec<Plane>>,
}

/// A function from codes to bytes.
#[derive(Debug, Clone)]
#[repr(align(64))]
pub(crate) struct Plane {
    pub table: [u8; 256],
    /// The bits of the code that are the function, if it is some of them.
    pub bits: Option<u8>,
    /// Tables for the low and the high four bits whose sum is the function, if there are such.
    pub nibbles: Option<[[u8; 16]; 2]>,
}

impl Plane {
    fn new(table: [u8; 256]) -> Plane {
        let split = || {
            let low: [u8; 16] = std::array::from_fn(|l| table[l]);
            let mut high = [0; 16];
            for (h, high) in high.iter_mut().enumerate() {
                *high = table[16 * h].checked_sub(low[0])?;
            }
            let fits = |a: usize| u16::from(low[a % 16]) + u16::from(high[a / 16]);
            (0..256).all(|a| fits(a) == u16::from(table[a])).then_some([low, high])
        };
        let bits = table[255];
        let is_mask = (0..=255).all(|code| table[usize::from(code)] == code & bits);
        Plane { table, bits: is_mask.then_some(bits), nibbles: split() }
    }
}

impl CodeFunction {
    /// None for the function that is 0 everywhere.
    pub fn new(table: &[i32; 256]) -> Option<CodeFunction> {
        if table.iter().all(|&v| v == 0) {
            return None;
        }
        let offset = table.iter().copied().min().unwrap_or(0);
        let above = table.map(|v| v.wrapping_sub(offset) as u32);
        let scale = above.iter().copied().fold(0, greatest_common_divisor).max(1);
        let above = above.map(|v| v / scale);
        let planes = match above.iter().copied().max().unwrap_or(0) {
            0..0x100 => Some(1),
            0x100..0x1_0000 => Some(2),
            _ => None,
        };
        let planes = planes
            .map(|n| (0..n).map(|b| Plane::new(above.map(|v| (v >> (8 * b)) as u8))).collect());
        Some(CodeFunction { table: *table, offset, scale, planes })
    }

    /// b from 0 on; none if f spans more than two bytes.
    pub fn planes(&self) -> Option<&[Plane]> {
        self.planes.as_deref()
    }

    /// What the planes' sum is multiplied by, and what is added.
    pub fn scale_and_offset(&self) -> (i32, i32) {
        (self.scale as i32, self.offset)
    }

    /// Writes the sum of f over each `channels` neighbouring codes.
    fn pixel_sums(&self, isa: Isa, channels: usize, input: &[u8], out: &mut [i32]) {
        let (planes, plane_sums) = match (&self.planes, plane_kernel(isa)) {
            // A single channel leaves nothing to sum: looking the value up is all the work.
            (Some(planes), Some(kernel)) if channels > 1 => (planes, kernel),
            _ => return lookup(isa, &self.table, channels, input, out),
        };
        out.fill(0);
        for (number, plane) in planes.iter().rev().enumerate() {
            if number > 0 {
                out.iter_mut().for_each(|sum| *sum <<= 8);
            }
            // SAFETY: plane_kernel chose the function for the features of an Isa.
            unsafe { plane_sums(plane, channels, input, out) };
        }
        if (self.scale, self.offset) == (1, 0) {
            return;
        }
        let offset = self.offset.wrapping_mul(channels as i32);
        for sum in out {
            *sum = sum.wrapping_mul(self.scale as i32).wrapping_add(offset);
        }
    }
}

/// A function of bytes, ready to be summed over rows of them.
#[derive(Debug)]
pub struct RowSums {
    table: [i32; 256],
    /// The function is the first one's values plus 2^16 times the second one's.
    halves: [Option<CodeFunction>; 2],
}

impl RowSums {
    /// `table` has the function of each byte.
    pub fn new(table: &[i32; 256]) -> Self {
        let (low, high) =
            table.iter().fold((0, 0), |(low, high), &value| (value.min(low), value.max(high)));
        let halves = match low > -(1 << 15) && high < 1 << 15 {
            true => [CodeFunction::new(table), None],
            false => [
                CodeFunction::new(&table.map(|value| value & 0xffff)),
                CodeFunction::new(&table.map(|value| value >> 16)),
            ],
        };
        Self { table: *table, halves }
    }

    /// The sum over each row of so many bytes; `buffer` is memory to be used again.
    ///
    /// # Panics
    /// If there is not a sum for each row.
    pub fn of(
        &self,
        isa: Isa,
        bytes: &[u8],
        columns: usize,
        sums: &mut [i64],
        buffer: &mut Vec<i32>,
    ) {
        /// Values of 16 bits whose sum fits 32.
        const MOST: usize = 1 << 15;
        assert_eq!(bytes.len(), sums.len() * columns, "length of the rows");
        // Where no instruction looks up 64 bytes, one number at a time is sooner than several bytes of it.
        let by_bytes = match isa.level() {
            #[cfg(target_arch = "x86_64")]
            crate::isa::Level::Avx512Vnni => true,
            _ => false,
        };
        if columns > MOST || !by_bytes {
            for (sum, row) in sums.iter_mut().zip(bytes.chunks_exact(columns)) {
                *sum = row.iter().map(|&byte| i64::from(self.table[usize::from(byte)])).sum();
            }
            return;
        }
        sums.fill(0);
        let own = first(buffer, sums.len(), 0);
        for (half, shift) in self.halves.iter().zip([0, 16]) {
            let Some(half) = half else { continue };
            half.pixel_sums(isa, columns, bytes, own);
            sums.iter_mut().zip(&*own).for_each(|(sum, &own)| *sum += i64::from(own) << shift);
        }
    }
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// Adds the sum of the plane over each `channels` neighbouring codes to `out`.
type PlaneKernel = unsafe fn(&Plane, channels: usize, input: &[u8], out: &mut [i32]);

fn plane_kernel(isa: Isa) -> Option<PlaneKernel> {
    match isa.level() {
        #[cfg(target_arch = "x86_64")]
        crate::isa::Level::Avx2 => Some(crate::x86_64::avx2::plane_sums),
        #[cfg(target_arch = "x86_64")]
        crate::isa::Level::Avx512Vnni => Some(crate::x86_64::avx512::plane_sums),
        _ => None,
    }
}

#[inline(always)]
fn lookup_body(table: &[i32; 256], channels: usize, input: &[u8], out: &mut [i32]) {
    for (codes, sum) in input.chunks_exact(channels).zip(out) {
        *sum = codes.iter().fold(0, |all, &a| all.wrapping_add(table[usize::from(a)]));
    }
}

multiversion! {
    fn lookup(isa, table: &[i32; 256], channels: usize, input: &[u8], out: &mut [i32]) = lookup_body;
}

/// Buffers of [`window_sums`].
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    pixels: Vec<i32>,
    grid: Vec<i32>,
    row: Vec<i32>,
    /// A plane of the function's values.
    bytes: Vec<u8>,
    columns: Vec<Column>,
}

/// The windows of a layer, over which functions of the code are summed.
#[derive(Debug)]
pub(crate) struct Windows {
    isa: Isa,
    shape: ConvShape,
    padding: u8,
    /// Of layers whose groups have one channel each.
    columns: Option<Columns>,
}

impl Windows {
    /// Padding pixels hold `padding`.
    pub fn new(isa: Isa, shape: &ConvShape, padding: u8) -> Windows {
        let columns = if is_pointwise(shape) { None } else { Columns::of_windows(isa, shape) };
        Windows { isa, shape: *shape, padding, columns }
    }

    /// The sums of `f`, in `out`; none if there is nothing to sum.
    pub fn fill<'a>(
        &self,
        f: Option<&CodeFunction>,
        input: &[u8],
        buffers: &mut Buffers,
        out: &'a mut Vec<i32>,
    ) -> &'a [i32] {
        let Some(f) = f else { return &[] };
        let out = first(out, self.shape.positions() * self.shape.groups, 0);
        self.sum(f, input, buffers, out);
        out
    }

    /// sum_j f(a_j) for each receptive field, `[positions][groups]`.
    pub fn sum(&self, f: &CodeFunction, input: &[u8], buffers: &mut Buffers, out: &mut [i32]) {
        match (&self.columns, &f.planes) {
            (Some(columns), Some(planes)) => {
                self.sum_by_columns(columns, f, planes, input, buffers, out);
            }
            _ => window_sums(self.isa, &self.shape, self.padding, f, input, buffers, out),
        }
    }

    fn sum_by_columns(
        &self,
        columns: &Columns,
        f: &CodeFunction,
        planes: &[Plane],
        input: &[u8],
        Buffers { bytes, columns: buffer, .. }: &mut Buffers,
        out: &mut [i32],
    ) {
        let groups = self.shape.groups;
        let offset =
            f.offset.wrapping_mul((self.shape.kernel_height * self.shape.kernel_width) as i32);
        for (number, plane) in planes.iter().enumerate() {
            bytes.clear();
            bytes.extend_from_slice(input);
            map_codes(self.isa, &plane.table, bytes);
            let scale = (f.scale << (8 * number)) as i32;
            let padding = plane.table[usize::from(self.padding)];
            columns.run_padded(bytes, padding, buffer, |tile| {
                let first = tile.block * LANES;
                let count = (tile.blocks * LANES).min(groups - first);
                let rows = tile.acc.chunks_exact(tile.blocks * LANES);
                for (position, row) in (tile.position..).zip(rows) {
                    let out = &mut out[position * groups + first..][..count];
                    if number == 0 {
                        out.fill(offset);
                    }
                    add_scaled(self.isa, row, scale, out);
                }
            });
        }
    }
}

#[inline(always)]
fn add_scaled_body(sums: &[i32], scale: i32, out: &mut [i32]) {
    for (out, sum) in out.iter_mut().zip(sums) {
        *out = sum.wrapping_mul(scale).wrapping_add(*out);
    }
}

multiversion! {
    fn add_scaled(isa, sums: &[i32], scale: i32, out: &mut [i32]) = add_scaled_body;
}

/// sum_j f(a_j) for each receptive field, `[positions][groups]`; padding pixels hold `padding`.
fn window_sums(
    isa: Isa,
    shape: &ConvShape,
    padding: u8,
    f: &CodeFunction,
    input: &[u8],
    buffers: &mut Buffers,
    out: &mut [i32],
) {
    let channels = shape.channels_per_group();
    if is_pointwise(shape) {
        return f.pixel_sums(isa, channels, input, out);
    }
    let pixels = first(&mut buffers.pixels, shape.height * shape.width * shape.groups, 0);
    f.pixel_sums(isa, channels, input, pixels);
    let border = f.table[usize::from(padding)].wrapping_mul(channels as i32);
    let row = shape.padded_width() * shape.groups;
    let grid = first(&mut buffers.grid, shape.padded_height() * row, 0);
    // The last value may lack the other one of a pair.
    let sums = first(&mut buffers.row, row + 1, 0);
    window(isa, shape, border, pixels, grid, sums, out);
}

#[inline(always)]
fn window_body(
    shape: &ConvShape,
    border: i32,
    pixels: &[i32],
    grid: &mut [i32],
    row: &mut [i32],
    out: &mut [i32],
) {
    let groups = shape.groups;
    let (inside, padded) = (shape.width * groups, shape.padded_width() * groups);
    grid.fill(border);
    for (pixels, grid) in
        pixels.chunks_exact(inside).zip(grid.chunks_exact_mut(padded).skip(shape.pad_top))
    {
        grid[shape.pad_left * groups..][..inside].copy_from_slice(pixels);
    }
    for (oy, out) in out.chunks_exact_mut(shape.out_width() * groups).enumerate() {
        let first = &grid[oy * shape.stride_height * padded..];
        let of_row = &mut row[..padded];
        add_taps(of_row, first, shape.kernel_height, shape.dilation_height * padded);
        let step = shape.dilation_width * groups;
        if shape.stride_width == 1 {
            add_taps(out, row, shape.kernel_width, step);
            continue;
        }
        if (groups, shape.stride_width) == (1, 2) {
            // A loop over positions, which vectors take, for each tap.
            out.fill(0);
            for tap in 0..shape.kernel_width {
                let pairs = row[tap * step..].as_chunks::<2>().0;
                for (out, pair) in out.iter_mut().zip(pairs) {
                    *out = out.wrapping_add(pair[0]);
                }
            }
            continue;
        }
        if groups == 1 {
            for (ox, out) in out.iter_mut().enumerate() {
                let taps = row[ox * shape.stride_width..].iter().step_by(step);
                *out = taps.take(shape.kernel_width).fold(0, |sum, tap| sum.wrapping_add(*tap));
            }
            continue;
        }
        for (ox, out) in out.chunks_exact_mut(groups).enumerate() {
            let first = &row[ox * shape.stride_width * groups..];
            add_taps(out, first, shape.kernel_width, step);
        }
    }
}

/// `out[i]` = sum of `values[i + tap * step]` over the taps.
#[inline(always)]
fn add_taps(out: &mut [i32], values: &[i32], taps: usize, step: usize) {
    let len = out.len();
    let tap = |t: usize| &values[t * step..][..len];
    if taps == 3 {
        // By far the most frequent; one pass over short rows is worth a case of its own.
        for (((out, a), b), c) in out.iter_mut().zip(tap(0)).zip(tap(1)).zip(tap(2)) {
            *out = a.wrapping_add(*b).wrapping_add(*c);
        }
        return;
    }
    out.copy_from_slice(tap(0));
    for t in 1..taps {
        for (out, value) in out.iter_mut().zip(tap(t)) {
            *out = out.wrapping_add(*value);
        }
    }
}

multiversion! {
    /// Sums one value per pixel over the kernel's window; `grid` and `row` are buffers.
    fn window(
        isa,
        shape: &ConvShape,
        border: i32,
        pixels: &[i32],
        grid: &mut [i32],
        row: &mut [i32],
        out: &mut [i32],
    ) = window_body;
}
