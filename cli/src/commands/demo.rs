//! `recoup demo`: a network and images inside this program.

use anyhow::Result;

use recoup_core::accuracy::Configuration;
use recoup_core::control_variate::{ControlOptions, Mode};
use recoup_core::multiplier::{Multiplier, perforated, recursive, truncated};
use recoup_core::quantize::{Quantization, WeightScheme};
use recoup_explore::space;

use super::eval::{candidates, evaluate_all};
use crate::args::DemoArgs;
use crate::session;
use crate::{costs, printer};

/// Evaluates every family, without and with V, beside exact products at 8 to 4 activation bits.
pub fn run(args: &DemoArgs) -> Result<()> {
    let mut session = args.network.session(None)?;
    let calibration = session.calibrate()?;
    let experiment =
        session.experiment(calibration, WeightScheme::U8Channel, session::isa(&args.machine));
    let candidates = candidates(&experiment, &configurations(), ControlOptions::default())?;
    let report =
        evaluate_all(&session, &experiment, &candidates, (false, 256), None, &costs::shipped())?;
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
