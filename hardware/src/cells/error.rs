//! What can be wrong with a cell library.

use std::path::{Path, PathBuf};

use recoup_circuits::liberty::LibertyError;
use recoup_circuits::{printable, printable_path};

/// Why files do not give a library of cells.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CellError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", printable_path(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is no Liberty file, or says what it must not.
    #[error("{}: {}", printable_path(path), printable(&source.to_string()))]
    Liberty {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: LibertyError,
    },
    /// Two files define one cell.
    #[error(
        "{}: cell {} is in {} already; give each file once, and one corner only",
        printable_path(path),
        printable(cell),
        printable_path(first)
    )]
    Duplicate {
        /// The second file.
        path: PathBuf,
        /// The cell.
        cell: String,
        /// The first file.
        first: PathBuf,
    },
    /// Two files are of different supply voltages.
    #[error(
        "{}: is for {voltage_v} V and {} for {first_voltage_v} V; expected files of one corner",
        printable_path(path),
        printable_path(first)
    )]
    Voltage {
        /// The second file.
        path: PathBuf,
        /// Its voltage.
        voltage_v: f64,
        /// The first file.
        first: PathBuf,
        /// Its voltage.
        first_voltage_v: f64,
    },
    /// Nothing in the files can be used.
    #[error(
        "{}: none of its cells can be used; {}; expected gates and D flip-flops",
        printable_path(path),
        printable(reasons)
    )]
    NoCells {
        /// The first file.
        path: PathBuf,
        /// Why, of some cells.
        reasons: String,
    },
}

impl CellError {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}
