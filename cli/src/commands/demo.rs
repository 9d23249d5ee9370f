//! `recoup demo`: a network and images inside this program.

use anyhow::Result;

use recoup::EvaluateOptions;
use recoup_core::accuracy::Configuration;
use recoup_core::control_variate::{ControlOptions, Mode};
use recoup_core::multiplier::{Multiplier, perforated, recursive, truncated};
use recoup_core::quantize::Quantization;
use recoup_explore::space;

use crate::args::DemoArgs;
use crate::printer::{self, Report};
use crate::progress::Bars;
use crate::{costs, session};

/// Evaluates every family, without and with V, beside exact products at 8 to 4 activation bits.
pub fn run(args: &DemoArgs) -> Result<()> {
    let mut session = args.network.session(None)?;
    session.isa = session::isa(&args.machine);
    let designs = configurations();
    let results = session.evaluate(&designs, EvaluateOptions::default(), &Bars::default())?;
    let report = Report::new(results, &costs::shipped());
    if args.json { printer::json(&report) } else { printer::demo(&report) }
}

fn configurations() -> Vec<Configuration> {
    let families: Vec<Multiplier> = (1..=4)
        .map(perforated)
        .chain((5..=8).map(truncated))
        .chain((3..=5).map(recursive))
        .collect();
    let modes = [Mode::None, Mode::Fitted(None)];
    let points =
        space::points(&families, &modes, &[8], &[Quantization::PLAIN], ControlOptions::default());
    points.into_iter().map(|point| point.configuration).collect()
}
