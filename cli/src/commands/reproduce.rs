//! `recoup reproduce`: the paper's evaluation on the networks inside this program.

mod args;
mod confirm;
mod sessions;

use std::io::{Write, stdout};

use anyhow::{Context, Result, bail};

use recoup::search::{
    Budget, MakeOptions, OpenNetwork, Store, explored_inputs, make, open_sessions,
};
use recoup::{Design, ExploreOptions, Session, explore};
use recoup_explore::entry::Settings;
use recoup_explore::explorer::Network;
use recoup_explore::power::Power;
use recoup_report::render;

use super::eval::warn_of_exact_nodes;
use super::explore::OBSERVED_IMAGES;
use super::report;
use crate::invocation::command_line;
use crate::output;
use crate::progress::Bars;
use crate::session;
use recoup_zoo::Embedded;

use args::Designs;
pub use args::ReproduceArgs;
use confirm::confirm;
use sessions::{other_sessions, sessions};

/// Seed of the order of the images, which no result on all of them depends on.
const ORDER_SEED: u64 = 0;

/// Evaluates the designs on the paper's six networks and on those beside them, confirms what is chosen, and writes page and tables.
pub fn run(args: &ReproduceArgs) -> Result<()> {
    let [database, html, tables] =
        ["run.db", "report.html", "tables.md"].map(|name| args.out.join(name));
    output::check_folder(&args.out, true)?;
    // Page and tables are those of the results beside them.
    let again = database.exists();
    if args.out.is_dir() {
        [&html, &tables].into_iter().try_for_each(|path| output::check(path, again))?;
    }
    let networks = match &args.network[..] {
        [] => &Embedded::ALL[..],
        some => some,
    };
    let is_of_the_paper = |network: &Embedded| Embedded::OF_THE_PAPER.contains(network);
    let (networks, beside): (Vec<Embedded>, Vec<Embedded>) =
        networks.iter().partition(|network| is_of_the_paper(network));
    let (sessions, beside) = (sessions(args, &networks)?, sessions(args, &beside)?);
    let others = other_sessions(args, &networks)?;
    if !args.out.is_dir() {
        std::fs::create_dir(&args.out)
            .with_context(|| format!("{}: cannot be made", args.out.display()))?;
    }
    let mut store = Store::open(&database)?;
    let power = Power::default();
    let bars = Bars::default();
    let hashes = beside.iter().map(|session| session.graph.sha256.clone()).collect();
    let open_all = |mut sessions: Vec<Session>| {
        for session in &mut sessions {
            session.isa = session::isa(&args.machine);
            warn_of_exact_nodes(session);
        }
        open_sessions(sessions, ORDER_SEED, &bars)
    };
    let (mut opened, beside) = (open_all(sessions)?, open_all(beside)?);
    let searched = match args.designs {
        Designs::Listed => Vec::new(),
        Designs::Searched if opened.is_empty() => {
            bail!("--designs searched: there is none of the paper's networks to make masks for")
        }
        Designs::Searched => searched(&mut store, &mut opened, args, &bars)?,
    };
    let others: Vec<OpenNetwork> =
        opened.iter().zip(others).map(|(opened, other)| opened.on(other)).collect();
    let other_inputs = explored_inputs(&others, &bars)?;
    let settings = Settings {
        confirmation_inputs: other_inputs.first().map(|inputs| inputs.sha256().to_owned()),
        beside: hashes,
        ..Settings::new(args.max_loss, true, &power)
    };
    store.start_run(&command_line(), &settings)?;
    let listed = ExploreOptions {
        designs: recoup_study::designs(&args.asked()),
        limit: args.max_loss,
        // All images, so that the mean is as sharp as they allow and holds for every limit.
        thorough: true,
        observed_images: OBSERVED_IMAGES,
        budget: Budget::default(),
        shard: None,
    };
    let mut options = listed.clone();
    options.designs.extend(searched.into_iter().filter(|it| !listed.designs.contains(it)));
    let exploration = explore(&mut store, &opened, &options, &bars)?;
    // On their own, so that they are in no mean. Nothing was made for them.
    explore(&mut store, &beside, &listed, &bars)?;
    if !others.is_empty() {
        let networks = others.iter().zip(&other_inputs);
        let networks: Vec<Network> =
            networks.map(|(other, inputs)| other.network(inputs)).collect();
        confirm(&mut store, &exploration, &networks, &bars)?;
    }
    drop(store);
    let recorded = report::read(&database)?;
    let comparisons = recoup_study::comparisons(&recorded);
    let text = recoup_study::tables(&recorded);
    let report = recoup::page(&recorded, args.max_loss, comparisons);
    output::write(&tables, text.as_bytes(), again)?;
    output::write(&html, render(&report).as_bytes(), again)?;
    writeln!(stdout(), "{text}")?;
    eprintln!("page: {}   tables: {}", html.display(), tables.display());
    Ok(())
}

/// The designs that are made for the networks, which then know their powers; a run of its own in the store.
fn searched(
    store: &mut Store,
    networks: &mut [OpenNetwork],
    args: &ReproduceArgs,
    bars: &Bars,
) -> Result<Vec<Design>> {
    let options = MakeOptions::new(args.max_loss);
    store.start_run(&command_line(), &options.settings(&Power::default()))?;
    let made = make(store, networks, &options, bars)?;
    Ok(made.designs().cloned().collect())
}
