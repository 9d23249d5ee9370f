//! Convolution of float32, for the reference that emulated networks are compared with; attention and
//! normalisation between their layers (`rows`).
//!
//! Images lie in blocks of 16 channels, which are the lanes of a vector, with the padding that their
//! readers want around them ([`FloatImage`]): so a kernel meets no edges, and an image that one
//! layer writes is what the next one reads. Like the integers, a tile of neighbouring positions
//! times blocks of filters is accumulated in registers.

mod conv;
mod image;
mod rows;
pub(crate) mod tile;

pub use conv::{FloatConv, FloatConvSpec};
pub use image::{FloatBuffer, FloatImage};
pub(crate) use rows::softmax;
pub use rows::{AttentionShape, attention, normalize_rows, softmax_rows};
#[cfg(target_arch = "x86_64")]
pub(crate) use rows::{LN_2, LOWEST, POWERS, ROUNDER};

#[cfg(test)]
mod tests;
