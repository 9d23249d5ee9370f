//! The `recoup` command.

use std::ffi::OsString;

use pyo3::prelude::*;

/// Runs a command line, and gives the exit code.
#[pyfunction]
pub fn command(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| recoup_cli::run(arguments))
}
