//! Arguments of `explore`, and the designs that they name.

use crate::args::{DataArgs, MachineArgs};
use crate::costs::ArrayArgs;
use crate::headings;
use crate::library;
use crate::library::ImportArgs;
use crate::parse::{parse_array, parse_limit, parse_positive, parse_seconds};
use crate::values::{self, CODE_BITS};
use anyhow::Result;
use clap::Args;
use recoup::design::{Mode, Quantization, WeightScheme};
use recoup::search::Shard;
use recoup::{Design, Limit, Multiplier, Space};
use recoup_core::control_variate::MODE_HELP;
use recoup_core::multiplier::{SPEC_HELP, Source};
use recoup_core::quantize::{QUANTIZATION_HELP, WEIGHT_CODES_HELP, WeightCodes};
use recoup_explore::power::{LIBRARY, SIZE};
use recoup_explore::space;
use std::path::PathBuf;
use std::time::Duration;

/// Arguments of `explore`.
#[derive(Args)]
pub struct ExploreArgs {
    /// The networks: ONNX, float32 or QDQ
    #[arg(required = true, value_name = "MODEL")]
    pub models: Vec<PathBuf>,
    /// Their data.
    #[command(flatten)]
    pub data: DataArgs,
    #[arg(long, help_heading = headings::MULTIPLIERS, alias = "multipliers", value_name = "SPEC", num_args = 1.., help = format!("A multiplier; may be repeated: {SPEC_HELP} [default: {}]", values::standard_multipliers()))]
    pub multiplier: Vec<Source>,
    #[arg(long, help_heading = headings::CONTROL, value_name = "MODE", num_args = 1.., help = format!("What corrects it; may be repeated: {MODE_HELP} [default: none and fitted]"))]
    pub control_variate: Vec<Mode>,
    #[arg(long, help_heading = headings::QUANTIZATION, value_name = "B", num_args = 1.., value_parser = clap::value_parser!(u32).range(CODE_BITS), help = format!("Significant bits of the activation codes of approximate multipliers, {}; may be repeated; exact products are tried at all of these [default: 8]", values::code_bits()))]
    pub activation_bits: Vec<u32>,
    #[arg(long, help_heading = headings::QUANTIZATION, value_name = "B", num_args = 1.., value_parser = clap::value_parser!(u32).range(CODE_BITS), help = format!("Significant bits of the weight codes of approximate multipliers, {}; may be repeated; exact products are tried at all of these [default: 8]", values::code_bits()))]
    pub weight_bits: Vec<u32>,
    #[arg(long, help_heading = headings::QUANTIZATION, value_name = "HOW", num_args = 1.., help = format!("How activations become codes; may be repeated: {QUANTIZATION_HELP} [default: {}]", values::QUANTIZATION_DEFAULT))]
    pub quantization: Vec<Quantization>,
    #[arg(long, help_heading = headings::QUANTIZATION, value_name = "HOW", num_args = 1.., help = format!("Which codes weights get; may be repeated: {WEIGHT_CODES_HELP} [default: {}]", WeightCodes::default()))]
    pub weight_codes: Vec<WeightCodes>,
    #[arg(long, help_heading = headings::QUANTIZATION, value_name = "CODING", num_args = 1.., help = format!("How weights are coded: {}; {}; may be repeated: all losses are measured against exact products in the first [default: u8-channel]", values::weight_codings(), values::RECODED))]
    pub weights: Vec<WeightScheme>,
    /// What designs cost, as `recoup hardware measure` writes it [default: the table inside this
    /// program]
    #[arg(long, help_heading = headings::ARRAYS, value_name = "FILE")]
    pub costs: Option<PathBuf>,
    /// The cell library in which power is compared
    #[arg(long, help_heading = headings::ARRAYS, default_value = LIBRARY, value_name = "NAME")]
    pub cells_of: String,
    /// Rows and columns of the array
    #[arg(long, help_heading = headings::ARRAYS, default_value = format!("{SIZE}x{SIZE}"), value_name = "RxC", value_parser = parse_array)]
    pub array: [u32; 2],
    /// Arrays of the ends, and measurements.
    #[command(flatten)]
    pub arrays: ArrayArgs,
    /// The most that may be lost against exact 8-bit products, in points (percent of images)
    #[arg(long, help_heading = headings::CHOICE, value_name = "POINTS", value_parser = parse_limit, allow_hyphen_values = true)]
    pub max_loss: Limit,
    /// Show every design all images, also those that are decided or cannot be the answer
    #[arg(long, help_heading = headings::CHOICE)]
    pub thorough: bool,
    /// End after so many seconds, with what is known then
    #[arg(long, help_heading = headings::CHOICE, value_name = "SECONDS", value_parser = parse_seconds)]
    pub time_limit: Option<Duration>,
    /// End when so many images have gone through designs, each of them counted
    #[arg(long, help_heading = headings::CHOICE, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub image_limit: Option<u64>,
    /// Do one of N parts of the work, on a machine of its own and into a file of its own; recoup merge
    /// brings the parts together
    #[arg(long, help_heading = headings::CHOICE, value_name = "I/N", requires = "out")]
    pub shard: Option<Shard>,
    /// Where results are kept as they arrive: a rerun goes on from there, and other processes may
    /// share it [default: nowhere]
    #[arg(long, help_heading = headings::OUTPUT, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Also write a line for each design
    #[arg(long, help_heading = headings::OUTPUT, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// The same as Apache Parquet
    #[arg(long, help_heading = headings::OUTPUT, value_name = "FILE")]
    pub parquet: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long, help_heading = headings::OUTPUT)]
    pub json: bool,
    /// Images in memory at a time, beyond those that are kept decoded; changes no result
    #[arg(long, help_heading = headings::MACHINE, default_value_t = 256, value_name = "N", value_parser = parse_positive)]
    pub batch: usize,
    /// Threads and kernels.
    #[command(flatten)]
    pub machine: MachineArgs,
    /// What files of multipliers do not say.
    #[command(flatten)]
    pub import: ImportArgs,
}

fn or<T: Clone>(given: &[T], default: &[T]) -> Vec<T> {
    if given.is_empty() { default.to_vec() } else { given.to_vec() }
}

impl ExploreArgs {
    /// The designs that are tried.
    pub fn designs(&self) -> Result<Vec<Design>> {
        let multipliers: Vec<Multiplier> = library::read(&self.multiplier, &self.import.options())?
            .into_iter()
            .map(|imported| imported.multiplier)
            .collect();
        let multipliers = or(&multipliers, &space::standard());
        for multiplier in &multipliers {
            self.codings()
                .iter()
                .try_for_each(|weights| multiplier.check_coding(weights.coding()))?;
        }
        let quantizations: Vec<_> = self.quantization.iter().copied().map(Some).collect();
        let others = self.codings().into_iter().skip(1).map(Some);
        Ok(space::with_rivals(&Space {
            multipliers,
            control_variates: or(&self.control_variate, &[Mode::None, Mode::Fitted(None)]),
            activation_bits: or(&self.activation_bits, &[8]),
            weight_bits: or(&self.weight_bits, &[8]),
            quantizations: or(&quantizations, &[None]),
            weight_codes: or(&self.weight_codes, &[WeightCodes::default()]),
            exact_ends: self.arrays.exact_ends(),
            weights: std::iter::once(None).chain(others).collect(),
            ..Space::default()
        }))
    }

    /// The codings of the weights, each of them once.
    pub fn codings(&self) -> Vec<WeightScheme> {
        let mut codings = Vec::new();
        for weights in or(&self.weights, &[WeightScheme::U8Channel]) {
            if !codings.contains(&weights) {
                codings.push(weights);
            }
        }
        codings
    }
}
