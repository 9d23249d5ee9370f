//! `recoup quantize`.

use anyhow::Result;

use recoup::data::Labels;
use recoup_core::quantize::{Calibration, WeightScheme};

use crate::args::QuantizeArgs;
use crate::progress::Bars;
use crate::{output, printer, session};

/// Calibrates and writes the calibration.
pub fn run(args: &QuantizeArgs) -> Result<()> {
    let target = match &args.out {
        Some(path) => path.clone(),
        None => args.model.model.with_extension("calibration.json"),
    };
    output::check(&target, args.force)?;
    let (model, data) = (&args.model.model, &args.model.data);
    let mut session = session::open(model, data, None, Labels::Unused, false, &args.machine)?;
    let experiment = session.experiment(WeightScheme::U8Channel, &Bars::default())?;
    let layers = experiment.layer_codes()?;
    let calibration = Calibration { layers, ..experiment.calibration().clone() };
    let mut text = serde_json::to_string_pretty(&calibration)?;
    text.push('\n');
    output::write(&target, text.as_bytes(), args.force)?;
    printer::calibration(&calibration, &target)
}
