//! `recoup explore`.

mod args;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, bail};

use recoup::data::Labels;
use recoup::search::{Budget, OpenNetwork, Store};
use recoup::{Design, ExploreOptions, Session, explore};
use recoup_explore::export;
use recoup_explore::measured::MeasuredNetwork;
use recoup_explore::power::{self, Power};
use recoup_hardware::cost_table::CostTable;

use crate::commands::eval::{warn_of_class_order, warn_of_exact_nodes};
use crate::costs;
use crate::invocation::command_line;
use crate::printer::exploration;
use crate::progress::Bars;
use crate::values::recodes;
use crate::{output, session};

pub use args::ExploreArgs;

/// Images that show what a design does in each layer; few do, as each has thousands of outputs.
pub const OBSERVED_IMAGES: usize = 32;

/// Explores and answers.
pub fn run(args: &ExploreArgs) -> Result<()> {
    check_outputs(args)?;
    let table = read_costs(args)?;
    let designs = args.designs()?;
    let mut store = Store::at(args.out.as_deref())?;
    let recoded = recodes(args.weights.iter().copied());
    let open = |model: &PathBuf| {
        session::open(model, &args.data, None, Labels::Needed, recoded, &args.machine)
    };
    let sessions: Vec<Session> = args.models.iter().map(open).collect::<Result<_, _>>()?;
    warn_of_class_order(&sessions[0]);
    let powers = powers(args, &table, &sessions, &designs)?;
    let mut options = ExploreOptions {
        designs,
        limit: args.max_loss,
        thorough: args.thorough,
        // For the report; who keeps nothing has none.
        observed_images: if args.out.is_some() { OBSERVED_IMAGES } else { 0 },
        budget: Budget { images: args.image_limit, deadline: None },
        shard: args.shard,
    };
    store.start_run(&command_line(), &options.settings(&powers[0]))?;
    let (bars, weights) = (Bars::default(), args.codings());
    let order_seed = args.data.seed.unwrap_or(0);
    let networks = sessions.into_iter().zip(powers).map(|(session, power)| {
        warn_of_exact_nodes(&session);
        OpenNetwork::new(session, power, &weights, order_seed, args.batch, &bars)
    });
    let networks: Vec<OpenNetwork> = networks.collect::<recoup::Result<_>>()?;
    options.budget.deadline = args.time_limit.map(|seconds| Instant::now() + seconds);
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
    args.arrays.powers(arrays, args.codings()[0], &networks.collect::<Vec<_>>(), designs)
}
