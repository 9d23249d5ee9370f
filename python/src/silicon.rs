//! Designs in silicon.

use std::path::PathBuf;

use glob::Pattern;
use pyo3::prelude::*;
use recoup::silicon::{
    ArrayOptions, CellLibrary, ClockGating, Codes, PowerMeter, PowerMode, PowerOptions,
    RandomCodes, RtlOptions, Structure, SynthesisOptions, SynthesisRecord, rtl as rtl_of_network,
    rtl_of_random_codes, synthesize, synthesize_folder,
};
use serde::Serialize;

use crate::design::Design;
use crate::errors::{known, parse, request};
use crate::network::Emulator;
use crate::wait::{self, Running};

/// Images of a network whose codes go through an array.
const IMAGES: usize = 4;

/// What an array is of.
#[derive(FromPyObject)]
pub enum Subject<'py> {
    /// A network on a design.
    Emulator(PyRef<'py, Emulator>),
    /// A design alone.
    Design(PyRef<'py, Design>),
}

/// Sizes and variants of an array.
#[derive(FromPyObject)]
pub struct Array {
    rows: usize,
    columns: usize,
    products_per_pe: Option<usize>,
    share_columns: Option<usize>,
    clock_gating: String,
    pipeline: bool,
    zero_gating: bool,
    x_in_pe: bool,
    load_constants: bool,
}

impl Array {
    fn of(&self, py: Python<'_>, options: ArrayOptions) -> PyResult<ArrayOptions> {
        let clock_gating: Result<ClockGating, String> = self.clock_gating.parse();
        Ok(ArrayOptions {
            products_per_pe: self.products_per_pe.unwrap_or(options.products_per_pe),
            share_columns: self.share_columns.unwrap_or(options.share_columns),
            clock_gating: clock_gating.map_err(|error| request(py, &error))?,
            pipeline: self.pipeline,
            zero_gating: self.zero_gating,
            x_in_pe: self.x_in_pe,
            load_constants: self.load_constants,
            ..options
        })
    }
}

/// The cells, and how designs are mapped onto them.
#[derive(FromPyObject)]
pub struct Cells {
    files: Vec<PathBuf>,
    clock_ps: Option<f64>,
    dont_use: Vec<String>,
    wire_ff: f64,
    cache: Option<PathBuf>,
    no_cache: bool,
}

impl Cells {
    /// The cells not to use.
    fn dont_use(&self, py: Python<'_>) -> PyResult<Vec<Pattern>> {
        self.dont_use.iter().map(|text| parse(py, "dont_use", text)).collect()
    }

    /// Reads the library; without cells not to use, they are those that its platform excludes.
    fn read(&self, dont_use: Vec<Pattern>) -> recoup::Result<(CellLibrary, SynthesisOptions)> {
        let library = CellLibrary::read(&self.files)?;
        let mut options = SynthesisOptions::new(&library);
        options.clock_ps = self.clock_ps;
        if !dont_use.is_empty() {
            options.dont_use = dont_use;
        }
        options.timing.wire_ff = self.wire_ff;
        if !self.no_cache {
            options.cache = self.cache.clone().or_else(recoup_cli::default_cache);
        }
        Ok((library, options))
    }
}

/// As the command line prints a record.
fn json(record: &impl Serialize) -> String {
    format!("{:#}", serde_json::to_value(record).expect("plain data"))
}

/// An array as SystemVerilog: its record, and the files by their names.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "those of the Python function")]
pub fn rtl(
    py: Python<'_>,
    subject: Subject<'_>,
    array: Array,
    depth: Option<usize>,
    layer: Option<String>,
    seed: u64,
    out: String,
    running: Running,
) -> PyResult<(String, Vec<(String, String)>)> {
    let any = RtlOptions::new(array.rows, array.columns);
    let netlist = match &subject {
        Subject::Emulator(emulator) => emulator.netlist.clone(),
        Subject::Design(design) => design.netlist.clone(),
    };
    let options = RtlOptions { array: array.of(py, any.array)?, depth, layer, netlist, ..any };
    let made = match &subject {
        Subject::Emulator(emulator) => {
            let it = &emulator.emulator;
            let design = &it.design().design;
            wait::run(py, &running, |watch| {
                rtl_of_network(it.experiment(), design, it.images(IMAGES), &options, watch)
            })
        }
        Subject::Design(design) => {
            let design = &design.design;
            wait::run(py, &running, |_| rtl_of_random_codes(design, seed, &options))
        }
    }?;
    let record = json(&made.record(out));
    Ok((record, made.files.into_iter().map(|file| (file.name, file.text)).collect()))
}

/// A multiplier and its PE in cells.
#[pyfunction]
pub fn synth(
    py: Python<'_>,
    design: &Design,
    array: Array,
    cells: Cells,
    running: Running,
) -> PyResult<String> {
    let Design { design, netlist } = design;
    let dont_use = cells.dont_use(py)?;
    let rows = array.rows;
    let array = array.of(py, Structure::chosen_array(rows, rows, rows))?;
    wait::run(py, &running, |watch| {
        let (library, options) = cells.read(dont_use)?;
        let made = synthesize(design, netlist.clone(), array, &library, &options, watch)?;
        Ok(json(&SynthesisRecord::new(&library, &options, &made)))
    })
}

/// The SystemVerilog of a folder in cells.
#[pyfunction]
pub fn synth_folder(
    py: Python<'_>,
    folder: PathBuf,
    top: Option<&str>,
    cells: Cells,
    running: Running,
) -> PyResult<String> {
    let dont_use = cells.dont_use(py)?;
    wait::run(py, &running, |watch| {
        let (library, options) = cells.read(dont_use)?;
        let made = synthesize_folder(&folder, top, &library, &options, watch)?;
        Ok(json(&SynthesisRecord::new(&library, &options, &[made])))
    })
}

/// The power of arrays.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "those of the Python function")]
pub fn power(
    py: Python<'_>,
    subjects: Vec<Subject<'_>>,
    array: Array,
    cells: Cells,
    stimuli: &str,
    standard_error: f64,
    fast: bool,
    seed: u64,
    running: Running,
) -> PyResult<String> {
    let any = PowerOptions::new(array.rows, array.columns);
    let options = PowerOptions {
        array: array.of(py, any.array)?,
        mode: if fast { PowerMode::ZeroDelay } else { PowerMode::Delays },
        relative_error: standard_error,
        seed,
        ..any
    };
    known(py, options.check())?;
    let random = match stimuli {
        "uniform" => RandomCodes::Uniform,
        "relu-like" => RandomCodes::ReluLike,
        _ => {
            let text = format!("stimuli: \"{stimuli}\"; expected relu-like or uniform");
            return Err(request(py, &text));
        }
    };
    let dont_use = cells.dont_use(py)?;
    let subjects: Vec<(&recoup::Design, _, Option<&recoup::Emulator>)> = subjects
        .iter()
        .map(|subject| match subject {
            Subject::Emulator(it) => {
                (&it.emulator.design().design, it.netlist.clone(), Some(&it.emulator))
            }
            Subject::Design(it) => (&it.design, it.netlist.clone(), None),
        })
        .collect();
    let measured = wait::run(py, &running, |watch| {
        let (library, synthesis) = cells.read(dont_use)?;
        let mut meter = PowerMeter::new(&library, &synthesis, &options);
        for (design, netlist, emulator) in subjects {
            let codes = match emulator {
                Some(it) => Codes::of_network(it.experiment(), design, it.images(IMAGES), watch)?,
                None => Codes::random(design, random, options.array.load_constants, seed)?,
            };
            meter.measure(design, netlist, &codes, watch)?;
        }
        Ok(meter.finish())
    })?;
    measured.map(|measured| json(&measured)).ok_or_else(|| request(py, "no design to measure"))
}
