//! `recoup reproduce`: the paper's evaluation on the networks inside this program.

mod args;
mod confirm;
mod sessions;

use std::io::{Write, stdout};

use anyhow::{Context, Result};

use recoup::search::{Budget, OpenNetwork, Store, explored_inputs, open_sessions};
use recoup::{ExploreOptions, Session, explore};
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
    let (opened, beside) = (open_all(sessions)?, open_all(beside)?);
    let others: Vec<OpenNetwork> =
        opened.iter().zip(others).map(|(opened, other)| opened.on(other)).collect();
    let other_inputs = explored_inputs(&others, &bars)?;
    let settings = Settings {
        confirmation_inputs: other_inputs.first().map(|inputs| inputs.sha256().to_owned()),
        beside: hashes,
        ..Settings::new(args.max_loss, true, &power)
    };
    store.start_run(&command_line(), &settings)?;
    let options = ExploreOptions {
        designs: recoup_study::designs(&args.asked()),
        limit: args.max_loss,
        // All images, so that the mean is as sharp as they allow and holds for every limit.
        thorough: true,
        observed_images: OBSERVED_IMAGES,
        budget: Budget::default(),
        shard: None,
    };
    let exploration = explore(&mut store, &opened, &options, &bars)?;
    // On their own, so that they are in no mean.
    explore(&mut store, &beside, &options, &bars)?;
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
