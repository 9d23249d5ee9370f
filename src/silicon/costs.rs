//! Rows of the cost table: looked up, or measured in other cells.

use std::collections::BTreeMap;
use std::path::PathBuf;

use recoup_core::accuracy::EmulatedDesign;
use recoup_core::control_variate::{ControlFunction, ControlVariate, Mode};
use recoup_core::design::{Design, Space};
use recoup_core::multiplier::Multiplier;
use recoup_core::quantize::{WeightScheme, Widths};
use recoup_core::watch::Watch;
use recoup_explore::power::{LIBRARY, shipped_costs};
use recoup_explore::space;
use recoup_hardware::cells::CellLibrary;
use recoup_hardware::cost_table::{Array, Cost, CostRun, Library};
use recoup_hardware::measure::{Bench, measure_each};
use recoup_hardware::power::Workload;
use recoup_hardware::rtl::Options;
use recoup_hardware::synthesis::{SynthesisOptions, version};
use recoup_kernels::WeightCoding;

use crate::error::{Error, ErrorKind, Result};
use crate::evaluate::candidates;
use crate::session::Session;

/// Images of the network's stimulus, and positions of each image and layer to sample from.
const IMAGES: usize = 4;
const POSITIONS: usize = 64;

/// What a square array of a design costs in layers that fill it, in the cells that powers are
/// compared in; none if the cost table inside does not have it. `control` is what corrects it.
pub fn cost(design: &Design, control: Option<&ControlVariate>, size: u32) -> Option<&'static Cost> {
    let is_unsigned = design.weight_scheme().ok()?.coding() == WeightCoding::Unsigned;
    let functions = control.iter().flat_map(|control| &control.functions);
    let functions: Vec<String> = functions.map(|x| x.function.to_string()).collect();
    let table = shipped_costs();
    let structure = table.structure(LIBRARY);
    let array = is_unsigned.then(|| Array::new(design, &functions, [size; 2], structure))??;
    table.full(LIBRARY, &array)
}

/// What is measured, and what the table says of it.
#[derive(Clone, Debug)]
pub struct CostOptions {
    /// Short name of the cell library.
    pub library: String,
    /// Its files.
    pub files: Vec<PathBuf>,
    /// Rows and columns of the arrays.
    pub sizes: Vec<usize>,
    /// What the PEs are of; its sizes do not matter.
    pub array: Options,
    /// Period of the clock that all designs have to close at.
    pub clock_ps: f64,
    /// Standard error of the energy at which sampling stops, relative to it.
    pub relative_error: f64,
    /// What the user ran.
    pub command: String,
}

/// The designs of the cost table with these multipliers, and with exact ones; all that the table
/// inside has if none is named. Of a mask that it does not have it is the designs that it has of others.
///
/// # Errors
/// When one is no multiplier, or neither a mask nor in the table.
pub fn table_designs(names: &[String]) -> Result<Vec<Design>> {
    let mut multipliers = space::standard();
    for name in names {
        let known: Multiplier = name.parse().map_err(|_| unknown(name, &multipliers))?;
        if known.is_exact() || multipliers.contains(&known) {
            continue;
        }
        match known.mask() {
            Some(_) => multipliers.push(known),
            None => return Err(unknown(name, &multipliers)),
        }
    }
    let wanted: Vec<Multiplier> = names.iter().filter_map(|name| name.parse().ok()).collect();
    let mut all = designs_of(multipliers);
    if !wanted.is_empty() {
        all.retain(|it| it.multiplier.is_exact() || wanted.contains(&it.multiplier));
    }
    Ok(all)
}

fn unknown(name: &str, multipliers: &[Multiplier]) -> Error {
    let known: Vec<String> = multipliers.iter().map(Multiplier::to_string).collect();
    let text = format!(
        "\"{name}\" is no multiplier of the cost table; expected one of exact, {}, or any mask, as \
         mask:0xf8f8f0e0c0000000",
        known.join(", ")
    );
    Error::new(ErrorKind::Multiplier, text)
}

fn designs_of(multipliers: Vec<Multiplier>) -> Vec<Design> {
    let cheaper = [ControlFunction::Popcount, ControlFunction::AnyBit];
    let cheaper = cheaper.map(|x| Mode::Fitted(Some(x)));
    let all = space::with_rivals(&Space {
        multipliers,
        control_variates: [&[Mode::None, Mode::Fitted(None)], &cheaper[..]].concat(),
        ..Space::default()
    });
    // Where no x explains all of the error, as for truncated ones, also what is cheaper than the x
    // that fits best, and not much worse.
    let low_bits_fit = |it: &Design| {
        let member = it.multiplier.member();
        member.is_some_and(|member| member.family.paper == Some(ControlFunction::LowBits))
    };
    // With gains it is the same array.
    let is_one = |it: &Design| {
        it.quantization.is_none() && (!low_bits_fit(it) || !cheaper.contains(&it.control_variate))
    };
    all.into_iter().filter(is_one).collect()
}

/// Measures designs in a cell library, on random codes and those of a session's network: the rows
/// of a run.
///
/// # Errors
/// When a design has no array or misses the clock, a tool fails, or `watch` stops it.
pub fn measure_costs(
    session: &mut Session,
    designs: &[Design],
    library: &CellLibrary,
    synthesis: &SynthesisOptions,
    options: &CostOptions,
    watch: &dyn Watch,
) -> Result<(CostRun, Vec<Cost>)> {
    let images = session.inputs(IMAGES)?;
    let experiment = session.experiment(WeightScheme::U8Channel, watch)?;
    let candidates = candidates(&experiment, designs, watch)?;
    let exact = candidates.iter().filter(|candidate| candidate.design.multiplier.is_exact());
    let exact = exact.map(|candidate| {
        let widths = candidate.design.widths();
        Ok((widths, Workload::of_network(candidate, &images, POSITIONS, watch)?))
    });
    let exact: Vec<(Widths, Vec<Workload>)> = exact.collect::<Result<_>>()?;
    let synthesis = SynthesisOptions { clock_ps: Some(options.clock_ps), ..synthesis.clone() };
    let bench = Bench {
        run: &options.library,
        array: options.array,
        library,
        synthesis: &synthesis,
        clock_ps: options.clock_ps,
        relative_error: options.relative_error,
        exact: &exact,
    };
    let arrays: Vec<(&EmulatedDesign, usize)> = options
        .sizes
        .iter()
        .flat_map(|&size| candidates.iter().map(move |candidate| (candidate, size)))
        .collect();
    let measured = measure_each(&bench, &arrays, watch)?;
    let reference = Design::exact(8);
    let reference = arrays.iter().position(|(candidate, _)| candidate.design == reference);
    let run = CostRun {
        id: options.library.clone(),
        library: Library::of_files(&options.library, &options.files)?,
        clock_ps: options.clock_ps,
        wire_ff_per_sink: synthesis.timing.wire_ff,
        leakage_nw_per_um2: reference.map(|index| measured[index].leakage_nw_per_um2),
        command: options.command.clone(),
        date: time::OffsetDateTime::now_utc().date().to_string(),
        tools: BTreeMap::from([
            ("recoup".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ("yosys".to_owned(), version(&synthesis.yosys)?),
        ]),
    };
    Ok((run, measured.into_iter().flat_map(|measured| measured.costs).collect()))
}
