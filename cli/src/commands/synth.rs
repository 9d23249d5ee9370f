//! `recoup synth`.

mod report;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use recoup_circuits::read_text;
use recoup_core::multiplier::{SPEC_HELP, Source};
use recoup_core::quantize::WeightScheme;
use recoup_hardware::rtl::{ArrayRtl, File, MultiplierCircuit, Options, Sources};
use recoup_hardware::synthesis::{check_products, synthesize};

use super::multiplier;
use crate::cells::{CellArgs, watched};
use crate::headings;
use crate::library::NetlistImportArgs;
use crate::{output, values};
use report::Report;

/// Arguments of `synth`.
#[derive(Args)]
pub struct SynthArgs {
    /// Folder with SystemVerilog, as `recoup rtl` writes it
    #[arg(value_name = "DIR", required_unless_present = "multiplier")]
    pub folder: Option<PathBuf>,
    #[arg(long, help_heading = headings::MULTIPLIERS, value_name = "SPEC", conflicts_with = "folder", help = format!("Instead of a folder: the multiplier alone, and a PE with it: {SPEC_HELP}"))]
    pub multiplier: Option<Source>,
    #[arg(long, help_heading = headings::QUANTIZATION, value_name = "CODING", requires = "multiplier", help = format!("Coding of the weights: {} [default: unsigned, unless the multiplier is for signed ones]", values::weight_signs()))]
    pub weights: Option<WeightScheme>,
    /// Rows of the array that the PE is for: they set the width of its sum
    #[arg(long, help_heading = headings::ARRAYS, default_value_t = 16, value_name = "R", requires = "multiplier")]
    pub rows: usize,
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
    let (designs, circuit) = designs(args)?;
    let library = args.cells.read()?;
    let options = args.cells.options(&library);
    let mut results = Vec::new();
    for sources in &designs {
        let result = watched(&sources.top, |watch| synthesize(sources, &library, &options, watch));
        results.push(result.with_context(|| format!("module {}", sources.top))?);
    }
    if let (Some(circuit), Some(alone)) = (&circuit, results.first()) {
        check_products(&alone.netlist, &library, circuit)?;
        eprintln!("the cells of the multiplier give all 65,536 products");
    }
    if let Some(target) = &args.keep_netlist {
        let verilog: String = results.iter().map(|result| result.verilog.as_str()).collect();
        output::write(target, verilog.as_bytes(), args.force)?;
        eprintln!("{}: {} bytes", target.display(), verilog.len());
    }
    let report = Report { library: &library, options: &options, results: &results };
    if args.json { report.json() } else { report.print() }
}

/// What is to be synthesised; if the first of it is a multiplier alone, what it is to compute.
fn designs(args: &SynthArgs) -> Result<(Vec<Sources>, Option<MultiplierCircuit>)> {
    match (&args.folder, &args.multiplier) {
        (Some(folder), _) => Ok((vec![read_folder(folder, args.top.as_deref())?], None)),
        (None, Some(source)) => {
            let imported = multiplier::one(source, &args.import.options())?;
            let scheme = multiplier::scheme(&imported.multiplier, args.weights)?;
            let circuit = multiplier::circuit(imported, scheme.coding())?;
            let array = Options::new(args.rows, 1, args.rows);
            let pe = Sources::pe(&ArrayRtl::new(circuit.clone(), array, None)?);
            Ok((vec![Sources::multiplier(&circuit), pe], Some(circuit)))
        }
        (None, None) => bail!("give a folder, or --multiplier"),
    }
}

/// All SystemVerilog in a folder but the testbench.
fn read_folder(folder: &Path, top: Option<&str>) -> Result<Sources> {
    let unreadable = || format!("{}: cannot be read", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        if !matches!(extension, Some("sv" | "v")) || name == "tb.sv" {
            continue;
        }
        let text =
            read_text(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
        files.push(File::new(name, text));
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let stem = |file: &File| file.name.rsplit_once('.').map_or("", |(stem, _)| stem).to_owned();
    let top = match (top, &files[..]) {
        (Some(top), _) => top.to_owned(),
        (None, []) => bail!(
            "{}: no SystemVerilog to synthesise; expected files ending in .sv or .v, as recoup rtl \
             writes them",
            folder.display()
        ),
        (None, [only]) => stem(only),
        (None, several) if several.iter().any(|file| stem(file) == "array") => "array".to_owned(),
        (None, several) => {
            let names: Vec<String> = several.iter().map(stem).collect();
            bail!("{}: which module? give --top, as one of {}", folder.display(), names.join(", "))
        }
    };
    Ok(Sources { top, files })
}
