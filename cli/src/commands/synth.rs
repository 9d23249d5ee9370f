//! `recoup synth`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use recoup::silicon::{Structure, SynthesisRecord, synthesize, synthesize_folder};
use recoup_core::design::Design;
use recoup_core::multiplier::{SPEC_HELP, Source};
use recoup_hardware::synthesis::Synthesis;

use super::multiplier;
use super::rtl::PeArgs;
use crate::args::CodeArgs;
use crate::cells::{CellArgs, watched};
use crate::headings;
use crate::library::NetlistImportArgs;
use crate::{output, printer};

/// Arguments of `synth`.
#[derive(Args)]
pub struct SynthArgs {
    /// Folder with SystemVerilog, as `recoup rtl` writes it
    #[arg(value_name = "DIR", required_unless_present = "multiplier", conflicts_with_all = CodeArgs::NAMES)]
    pub folder: Option<PathBuf>,
    #[arg(long, help_heading = headings::MULTIPLIERS, value_name = "SPEC", conflicts_with = "folder", help = format!("Instead of a folder: the multiplier alone, and a PE with it: {SPEC_HELP}"))]
    pub multiplier: Option<Source>,
    /// The codes.
    #[command(flatten)]
    pub codes: CodeArgs,
    /// Rows of the array that the PE is for: they set the width of its sum
    #[arg(long, help_heading = headings::ARRAYS, default_value_t = 16, value_name = "R", requires = "multiplier")]
    pub rows: usize,
    /// What the PE is of.
    #[command(flatten)]
    pub pe: PeArgs,
    /// The cells, and how to map onto them.
    #[command(flatten)]
    pub cells: CellArgs,
    /// The module to synthesise [default: array, or the only one]
    #[arg(long, help_heading = headings::CELLS, value_name = "NAME", requires = "folder")]
    pub top: Option<String>,
    /// Write the netlist of cells, as Verilog
    #[arg(long, help_heading = headings::OUTPUT, value_name = "F.v")]
    pub keep_netlist: Option<PathBuf>,
    /// Replace the netlist if it exists
    #[arg(long, help_heading = headings::OUTPUT, requires = "keep_netlist")]
    pub force: bool,
    /// Print one JSON object
    #[arg(long, help_heading = headings::OUTPUT)]
    pub json: bool,
    /// What a file of a multiplier does not say.
    #[command(flatten)]
    pub import: NetlistImportArgs,
}

/// Synthesises and reports.
pub fn run(args: &SynthArgs) -> Result<()> {
    if let Some(target) = &args.keep_netlist {
        output::check(target, args.force)?;
    }
    let imported = match &args.multiplier {
        Some(source) => Some(multiplier::one(source, &args.import.options())?),
        None => None,
    };
    let library = args.cells.read()?;
    let options = args.cells.options(&library);
    let results: Vec<Synthesis> = match (&args.folder, imported) {
        (Some(folder), _) => {
            let top = args.top.as_deref();
            let name = top.map_or_else(|| folder.display().to_string(), str::to_owned);
            let synthesis =
                watched(&name, |watch| synthesize_folder(folder, top, &library, &options, watch))?;
            vec![synthesis]
        }
        (None, Some(imported)) => {
            let design = args.codes.of(Design::new(imported.multiplier));
            let array = args.pe.of(Structure::chosen_array(args.rows, args.rows, args.rows));
            let (name, netlist) = (design.multiplier.to_string(), imported.netlist);
            let both = watched(&name, |watch| {
                synthesize(&design, netlist, array, &library, &options, watch)
            })?;
            eprintln!("the cells of the multiplier give all 65,536 products");
            both.into()
        }
        (None, None) => bail!("give a folder, or --multiplier"),
    };
    if let Some(target) = &args.keep_netlist {
        let verilog: String = results.iter().map(|result| result.verilog.as_str()).collect();
        output::write(target, verilog.as_bytes(), args.force)?;
        eprintln!("{}: {} bytes", target.display(), verilog.len());
    }
    let record = SynthesisRecord::new(&library, &options, &results);
    if args.json { printer::record(&record) } else { printer::synthesis(&record) }
}
