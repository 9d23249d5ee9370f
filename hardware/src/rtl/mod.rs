//! The array as SystemVerilog.
//!
//! A multiplier becomes a [`MultiplierCircuit`]: the partial products of its mask, or the gates of
//! its circuit. A [`ArrayRtl`] adds sizes and options, from which the widths of all sums follow. Its
//! units are [`Module`]s, data that is printed and can be evaluated: the PE, the x line and MAC+
//! are made of [`Tree`]s, carry-save sums of bits. [`Sources`] are the files for synthesis;
//! [`files`] adds a testbench with [`Vectors`] from the emulator.

mod array;
mod circuit;
mod constants;
mod design;
mod error;
mod evaluate;
mod files;
mod folder;
mod load;
mod load_sums;
mod mac_plus;
mod module;
mod multiplier;
mod pe;
mod print;
mod range;
mod testbench;
mod tree;
mod vectors;
mod x_function;
mod x_line;

pub use array::{ArrayPort, array, ports, result_bits, result_is_signed};
pub use circuit::MultiplierCircuit;
pub use constants::constants;
pub use design::{ArrayRtl, ClockGating, Correction, Options, Ranges, SHARES};
pub use error::RtlError;
pub use evaluate::{from_words, to_words};
pub use files::{CLOCK_GATE_MODULE, File, SIMULATE, Sources, files};
pub use folder::FolderError;
pub use load::{LoadPath, LoadShares};
pub use load_sums::load_sums;
pub use mac_plus::{latency as mac_latency, mac_plus};
pub use module::{Bit, Counts, Item, Module};
pub use multiplier::multiplier;
pub use pe::{pe, weight_gate};
pub(crate) use print::{range, unused};
pub use range::Range;
pub(crate) use testbench::padding_code;
pub use tree::Tree;
pub(crate) use vectors::cut;
pub use vectors::{RandomSize, Vectors, random};
pub use x_function::XFunction;
pub use x_line::x_line;
