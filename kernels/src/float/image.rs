//! Images in blocks of channels.

use crate::{KernelError, output::blocks::LANES};

/// Rows and columns that the compiler transposes in registers.
const SIDE: usize = 4;

/// 16 floats that no vector load finds across two cache lines.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Line(pub [f32; LANES]);

/// Memory for an image, whose elements are left over from the one before.
#[derive(Debug, Default)]
pub struct FloatBuffer(Vec<Line>);

impl FloatBuffer {
    /// Makes room for an image.
    pub(super) fn reserve(&mut self, image: &FloatImage) {
        let lines = image.len().div_ceil(LANES);
        if self.0.len() < lines {
            self.0.resize(lines, Line([0.0; LANES]));
        }
    }

    pub(super) fn floats(&self) -> &[f32] {
        // SAFETY: a line is 16 floats without anything between them.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), self.0.len() * LANES) }
    }

    pub(super) fn floats_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), self.0.len() * LANES) }
    }
}

/// How an image lies in memory: `[block][row][column][lane]`, with a border of zeros around each
/// plane. Lanes beyond the last channel hold anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FloatImage {
    pub(super) channels: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    /// Channels of a block.
    pub(super) lanes: usize,
    /// Rows or columns of zeros above, to the left, below and to the right.
    pub(super) border: [usize; 4],
}

impl FloatImage {
    /// An image without a border.
    pub fn new(channels: usize, height: usize, width: usize) -> Self {
        Self { channels, height, width, lanes: LANES, border: [0; 4] }
    }

    /// With rows or columns of zeros above, to the left, below and to the right.
    pub fn with_border(self, border: [usize; 4]) -> Self {
        Self { border, ..self }
    }

    /// With no lanes to spare where channels are few: only what mixes all channels reads it so.
    pub fn dense(self) -> Self {
        Self { lanes: self.channels.min(LANES), ..self }
    }

    /// Checks that it is not empty and that its size fits the address space.
    ///
    /// # Errors
    /// [`KernelError`] when it does not.
    pub fn validate(&self) -> Result<(), KernelError> {
        for (name, size) in
            [("channels", self.channels), ("height", self.height), ("width", self.width)]
        {
            if size == 0 {
                return Err(KernelError::ZeroDimension(name));
            }
        }
        let [above, left, below, right] = self.border.map(|pixels| pixels as u128);
        let sizes = [
            self.channels as u128 + LANES as u128,
            above + self.height as u128 + below,
            left + self.width as u128 + right,
        ];
        let product = sizes.iter().try_fold(1u128, |product, size| product.checked_mul(*size));
        match product {
            Some(product) if product <= i32::MAX as u128 => Ok(()),
            _ => Err(KernelError::TooLarge),
        }
    }

    /// As a tensor of ONNX.
    pub fn shape(&self) -> [usize; 4] {
        [1, self.channels, self.height, self.width]
    }

    /// Floats that it takes.
    pub fn len(&self) -> usize {
        self.blocks() * self.block()
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn blocks(&self) -> usize {
        self.channels.div_ceil(self.lanes)
    }

    /// Floats of a row of one block.
    pub(super) fn row(&self) -> usize {
        (self.border[1] + self.width + self.border[3]) * self.lanes
    }

    /// Floats of a block.
    pub(super) fn block(&self) -> usize {
        (self.border[0] + self.height + self.border[2]) * self.row()
    }

    /// Where a pixel of the first block lies, counted from the end of the border or, with pads of
    /// above and left, from before it.
    pub(super) fn pixel(&self, y: usize, x: usize, [above, left]: [usize; 2]) -> usize {
        let (row, column) = (self.border[0] + y - above, self.border[1] + x - left);
        row * self.row() + column * self.lanes
    }

    /// Writes zeros to the border.
    pub(super) fn clear_border(&self, buffer: &mut FloatBuffer) {
        let [above, left, below, right] = self.border.map(|pixels| pixels * self.lanes);
        let pixels = self.border[1] + self.width + self.border[3];
        for block in buffer.floats_mut()[..self.len()].chunks_exact_mut(self.block()) {
            let (top, rest) = block.split_at_mut(above * pixels);
            let (rows, bottom) = rest.split_at_mut(self.height * self.row());
            debug_assert_eq!(bottom.len(), below * pixels);
            top.fill(0.0);
            bottom.fill(0.0);
            for row in rows.chunks_exact_mut(self.row()) {
                row[..left].fill(0.0);
                let end = row.len() - right;
                row[end..].fill(0.0);
            }
        }
    }

    /// Writes the elements of `planes`, `[channel][row][column]`, and the border.
    ///
    /// # Panics
    /// When the planes are not of the image's size.
    pub fn pack(&self, planes: &[f32], buffer: &mut FloatBuffer) {
        assert_eq!(planes.len(), self.channels * self.height * self.width, "elements");
        buffer.reserve(self);
        self.clear_border(buffer);
        let plane = self.height * self.width;
        let start = self.pixel(0, 0, [0; 2]);
        let blocks = buffer.floats_mut()[..self.len()].chunks_exact_mut(self.block());
        for (block, planes) in blocks.zip(planes.chunks(self.lanes * plane)) {
            for (y, row) in block[start..].chunks_mut(self.row()).take(self.height).enumerate() {
                let (from, lanes) = (&planes[y * self.width..], planes.len() / plane);
                transpose((from, plane), (row, self.lanes), [lanes, self.width]);
            }
        }
    }

    /// Reads the elements as `[channel][row][column]`.
    ///
    /// # Panics
    /// When the buffer has no such image.
    pub fn unpack(&self, buffer: &FloatBuffer) -> Vec<f32> {
        let plane = self.height * self.width;
        let mut planes = vec![0.0; self.channels * plane];
        let start = self.pixel(0, 0, [0; 2]);
        let blocks = buffer.floats()[..self.len()].chunks_exact(self.block());
        for (block, planes) in blocks.zip(planes.chunks_mut(self.lanes * plane)) {
            for (y, row) in block[start..].chunks(self.row()).take(self.height).enumerate() {
                let lanes = planes.len() / plane;
                let to = &mut planes[y * self.width..];
                transpose((row, self.lanes), (to, plane), [self.width, lanes]);
            }
        }
        planes
    }
}

/// Writes the columns of a matrix as rows. Both come with the distance from one row to the next.
fn transpose(from: (&[f32], usize), to: (&mut [f32], usize), [rows, columns]: [usize; 2]) {
    let ((from, from_row), (to, to_row)) = (from, to);
    let whole = [rows, columns].map(|count| count - count % SIDE);
    for row in (0..whole[0]).step_by(SIDE) {
        for column in (0..whole[1]).step_by(SIDE) {
            let tile: [[f32; SIDE]; SIDE] = std::array::from_fn(|i| {
                let from = &from[(row + i) * from_row + column..];
                *from.first_chunk().expect("a whole tile")
            });
            for i in 0..SIDE {
                let turned: [f32; SIDE] = std::array::from_fn(|j| tile[j][i]);
                to[(column + i) * to_row + row..][..SIDE].copy_from_slice(&turned);
            }
        }
    }
    for row in 0..rows {
        let first = if row < whole[0] { whole[1] } else { 0 };
        for column in first..columns {
            to[column * to_row + row] = from[row * from_row + column];
        }
    }
}
