//! `recoup explore`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use recoup::{Labels, Session};
use recoup_core::control_variate::{ControlOptions, MODE_HELP, Mode};
use recoup_core::multiplier::{Multiplier, SPEC_HELP, Source};
use recoup_core::quantize::{QUANTIZATION_HELP, Quantization, WeightScheme};
use recoup_explore::export::{self, Line};
use recoup_explore::finding::Settings;
use recoup_explore::measured::MeasuredNetwork;
use recoup_explore::power::Power;
use recoup_explore::sequential::Limit;
use recoup_explore::space::{self, Point};
use recoup_explore::store::Store;
use recoup_hardware::costs::CostTable;

use crate::answer::{self, Network};
use crate::args::{DataArgs, MachineArgs, parse_positive};
use crate::commands::eval::warn_of_class_order;
use crate::costs::{self, ArrayArgs, LIBRARY};
use crate::exploration::{OBSERVED_IMAGES, Opened, Request, command_line, explore};
use crate::library::ImportArgs;
use crate::session;
use crate::{library, output};

/// Arguments of `explore`.
#[derive(Args)]
pub struct ExploreArgs {
    /// The networks: ONNX, float32 or QDQ
    #[arg(required = true, value_name = "MODEL")]
    pub models: Vec<PathBuf>,
    /// Their data.
    #[command(flatten)]
    pub data: DataArgs,
    /// The most that may be lost against exact 8-bit products, in points (percent of images)
    #[arg(long, value_name = "POINTS", value_parser = parse_limit, allow_hyphen_values = true)]
    pub max_loss: Limit,
    #[arg(long, alias = "multipliers", value_name = "SPEC", num_args = 1.., help = format!("A multiplier; may be repeated: {SPEC_HELP} [default: perforated:1 to 4, truncated:4 to 8, recursive:2 to 5, and four masks between and beyond the truncated ones]"))]
    pub multiplier: Vec<Source>,
    /// What files of multipliers do not say.
    #[command(flatten)]
    pub import: ImportArgs,
    #[arg(long, value_name = "MODE", num_args = 1.., help = format!("What corrects it; may be repeated: {MODE_HELP} [default: none and fitted]"))]
    pub control_variate: Vec<Mode>,
    /// Significant bits of the activation codes of approximate multipliers, 4 to 8; may be
    /// repeated; exact products are tried at 8 to 4 [default: 8]
    #[arg(long, value_name = "B", num_args = 1.., value_parser = clap::value_parser!(u32).range(4..=8))]
    pub activation_bits: Vec<u32>,
    #[arg(long, value_name = "HOW", num_args = 1.., help = format!("How activations become codes; may be repeated: {QUANTIZATION_HELP} [default: plain]"))]
    pub quantization: Vec<Quantization>,
    /// How weights are coded: u8-channel, u8-tensor (the paper's), i8-channel; may be repeated: all
    /// losses are measured against exact products in the first
    #[arg(long, default_value = "u8-channel", value_name = "CODING", num_args = 1..)]
    pub weights: Vec<WeightScheme>,
    /// What designs cost, as `recoup hardware measure` writes it [default: the table inside this
    /// program]
    #[arg(long, value_name = "FILE")]
    pub costs: Option<PathBuf>,
    /// The cell library in which power is compared
    #[arg(long, default_value = LIBRARY, value_name = "NAME")]
    pub cells_of: String,
    /// Rows and columns of the array
    #[arg(long, default_value = "64x64", value_name = "RxC", value_parser = parse_array)]
    pub array: [u32; 2],
    /// Arrays of the ends, and measurements.
    #[command(flatten)]
    pub arrays: ArrayArgs,
    /// Where results are kept as they arrive: a rerun goes on from there, and other processes may
    /// share it [default: nowhere]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Show every configuration all images, also those that are decided or cannot be the answer
    #[arg(long)]
    pub thorough: bool,
    /// Also write a line for each configuration
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// The same as Apache Parquet
    #[arg(long, value_name = "FILE")]
    pub parquet: Option<PathBuf>,
    /// Images in memory at a time, beyond those that are kept decoded; changes no result
    #[arg(long, default_value_t = 256, value_name = "N", value_parser = parse_positive)]
    pub batch: usize,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Threads and kernels.
    #[command(flatten)]
    pub machine: MachineArgs,
}

/// Explores and answers.
pub fn run(args: &ExploreArgs) -> Result<()> {
    check_outputs(args)?;
    let table = read_costs(args)?;
    let points = points(args)?;
    let mut store = match &args.out {
        Some(path) => Store::open(path)?,
        None => Store::in_memory()?,
    };
    let open =
        |model: &PathBuf| session::open(model, &args.data, None, Labels::Needed, &args.machine);
    let sessions: Vec<Session> = args.models.iter().map(open).collect::<Result<_, _>>()?;
    warn_of_class_order(&sessions[0]);
    let powers = powers(args, &table, &sessions, &points)?;
    store.start_run(&command_line(), &Settings::new(args.max_loss, args.thorough, &powers[0]))?;
    let opened = args.models.iter().zip(sessions).zip(powers).map(|((model, session), power)| {
        let name = model.display().to_string();
        Opened::new(name, session, power, order_seed(args), &weights(args))
    });
    let opened: Vec<Opened> = opened.collect::<Result<_>>()?;
    let request = Request {
        points: &points,
        limit: args.max_loss,
        thorough: args.thorough,
        order_seed: order_seed(args),
        batch: args.batch,
        // For the report; who keeps nothing has none.
        observed_images: if args.out.is_some() { OBSERVED_IMAGES } else { 0 },
    };
    let answer = explore(&mut store, &opened, &request)?;
    let lines: Vec<Line> = answer.networks.iter().flat_map(Network::lines).collect();
    if let Some(path) = &args.csv {
        let mut bytes = Vec::new();
        export::csv(&lines, &mut bytes)?;
        output::write(path, &bytes, true)?;
    }
    if let Some(path) = &args.parquet {
        output::write(path, &export::parquet(&lines)?, true)?;
    }
    if args.json { answer::json(&answer) } else { answer::text(&answer) }
}

fn check_outputs(args: &ExploreArgs) -> Result<()> {
    args.csv.iter().try_for_each(|path| output::check(path, true))?;
    args.parquet.iter().try_for_each(|path| output::check(path, true))?;
    Ok(())
}

fn read_costs(args: &ExploreArgs) -> Result<CostTable> {
    let (name, table) = match &args.costs {
        None => ("the cost table inside this program".to_owned(), costs::table().clone()),
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
    points: &[Point],
) -> Result<Vec<Power>> {
    let names: Vec<String> = args.models.iter().map(|model| model.display().to_string()).collect();
    let networks = names.iter().zip(sessions);
    let networks =
        networks.map(|(model, session)| MeasuredNetwork { model, graph: &session.graph });
    let arrays = (table, args.cells_of.as_str(), args.array);
    args.arrays.powers(arrays, args.weights[0], &networks.collect::<Vec<_>>(), points)
}

fn points(args: &ExploreArgs) -> Result<Vec<Point>> {
    let mut multipliers: Vec<Multiplier> = library::read(&args.multiplier, &args.import.options())?
        .into_iter()
        .map(|imported| imported.multiplier)
        .collect();
    if multipliers.is_empty() {
        multipliers = space::standard();
    }
    for multiplier in &multipliers {
        args.weights.iter().try_for_each(|weights| multiplier.check_coding(weights.coding()))?;
    }
    let or = |given: &[Mode]| match given {
        [] => vec![Mode::None, Mode::Fitted(None)],
        given => given.to_vec(),
    };
    let bits = if args.activation_bits.is_empty() { &[8][..] } else { &args.activation_bits };
    let modes = or(&args.control_variate);
    let quantizations = match &args.quantization[..] {
        [] => &[Quantization::PLAIN],
        given => given,
    };
    let options = ControlOptions::default();
    let points = space::points(&multipliers, &modes, bits, quantizations, options);
    let points = space::vary_ends(points, &args.arrays.exact_ends());
    Ok(space::vary_weights(points, &weights(args)[1..]))
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

fn order_seed(args: &ExploreArgs) -> u64 {
    args.data.seed.unwrap_or(0)
}

pub fn parse_limit(text: &str) -> Result<Limit, String> {
    let points: f64 =
        text.parse().map_err(|_| format!("\"{text}\" is no number of points; try 0.5"))?;
    Limit::new(points).map_err(|error| error.to_string())
}

pub fn parse_array(text: &str) -> Result<[u32; 2], String> {
    let sizes: Option<Vec<u32>> =
        text.split('x').map(|size| size.parse().ok().filter(|size| *size > 0)).collect();
    sizes
        .and_then(|sizes| sizes.try_into().ok())
        .ok_or_else(|| format!("\"{text}\" is no array; expected rows and columns, as in 64x64"))
}
