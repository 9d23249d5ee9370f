//! Deep neural networks on approximate multipliers, with the accuracy recovered by a control
//! variate.
//!
//! The modules, in the order in which data flows:
//!
//! - [`model`] reads an ONNX file into a graph;
//! - [`quantize`] turns its weights and activations into 8-bit codes, `code_choice` chooses those of
//!   activations for a multiplier, `weight_choice` those of weights;
//! - [`multiplier`] describes the approximate multiplier, [`control_variate`] what corrects it; a
//!   [`design`] is one of each with codes for weights and activations;
//! - [`emulate`] runs the network, every product on that multiplier, bit for bit;
//! - [`data`] reads images or arrays, with labels or without, [`accuracy`] compares what the networks
//!   make of them.
//!
//! The equations are numbered in `docs/arithmetic.md`. Kernels live in the crate
//! [`recoup_kernels`].

pub mod accuracy;
pub mod as_bits;
pub mod as_digits;
pub mod as_text;
mod code_choice;
pub mod control_variate;
pub mod data;
pub mod design;
pub mod emulate;
pub mod hint;
pub mod model;
pub mod multiplier;
pub mod numeric;
pub mod quantize;
pub mod watch;
mod weight_choice;
