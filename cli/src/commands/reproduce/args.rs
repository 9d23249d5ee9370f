//! Arguments of `reproduce`.

use crate::args::{LabelArgs, MachineArgs};
use crate::parse::{embedded, parse_limit, parse_positive};
use crate::{headings, values};
use anyhow::Result;
use clap::{Args, ValueEnum};
use recoup::design::{Quantization, WeightCodes};
use recoup::{DataSpec, Limit, Multiplier};
use recoup_study::Asked;
use recoup_zoo::Embedded;
use std::path::PathBuf;

/// Arguments of `reproduce`.
#[derive(Args)]
pub struct ReproduceArgs {
    /// The networks [default: the paper's six and, beside them and in no mean, vit]
    #[arg(long, help_heading = headings::MODEL, value_parser = embedded(), num_args = 1.., value_name = "NAME")]
    pub network: Vec<Embedded>,
    /// Other test images of Fashion-MNIST, as all 10,000: idx:IMAGES,LABELS [default: the 2,000
    /// inside this program]
    #[arg(long, help_heading = headings::MODEL, value_name = "SPEC")]
    pub data: Option<DataSpec>,
    /// What their labels mean.
    #[command(flatten)]
    pub labels: LabelArgs,
    /// The first so many of them [default: all]
    #[arg(long, help_heading = headings::MODEL, value_name = "N", value_parser = parse_positive)]
    pub images: Option<usize>,
    /// Confirm what was chosen on so many other images; 0 for none [default: the other 8,000 test
    /// images inside this program, or those that --images leaves of --data]
    #[arg(long, help_heading = headings::MODEL, value_name = "N", value_parser = parse_count)]
    pub confirm_images: Option<usize>,
    /// Only the designs of these multipliers, of those that are evaluated, as truncated:8; exact for
    /// reduced precision; may be repeated [default: all]
    #[arg(long, help_heading = headings::MULTIPLIERS, value_name = "SPEC", num_args = 1.., value_parser = parse_multiplier)]
    pub multiplier: Vec<Multiplier>,
    #[arg(long, help_heading = headings::QUANTIZATION, value_name = "HOW", num_args = 1.., value_parser = parse_quantization, help = format!("Only the designs whose activations become codes so, as in `explore`; may be repeated: {} [default: all]", values::list(recoup_study::QUANTIZATIONS)))]
    pub quantization: Vec<Quantization>,
    #[arg(long, help_heading = headings::QUANTIZATION, value_name = "HOW", num_args = 1.., help = format!("Only the designs whose weights get such codes, as in `explore`; may be repeated: {} [default: all]", values::list(WeightCodes::ALL)))]
    pub weight_codes: Vec<WeightCodes>,
    /// Which designs are evaluated
    #[arg(long, help_heading = headings::CHOICE, value_name = "WHICH", value_enum, default_value_t)]
    pub designs: Designs,
    /// The limit by which the page chooses, in points; the tables have several
    #[arg(long, help_heading = headings::CHOICE, default_value = "1", value_name = "POINTS", value_parser = parse_limit, allow_hyphen_values = true)]
    pub max_loss: Limit,
    /// Folder for run.db, report.html and tables.md; made if it is not there. A rerun goes on
    /// from its run.db
    #[arg(long, help_heading = headings::OUTPUT, default_value = "reproduction", value_name = "DIR")]
    pub out: PathBuf,
    /// Threads and kernels.
    #[command(flatten)]
    pub machine: MachineArgs,
}

/// Where the designs come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Designs {
    /// Those of the paper's families, masks between their levels, and reduced precision
    #[default]
    Listed,
    /// Also masks that are made for these networks and the limit, as recoup design makes them
    Searched,
}

impl ReproduceArgs {
    /// Which designs are wanted.
    pub fn asked(&self) -> Asked {
        Asked {
            quantizations: self.quantization.clone(),
            weight_codes: self.weight_codes.clone(),
            multipliers: self.multiplier.clone(),
        }
    }
}

fn parse_count(text: &str) -> Result<usize, String> {
    text.parse()
        .map_err(|_| format!("\"{text}\" is no count; expected a number of images, 0 for none"))
}

fn parse_quantization(text: &str) -> Result<Quantization, String> {
    let known = recoup_study::QUANTIZATIONS.into_iter().find(|known| known.to_string() == text);
    known.ok_or_else(|| format!("expected one of {}", values::list(recoup_study::QUANTIZATIONS)))
}

fn parse_multiplier(text: &str) -> Result<Multiplier, String> {
    let multiplier: Multiplier = text.parse().map_err(|error| format!("{error}"))?;
    let designs = recoup_study::designs(&Asked::default());
    if designs.iter().any(|design| design.multiplier == multiplier) {
        return Ok(multiplier);
    }
    let mut known: Vec<String> = Vec::new();
    for name in designs.iter().map(|design| design.multiplier.to_string()) {
        if !known.contains(&name) {
            known.push(name);
        }
    }
    Err(format!("{multiplier} is not evaluated; expected one of {}", known.join(", ")))
}
