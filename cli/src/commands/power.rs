//! `recoup power`.

mod report;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use recoup_core::control_variate::{ControlVariate, MODE_HELP, Mode};
use recoup_core::design::Design;
use recoup_core::multiplier::{Imported, SPEC_HELP, Source};
use recoup_core::quantize::WeightScheme;
use recoup_hardware::cells::CellLibrary;
use recoup_hardware::measure::circuit_of;
use recoup_hardware::power::{
    self, ClockTree, Estimate, EstimateOptions, PowerOptions, Scene, Workload, estimate,
};
use recoup_hardware::rtl::{ArrayRtl, Correction, MultiplierCircuit, Options, RandomSize, random};
use recoup_hardware::simulate::DelayOptions;
use recoup_hardware::synthesis::SynthesisOptions;
use recoup_hardware::units::ArrayUnits;

use super::multiplier;
use super::rtl::{VariantArgs, parse_array};
use crate::args::MachineArgs;
use crate::cells::{CellArgs, watched};
use crate::headings;
use crate::library::{self, NetlistImportArgs};
use crate::network::NetworkArgs;
use crate::values::{self, ACTIVATION_BITS};

/// Products per output of random codes: 3 x 3 x 64, several tiles for most arrays.
const RANDOM_DEPTH: usize = 576;
/// Filters of random codes.
const RANDOM_FILTERS: usize = 64;
/// Positions per image and layer that are kept to be sampled.
const POSITIONS: usize = 1024;

/// Where the codes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Stimuli {
    /// A network's own weights and activations
    Network,
    /// All codes alike likely
    Uniform,
    /// Weights about the middle, 45 % of the activations 0, the others half-normal
    ReluLike,
}

/// Arguments of `power`.
#[derive(Args)]
pub struct PowerArgs {
    /// The network of --stimuli network.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// Images whose codes are sampled
    #[arg(long, help_heading = headings::MODEL, default_value_t = 8, value_name = "N", value_parser = crate::parse::parse_positive)]
    pub images: usize,
    /// For the choice of images and samples
    #[arg(long, help_heading = headings::MODEL, value_name = "S")]
    pub seed: Option<u64>,
    #[arg(long, help_heading = headings::MULTIPLIERS, value_name = "SPEC", required = true, num_args = 1.., help = format!("A multiplier; may be repeated, the first is what others are compared with: {SPEC_HELP}"))]
    pub multiplier: Vec<Source>,
    #[arg(long, help_heading = headings::CONTROL, value_name = "MODE", help = format!("What corrects an approximate multiplier: {MODE_HELP} [default: fitted]"))]
    pub control_variate: Option<Mode>,
    #[arg(long, help_heading = headings::QUANTIZATION, value_name = "CODING", help = format!("Coding of the weights: {} [default: unsigned, unless the multiplier is for signed ones]", values::weight_signs()))]
    pub weights: Option<WeightScheme>,
    #[arg(long, help_heading = headings::QUANTIZATION, default_value_t = 8, value_name = "B", value_parser = clap::value_parser!(u32).range(ACTIVATION_BITS), help = format!("Significant bits of the activation codes, {}; exact products of fewer have an array that leaves the others out", values::activation_bits()))]
    pub activation_bits: u32,
    /// Rows and columns of PEs
    #[arg(long, help_heading = headings::ARRAYS, default_value = "16x16", value_name = "RxC", value_parser = parse_array)]
    pub array: [usize; 2],
    /// Variants of the PE.
    #[command(flatten)]
    pub variant: VariantArgs,
    /// The cells. Without --clock-ps, energies are at the first array's fastest clock.
    #[command(flatten)]
    pub cells: CellArgs,
    #[arg(long, help_heading = headings::SIMULATION, value_enum, hide_possible_values = true, default_value = "network", value_name = "CODES", help = format!("The codes: {}; the network is the one inside this program unless --model is given", values::names::<Stimuli>()))]
    pub stimuli: Stimuli,
    /// Without gate delays: faster, and blind to glitches
    #[arg(long, help_heading = headings::SIMULATION)]
    pub fast: bool,
    /// Pins per buffer of the clock tree; 0 for clock pins and their wire alone
    #[arg(long, help_heading = headings::SIMULATION, default_value_t = 16, value_name = "N")]
    pub clock_fan_out: usize,
    /// Sample until the standard error is this share of the energy, in percent
    #[arg(long, help_heading = headings::SIMULATION, default_value_t = 1.0, value_name = "P", value_parser = parse_percent)]
    pub standard_error: f64,
    /// Print one JSON object
    #[arg(long, help_heading = headings::OUTPUT)]
    pub json: bool,
    /// Threads and kernels.
    #[command(flatten)]
    pub machine: MachineArgs,
    /// What files of multipliers do not say.
    #[command(flatten)]
    pub import: NetlistImportArgs,
}

/// A multiplier's array with its energy, at the clock of the command or, without one, the fastest
/// of the first array.
pub struct Outcome {
    /// The multiplier.
    pub name: String,
    /// What it is, with weights of this coding.
    pub products_sha256: String,
    /// What corrects it.
    pub mode: Mode,
    /// How weights are coded.
    pub weights: WeightScheme,
    /// SHA-256 of the file of the network whose codes it got.
    pub model_sha256: Option<String>,
    /// The array as cells.
    pub units: ArrayUnits,
    /// Its energy.
    pub estimate: Estimate,
}

/// Synthesises the arrays, simulates them and reports.
pub fn run(args: &PowerArgs) -> Result<()> {
    let [rows, columns] = args.array;
    Options::new(rows, columns, rows).check()?;
    let multipliers = library::read(&args.multiplier, &args.import.options())?;
    let library = args.cells.read()?;
    let options = args.cells.options(&library);
    let mut clock_ps = options.clock_ps;
    let mut outcomes = Vec::new();
    for imported in multipliers {
        let name = imported.multiplier.to_string();
        let outcome = outcome(args, imported, &library, &options, &mut clock_ps);
        outcomes.push(outcome.context(name)?);
    }
    let clock_ps = clock_ps.expect("the first array has set it");
    let report = report::Report { args, library: &library, clock_ps, outcomes: &outcomes };
    if args.json { report.json() } else { report.print() }
}

fn outcome(
    args: &PowerArgs,
    imported: Imported,
    library: &CellLibrary,
    synthesis: &SynthesisOptions,
    clock_ps: &mut Option<f64>,
) -> Result<Outcome> {
    let scheme = multiplier::scheme(&imported.multiplier, args.weights)?;
    let multiplier = imported.multiplier.clone();
    let exact = multiplier.is_exact();
    let default = if exact { Mode::None } else { Mode::Fitted(None) };
    let mode = args.control_variate.filter(|_| !exact).unwrap_or(default);
    let emulated = Design::new(multiplier.clone())
        .with_control_variate(mode)
        .with_activation_bits(args.activation_bits);
    let computing = circuit_of(&emulated);
    let circuit = match computing == multiplier {
        true => multiplier::circuit(imported, scheme.coding())?,
        false => MultiplierCircuit::new(&computing, scheme.coding())?,
    };
    let Codes { workloads, control, model_sha256 } = codes(args, &emulated, scheme)?;
    let depth = workloads.iter().map(|workload| workload.depth).max().unwrap_or(1);
    let options = args.variant.options(args.array, depth);
    let correction = control.as_ref().map(Correction::new).transpose()?;
    let design = ArrayRtl::new(circuit, options, correction)?;
    let units = watched("units of the array", |watch| {
        ArrayUnits::synthesize(design.clone(), library, synthesis, watch)
    })?;
    let fastest_ps = || units.fastest_clock_ps().ceil().max(1.0);
    let clock_ps = *clock_ps.get_or_insert_with(fastest_ps);
    let estimate = simulate(args, library, synthesis, &units, &workloads, clock_ps)?;
    let (name, weights) = (multiplier.to_string(), scheme);
    let products_sha256 = multiplier.identity(scheme.coding());
    Ok(Outcome { name, products_sha256, mode, weights, model_sha256, units, estimate })
}

/// What an array gets to do.
struct Codes {
    /// The layers.
    workloads: Vec<Workload>,
    /// The control variate whose constants they have.
    control: Option<ControlVariate>,
    /// SHA-256 of the network's file, if they are one's.
    model_sha256: Option<String>,
}

fn codes(args: &PowerArgs, emulated: &Design, scheme: WeightScheme) -> Result<Codes> {
    if args.stimuli == Stimuli::Network {
        let (experiment, images) =
            args.network.open(args.images, args.seed, scheme, &args.machine)?;
        let candidate = experiment.candidate(emulated)?;
        return Ok(Codes {
            workloads: Workload::of_network(&candidate, &images, POSITIONS)?,
            control: candidate.control,
            model_sha256: Some(experiment.graph().sha256.clone()),
        });
    }
    if let Mode::Regressed(_) = emulated.control_variate {
        bail!(
            "--control-variate {} takes a network to run; give --stimuli network, or fitted instead",
            emulated.control_variate
        );
    }
    let seed = args.seed.unwrap_or(0);
    let size = RandomSize { depth: RANDOM_DEPTH, filters: RANDOM_FILTERS, positions: 1, seed };
    let mode = (emulated.control_variate, emulated.control_options);
    let (vectors, control) = random(&emulated.multiplier, scheme, mode, size)?;
    let coding = scheme.coding();
    let workload = match args.stimuli {
        Stimuli::Uniform => Workload::uniform(RANDOM_DEPTH, RANDOM_FILTERS, seed),
        _ => Workload::relu_like(RANDOM_DEPTH, RANDOM_FILTERS, coding, seed),
    };
    let workload = workload.cut_to(args.activation_bits).with_constants(&vectors.c);
    Ok(Codes { workloads: vec![workload], control, model_sha256: None })
}

fn simulate(
    args: &PowerArgs,
    library: &CellLibrary,
    synthesis: &SynthesisOptions,
    units: &ArrayUnits,
    workloads: &[Workload],
    clock_ps: f64,
) -> Result<Estimate> {
    let wire_ff = synthesis.timing.wire_ff;
    let delays = DelayOptions { wire_ff_per_sink: wire_ff, ..DelayOptions::default() };
    let tree = (args.clock_fan_out > 0).then_some(ClockTree { fan_out: args.clock_fan_out });
    let power = PowerOptions { clock_wire_ff_per_sink: wire_ff, clock_tree: tree };
    let models = units.models(library, &delays, &power)?;
    let scenes: Vec<Scene<'_>> =
        workloads.iter().map(|workload| Scene::new(&units.design, workload)).collect();
    let mode = if args.fast { power::Mode::ZeroDelay } else { power::Mode::Delays };
    let options = EstimateOptions {
        relative_error: args.standard_error / 100.0,
        seed: args.seed.unwrap_or(0),
        ..EstimateOptions::new(mode, clock_ps)
    };
    let name = units.design.circuit.name();
    Ok(watched(name, |watch| estimate(&models, &scenes, &options, watch))?)
}

fn parse_percent(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number: &f64| *number > 0.0 && *number < 100.0)
        .ok_or_else(|| format!("\"{text}\" is no share; expected a number of percent above 0"))
}
