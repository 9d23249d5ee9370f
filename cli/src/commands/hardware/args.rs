//! Arguments of `hardware`.

use crate::args::MachineArgs;
use crate::commands::rtl::PeArgs;
use crate::headings;
use clap::{Args, Subcommand};
use recoup_explore::power;
use std::path::PathBuf;

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
    /// Only designs of these multipliers, masks that the table inside does not have, too, and of exact ones
    /// [default: all of that table]
    #[arg(long, help_heading = headings::MULTIPLIERS, value_name = "SPEC", num_args = 1..)]
    pub multiplier: Vec<String>,
    /// Rows and columns of the arrays
    #[arg(long, help_heading = headings::ARRAYS, value_name = "N", num_args = 1.., default_values_t = [16, 32, 64], value_parser = clap::value_parser!(u16).range(1..=256))]
    pub size: Vec<u16>,
    /// What the PEs are of.
    #[command(flatten)]
    pub pe: PeArgs,
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
