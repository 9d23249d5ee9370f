//! `recoup explore`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;

use recoup::{
    Budget, Design, ExploreOptions, Labels, Limit, Mode, Multiplier, OpenNetwork, Quantization,
    Session, Space, Store, WeightScheme, explore,
};
use recoup_core::control_variate::MODE_HELP;
use recoup_core::multiplier::{SPEC_HELP, Source};
use recoup_core::quantize::QUANTIZATION_HELP;
use recoup_explore::entry::Settings;
use recoup_explore::export;
use recoup_explore::measured::MeasuredNetwork;
use recoup_explore::power::{self, LIBRARY, Power, SIZE};
use recoup_explore::space;
use recoup_hardware::cost_table::CostTable;

use crate::args::{DataArgs, MachineArgs};
use crate::commands::eval::{warn_of_class_order, warn_of_exact_nodes};
use crate::costs::{self, ArrayArgs};
use crate::headings;
use crate::library::ImportArgs;
use crate::parse::{parse_array, parse_limit, parse_positive, parse_seconds};
use crate::printer::exploration;
use crate::progress::Bars;
use crate::values::{self, ACTIVATION_BITS};
use crate::{library, output, session};

/// Images that show what a design does in each layer; few do, as each has thousands of outputs.
pub const OBSERVED_IMAGES: usize = 32;

/// The command line, for the record; wherever the program lies.
pub fn command_line() -> String {
    let arguments = std::env::args().skip(1);
    std::iter::once("recoup".to_owned()).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// Arguments of `explore`.
#[derive(Args)]
pub struct ExploreArgs {
    /// The networks: ONNX, float32 or QDQ
    #[arg(required = true, value_name = "MODEL")]
    pub models: Vec<PathBuf>,
    /// Their data.
    #[command(flatten)]
    pub data: DataArgs,
    #[arg(long, help_heading = headings::MULTIPLIERS, alias = "multipliers", value_name = "SPEC", num_args = 1.., help = format!("A multiplier; may be repeated: {SPEC_HELP} [default: {}]", values::standard_multipliers()))]
    pub multiplier: Vec<Source>,
    #[arg(long, help_heading = headings::CONTROL, value_name = "MODE", num_args = 1.., help = format!("What corrects it; may be repeated: {MODE_HELP} [default: none and fitted]"))]
    pub control_variate: Vec<Mode>,
    #[arg(long, help_heading = headings::QUANTIZATION, value_name = "B", num_args = 1.., value_parser = clap::value_parser!(u32).range(ACTIVATION_BITS), help = format!("Significant bits of the activation codes of approximate multipliers, {}; may be repeated; exact products are tried at all of these [default: 8]", values::activation_bits()))]
    pub activation_bits: Vec<u32>,
    #[arg(long, help_heading = headings::QUANTIZATION, value_name = "HOW", num_args = 1.., help = format!("How activations become codes; may be repeated: {QUANTIZATION_HELP} [default: plain]"))]
    pub quantization: Vec<Quantization>,
    #[arg(long, help_heading = headings::QUANTIZATION, default_value = "u8-channel", value_name = "CODING", num_args = 1.., help = format!("How weights are coded: {}; may be repeated: all losses are measured against exact products in the first", values::weight_codings()))]
    pub weights: Vec<WeightScheme>,
    /// What designs cost, as `recoup hardware measure` writes it [default: the table inside this
    /// program]
    #[arg(long, help_heading = headings::ARRAYS, value_name = "FILE")]
    pub costs: Option<PathBuf>,
    /// The cell library in which power is compared
    #[arg(long, help_heading = headings::ARRAYS, default_value = LIBRARY, value_name = "NAME")]
    pub cells_of: String,
    /// Rows and columns of the array
    #[arg(long, help_heading = headings::ARRAYS, default_value = format!("{SIZE}x{SIZE}"), value_name = "RxC", value_parser = parse_array)]
    pub array: [u32; 2],
    /// Arrays of the ends, and measurements.
    #[command(flatten)]
    pub arrays: ArrayArgs,
    /// The most that may be lost against exact 8-bit products, in points (percent of images)
    #[arg(long, help_heading = headings::CHOICE, value_name = "POINTS", value_parser = parse_limit, allow_hyphen_values = true)]
    pub max_loss: Limit,
    /// Show every design all images, also those that are decided or cannot be the answer
    #[arg(long, help_heading = headings::CHOICE)]
    pub thorough: bool,
    /// End after so many seconds, with what is known then
    #[arg(long, help_heading = headings::CHOICE, value_name = "SECONDS", value_parser = parse_seconds)]
    pub time_limit: Option<Duration>,
    /// End when so many images have gone through designs, each of them counted
    #[arg(long, help_heading = headings::CHOICE, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub image_limit: Option<u64>,
    /// Where results are kept as they arrive: a rerun goes on from there, and other processes may
    /// share it [default: nowhere]
    #[arg(long, help_heading = headings::OUTPUT, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Also write a line for each design
    #[arg(long, help_heading = headings::OUTPUT, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// The same as Apache Parquet
    #[arg(long, help_heading = headings::OUTPUT, value_name = "FILE")]
    pub parquet: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long, help_heading = headings::OUTPUT)]
    pub json: bool,
    /// Images in memory at a time, beyond those that are kept decoded; changes no result
    #[arg(long, help_heading = headings::MACHINE, default_value_t = 256, value_name = "N", value_parser = parse_positive)]
    pub batch: usize,
    /// Threads and kernels.
    #[command(flatten)]
    pub machine: MachineArgs,
    /// What files of multipliers do not say.
    #[command(flatten)]
    pub import: ImportArgs,
}

/// Explores and answers.
pub fn run(args: &ExploreArgs) -> Result<()> {
    check_outputs(args)?;
    let table = read_costs(args)?;
    let designs = designs(args)?;
    let mut store = match &args.out {
        Some(path) => Store::open(path)?,
        None => Store::in_memory()?,
    };
    let open =
        |model: &PathBuf| session::open(model, &args.data, None, Labels::Needed, &args.machine);
    let sessions: Vec<Session> = args.models.iter().map(open).collect::<Result<_, _>>()?;
    warn_of_class_order(&sessions[0]);
    let powers = powers(args, &table, &sessions, &designs)?;
    store.start_run(&command_line(), &Settings::new(args.max_loss, args.thorough, &powers[0]))?;
    let (bars, weights) = (Bars::default(), weights(args));
    let order_seed = args.data.seed.unwrap_or(0);
    let networks = sessions.into_iter().zip(powers).map(|(session, power)| {
        warn_of_exact_nodes(&session);
        OpenNetwork::new(session, power, &weights, order_seed, args.batch, &bars)
    });
    let networks: Vec<OpenNetwork> = networks.collect::<recoup::Result<_>>()?;
    let options = ExploreOptions {
        designs,
        limit: args.max_loss,
        thorough: args.thorough,
        // For the report; who keeps nothing has none.
        observed_images: if args.out.is_some() { OBSERVED_IMAGES } else { 0 },
        budget: Budget {
            images: args.image_limit,
            deadline: args.time_limit.map(|seconds| Instant::now() + seconds),
        },
    };
    let exploration = explore(&mut store, &networks, &options, &bars)?;
    let lines = exploration.lines();
    if let Some(path) = &args.csv {
        let mut bytes = Vec::new();
        export::csv(&lines, &mut bytes)?;
        output::write(path, &bytes, true)?;
    }
    if let Some(path) = &args.parquet {
        output::write(path, &export::parquet(&lines)?, true)?;
    }
    if args.json { exploration::json(&exploration) } else { exploration::text(&exploration) }
}

fn check_outputs(args: &ExploreArgs) -> Result<()> {
    args.csv.iter().try_for_each(|path| output::check(path, true))?;
    args.parquet.iter().try_for_each(|path| output::check(path, true))?;
    Ok(())
}

fn read_costs(args: &ExploreArgs) -> Result<CostTable> {
    let (name, table) = match &args.costs {
        None => ("the cost table inside this program".to_owned(), power::shipped_costs().clone()),
        Some(path) => (path.display().to_string(), costs::read(path)?),
    };
    let mut known: Vec<&str> = table.runs.iter().map(|run| run.library.name.as_str()).collect();
    known.dedup();
    if !known.contains(&args.cells_of.as_str()) {
        bail!(
            "{name}: has no costs in the cell library {}; give --cells-of with one of: {}",
            args.cells_of,
            known.join(", ")
        );
    }
    Ok(table)
}

/// The arrays, for each model.
fn powers(
    args: &ExploreArgs,
    table: &CostTable,
    sessions: &[Session],
    designs: &[Design],
) -> Result<Vec<Power>> {
    let names: Vec<String> = args.models.iter().map(|model| model.display().to_string()).collect();
    let networks = names.iter().zip(sessions);
    let networks =
        networks.map(|(model, session)| MeasuredNetwork { model, graph: &session.graph });
    let arrays = (table, args.cells_of.as_str(), args.array);
    args.arrays.powers(arrays, args.weights[0], &networks.collect::<Vec<_>>(), designs)
}

fn designs(args: &ExploreArgs) -> Result<Vec<Design>> {
    fn or<T: Clone>(given: &[T], default: &[T]) -> Vec<T> {
        if given.is_empty() { default.to_vec() } else { given.to_vec() }
    }
    let multipliers: Vec<Multiplier> = library::read(&args.multiplier, &args.import.options())?
        .into_iter()
        .map(|imported| imported.multiplier)
        .collect();
    let multipliers = or(&multipliers, &space::standard());
    for multiplier in &multipliers {
        args.weights.iter().try_for_each(|weights| multiplier.check_coding(weights.coding()))?;
    }
    let others = weights(args).into_iter().skip(1).map(Some);
    Ok(space::with_rivals(&Space {
        multipliers,
        control_variates: or(&args.control_variate, &[Mode::None, Mode::Fitted(None)]),
        activation_bits: or(&args.activation_bits, &[8]),
        quantizations: or(&args.quantization, &[Quantization::PLAIN]),
        exact_ends: args.arrays.exact_ends(),
        weights: std::iter::once(None).chain(others).collect(),
        ..Space::default()
    }))
}

/// The codings of the weights, each of them once.
fn weights(args: &ExploreArgs) -> Vec<WeightScheme> {
    let mut codings = Vec::new();
    for &weights in &args.weights {
        if !codings.contains(&weights) {
            codings.push(weights);
        }
    }
    codings
}
