//! `recoup demo`: a network and images inside this program.

use anyhow::Result;

use recoup::{Design, EvaluateOptions, Mode, Space};
use recoup_core::multiplier::{perforated, recursive, truncated};
use recoup_explore::power::Power;
use recoup_explore::space;

use crate::args::DemoArgs;
use crate::printer::{self, Report};
use crate::progress::Bars;
use crate::session;

/// Evaluates every family, without and with V, beside exact products at 8 to 4 activation bits.
pub fn run(args: &DemoArgs) -> Result<()> {
    let mut session = args.network.session(None)?;
    session.isa = session::isa(&args.machine);
    let designs = designs();
    let results = session.evaluate(&designs, EvaluateOptions::default(), &Bars::default())?;
    let report = Report::new(results, &Power::default());
    if args.json { printer::json(&report) } else { printer::demo(&report) }
}

fn designs() -> Vec<Design> {
    let multipliers = (1..=4)
        .map(perforated)
        .chain((5..=8).map(truncated))
        .chain((3..=5).map(recursive))
        .collect();
    let control_variates = vec![Mode::None, Mode::Fitted(None)];
    space::with_rivals(&Space { multipliers, control_variates, ..Space::default() })
}
