//! `recoup design`: a multiplier made for networks.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;

use recoup::data::Labels;
use recoup::search::{MakeOptions, OpenNetwork, Store, make, open_sessions};
use recoup::{DataSpec, Limit, Session};
use recoup_explore::power::Power;

use super::explore::OBSERVED_IMAGES;
use crate::args::{DataArgs, MachineArgs};
use crate::commands::eval::{warn_of_class_order, warn_of_exact_nodes};
use crate::headings;
use crate::invocation::command_line;
use crate::parse::{parse_limit, parse_positive, parse_seconds};
use crate::printer::made;
use crate::progress::Bars;
use crate::session;

/// Arguments of `design`.
#[derive(Args)]
pub struct DesignArgs {
    /// The networks that one multiplier is made for: ONNX, float32 or QDQ
    #[arg(required = true, value_name = "MODEL")]
    pub models: Vec<PathBuf>,
    /// Their data.
    #[command(flatten)]
    pub data: DataArgs,
    /// Designs are tested on images of this source, which nothing was chosen by: the surest first, until
    /// one loses more than the limit
    #[arg(long, help_heading = headings::MODEL, value_name = "SPEC")]
    pub confirm_data: Option<DataSpec>,
    /// The most that may be lost against exact 8-bit products, in points (percent of images)
    #[arg(long, help_heading = headings::CHOICE, value_name = "POINTS", value_parser = parse_limit, allow_hyphen_values = true)]
    pub max_loss: Limit,
    /// Masks that are judged by what is predicted of them
    #[arg(long, help_heading = headings::CHOICE, value_name = "N", default_value_t = 20_000, value_parser = parse_positive)]
    pub masks: usize,
    /// Masks that are evaluated in each of two rounds: over all powers, and around the limit
    #[arg(long, help_heading = headings::CHOICE, value_name = "N", default_value_t = 8, value_parser = parse_positive)]
    pub finalists: usize,
    /// Seed of the search
    #[arg(long, help_heading = headings::CHOICE, value_name = "S", default_value_t = 0)]
    pub search_seed: u64,
    /// Show every design all images, also those that are decided or cannot be the answer
    #[arg(long, help_heading = headings::CHOICE)]
    pub thorough: bool,
    /// End after so many seconds, with what is known then
    #[arg(long, help_heading = headings::CHOICE, value_name = "SECONDS", value_parser = parse_seconds)]
    pub time_limit: Option<Duration>,
    /// Where results are kept as they arrive: a rerun goes on from there; for recoup report
    /// [default: nowhere]
    #[arg(long, help_heading = headings::OUTPUT, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long, help_heading = headings::OUTPUT)]
    pub json: bool,
    /// Threads and kernels.
    #[command(flatten)]
    pub machine: MachineArgs,
}

/// Searches, evaluates, confirms and tells.
pub fn run(args: &DesignArgs) -> Result<()> {
    let mut store = Store::at(args.out.as_deref())?;
    let bars = Bars::default();
    let sessions = open(args, &args.data)?;
    warn_of_class_order(&sessions[0]);
    let confirming = match &args.confirm_data {
        Some(spec) => {
            Some(open(args, &DataArgs { data: spec.clone(), images: None, ..args.data.clone() })?)
        }
        None => None,
    };
    sessions.iter().for_each(warn_of_exact_nodes);
    let mut networks = open_sessions(sessions, args.data.seed.unwrap_or(0), &bars)?;
    let options = MakeOptions {
        masks: args.masks,
        seed: args.search_seed,
        finalists: args.finalists,
        thorough: args.thorough,
        observed_images: if args.out.is_some() { OBSERVED_IMAGES } else { 0 },
        deadline: args.time_limit.map(|limit| Instant::now() + limit),
        ..MakeOptions::new(args.max_loss)
    };
    store.start_run(&command_line(), &options.settings(&Power::default()))?;
    let made = make(&mut store, &mut networks, &options, &bars)?;
    let confirmed = match confirming {
        None => None,
        Some(sessions) => {
            let others = networks.iter().zip(sessions);
            let others: Vec<OpenNetwork> =
                others.map(|(network, session)| network.on(session)).collect();
            Some(made.confirm(&others, &bars)?)
        }
    };
    match args.json {
        true => made::json(&made, confirmed.as_ref()),
        false => made::text(&made, confirmed.as_ref()),
    }
}

fn open(args: &DesignArgs, data: &DataArgs) -> Result<Vec<Session>> {
    let open =
        |model: &PathBuf| session::open(model, data, None, Labels::Needed, false, &args.machine);
    args.models.iter().map(|model| Ok(open(model)?)).collect()
}
