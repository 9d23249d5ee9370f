//! `recoup hardware`: the cost table, and how it is made.

use std::io::{Write, stdout};
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};

use recoup::silicon::{CostOptions, SynthesisOptions, measure_costs, table_designs};
use recoup_explore::power;
use recoup_hardware::cost_table::CostTable;
use recoup_zoo::Embedded;

use crate::args::MachineArgs;
use crate::output::Draft;
use crate::progress::Bars;
use crate::{cells, costs, headings, output, printer, session};

/// Arguments of `hardware`.
#[derive(Args)]
pub struct HardwareArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: HardwareCommand,
}

impl HardwareArgs {
    /// What the work was told about threads and kernels.
    pub fn machine(&self) -> Option<&MachineArgs> {
        match &self.command {
            HardwareCommand::Measure(args) => Some(&args.machine),
            _ => None,
        }
    }
}

/// What can be done with costs.
#[derive(Subcommand)]
pub enum HardwareCommand {
    /// The cost table inside this program: area, delay and energy of arrays
    List {
        #[arg(long, help_heading = headings::ARRAYS, value_name = "N", help = format!("Only arrays of so many rows [default: {}]", power::SIZE))]
        size: Option<u32>,
        /// Another table than the one inside
        #[arg(long, help_heading = headings::ARRAYS, value_name = "FILE")]
        costs: Option<PathBuf>,
        /// Only this library [default: all]
        #[arg(long, help_heading = headings::CELLS, value_name = "NAME")]
        library: Option<String>,
        /// Print the whole table as JSON, with the runs that its rows came from
        #[arg(long, help_heading = headings::OUTPUT)]
        json: bool,
    },
    /// Measure all designs of the cost table in a cell library; needs yosys
    Measure(MeasureArgs),
}

/// Arguments of `hardware measure`.
#[derive(Args)]
pub struct MeasureArgs {
    /// Only designs of these multipliers, and of exact ones [default: all]
    #[arg(long, help_heading = headings::MULTIPLIERS, value_name = "SPEC", num_args = 1..)]
    pub multiplier: Vec<String>,
    /// Rows and columns of the arrays
    #[arg(long, help_heading = headings::ARRAYS, value_name = "N", num_args = 1.., default_values_t = [16, 32, 64], value_parser = clap::value_parser!(u16).range(1..=256))]
    pub size: Vec<u16>,
    /// Liberty files that belong together, plain or .gz
    #[arg(long, help_heading = headings::CELLS, value_name = "LIB", required = true, num_args = 1..)]
    pub cells: Vec<PathBuf>,
    /// Short name of the library in the table
    #[arg(long, help_heading = headings::CELLS, value_name = "NAME")]
    pub library: String,
    /// Period of the clock that all designs have to close at, ps
    #[arg(long, help_heading = headings::CELLS, value_name = "T")]
    pub clock_ps: f64,
    /// Standard error of the energy at which sampling stops, percent
    #[arg(long, help_heading = headings::SIMULATION, value_name = "PERCENT", default_value_t = 1.0)]
    pub error: f64,
    /// The table to write; rows of other libraries that it has are kept
    #[arg(long, help_heading = headings::OUTPUT, value_name = "FILE.json")]
    pub out: PathBuf,
    /// Replace what the table has of this library
    #[arg(long, help_heading = headings::OUTPUT)]
    pub force: bool,
    /// Threads and kernels.
    #[command(flatten)]
    pub machine: MachineArgs,
}

/// Runs what `args` say.
pub fn run(args: &HardwareArgs) -> Result<()> {
    match &args.command {
        HardwareCommand::List { library, size, costs, json } => {
            let read;
            let table = match costs {
                Some(path) => {
                    read = costs::read(path)?;
                    &read
                }
                None => power::shipped_costs(),
            };
            if *json {
                write!(stdout(), "{}", table.to_json())?;
                return Ok(());
            }
            printer::costs(table, library.as_deref(), size.unwrap_or(power::SIZE))
        }
        HardwareCommand::Measure(args) => measure(args),
    }
}

fn measure(args: &MeasureArgs) -> Result<()> {
    if !(args.clock_ps > 0.0 && args.clock_ps.is_finite()) {
        bail!("--clock-ps {}: expected a period of more than 0 ps", args.clock_ps);
    }
    if !(args.error > 0.0 && args.error.is_finite()) {
        bail!("--error {}: expected more than 0 percent", args.error);
    }
    output::check(&args.out, true)?;
    let mut table = match args.out.exists() {
        true => costs::read(&args.out)?,
        false => CostTable::new(Vec::new(), Vec::new()),
    };
    if table.libraries().contains(&args.library.as_str()) && !args.force {
        bail!(
            "{}: has costs of {} already; give --force to replace them",
            args.out.display(),
            args.library
        );
    }
    let designs = table_designs(&args.multiplier)?;
    let library = cells::read(&args.cells)?;
    let synthesis =
        SynthesisOptions { cache: cells::default_cache(), ..SynthesisOptions::new(&library) };
    let options = CostOptions {
        library: args.library.clone(),
        files: args.cells.clone(),
        sizes: args.size.iter().map(|&size| usize::from(size)).collect(),
        clock_ps: args.clock_ps,
        relative_error: args.error / 100.0,
        command: command(args),
    };
    let mut session = Embedded::Resnet8.session(None)?;
    session.isa = session::isa(&args.machine);
    let (run, costs) = output::interruptible(|| {
        let watch = Bars::default();
        measure_costs(&mut session, &designs, &library, &synthesis, &options, &watch)
    })?;
    table.replace(run, costs);
    let mut draft = Draft::new(&args.out, true)?;
    draft.file().write_all(table.to_json().as_bytes())?;
    draft.finish()?;
    let measured = designs.len() * options.sizes.len();
    writeln!(stdout(), "{measured} designs measured, written to {}", args.out.display())?;
    Ok(())
}

/// What makes the same rows again.
fn command(args: &MeasureArgs) -> String {
    let sizes: Vec<String> = args.size.iter().map(ToString::to_string).collect();
    let name = |path: &PathBuf| path.file_name().unwrap_or(path.as_os_str()).display().to_string();
    let names: Vec<String> = args.cells.iter().map(name).collect();
    format!(
        "recoup hardware measure --library {} --clock-ps {} --size {} --error {} --cells {}",
        args.library,
        args.clock_ps,
        sizes.join(" "),
        args.error,
        names.join(" ")
    )
}
