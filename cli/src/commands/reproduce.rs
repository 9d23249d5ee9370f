//! `recoup reproduce`: the paper's evaluation on the networks inside this program.

use std::io::{Write, stdout};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use recoup::{
    Budget, DataSpec, Exploration, ExploreOptions, Limit, OpenNetwork, Quantization, Session,
    Store, Watch, WeightScheme, explore, explored_inputs,
};
use recoup_core::data::{select, select_others};
use recoup_explore::entry::Settings;
use recoup_explore::explorer::{Explorer, Network, Question};
use recoup_explore::power::Power;
use recoup_explore::recorded::Recorded;
use recoup_report::render;

use super::eval::warn_of_exact_nodes;
use super::explore::{OBSERVED_IMAGES, command_line};
use super::report;
use crate::args::{LabelArgs, MachineArgs};
use crate::parse::{embedded, parse_limit, parse_positive};
use crate::progress::Bars;
use crate::session;
use crate::{headings, output, values};
use recoup_study::confirmation;
use recoup_zoo::{Embedded, confirmation_images, test_images};

/// Arguments of `reproduce`.
#[derive(Args)]
pub struct ReproduceArgs {
    /// The networks [default: all six]
    #[arg(long, help_heading = headings::MODEL, value_parser = embedded(), num_args = 1.., value_name = "NAME")]
    pub network: Vec<Embedded>,
    /// Other test images of Fashion-MNIST, as all 10,000: idx:IMAGES,LABELS [default: the 2,000
    /// inside this program]
    #[arg(long, help_heading = headings::MODEL, value_name = "SPEC")]
    pub data: Option<DataSpec>,
    /// What their labels mean.
    #[command(flatten)]
    pub labels: LabelArgs,
    /// The first so many of them [default: all]
    #[arg(long, help_heading = headings::MODEL, value_name = "N", value_parser = parse_positive)]
    pub images: Option<usize>,
    /// Confirm what was chosen on so many other images; 0 for none [default: the other 8,000 test
    /// images inside this program, or those that --images leaves of --data]
    #[arg(long, help_heading = headings::MODEL, value_name = "N", value_parser = parse_count)]
    pub confirm_images: Option<usize>,
    #[arg(long, help_heading = headings::QUANTIZATION, value_name = "HOW", num_args = 1.., value_parser = parse_quantization, help = format!("Only the designs whose activations become codes so, as in `explore`; may be repeated: {} [default: all]", values::list(recoup_study::QUANTIZATIONS)))]
    pub quantization: Vec<Quantization>,
    /// The limit by which the page chooses, in points; the tables have several
    #[arg(long, help_heading = headings::CHOICE, default_value = "1", value_name = "POINTS", value_parser = parse_limit, allow_hyphen_values = true)]
    pub max_loss: Limit,
    /// Folder for run.db, report.html and tables.md; made if it is not there. A rerun goes on
    /// from its run.db
    #[arg(long, help_heading = headings::OUTPUT, default_value = "reproduction", value_name = "DIR")]
    pub out: PathBuf,
    /// Threads and kernels.
    #[command(flatten)]
    pub machine: MachineArgs,
}

/// Seed of the order of the images, which no result on all of them depends on.
const ORDER_SEED: u64 = 0;

/// Images in memory at a time, beyond those that are kept decoded.
const BATCH: usize = 256;

/// Evaluates the designs on the six networks, confirms what is chosen, and writes page and tables.
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
        [] => &Embedded::ALL,
        some => some,
    };
    let (sessions, others) = (sessions(args, networks)?, other_sessions(args, networks)?);
    if !args.out.is_dir() {
        std::fs::create_dir(&args.out)
            .with_context(|| format!("{}: cannot be made", args.out.display()))?;
    }
    let mut store = Store::open(&database)?;
    let power = Power::default();
    let bars = Bars::default();
    let opened = sessions.into_iter().map(|mut session| {
        session.isa = session::isa(&args.machine);
        warn_of_exact_nodes(&session);
        let weights = [WeightScheme::U8Channel];
        OpenNetwork::new(session, power.clone(), &weights, ORDER_SEED, BATCH, &bars)
    });
    let opened: Vec<OpenNetwork> = opened.collect::<recoup::Result<_>>()?;
    let others: Vec<OpenNetwork> =
        opened.iter().zip(others).map(|(opened, other)| opened.on(other)).collect();
    let other_inputs = explored_inputs(&others, &bars)?;
    let settings = Settings {
        confirmation_inputs: other_inputs.first().map(|inputs| inputs.sha256().to_owned()),
        ..Settings::new(args.max_loss, true, &power)
    };
    store.start_run(&command_line(), &settings)?;
    let options = ExploreOptions {
        designs: recoup_study::designs(&args.quantization),
        limit: args.max_loss,
        // All images, so that the mean is as sharp as they allow and holds for every limit.
        thorough: true,
        observed_images: OBSERVED_IMAGES,
        budget: Budget::default(),
    };
    let exploration = explore(&mut store, &opened, &options, &bars)?;
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

fn parse_count(text: &str) -> Result<usize, String> {
    text.parse()
        .map_err(|_| format!("\"{text}\" is no count; expected a number of images, 0 for none"))
}

fn parse_quantization(text: &str) -> Result<Quantization, String> {
    let known = recoup_study::QUANTIZATIONS.into_iter().find(|known| known.to_string() == text);
    known.ok_or_else(|| format!("expected one of {}", values::list(recoup_study::QUANTIZATIONS)))
}

/// The networks on the images on which designs are chosen.
fn sessions(args: &ReproduceArgs, networks: &[Embedded]) -> Result<Vec<Session>> {
    let sessions = networks.iter().map(|network| {
        let images =
            args.data.as_ref().map_or_else(test_images, |data| Ok(args.labels.open(data)?))?;
        let indices = select(images.len(), args.images, None)?;
        Ok(network.session_on(images, indices)?)
    });
    sessions.collect()
}

/// The networks on the images that confirm what was chosen. None where there are none, which is said
/// unless it was asked for.
fn other_sessions(args: &ReproduceArgs, networks: &[Embedded]) -> Result<Vec<Session>> {
    if args.confirm_images == Some(0) {
        return Ok(Vec::new());
    }
    if networks.len() < 2 {
        eprintln!("nothing is confirmed on other images: that is done for the mean of networks");
        return Ok(Vec::new());
    }
    let mut sessions = Vec::new();
    for network in networks {
        let (images, taken) = match &args.data {
            None => (confirmation_images()?, 0),
            Some(data) => {
                let images = args.labels.open(data)?;
                let taken = args.images.unwrap_or(images.len());
                (images, taken)
            }
        };
        if args.confirm_images.is_none() && taken >= images.len() {
            eprintln!(
                "nothing is confirmed on other images: the choice takes all of {}; --images N leaves \
                 the others for it",
                images.name()
            );
            return Ok(Vec::new());
        }
        let taken: Vec<usize> = (0..taken).collect();
        let indices = select_others(images.len(), &taken, args.confirm_images, None)
            .with_context(|| format!("{}, for --confirm-images", images.name()))?;
        sessions.push(network.session_on(images, indices)?);
    }
    Ok(sessions)
}

/// Tests designs on other images, as far as `store` does not have the results.
fn confirm(
    store: &mut Store,
    exploration: &Exploration,
    others: &[Network],
    bars: &Bars,
) -> Result<()> {
    let another_run = "another run has begun in run.db meanwhile; run again when it has ended";
    let recorded = Recorded::last(store)?.context(another_run)?;
    let designs = confirmation::designs(&recorded).len();
    let question = Question {
        designs: &[],
        limit: exploration.limit,
        thorough: true,
        // Their layers have been looked at.
        observed_images: 0,
        budget: Budget::default(),
    };
    let mut explorer = Explorer::new(store, others, question);
    bars.begin("confirming", designs * others.len());
    confirmation::confirm(&recorded, |recorded| {
        let record = &recorded.entry.design;
        let mut results = exploration.networks.iter().flat_map(|network| &network.results);
        let found = results.find(|result| result.record == *record).context(another_run)?;
        let mean = explorer.loss(&found.design, bars)?;
        anyhow::Ok(mean.map(|mean| mean.assessment))
    })?;
    bars.end();
    Ok(())
}
