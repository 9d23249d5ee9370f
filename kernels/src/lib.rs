//! Integer kernels that multiply the way an approximate multiplier does, bit for bit.
//!
//! A [`MacSpec`] describes one layer of an 8-bit quantised network: geometry, weight bytes, the
//! multiplier ([`Product`]), the control variate and what happens to the accumulator afterwards.
//! [`MacLayer::new`] prepares it for an instruction set ([`Isa`]); [`MacLayer::run`] computes one
//! image. A [`LoadLayer`] gets other weights for each image. Activations are stored channels last, `[height][width][channels]`.
//!
//! Every kernel gives the same integers and the same floats as [`naive`].
//!
//! In the order in which data flows:
//!
//! - `layer`: the description (`spec`, `shape`), and a layer made from it and run, or loaded with
//!   weights again and again (`load`);
//! - `product`: what a multiplier's products are made of. A table is looked at for being a mask
//!   (`structure`) or a sum of ordinary products of bytes (`factors`); a mask always is such a sum
//!   (`terms`). Tables for which that pays are cut into narrow numbers (`entries`);
//! - `input`: the padded copies of an image that the engines read, channels last (`image`) or by
//!   channels (`planes`);
//! - `engine`: which engine serves which product, and the engines. Layers with one filter per
//!   channel run by `depthwise`: by its `lookup` where bytes can be looked up in registers, masks of
//!   few terms by its `columns` where there are instructions that add several products; all others
//!   run by one of the following;
//! - `engine::gemm`: a mask, or a table that is a short sum of ordinary products (`packing` puts weights
//!   into their places);
//! - `engine::byte_lookup`: a mask or a table where bytes looked up in registers take less time
//!   than ordinary products (x86-64 only; `tables` plans the bytes, `gather` fetches the codes);
//! - `engine::rows`: any other table, or a mask of many terms, of layers with enough positions and
//!   filters for whole rows of products;
//! - `engine::table`: what is left, one lookup per product;
//! - `output`: the sums over the receptive field that all filters share (`sums`), the control
//!   variate with several functions (`combine`), and the way from the accumulator to the output
//!   (`epilogue`; `requantize` where an instruction set has a kernel for it);
//! - `codes`: what goes to codes between layers, from codes or softmax; `pool`: maxima and means of windows;
//! - `by_code`: sums by activation code, for those who choose weights;
//! - `isa` proves an instruction set's support, `dispatch` compiles portable loops for each, and
//!   `x86_64` and `aarch64` hold the loops written for one;
//! - `float`: the float32 convolution, apart from all that, and the rows of attention and
//!   normalisation between layers.
//!
//! What the emulated networks are compared with runs in float32: [`FloatConv`] convolves for it.
//!
//! ```
//! use recoup_kernels::*;
//!
//! // 3 codes times a 3 x 2 matrix, on a multiplier without the two lowest rows.
//! let (shape, weights) = (ConvShape::linear(1, 3, 2), vec![1, 2, 3, 4, 5, 6]);
//! let spec = MacSpec::bare(shape, weights, WeightCoding::Unsigned, Product::Mask(!0xffff));
//! let layer = MacLayer::new(Isa::best(), spec)?;
//! let mut y = [0.0; 2];
//! layer.run(&[7, 8, 9], Residual::None, Output::F32(&mut y), &mut Scratch::default());
//! assert_eq!(y, [44.0, 104.0]); // the multiplier sees 4, 8, 8
//! # Ok::<(), KernelError>(())
//! ```

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod buffer;
mod by_code;
mod codes;
mod dispatch;
mod engine;
mod error;
mod float;
mod input;
mod isa;
mod layer;
pub mod naive;
mod output;
mod pool;
mod product;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub use by_code::{Lanes, add_by_code, sum_by_code, times_lanes};
pub use codes::{Coded, Encoded, Pairing, channel_sums, map, pair, softmax_codes};
pub use error::KernelError;
pub use float::{
    AttentionShape, FloatBuffer, FloatConv, FloatConvSpec, FloatImage, attention, normalize_rows,
    softmax_rows,
};
pub use isa::Isa;
pub use layer::{
    BatchItem, Control, ControlTerm, ConvShape, LoadLayer, Loaded, MacLayer, MacSpec, Output,
    OutputSpec, Product, Residual, ResidualSpec, Scratch, WeightCoding, common_kernel, quantize,
};
pub use output::blocks::LANES;
pub use output::sums::RowSums;
pub use pool::{PoolShape, max_pool_codes, max_pool_floats, mean_pool};
pub use product::structure::{RANKS, Structure, structure};

#[cfg(test)]
mod tests;
