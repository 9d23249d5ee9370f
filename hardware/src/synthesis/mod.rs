//! From SystemVerilog to cells, with yosys.
//!
//! yosys elaborates the sources (`script`), with the full adders as black boxes; for libraries
//! whose adder has inverted outputs, `polarity` chooses which adders work on inverted bits; yosys
//! maps everything onto the cells that a [`Selection`] offers. `run`
//! starts yosys and waits for it, `cache` keeps its results.

mod cache;
mod error;
mod polarity;
mod record;
mod run;
mod script;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use glob::Pattern;
use recoup_circuits::printable_path;
use recoup_core::watch::Watch;

use crate::cells::{CellLibrary, Selection};
use crate::mapped::{MappedError, MappedNetlist};
use crate::rtl::{File, MultiplierCircuit, Sources};
use crate::timing::{Timing, TimingOptions};

pub use error::SynthesisError;
pub use record::{LeftOutRecord, SynthesisRecord, SynthesizedRecord};
use run::Step;
pub use run::version;

/// How to synthesise.
#[derive(Clone, Debug)]
pub struct SynthesisOptions {
    /// The period that gates are sized for; `None` for the fastest.
    pub clock_ps: Option<f64>,
    /// Patterns of cells that are not to be used.
    pub dont_use: Vec<Pattern>,
    /// Assumptions of the timing.
    pub timing: TimingOptions,
    /// The yosys program.
    pub yosys: PathBuf,
    /// Where results are kept; `None` for nowhere.
    pub cache: Option<PathBuf>,
    /// Who is told what is odd and changes no result; standard error, unless set otherwise.
    pub remark: fn(&str),
}

impl SynthesisOptions {
    /// The patterns that are known for a library, and yosys from the search path.
    pub fn new(library: &CellLibrary) -> Self {
        let patterns = crate::cells::default_dont_use(library).iter();
        Self {
            clock_ps: None,
            dont_use: patterns.filter_map(|pattern| Pattern::new(pattern).ok()).collect(),
            timing: TimingOptions::default(),
            yosys: PathBuf::from("yosys"),
            cache: None,
            remark: |text| eprintln!("{text}"),
        }
    }
}

/// What synthesis gives.
#[derive(Clone, Debug)]
pub struct Synthesis {
    /// The cells.
    pub netlist: MappedNetlist,
    /// The netlist as Verilog, with its units as modules.
    pub verilog: String,
    /// Its timing.
    pub timing: Timing,
    /// What yosys says of its version.
    pub yosys_version: String,
    /// Whether it was done before, and found in the cache.
    pub cached: bool,
}

/// What yosys wrote.
struct Mapped {
    json: Vec<u8>,
    verilog: String,
}

/// Maps a design onto a library, and analyses the result.
///
/// Every module but the top is kept as a unit, except for `recoup_fa` and `recoup_ha`, which become
/// the library's adders where it has them.
///
/// # Errors
/// When yosys is missing or fails, the library lacks a function, the sources are wrong, something
/// in them has no cell, or `watch` stops it.
pub fn synthesize(
    sources: &Sources,
    library: &CellLibrary,
    options: &SynthesisOptions,
    watch: &dyn Watch,
) -> Result<Synthesis, SynthesisError> {
    check(sources, options)?;
    let selection = library.select(&options.dont_use)?;
    let yosys_version = run::version(&options.yosys)?;
    let recipe = script::Recipe::new(sources, library, &selection, options);
    let key = recipe.key(sources, &yosys_version);
    let found = options.cache.as_deref().and_then(|folder| {
        cache::find(folder, &key).unwrap_or_else(|damaged| {
            (options.remark)(&damaged.to_string());
            cache::discard(folder, &key);
            None
        })
    });
    let cached = found.is_some();
    let mapped = match found {
        Some(mapped) => mapped,
        None => {
            let mapped = map(sources, library, &selection, &recipe, options, watch)?;
            if let Some(folder) = &options.cache
                && let Err(error) = cache::store(folder, &key, &mapped)
            {
                let folder = printable_path(folder);
                (options.remark)(&format!("{folder}: results cannot be kept there: {error}"));
            }
            mapped
        }
    };
    let netlist = MappedNetlist::from_yosys_json(&mapped.json, &sources.top, library);
    let netlist = netlist.map_err(|error| garbage(options, error))?;
    let timing = Timing::new(&netlist, library, &options.timing)?;
    Ok(Synthesis { netlist, verilog: mapped.verilog, timing, yosys_version, cached })
}

/// Compares the netlist of [`Sources::multiplier`] with what the circuit is to compute, for all
/// 65,536 pairs.
///
/// # Errors
/// When a product differs, or the netlist has other ports.
pub fn check_products(
    netlist: &MappedNetlist,
    library: &CellLibrary,
    circuit: &MultiplierCircuit,
) -> Result<(), SynthesisError> {
    let products = netlist.product_table(library, ["w", "a"], "p")?;
    let pairs = (0..=u8::MAX).flat_map(|weight| (0..=u8::MAX).map(move |code| (weight, code)));
    for ((weight, activation), found) in pairs.zip(products) {
        let expected = circuit.product(weight, activation);
        if found as u16 != expected as u16 {
            let found = found as u16;
            return Err(SynthesisError::Product { weight, activation, found, expected });
        }
    }
    Ok(())
}

/// JSON that is none is not the sources' fault.
fn garbage(options: &SynthesisOptions, error: MappedError) -> SynthesisError {
    match error {
        MappedError::Json(_) => SynthesisError::Output {
            program: options.yosys.display().to_string(),
            problem: error.to_string(),
        },
        error => error.into(),
    }
}

/// What would only confuse yosys.
fn check(sources: &Sources, options: &SynthesisOptions) -> Result<(), SynthesisError> {
    if let Some(clock_ps) =
        options.clock_ps.filter(|clock_ps| !(*clock_ps > 0.0 && clock_ps.is_finite()))
    {
        return Err(SynthesisError::Clock(clock_ps));
    }
    if sources.files.is_empty() {
        return Err(SynthesisError::NoSources);
    }
    let is_name = |name: &str, more: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || more.contains(c);
        !name.is_empty() && name.chars().all(fits)
    };
    if !is_name(&sources.top, "$") {
        return Err(SynthesisError::Name { what: "module", name: sources.top.clone() });
    }
    match sources.files.iter().find(|file| !is_name(&file.name, ".-")) {
        Some(file) => Err(SynthesisError::Name { what: "file", name: file.name.clone() }),
        None => Ok(()),
    }
}

/// Runs yosys twice: up to the adders, and from there to cells.
fn map(
    sources: &Sources,
    library: &CellLibrary,
    selection: &Selection,
    recipe: &script::Recipe,
    options: &SynthesisOptions,
    watch: &dyn Watch,
) -> Result<Mapped, SynthesisError> {
    let folder = tempfile::Builder::new().prefix("recoup-synth-").tempdir();
    let folder = folder.map_err(SynthesisError::work)?;
    let path = |name: &str| folder.path().join(name);
    for File { name, text } in &sources.files {
        std::fs::write(path(name), text).map_err(SynthesisError::work)?;
    }
    for (name, text) in &recipe.files {
        std::fs::write(path(name), text).map_err(SynthesisError::work)?;
    }
    let yosys = run::Yosys { program: &options.yosys, folder: folder.path(), watch, limits: None };
    yosys.run(Step::Elaborate, "elaborate.ys", &recipe.elaborate)?;
    let full_adder = library.full_adder(&selection.cells);
    let inverted = match full_adder.filter(|adder| adder.sum_inverted && adder.carry_inverted) {
        Some(_) => {
            let half_adder = library.half_adder(&selection.cells);
            let json = yosys.read("elaborated.json")?;
            polarity::choose(&json, half_adder).map_err(|error| garbage(options, error))?
        }
        None => Vec::new(),
    };
    yosys.run(Step::Map, "map.ys", &recipe.map(&inverted))?;
    let verilog = String::from_utf8_lossy(&yosys.read("netlist.v")?).into_owned();
    Ok(Mapped { json: yosys.read("netlist.json")?, verilog })
}
