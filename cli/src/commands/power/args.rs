//! Arguments of `power`.

use crate::args::{CodeArgs, MachineArgs};
use crate::cells::CellArgs;
use crate::commands::rtl::VariantArgs;
use crate::headings;
use crate::library::NetlistImportArgs;
use crate::network::NetworkArgs;
use crate::parse::parse_array;
use crate::values;
use anyhow::Result;
use clap::{Args, ValueEnum};
use recoup_core::control_variate::{MODE_HELP, Mode};
use recoup_core::multiplier::{SPEC_HELP, Source};

/// Where the codes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Stimuli {
    /// A network's own weights and activations
    Network,
    /// All codes alike likely
    Uniform,
    /// Weights about the middle, 45 % of the activations 0, the others half-normal
    ReluLike,
}

/// Arguments of `power`.
#[derive(Args)]
pub struct PowerArgs {
    /// The network of --stimuli network.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// Images whose codes are sampled
    #[arg(long, help_heading = headings::MODEL, default_value_t = 8, value_name = "N", value_parser = crate::parse::parse_positive)]
    pub images: usize,
    /// For the choice of images and samples
    #[arg(long, help_heading = headings::MODEL, value_name = "S")]
    pub seed: Option<u64>,
    #[arg(long, help_heading = headings::MULTIPLIERS, value_name = "SPEC", required = true, num_args = 1.., help = format!("A multiplier; may be repeated, the first is what others are compared with: {SPEC_HELP}"))]
    pub multiplier: Vec<Source>,
    #[arg(long, help_heading = headings::CONTROL, value_name = "MODE", help = format!("What corrects an approximate multiplier: {MODE_HELP} [default: fitted]"))]
    pub control_variate: Option<Mode>,
    /// The codes.
    #[command(flatten)]
    pub codes: CodeArgs,
    /// Rows and columns of PEs
    #[arg(long, help_heading = headings::ARRAYS, default_value = "16x16", value_name = "RxC", value_parser = parse_array)]
    pub array: [u32; 2],
    /// Variants of the PE.
    #[command(flatten)]
    pub variant: VariantArgs,
    /// The cells. Without --clock-ps, energies are at the first array's fastest clock.
    #[command(flatten)]
    pub cells: CellArgs,
    #[arg(long, help_heading = headings::SIMULATION, value_enum, hide_possible_values = true, default_value = "network", value_name = "CODES", help = format!("The codes: {}; the network is the one inside this program unless --model is given", values::names::<Stimuli>()))]
    pub stimuli: Stimuli,
    /// Without gate delays: faster, and blind to glitches
    #[arg(long, help_heading = headings::SIMULATION)]
    pub fast: bool,
    /// Pins per buffer of the clock tree; 0 for clock pins and their wire alone
    #[arg(long, help_heading = headings::SIMULATION, default_value_t = 16, value_name = "N")]
    pub clock_fan_out: usize,
    /// Sample until the standard error is this share of the energy, in percent
    #[arg(long, help_heading = headings::SIMULATION, default_value_t = 1.0, value_name = "P", value_parser = parse_percent)]
    pub standard_error: f64,
    /// Print one JSON object
    #[arg(long, help_heading = headings::OUTPUT)]
    pub json: bool,
    /// Threads and kernels.
    #[command(flatten)]
    pub machine: MachineArgs,
    /// What files of multipliers do not say.
    #[command(flatten)]
    pub import: NetlistImportArgs,
}

fn parse_percent(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number: &f64| *number > 0.0 && *number < 100.0)
        .ok_or_else(|| format!("\"{text}\" is no share; expected a number of percent above 0"))
}
