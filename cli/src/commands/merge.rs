//! `recoup merge`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;

use crate::progress::Bars;
use crate::{headings, output};

/// Arguments of `merge`.
#[derive(Args)]
pub struct MergeArgs {
    /// What all parts of one `recoup explore --shard I/N` wrote
    #[arg(required = true, value_name = "PART.db")]
    pub parts: Vec<PathBuf>,
    /// Where to write all of it: `recoup explore --out` with the arguments of the parts, but without
    /// `--shard`, answers from it
    #[arg(long, help_heading = headings::OUTPUT, value_name = "RUN.db")]
    pub out: PathBuf,
    /// Replace the file if it exists
    #[arg(long, help_heading = headings::OUTPUT)]
    pub force: bool,
}

/// What SQLite keeps beside a file that is in use.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Merges the parts.
pub fn run(args: &MergeArgs) -> Result<()> {
    check(args)?;
    let mut merged = recoup::search::merge(&args.parts, &Bars::default())?;
    output::write(&args.out, &merged.bytes()?, args.force)
}

/// Whether the output would replace a part, or a file that somebody uses.
fn check(args: &MergeArgs) -> Result<()> {
    let MergeArgs { parts, out, force } = args;
    output::check(out, *force)?;
    let name = out.display();
    if parts.iter().any(|part| are_same(part, out)) {
        bail!("{name}: is a part itself; give another name for the merged file");
    }
    for companion in COMPANIONS {
        let mut beside: OsString = out.clone().into();
        beside.push(companion);
        if Path::new(&beside).exists() {
            bail!(
                "{name}: is in use, or was when its program was killed ({}); give another name",
                beside.display()
            );
        }
    }
    Ok(())
}

/// Whether two paths lead to one file.
fn are_same(one: &Path, other: &Path) -> bool {
    let files = [one, other].map(|path| path.canonicalize());
    matches!(files, [Ok(one), Ok(other)] if one == other)
}
