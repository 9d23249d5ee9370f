//! Designs as cells.

use std::path::Path;

use recoup_circuits::netlist::Netlist;
use recoup_core::design::Design;
use recoup_core::watch::Watch;
use recoup_hardware::cells::CellLibrary;
use recoup_hardware::rtl::{ArrayRtl, MultiplierCircuit, Options, Sources};
use recoup_hardware::synthesis::{self, Synthesis, SynthesisError, SynthesisOptions};

use crate::error::{Error, Result};

/// Synthesises the multiplier of a design alone, and a PE with it for an `array` of so many rows, as wide as
/// its columns share registers. The cells of the multiplier were compared with it on all pairs of operands. `netlist` is its own circuit,
/// if it was read from one.
///
/// # Errors
/// When the design has no circuit, yosys or the cells fail it, or `watch` stops it.
pub fn synthesize(
    design: &Design,
    netlist: Option<Netlist>,
    array: Options,
    library: &CellLibrary,
    options: &SynthesisOptions,
    watch: &dyn Watch,
) -> Result<[Synthesis; 2]> {
    let circuit = MultiplierCircuit::of_design(design, netlist, design.weight_scheme()?.coding())?;
    let selection = library.select(&options.dont_use).map_err(SynthesisError::from)?;
    let gate_cells = selection.clock_gate.is_some();
    let array = Options { columns: array.share_columns, gate_cells, ..array };
    let array = ArrayRtl::new(circuit.clone(), array, None)?;
    let alone = module(&Sources::multiplier(&circuit), library, options, watch)?;
    let pe = module(&Sources::pe(&array), library, options, watch)?;
    synthesis::check_products(&alone.netlist, library, &circuit)?;
    Ok([alone, pe])
}

/// Synthesises the SystemVerilog in a folder. Its top is the module `top`, or else `array`, or the
/// only one.
///
/// # Errors
/// When the folder cannot be read, yosys or the cells fail it, or `watch` stops it.
pub fn synthesize_folder(
    folder: &Path,
    top: Option<&str>,
    library: &CellLibrary,
    options: &SynthesisOptions,
    watch: &dyn Watch,
) -> Result<Synthesis> {
    module(&Sources::read(folder, top)?, library, options, watch)
}

fn module(
    sources: &Sources,
    library: &CellLibrary,
    options: &SynthesisOptions,
    watch: &dyn Watch,
) -> Result<Synthesis> {
    let synthesis = synthesis::synthesize(sources, library, options, watch);
    synthesis.map_err(|error| Error::from(error).of(format!("module {}", sources.top)))
}
