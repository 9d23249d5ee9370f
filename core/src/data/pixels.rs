//! An image in memory and its shape.

use std::fmt;

/// Order of the axes of an image or a model input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Channel, row, column; `nchw` with the batch.
    Chw,
    /// Row, column, channel; `nhwc` with the batch.
    Hwc,
}

impl Layout {
    /// The distances, in elements, between neighbours along channel, row and column.
    pub(super) fn strides(self, shape: ImageShape) -> [usize; 3] {
        match self {
            Layout::Chw => [shape.height * shape.width, shape.width, 1],
            Layout::Hwc => [1, shape.width * shape.channels, shape.channels],
        }
    }
}

/// Extent of an image in channels and pixels, whatever its layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageShape {
    /// Number of channels: 1 for grey, 3 for RGB.
    pub channels: usize,
    /// Number of rows.
    pub height: usize,
    /// Number of columns.
    pub width: usize,
}

impl ImageShape {
    /// Number of values.
    pub fn elements(self) -> usize {
        self.channels * self.height * self.width
    }
}

/// `3 x 32 x 32`: channels, height, width.
impl fmt::Display for ImageShape {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} x {} x {}", self.channels, self.height, self.width)
    }
}

/// The values of an image.
#[derive(Debug, Clone, PartialEq)]
pub enum Pixels {
    /// Eight-bit samples, 0 to 255.
    U8(Vec<u8>),
    /// Finite values of a source that is not `u8`.
    F32(Vec<f32>),
}

/// An image as its source holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// Extent.
    pub shape: ImageShape,
    /// Order of the values in `pixels`.
    pub layout: Layout,
    /// `shape.elements()` values.
    pub pixels: Pixels,
}

/// What is known of all images of a data set before one is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageInfo {
    /// The common shape; `None` in a folder, where every image has its own.
    pub shape: Option<ImageShape>,
    /// Whether the images hold [`Pixels::U8`].
    pub eight_bit: bool,
}
