//! Arguments of `rtl`.

use crate::args::{CodeArgs, MachineArgs};
use crate::headings;
use crate::library::ImportArgs;
use crate::network::NetworkArgs;
use crate::parse::{parse_array, parse_positive};
use clap::Args;
use recoup::silicon::{ArrayOptions, DEPTH, Structure};
use recoup_core::control_variate::{ControlOptions, MODE_HELP, Mode};
use recoup_core::multiplier::{SPEC_HELP, Source};
use recoup_hardware::rtl::{ClockGating, SHARES};
use std::path::PathBuf;

/// What a PE is of.
#[derive(Args, Clone, Copy)]
#[command(next_help_heading = headings::ARRAYS)]
pub struct PeArgs {
    #[arg(long, value_name = "P", value_parser = parse_share, help = format!("Products that a PE adds to one partial sum: {}; R rows are R/P rows of PEs [default: {}, or as many as divide the rows]", shares(), Structure::CHOSEN.products_per_pe))]
    pub products_per_pe: Option<usize>,
    #[arg(long, value_name = "S", value_parser = parse_share, help = format!("Neighbouring columns that read one activation register: {} [default: {}, or as many as divide the columns]", shares(), Structure::CHOSEN.share_columns))]
    pub share_columns: Option<usize>,
    /// Registers whose clock is gated: none (multiplexers hold the weights), weights, whose clock runs while
    /// they are loaded, or idle (and codes and sums in the rows and columns that a tile leaves idle)
    #[arg(long, value_name = "WHAT", default_value_t = Structure::CHOSEN.clock_gating)]
    pub clock_gating: ClockGating,
}

impl PeArgs {
    /// An array of such PEs.
    pub fn of(&self, array: ArrayOptions) -> ArrayOptions {
        ArrayOptions {
            products_per_pe: self.products_per_pe.unwrap_or(array.products_per_pe),
            share_columns: self.share_columns.unwrap_or(array.share_columns),
            clock_gating: self.clock_gating,
            ..array
        }
    }
}

fn shares() -> String {
    SHARES.map(|number| number.to_string()).join(", ")
}

fn parse_share(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| SHARES.contains(number));
    number.ok_or_else(|| format!("expected one of {}", shares()))
}

/// Variants of an array.
#[derive(Args)]
#[command(next_help_heading = headings::ARRAYS)]
pub struct VariantArgs {
    /// What a PE is of.
    #[command(flatten)]
    pub pe: PeArgs,
    /// A register between multiplier and accumulation
    #[arg(long)]
    pub pipeline: bool,
    /// Hold the operands and pass the sum by where an activation code is 0
    #[arg(long)]
    pub zero_gating: bool,
    /// Sum x in every PE, as in the paper, instead of in one line beside the array
    #[arg(long)]
    pub x_in_pe: bool,
    /// Make C and C0 of what the array is loaded with, for products of two activations
    #[arg(long)]
    pub load_constants: bool,
}

impl VariantArgs {
    /// An array with these variants.
    pub fn of(&self, array: ArrayOptions) -> ArrayOptions {
        let Self { pe, pipeline, zero_gating, x_in_pe, load_constants } = *self;
        ArrayOptions { pipeline, zero_gating, x_in_pe, load_constants, ..pe.of(array) }
    }
}

/// Arguments of `rtl`.
#[derive(Args)]
pub struct RtlArgs {
    /// Whose layer the vectors are of; random codes without it.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// The layer by its node's name; without --model, of the network inside this program [default:
    /// the first convolution of several tiles]
    #[arg(long, help_heading = headings::MODEL, value_name = "NAME")]
    pub layer: Option<String>,
    /// For random codes, or to draw the images
    #[arg(long, help_heading = headings::MODEL, value_name = "S")]
    pub seed: Option<u64>,
    #[arg(long, help_heading = headings::MULTIPLIERS, value_name = "SPEC", help = format!("The multiplier: {SPEC_HELP}"))]
    pub multiplier: Source,
    #[arg(long, help_heading = headings::CONTROL, value_name = "MODE", help = format!("What corrects it: {MODE_HELP} [default: fitted]"))]
    pub control_variate: Option<Mode>,
    #[arg(long, help_heading = headings::CONTROL, value_name = "BITS", value_parser = clap::value_parser!(u32).range(0..=16), help = format!("Fraction bits of the control variate's C [default: {}]", ControlOptions::default().c_frac))]
    pub c_frac: Option<u32>,
    /// The codes.
    #[command(flatten)]
    pub codes: CodeArgs,
    /// Rows and columns of PEs: 16x16
    #[arg(long, help_heading = headings::ARRAYS, value_name = "RxC", value_parser = parse_array)]
    pub array: [u32; 2],
    #[arg(long, help_heading = headings::ARRAYS, value_name = "K", value_parser = parse_positive, help = format!("Most products per output, k [default: those of the network's deepest layer, or {DEPTH}]"))]
    pub depth: Option<usize>,
    /// Variants of the PE.
    #[command(flatten)]
    pub variant: VariantArgs,
    /// Add C0 in the array, instead of with the bias behind it
    #[arg(long, help_heading = headings::ARRAYS)]
    pub add_c0: bool,
    /// Folder for the files; must not exist, or be empty
    #[arg(long, help_heading = headings::OUTPUT, value_name = "DIR")]
    pub out: PathBuf,
    /// Replace the files of an earlier run
    #[arg(long, help_heading = headings::OUTPUT)]
    pub force: bool,
    /// Print one JSON object
    #[arg(long, help_heading = headings::OUTPUT)]
    pub json: bool,
    /// Threads and kernels.
    #[command(flatten)]
    pub machine: MachineArgs,
    /// What a file of a multiplier does not say.
    #[command(flatten)]
    pub import: ImportArgs,
}
