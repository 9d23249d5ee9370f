//! `recoup reproduce`: the paper's evaluation on the networks inside this program.

use std::io::{Write, stdout};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use recoup::data::{DataSpec, Dataset};
use recoup::quantize::{Quantization, WeightScheme};
use recoup_explore::finding::Settings;
use recoup_explore::sequential::Limit;
use recoup_explore::store::Store;
use recoup_report::render;

use super::explore::parse_limit;
use super::report;
use crate::args::{MachineArgs, parse_positive};
use crate::costs;
use crate::embedded::Embedded;
use crate::exploration::{OBSERVED_IMAGES, Opened, Request, command_line, explore};
use crate::session::{self, Session};
use crate::{output, page, reproduction};

/// Arguments of `reproduce`.
#[derive(Args)]
pub struct ReproduceArgs {
    /// Folder for run.db, report.html and tables.md; made if it is not there. A rerun goes on
    /// from its run.db
    #[arg(long, default_value = "reproduction", value_name = "DIR")]
    pub out: PathBuf,
    /// The limit by which the page chooses, in points; the tables have several
    #[arg(long, default_value = "1", value_name = "POINTS", value_parser = parse_limit, allow_hyphen_values = true)]
    pub max_loss: Limit,
    /// The networks [default: all six]
    #[arg(long, value_enum, num_args = 1.., value_name = "NAME")]
    pub network: Vec<Embedded>,
    /// Only the designs whose activations become codes so, as in `explore`; may be repeated:
    /// plain, aware, aware+bias [default: all three]
    #[arg(long, value_name = "HOW", value_parser = parse_quantization)]
    pub quantization: Vec<Quantization>,
    /// Other test images of Fashion-MNIST, as all 10,000: idx:IMAGES,LABELS [default: the 2,000
    /// inside this program]
    #[arg(long, value_name = "SPEC")]
    pub data: Option<DataSpec>,
    /// The first so many of them [default: all]
    #[arg(long, value_name = "N", value_parser = parse_positive)]
    pub images: Option<usize>,
    /// Threads and kernels.
    #[command(flatten)]
    pub machine: MachineArgs,
}

/// Seed of the order of the images, which no result on all of them depends on.
const ORDER_SEED: u64 = 0;

/// Evaluates the designs on the six networks, and writes page and tables.
pub fn run(args: &ReproduceArgs) -> Result<()> {
    session::set_threads(&args.machine)?;
    let [database, html, tables] =
        ["run.db", "report.html", "tables.md"].map(|name| args.out.join(name));
    output::check_folder(&args.out, true)?;
    // Page and tables are those of the results beside them.
    let again = database.exists();
    if args.out.is_dir() {
        [&html, &tables].into_iter().try_for_each(|path| output::check(path, again))?;
    }
    let sessions = sessions(args)?;
    if !args.out.is_dir() {
        std::fs::create_dir(&args.out)
            .with_context(|| format!("{}: cannot be made", args.out.display()))?;
    }
    let mut store = Store::open(&database)?;
    let power = costs::shipped();
    store.start_run(&command_line(), &Settings::new(args.max_loss, true, &power))?;
    let isa = session::isa(&args.machine);
    let opened = sessions.into_iter().map(|session| {
        let name = session.file.path.display().to_string();
        Opened::new(name, session, power.clone(), ORDER_SEED, &[WeightScheme::U8Channel], isa)
    });
    let opened: Vec<Opened> = opened.collect::<Result<_>>()?;
    let points = reproduction::points(&args.quantization);
    let request = Request {
        points: &points,
        limit: args.max_loss,
        // All images, so that the mean is as sharp as they allow and holds for every limit.
        thorough: true,
        order_seed: ORDER_SEED,
        batch: 256,
        observed_images: OBSERVED_IMAGES,
    };
    explore(&mut store, &opened, &request)?;
    drop(store);
    let recorded = report::read(&database)?;
    let comparisons = reproduction::comparisons(&recorded);
    let text = reproduction::tables(&recorded);
    let report = page::report(&recorded, args.max_loss, comparisons);
    output::write(&tables, text.as_bytes(), again)?;
    output::write(&html, render(&report).as_bytes(), again)?;
    writeln!(stdout(), "{text}")?;
    eprintln!("page: {}   tables: {}", html.display(), tables.display());
    Ok(())
}

fn parse_quantization(text: &str) -> Result<Quantization, String> {
    let known = reproduction::QUANTIZATIONS.into_iter().find(|known| known.to_string() == text);
    known.ok_or_else(|| "expected plain, aware or aware+bias".to_owned())
}

fn sessions(args: &ReproduceArgs) -> Result<Vec<Session>> {
    let networks = match &args.network[..] {
        [] => Embedded::value_variants(),
        some => some,
    };
    let sessions = networks.iter().map(|network| match &args.data {
        None => network.session(args.images),
        Some(data) => network.session_on(Dataset::open(data)?, args.images),
    });
    sessions.collect()
}
