//! `recoup report`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use recoup_explore::recorded::Recorded;
use recoup_explore::sequential::Limit;
use recoup_explore::store::Store;
use recoup_report::render;

use crate::parse::parse_limit;
use crate::{headings, output};

/// Arguments of `report`.
#[derive(Args)]
pub struct ReportArgs {
    /// What `recoup explore --out` or `recoup reproduce` wrote
    #[arg(value_name = "RUN.db")]
    pub run: PathBuf,
    /// Judge by another limit, in points [default: that of the run]
    #[arg(long, help_heading = headings::CHOICE, value_name = "POINTS", value_parser = parse_limit, allow_hyphen_values = true)]
    pub max_loss: Option<Limit>,
    /// Where to write the page
    #[arg(long, help_heading = headings::OUTPUT, value_name = "FILE.html")]
    pub out: PathBuf,
    /// Replace the page if it exists
    #[arg(long, help_heading = headings::OUTPUT)]
    pub force: bool,
}

/// Writes the page of the last run in a results file.
pub fn run(args: &ReportArgs) -> Result<()> {
    output::check(&args.out, args.force)?;
    let recorded = read(&args.run)?;
    let limit = args.max_loss.unwrap_or(recorded.settings.max_loss);
    let html = render(&recoup::page(&recorded, limit, Vec::new()));
    output::write(&args.out, html.as_bytes(), args.force)
}

/// The last run in a results file.
///
/// # Errors
/// When there is no such file, or no design in it.
pub fn read(path: &Path) -> Result<Recorded> {
    let name = path.display();
    if !path.exists() {
        bail!("{name}: there is no such file; recoup explore --out {name} makes one");
    }
    let store = Store::open_existing(path)?;
    Recorded::last(&store)?.with_context(|| {
        format!(
            "{name}: no run in it has finished a design; run recoup explore --out {name} or \
             recoup reproduce (again, if the file is of an older version or holds parts of the \
             work: what is known is not computed anew)"
        )
    })
}
