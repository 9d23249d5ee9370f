//! Errors as exceptions: a class of `recoup.errors` for each kind.

use std::any::Any;
use std::fmt::Display;
use std::str::FromStr;

use pyo3::prelude::*;
use recoup::multipliers::printable;
use recoup::{Error, ErrorKind};

use crate::hint::{self, Help};

/// The exception of an error.
pub fn raise(py: Python<'_>, error: &Error) -> PyErr {
    let class = match error.kind() {
        ErrorKind::Model => "ModelError",
        ErrorKind::Data => "DataError",
        ErrorKind::Calibration => "CalibrationError",
        ErrorKind::Multiplier => "MultiplierError",
        ErrorKind::ControlVariate => "ControlVariateError",
        ErrorKind::Emulation => "EmulationError",
        ErrorKind::Results => "ResultsError",
        ErrorKind::Request => "RequestError",
        ErrorKind::Hardware => "HardwareError",
        ErrorKind::Stopped => "StoppedError",
    };
    exception(py, class, &error.to_string(), error.hint().map(hint::help))
}

/// The exception of a panic.
pub fn fault(py: Python<'_>, panic: &(dyn Any + Send)) -> PyErr {
    let said = panic.downcast_ref::<String>().map(String::as_str);
    let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
    let text = format!(
        "this is a fault of Recoup, not of its input: {}; please report it with the files that it \
         was given",
        said.unwrap_or("it gave no reason")
    );
    exception(py, "FaultError", &text, None)
}

/// The exception of an argument that means nothing.
pub fn request(py: Python<'_>, text: &str) -> PyErr {
    exception(py, "RequestError", text, None)
}

/// The value that a text stands for.
pub fn parse<T: FromStr<Err: Display>>(py: Python<'_>, what: &str, text: &str) -> PyResult<T> {
    text.parse().map_err(|error| request(py, &format!("{what}: {error}")))
}

/// What a fast call of the library gives.
pub fn known<T>(py: Python<'_>, result: recoup::Result<T>) -> PyResult<T> {
    result.map_err(|error| raise(py, &error))
}

/// Whatever it quotes from files, it is fit for a terminal.
fn exception(py: Python<'_>, class: &str, text: &str, help: Option<Help>) -> PyErr {
    let text = text.split('\n').map(printable).collect::<Vec<_>>().join("\n");
    let (words, arguments) = match help {
        Some(Help { words, arguments }) => (Some(words), arguments),
        None => (None, Vec::new()),
    };
    let made = py
        .import("recoup.errors")
        .and_then(|module| module.getattr(class))
        .and_then(|class| class.call1((text, words, arguments)));
    made.map_or_else(|error| error, PyErr::from_value)
}
