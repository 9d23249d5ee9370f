//! `recoup explore`.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use indicatif::ProgressBar;

use recoup::accuracy::Experiment;
use recoup::control_variate::{ControlOptions, MODE_HELP, Mode};
use recoup::data::shuffle;
use recoup::multiplier::{Multiplier, SPEC_HELP, Source};
use recoup::quantize::WeightScheme;
use recoup_explore::choose::{self, OnNetwork};
use recoup_explore::export::{self, Line};
use recoup_explore::inputs::Inputs;
use recoup_explore::key::{ExperimentKey, Names};
use recoup_explore::power::Power;
use recoup_explore::search::{Event, Found, Outcome, Search};
use recoup_explore::sequential::{Assessment, Limit, Plan, Verdict};
use recoup_explore::space::{self, Point};
use recoup_explore::store::Store;
use recoup_explore::subject::Emulated;
use recoup_kernels::WeightCoding;

use super::eval::warn_of_exact_nodes;
use crate::answer::{self, Answer, Mean, Network};
use crate::args::{DataArgs, MachineArgs, parse_positive};
use crate::costs::{self, LIBRARY};
use crate::library::ImportArgs;
use crate::session::{self, Session};
use crate::{library, output, progress};

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
    #[arg(long, value_name = "SPEC", num_args = 1.., help = format!("A multiplier; may be repeated: {SPEC_HELP} [default: perforated:1 to 4, truncated:4 to 8, recursive:2 to 5]"))]
    pub multiplier: Vec<Source>,
    /// What files of multipliers do not say.
    #[command(flatten)]
    pub import: ImportArgs,
    #[arg(long, value_name = "MODE", help = format!("What corrects it; may be repeated: {MODE_HELP} [default: none and fitted]"))]
    pub control_variate: Vec<Mode>,
    /// Significant bits of the activation codes of approximate multipliers, 4 to 8; may be
    /// repeated; exact products are tried at 8 to 4 [default: 8]
    #[arg(long, value_name = "B", value_parser = clap::value_parser!(u32).range(4..=8))]
    pub activation_bits: Vec<u32>,
    /// How weights are coded: u8-channel, u8-tensor (the paper's), i8-channel
    #[arg(long, default_value = "u8-channel", value_name = "CODING")]
    pub weights: WeightScheme,
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
    #[cfg(feature = "parquet")]
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

/// Memory for decoded images, of all networks together.
const KEPT_BYTES: usize = 1 << 30;

/// A network that is ready to be explored.
struct Opened {
    model: String,
    session: Session,
    experiment: Experiment,
}

/// Explores and answers.
pub fn run(args: &ExploreArgs) -> Result<()> {
    session::set_threads(&args.machine)?;
    check_outputs(args)?;
    let power = read_costs(args)?;
    let points = points(args)?;
    let mut store = match &args.out {
        Some(path) => Store::open(path)?,
        None => Store::in_memory()?,
    };
    store.start_run(&std::env::args().collect::<Vec<_>>().join(" "))?;
    let opened: Vec<Opened> =
        args.models.iter().map(|model| open(model, args)).collect::<Result<_>>()?;
    let inputs: Vec<Inputs> =
        opened.iter().map(|network| read_inputs(network, args)).collect::<Result<_>>()?;
    let mut explorer = Explorer { args, store, power, networks: Vec::new() };
    for (network, inputs) in opened.iter().zip(&inputs) {
        explorer.explore(network, inputs, &points)?;
    }
    let means = explorer.means(&opened, &inputs, &points)?;
    let Explorer { networks, .. } = explorer;
    let answer = Answer { limit: args.max_loss, networks, means };
    let lines: Vec<Line> = answer.networks.iter().flat_map(Network::lines).collect();
    if let Some(path) = &args.csv {
        let mut bytes = Vec::new();
        export::csv(&lines, &mut bytes)?;
        output::write(path, &bytes, true)?;
    }
    #[cfg(feature = "parquet")]
    if let Some(path) = &args.parquet {
        output::write(path, &export::parquet(&lines)?, true)?;
    }
    if args.json { answer::json(&answer) } else { answer::text(&answer) }
}

fn check_outputs(args: &ExploreArgs) -> Result<()> {
    args.csv.iter().try_for_each(|path| output::check(path, true))?;
    #[cfg(feature = "parquet")]
    args.parquet.iter().try_for_each(|path| output::check(path, true))?;
    Ok(())
}

fn read_costs(args: &ExploreArgs) -> Result<Power> {
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
    let [rows, columns] = args.array;
    Ok(Power { library: args.cells_of.clone(), table, rows, columns })
}

fn points(args: &ExploreArgs) -> Result<Vec<Point>> {
    let mut multipliers: Vec<Multiplier> = library::read(&args.multiplier, &args.import)?
        .into_iter()
        .map(|imported| imported.multiplier)
        .collect();
    if multipliers.is_empty() {
        multipliers = space::families();
    }
    for multiplier in &multipliers {
        multiplier.check_coding(args.weights.coding())?;
    }
    let or = |given: &[Mode]| match given {
        [] => vec![Mode::None, Mode::Fitted(None)],
        given => given.to_vec(),
    };
    let bits = if args.activation_bits.is_empty() { &[8][..] } else { &args.activation_bits };
    let modes = or(&args.control_variate);
    Ok(space::points(&multipliers, &modes, bits, ControlOptions::default()))
}

fn open(model: &Path, args: &ExploreArgs) -> Result<Opened> {
    let mut session = Session::open(model, &args.data)?;
    warn_of_exact_nodes(&session);
    // Any number of the first images is then a random sample.
    shuffle(&mut session.indices, order_seed(args));
    let calibration = session.calibrate()?;
    let experiment = session.experiment(calibration, args.weights, session::isa(&args.machine));
    Ok(Opened { model: model.display().to_string(), session, experiment })
}

fn order_seed(args: &ExploreArgs) -> u64 {
    args.data.seed.unwrap_or(0)
}

fn read_inputs<'a>(network: &'a Opened, args: &ExploreArgs) -> Result<Inputs<'a>> {
    let bar = progress::bar("reading images", network.session.indices.len());
    let images = network.session.images(args.batch);
    let bytes = KEPT_BYTES / args.models.len();
    let inputs = Inputs::read(images, bytes, &mut |images| bar.inc(images as u64))?;
    bar.finish_and_clear();
    Ok(inputs)
}

/// The networks that have been explored so far, and what that needs.
struct Explorer<'a> {
    args: &'a ExploreArgs,
    store: Store,
    power: Power,
    networks: Vec<Network>,
}

impl Explorer<'_> {
    /// Explores one network. With several, a design that is bad for one may be good on average,
    /// so that none is left out.
    fn explore(&mut self, network: &Opened, inputs: &Inputs, points: &[Point]) -> Result<()> {
        let args = self.args;
        let prune = args.models.len() == 1 && !args.thorough;
        let bar = progress::bar("exploring", points.len() * inputs.len());
        let found = self.search(network, inputs, points, prune, args.thorough, &bar)?;
        bar.finish_and_clear();
        self.networks.push(Network {
            model: network.model.clone(),
            data: network.session.dataset.name().to_owned(),
            preprocess: network.session.preprocess.to_string(),
            images: inputs.len(),
            inputs: inputs.sha256().to_owned(),
            found,
        });
        Ok(())
    }

    fn search(
        &mut self,
        network: &Opened,
        inputs: &Inputs,
        points: &[Point],
        prune: bool,
        all_images: bool,
        bar: &ProgressBar,
    ) -> Result<Vec<Found>> {
        let names = Names {
            model: network.model.clone(),
            data: network.session.dataset.name().to_owned(),
            preprocess: network.session.preprocess.to_string(),
            order_seed: order_seed(self.args),
        };
        let experiment = ExperimentKey::new(&names, &network.experiment, inputs);
        // The arrays of the table multiply unsigned codes.
        let power =
            Some(&self.power).filter(|_| self.args.weights.coding() == WeightCoding::Unsigned);
        // A test that looks at all images only has no need to share its error.
        let plan = match self.args.thorough {
            true => Plan::single(inputs.len()),
            false => Plan::new(inputs.len()),
        };
        let mut search = Search {
            store: &mut self.store,
            experiment: &experiment,
            subject: &Emulated::new(&network.experiment, inputs),
            plan,
            limit: self.args.max_loss,
            power: &|point, functions| power?.relative(point, functions),
            prune,
            all_images,
        };
        let start = bar.position();
        let mut finished = 0;
        let images = inputs.len() as u64;
        Ok(search.run(points, &mut |event| match event {
            Event::Images(_, more) => bar.inc(more as u64),
            Event::Waiting(worker) => bar.suspend(|| {
                if !bar.is_hidden() {
                    eprintln!("waiting for {worker}, which evaluates what is left");
                }
            }),
            Event::Finished(_) => {
                finished += 1;
                bar.set_position(start + finished * images);
            }
        })?)
    }

    /// The mean loss of each design over the networks. Where it is open because a network was
    /// left early, and the design could be the answer, its networks see all images.
    fn means(
        &mut self,
        opened: &[Opened],
        inputs: &[Inputs],
        points: &[Point],
    ) -> Result<Vec<Mean>> {
        if opened.len() < 2 {
            return Ok(Vec::new());
        }
        let mean = |networks: &[Network], point: usize| mean(networks, point, self.args.max_loss);
        let mut means: Vec<Option<Mean>> =
            (0..points.len()).map(|point| mean(&self.networks, point)).collect();
        let power = |means: &[Option<Mean>], point: usize| {
            means[point].as_ref().and_then(|mean| mean.power).unwrap_or(f64::INFINITY)
        };
        let mut order: Vec<usize> = (0..points.len()).collect();
        order.sort_by(|&a, &b| power(&means, a).total_cmp(&power(&means, b)));
        let bar = progress::bar("deciding the mean", order.len());
        for point in order {
            let verdict = |mean: &Option<Mean>| mean.as_ref().map(|mean| mean.assessment.verdict);
            let better = means.iter().flatten().any(|better| {
                better.point.kind() == points[point].kind()
                    && better.assessment.verdict == Verdict::Under
                    && better.power.is_some_and(|better| better <= power(&means, point))
            });
            if verdict(&means[point]) == Some(Verdict::Open) && !better {
                let one = std::slice::from_ref(&points[point]);
                for (index, network) in opened.iter().enumerate() {
                    let hidden = ProgressBar::hidden();
                    let found = self.search(network, &inputs[index], one, false, true, &hidden)?;
                    self.networks[index].found.splice(point..=point, found);
                }
                means[point] = mean(&self.networks, point);
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(means.into_iter().flatten().collect())
    }
}

/// The mean loss of one design, if all networks were evaluated with it. The hardware has one
/// function x: where networks prefer different ones, the dearest counts.
fn mean(networks: &[Network], point: usize, limit: Limit) -> Option<Mean> {
    let evaluated = |network: &Network, point: usize| -> Option<(Assessment, Vec<bool>)> {
        match &network.found[point].outcome {
            Outcome::Assessed { assessment, row } => Some((*assessment, row.outcomes.clone())),
            _ => None,
        }
    };
    // The first point is the reference.
    let parts: Vec<(String, Vec<bool>, Vec<bool>, Assessment)> = networks
        .iter()
        .map(|network| {
            let (assessment, candidate) = evaluated(network, point)?;
            Some((network.inputs.clone(), evaluated(network, 0)?.1, candidate, assessment))
        })
        .collect::<Option<_>>()?;
    let on: Vec<OnNetwork> = parts
        .iter()
        .map(|(inputs, reference, candidate, assessment)| OnNetwork {
            inputs,
            reference,
            candidate,
            assessment: *assessment,
        })
        .collect();
    let found = &networks[0].found[point];
    let powers: Option<Vec<f64>> =
        networks.iter().map(|network| network.found[point].power).collect();
    Some(Mean {
        point: found.point.clone(),
        power: powers.and_then(|powers| powers.into_iter().max_by(f64::total_cmp)),
        assessment: choose::mean(&on, limit),
    })
}

fn parse_limit(text: &str) -> Result<Limit, String> {
    let points: f64 =
        text.parse().map_err(|_| format!("\"{text}\" is no number of points; try 0.5"))?;
    Limit::new(points).map_err(|error| error.to_string())
}

fn parse_array(text: &str) -> Result<[u32; 2], String> {
    let sizes: Option<Vec<u32>> =
        text.split('x').map(|size| size.parse().ok().filter(|size| *size > 0)).collect();
    sizes
        .and_then(|sizes| sizes.try_into().ok())
        .ok_or_else(|| format!("\"{text}\" is no array; expected rows and columns, as in 64x64"))
}
