//! Recoup for Python: arguments are converted, the library is called, what it says is converted
//! back. Whoever uses it imports the Python package `recoup`, which documents all of it.

mod arrays;
mod command;
mod data;
mod design;
mod errors;
mod executor;
mod explore;
mod hint;
mod layer;
mod measure;
mod multiplier;
mod network;
mod remote;
mod silicon;
mod table;
mod tried;
mod wait;

use pyo3::prelude::*;

#[pymodule]
mod _recoup {
    /// Of the package.
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    #[pymodule_export]
    use super::command::command;
    #[pymodule_export]
    use super::data::Data;
    #[pymodule_export]
    use super::design::Design;
    #[pymodule_export]
    use super::executor::{Evaluator, Worker};
    #[pymodule_export]
    use super::explore::{Exploration, design_multiplier, explore};
    #[pymodule_export]
    use super::layer::Layer;
    #[pymodule_export]
    use super::multiplier::Multiplier;
    #[pymodule_export]
    use super::network::{Emulator, Network};
    #[pymodule_export]
    use super::silicon::{power, rtl, synth, synth_folder};
    #[pymodule_export]
    use super::table::{arrow_stream, columns};
}
