//! `recoup quantize`.

use anyhow::Result;

use recoup_core::quantize::{Calibration, WeightScheme};

use crate::args::QuantizeArgs;
use crate::session::{self, Session};
use crate::{output, printer};

/// Calibrates and writes the calibration.
pub fn run(args: &QuantizeArgs) -> Result<()> {
    let target = match &args.out {
        Some(path) => path.clone(),
        None => args.model.model.with_extension("calibration.json"),
    };
    output::check(&target, args.force)?;
    let mut session = Session::open(&args.model.model, &args.model.data)?;
    let calibration = session.calibrate()?;
    let isa = session::isa(&args.machine);
    let experiment = session.experiment(calibration.clone(), WeightScheme::U8Channel, isa);
    let calibration = Calibration { layers: experiment.layer_codes()?, ..calibration };
    let mut text = serde_json::to_string_pretty(&calibration)?;
    text.push('\n');
    output::write(&target, text.as_bytes(), args.force)?;
    printer::calibration(&calibration, &target)
}
