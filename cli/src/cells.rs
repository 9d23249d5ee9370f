//! Cell libraries, and synthesis onto them, as commands share them.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use glob::Pattern;

use recoup_hardware::cells::{CellLibrary, default_dont_use};
use recoup_hardware::synthesis::SynthesisOptions;
use recoup_hardware::timing::TimingOptions;

use crate::progress::Bars;
use crate::{headings, output};

/// The cells, and how designs are mapped onto them.
#[derive(Args)]
#[command(next_help_heading = headings::CELLS)]
pub struct CellArgs {
    /// The cells: a Liberty library, plain or gzipped; several files are merged
    #[arg(long, value_name = "LIB.lib[.gz]", required = true, num_args = 1..)]
    pub cells: Vec<PathBuf>,
    /// The period to size gates for, in ps [default: as fast as they get]
    #[arg(long, value_name = "T", allow_negative_numbers = true, value_parser = parse_positive_number)]
    pub clock_ps: Option<f64>,
    /// Cells not to use; may be repeated [default: those that the library's platform excludes]
    #[arg(long, value_name = "GLOB", value_parser = parse_pattern)]
    pub dont_use: Vec<Pattern>,
    /// Capacitance of the wire to every pin, in fF
    #[arg(long, default_value_t = 0.25, value_name = "F", allow_negative_numbers = true, value_parser = parse_capacitance)]
    pub wire_ff: f64,
    /// Folder for results, which are kept for the next time [default: the user's cache]
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// Synthesise in any case, and keep nothing
    #[arg(long, conflicts_with = "cache")]
    pub no_cache: bool,
}

impl CellArgs {
    /// The library.
    pub fn read(&self) -> Result<CellLibrary> {
        read(&self.cells)
    }

    /// How to synthesise onto it; says what is not used.
    pub fn options(&self, library: &CellLibrary) -> SynthesisOptions {
        let mut options = SynthesisOptions::new(library);
        options.clock_ps = self.clock_ps;
        if !self.dont_use.is_empty() {
            options.dont_use.clone_from(&self.dont_use);
        } else if !default_dont_use(library).is_empty() {
            eprintln!(
                "not used: {}, as this library's platform has it (--dont-use replaces this)",
                default_dont_use(library).join(", ")
            );
        }
        options.timing = TimingOptions { wire_ff: self.wire_ff, ..options.timing };
        options.cache =
            if self.no_cache { None } else { self.cache.clone().or_else(default_cache) };
        options
    }
}

/// Reads a library, and says how many of its cells cannot be used.
pub fn read(paths: &[PathBuf]) -> Result<CellLibrary> {
    let library = CellLibrary::read(paths)?;
    if let Some(left_out) = library.left_out_summary() {
        eprintln!("cannot be used: {left_out}");
    }
    Ok(library)
}

/// Where results are kept unless the user says otherwise.
pub fn default_cache() -> Option<PathBuf> {
    dirs::cache_dir().map(|folder| folder.join("recoup").join("synth"))
}

/// Runs tools for what is named, and ends the program after cleaning up when it is interrupted.
pub fn watched<T>(what: &str, work: impl FnOnce(&Bars) -> T) -> T {
    output::interruptible(|| work(&Bars::of(what)))
}

fn parse_pattern(text: &str) -> Result<Pattern, String> {
    Pattern::new(text).map_err(|error| format!("\"{text}\" is no pattern: {error}"))
}

fn parse_positive_number(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number: &f64| *number > 0.0 && number.is_finite())
        .ok_or_else(|| format!("\"{text}\" is no period; expected a number above 0"))
}

fn parse_capacitance(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number: &f64| *number >= 0.0 && number.is_finite())
        .ok_or_else(|| format!("\"{text}\" is no capacitance; expected 0 or more"))
}
