//! What can go wrong in synthesis.

use std::path::PathBuf;

use recoup_circuits::{printable, printable_path};
use recoup_core::watch::Stopped;

use crate::cells::SelectionError;
use crate::mapped::MappedError;

/// Why a design was not mapped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SynthesisError {
    /// The clock is no period.
    #[error("a clock period of {0} ps; expected more than 0")]
    Clock(f64),
    /// Nothing to synthesise.
    #[error("no SystemVerilog files to synthesise; expected files ending in .sv or .v")]
    NoSources,
    /// A name that yosys' scripts cannot hold.
    #[error("{what} name {name:?}; expected letters, digits and underscores")]
    Name {
        /// "module" or "file".
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The library lacks something.
    #[error(transparent)]
    Cells(#[from] SelectionError),
    /// yosys is not there.
    #[error(
        "synthesis needs yosys, and `{program}` cannot be started ({reason}); install it (Debian, \
         Ubuntu: apt install yosys; otherwise https://github.com/YosysHQ/yosys)"
    )]
    NoYosys {
        /// The program that was tried.
        program: String,
        /// The system's reason.
        reason: std::io::Error,
    },
    /// yosys failed.
    #[error("yosys failed while {step}: {}", printable(message))]
    Yosys {
        /// What it was doing.
        step: &'static str,
        /// What it said.
        message: String,
    },
    /// What it gave is no netlist of cells.
    #[error("{}", printable(&.0.to_string()))]
    Mapped(#[from] MappedError),
    /// The cells compute something else.
    #[error(
        "the mapped multiplier gives {found} for weight byte {weight} and activation code \
         {activation}; expected {expected} modulo 65536"
    )]
    Product {
        /// The weight's byte.
        weight: u8,
        /// The activation's code.
        activation: u8,
        /// The 16 bits of the product.
        found: u16,
        /// The product.
        expected: i32,
    },
    /// What was run gave no netlist.
    #[error("`{program}` is not yosys, or is broken: {problem}")]
    Output {
        /// The program.
        program: String,
        /// What is wrong.
        problem: String,
    },
    /// Files for yosys cannot be written.
    #[error("{}: the folder for temporary files cannot be used: {source}", printable_path(folder))]
    Work {
        /// The folder.
        folder: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// See [`Stopped`].
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl SynthesisError {
    pub(super) fn work(source: std::io::Error) -> Self {
        Self::Work { folder: std::env::temp_dir(), source }
    }
}
