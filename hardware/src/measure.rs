//! Rows of the cost table: a design synthesised, and its energy under a network's data and under
//! random codes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use recoup_core::accuracy::EmulatedDesign;
use recoup_core::control_variate::{ControlVariateError, Mode as ControlMode};
use recoup_core::hint::Hint;
use recoup_core::quantize::Widths;
use recoup_core::watch::{Stopped, Watch};

use crate::cells::CellLibrary;
use crate::cost_table::{Array, Cost, LoadPathCost, Stimulus, Structure};
use crate::power::{
    Estimate, EstimateOptions, LayerEstimate, Mode, PowerOptions, Scene, Unit, UnitModel, Workload,
    estimate,
};
use crate::rtl::{self, Correction, MultiplierCircuit, RandomSize, RtlError};
use crate::simulate::{DelayOptions, SimulateError};
use crate::synthesis::{SynthesisError, SynthesisOptions};
use crate::units::ArrayUnits;

/// Products per output that the accumulators take.
const DEPTH: usize = 1152;
/// Products per output of the random stimuli, and most that an array makes constants for.
const RANDOM_DEPTH: usize = 576;
/// Samples of each layer in a MAC+ whose constants are made: it differs little from the other.
const MAC_PLUS_SAMPLES: u64 = 64;

/// What to measure with.
pub struct Bench<'a> {
    /// What rows call the run.
    pub run: &'a str,
    /// What the PEs are of; the sizes are those of each design.
    pub array: rtl::Options,
    /// The cells.
    pub library: &'a CellLibrary,
    /// How to synthesise, with the clock that all designs have to close at.
    pub synthesis: &'a SynthesisOptions,
    /// Period of the clock, ps.
    pub clock_ps: f64,
    /// Standard error of the energy at which sampling stops, relative to it.
    pub relative_error: f64,
    /// The network with exact products of codes of each width, for its stimulus.
    pub exact: &'a [(Widths, Vec<Workload>)],
}

/// What a design costs under all stimuli.
pub struct Measured {
    /// A row per stimulus.
    pub costs: Vec<Cost>,
    /// Leakage over area under the codes of a network, nW/µm².
    pub leakage_nw_per_um2: f64,
}

/// Why a design could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// There is no such array.
    #[error(transparent)]
    Rtl(#[from] RtlError),
    /// There are no such constants to make.
    #[error(transparent)]
    ControlVariate(#[from] ControlVariateError),
    /// Synthesis failed.
    #[error(transparent)]
    Synthesis(#[from] SynthesisError),
    /// A unit cannot be simulated.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    /// A design is too slow.
    #[error(
        "{design} needs a clock of {fastest_ps:.0} ps in these cells, the clock is {clock_ps:.0} ps"
    )]
    Slow {
        /// The design.
        design: String,
        /// What it closes at.
        fastest_ps: f64,
        /// What was asked for.
        clock_ps: f64,
    },
    /// See [`Stopped`].
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl MeasureError {
    /// What would help, where the text does not say it.
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::Rtl(error) => error.hint(),
            Self::Slow { .. } => Some(Hint::GiveSlowerClock),
            Self::ControlVariate(_) | Self::Synthesis(_) => None,
            Self::Simulate(_) | Self::Stopped(_) => None,
        }
    }
}

/// Measures a square array of `size` rows that runs `candidate`, under all stimuli.
///
/// The array is composed of its units (see [`ArrayUnits`]), each simulated with gate delays. All
/// designs get the codes of the exact network: those of one that an uncorrected multiplier led
/// astray are often 0, and would make it look frugal. `watch` can stop it.
///
/// # Errors
/// When there is no such array, or it misses the clock, or a tool fails.
pub fn measure(
    bench: &Bench<'_>,
    candidate: &EmulatedDesign,
    size: usize,
    watch: &dyn Watch,
) -> Result<Measured, MeasureError> {
    let configured = &candidate.design;
    let coding = candidate.prepared.quantized.weights.coding();
    let circuit = MultiplierCircuit::of_design(configured, None, coding)?;
    let control = candidate.control.as_ref().filter(|control| !control.functions.is_empty());
    let correction = control.map(Correction::new).transpose()?;
    let options = rtl::Options { rows: size, columns: size, depth: DEPTH, ..bench.array };
    let design = rtl::ArrayRtl::new(circuit, options, correction)?;
    let units = ArrayUnits::synthesize(design, bench.library, bench.synthesis, watch)?;
    let functions: Vec<String> =
        control.iter().map(|control| control.functions[0].function.to_string()).collect();
    let row = Array::new(configured, &functions, [size as u32; 2], Structure::of(&options))
        .expect("at most one x");
    if units.fastest_clock_ps() > bench.clock_ps {
        return Err(MeasureError::Slow {
            design: format!("{} of {size}x{size}", row.multiplier),
            fastest_ps: units.fastest_clock_ps(),
            clock_ps: bench.clock_ps,
        });
    }
    let network = network(bench, candidate);
    let uniform = Workload::uniform(RANDOM_DEPTH, size, 0);
    let relu_like = Workload::relu_like(RANDOM_DEPTH, size, coding, 0);
    let random = |workload| vec![with_constants(workload, &network, configured.widths())];
    let stimuli = [
        (Stimulus::Uniform, random(uniform)),
        (Stimulus::ReluLike, random(relu_like)),
        (Stimulus::Demo, network),
    ];
    let area_parts_um2: BTreeMap<String, f64> = units
        .area_parts_um2(bench.library)?
        .into_iter()
        .map(|(role, area_um2)| (role.to_string(), rounded(area_um2)))
        .collect();
    let load_path = LoadPathUnits::new(bench, candidate, &units, watch)?;
    let mut measured = Measured { costs: Vec::new(), leakage_nw_per_um2: 0.0 };
    for (stimulus, workloads) in stimuli {
        let estimate = simulate(bench, &units, &workloads, watch)?;
        let mut cost = cost(bench, &units, &row, stimulus, &estimate, &area_parts_um2);
        let of_load_path = load_path.as_ref().map(|it| it.cost(bench, &units, &workloads, watch));
        cost.load_path = of_load_path.transpose()?;
        measured.costs.push(cost);
        if stimulus == Stimulus::ReluLike {
            let per_cycle = estimate.per_cycle();
            let leakage_nw: f64 = per_cycle.iter().map(|(_, energy)| energy.leakage_nw).sum();
            measured.leakage_nw_per_um2 = rounded(leakage_nw / units.area_um2(bench.library));
        }
    }
    Ok(measured)
}

/// Measures candidates on square arrays of so many rows, at once as far as there are threads. One
/// that fails ends the others.
///
/// # Errors
/// See [`measure`].
pub fn measure_each(
    bench: &Bench<'_>,
    designs: &[(&EmulatedDesign, usize)],
    watch: &dyn Watch,
) -> Result<Vec<Measured>, MeasureError> {
    let one = One { all: watch, failed: AtomicBool::new(false) };
    watch.begin("measuring designs", designs.len());
    let measured = designs.par_iter().map(|&(candidate, size)| {
        let measured = measure(bench, candidate, size, &one);
        watch.advance(1);
        measured.inspect_err(|_| one.failed.store(true, Ordering::Relaxed))
    });
    let measured: Vec<Result<Measured, MeasureError>> = measured.collect();
    watch.end();
    // What was stopped for another's failure is not what failed.
    let is_stopped = |it: &Result<_, _>| {
        use MeasureError::{Stopped, Synthesis};
        matches!(it, Err(Stopped(_) | Synthesis(SynthesisError::Stopped(_))))
    };
    let (stopped, others): (Vec<_>, Vec<_>) = measured.into_iter().partition(is_stopped);
    others.into_iter().chain(stopped).collect()
}

/// Watches one measurement of several.
struct One<'a> {
    all: &'a dyn Watch,
    failed: AtomicBool,
}

impl Watch for One<'_> {
    fn begin(&self, _: &'static str, _: usize) {}

    fn advance(&self, _: usize) {}

    fn is_stopped(&self) -> bool {
        self.failed.load(Ordering::Relaxed) || self.all.is_stopped()
    }
}

/// The layers of the exact network, with the constants of the candidate's.
fn network(bench: &Bench<'_>, candidate: &EmulatedDesign) -> Vec<Workload> {
    let widths = candidate.design.widths();
    let exact = bench.exact.iter().find(|(of, _)| *of == widths);
    let mut layers = exact.expect("the exact network at these widths").1.clone();
    for (layer, constants) in
        layers.iter_mut().zip(candidate.control.iter().flat_map(|control| &control.layers))
    {
        layer.c = constants.c.first().cloned().unwrap_or_default();
        layer.c0 = constants.c0.clone();
    }
    layers
}

/// A layer of random codes of some widths, with constants of the network's.
fn with_constants(layer: Workload, network: &[Workload], widths: Widths) -> Workload {
    let mut layer = layer.cut_to(widths.activation_bits, widths.weight_bits);
    let spread = |constants: fn(&Workload) -> &Vec<i32>| -> Vec<i32> {
        let constants: Vec<i32> = network.iter().flat_map(constants).copied().collect();
        let step = (constants.len() / layer.filters).max(1);
        constants.into_iter().step_by(step).cycle().take(layer.filters).collect()
    };
    (layer.c, layer.c0) = (spread(|layer| &layer.c), spread(|layer| &layer.c0));
    layer
}

fn simulate(
    bench: &Bench<'_>,
    units: &ArrayUnits,
    workloads: &[Workload],
    watch: &dyn Watch,
) -> Result<Estimate, MeasureError> {
    let models = units.models(bench.library, &DelayOptions::default(), &PowerOptions::default())?;
    let scenes: Vec<Scene<'_>> =
        workloads.iter().map(|workload| Scene::new(&units.design, workload)).collect();
    let options = EstimateOptions {
        relative_error: bench.relative_error,
        ..EstimateOptions::new(Mode::Delays, bench.clock_ps)
    };
    Ok(estimate(&models, &scenes, &options, watch)?)
}

fn cost(
    bench: &Bench<'_>,
    units: &ArrayUnits,
    design: &Array,
    stimulus: Stimulus,
    estimate: &Estimate,
    area_parts_um2: &BTreeMap<String, f64>,
) -> Cost {
    let macs: u64 = estimate.layers.iter().map(|layer| layer.macs).sum();
    let cycles: u64 = estimate.layers.iter().map(|layer| layer.cycles).sum();
    let part = |energy: &crate::power::Energy| {
        rounded(energy.total_fj(bench.clock_ps) * cycles as f64 / macs as f64)
    };
    let parts: BTreeMap<String, f64> = estimate
        .per_cycle()
        .iter()
        .map(|(role, energy)| (role.to_string(), part(energy)))
        .collect();
    let pe = units.unit(Unit::Pe).expect("an array has PEs");
    let energy_fj = estimate.energy_per_mac_fj();
    let [rows, columns] = [design.rows, design.columns].map(|size| size as usize);
    let steps = units.design.options.pe_rows() as u64;
    let loading_cycles: u64 = estimate.layers.iter().map(|layer| layer.passes * steps).sum();
    let loading_fj: f64 = estimate.layers.iter().map(|layer| layer.loading_fj).sum();
    let loading_fj = loading_fj / (loading_cycles as f64 * (rows * columns) as f64);
    Cost {
        run: bench.run.to_owned(),
        design: design.clone(),
        stimulus,
        extrapolated: true,
        pe_area_um2: rounded(pe.netlist.area_um2(bench.library)),
        pe_delay_ps: rounded(pe.timing.fastest_clock_ps()),
        area_um2: rounded(units.area_um2(bench.library)),
        area_parts_um2: area_parts_um2.clone(),
        energy_fj: rounded(energy_fj),
        energy_standard_error_fj: rounded(energy_fj * estimate.relative_error),
        parts_fj: parts,
        loading_fj: Some(rounded(loading_fj)),
        load_path: None,
    }
}

/// Where an array that makes constants of what it is loaded with differs from the one that does not:
/// what makes them, and MAC+, which take as wide a C as any codes make.
struct LoadPathUnits(ArrayUnits);

impl LoadPathUnits {
    /// For products as deep as the random stimuli; none without x, or where they miss the clock.
    fn new(
        bench: &Bench<'_>,
        candidate: &EmulatedDesign,
        units: &ArrayUnits,
        watch: &dyn Watch,
    ) -> Result<Option<Self>, MeasureError> {
        let Some(control) = &candidate.control else { return Ok(None) };
        let [x] = &control.functions[..] else { return Ok(None) };
        // The network brings no codes to load. Any that are loaded make constants in these ranges.
        let fitted = ControlMode::Fitted(Some(x.function));
        let design = candidate.design.clone().with_control_variate(fitted);
        let size = RandomSize { depth: RANDOM_DEPTH, filters: 1, positions: 1, loads: 1, seed: 0 };
        let (_, random) = rtl::random(&design, candidate.prepared.quantized.weights, size)?;
        let loaded = random.into_iter().flat_map(|random| random.layers);
        let mut control = control.clone();
        control.layers.extend(loaded.filter(|layer| layer.load.is_some()));
        let options = rtl::Options { load_constants: true, ..units.design.options };
        let circuit = units.design.circuit.clone();
        let design = rtl::ArrayRtl::new(circuit, options, Some(Correction::new(&control)?))?;
        let kinds = [Unit::MacPlus, Unit::LoadSums, Unit::Constants];
        let units =
            ArrayUnits::synthesize_some(design, &kinds, bench.library, bench.synthesis, watch)?;
        Ok((units.fastest_clock_ps() <= bench.clock_ps).then_some(Self(units)))
    }

    /// What they cost beyond the `plain` array under a stimulus.
    fn cost(
        &self,
        bench: &Bench<'_>,
        plain: &ArrayUnits,
        workloads: &[Workload],
        watch: &dyn Watch,
    ) -> Result<LoadPathCost, MeasureError> {
        let Self(units) = self;
        let of = |units: &ArrayUnits, unit: Unit, samples: u64| {
            simulate_unit(bench, units, unit, samples, workloads, watch)
        };
        let mac_plus = plain.unit(Unit::MacPlus).expect("an array of several tiles has them");
        let mac_plus_um2 = mac_plus.netlist.area_um2(bench.library);
        let plain_um2 = plain.count(Unit::MacPlus) as f64 * mac_plus_um2;
        // Beside loading, their clock alone moves: all samples are alike.
        let (sums, constants) = (of(units, Unit::LoadSums, 1)?, of(units, Unit::Constants, 1)?);
        let mac_plus = |units| of(units, Unit::MacPlus, MAC_PLUS_SAMPLES);
        let (before, after) = (mac_plus(plain)?, mac_plus(units)?);
        let energy_fj =
            |layers: &[LayerEstimate]| -> f64 { layers.iter().map(|layer| layer.energy_fj).sum() };
        let macs: u64 = sums.iter().map(|layer| layer.macs).sum();
        let all_fj =
            energy_fj(&sums) + energy_fj(&constants) + energy_fj(&after) - energy_fj(&before);
        let options = &units.design.options;
        let loading_cycles =
            |layer: &LayerEstimate| (layer.passes * options.pe_rows() as u64) as f64;
        let adding_fj: f64 = sums
            .iter()
            .map(|layer| {
                let clock_fj: f64 = layer.per_cycle.iter().map(|(_, it)| it.dynamic_fj()).sum();
                layer.loading_fj - loading_cycles(layer) * clock_fj
            })
            .sum();
        let pes = (options.rows * options.columns) as f64;
        let pe_cycles = pes * sums.iter().map(loading_cycles).sum::<f64>();
        Ok(LoadPathCost {
            area_um2: rounded(units.area_um2(bench.library) - plain_um2),
            energy_fj: rounded(all_fj / macs as f64),
            loading_fj: rounded(adding_fj / pe_cycles),
        })
    }
}

/// One kind of unit under a stimulus, each layer by itself, with so many samples or the fewest that
/// there can be. The same runs of a layer are drawn for all arrays of a size.
fn simulate_unit(
    bench: &Bench<'_>,
    units: &ArrayUnits,
    unit: Unit,
    samples: u64,
    workloads: &[Workload],
    watch: &dyn Watch,
) -> Result<Vec<LayerEstimate>, MeasureError> {
    let netlist = &units.unit(unit).expect("an array with it").netlist;
    let (delays, power) = (DelayOptions::default(), PowerOptions::default());
    let model = [UnitModel::new(unit, netlist, bench.library, &delays, &power)?];
    let options = EstimateOptions {
        relative_error: 0.0,
        most_samples: samples,
        ..EstimateOptions::new(Mode::Delays, bench.clock_ps)
    };
    let mut layers = Vec::with_capacity(workloads.len());
    for workload in workloads {
        let scene = [Scene::new(&units.design, workload)];
        layers.extend(estimate(&model, &scene, &options, watch)?.layers);
    }
    Ok(layers)
}

/// Five digits: more would only be noise.
fn rounded(value: f64) -> f64 {
    if value == 0.0 {
        return 0.0;
    }
    let digits = 10_f64.powi(4 - value.abs().log10().floor() as i32);
    (value * digits).round() / digits
}
