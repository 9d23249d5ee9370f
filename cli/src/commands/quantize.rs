//! `recoup quantize`.

use std::path::PathBuf;

use anyhow::Result;

use recoup::data::Labels;
use recoup::design::design;
use recoup::multipliers::{ImportOptions, multiplier};
use recoup::{Design, Watch};
use recoup_core::quantize::{Calibration, WeightScheme};

use crate::args::QuantizeArgs;
use crate::printer::CodesRecord;
use crate::progress::Bars;
use crate::values::recodes;
use crate::{output, printer, session};

/// Calibrates, and writes the calibration, or the network in the codes of a design.
pub fn run(args: &QuantizeArgs) -> Result<()> {
    match &args.design {
        None => calibration(args),
        Some(design) => codes(args, &design_of(design)?),
    }
}

fn calibration(args: &QuantizeArgs) -> Result<()> {
    let target = target(args, "calibration.json")?;
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

fn codes(args: &QuantizeArgs, design: &Design) -> Result<()> {
    let weights = design.weight_scheme()?;
    let target = target(args, "codes.onnx")?;
    let (model, data) = (&args.model.model, &args.model.data);
    let recoded = recodes(design.weights);
    let mut session = session::open(model, data, None, Labels::Unused, recoded, &args.machine)?;
    let bars = Bars::default();
    let experiment = session.experiment(weights, &bars)?;
    let watch: &dyn Watch = &bars;
    let made = experiment.candidate_watched(design, watch)?;
    let written = experiment.to_qdq(&made)?;
    output::write(&target, &written.bytes, args.force)?;
    let record = CodesRecord::new(&target, model, &made, written.uncorrected);
    if args.json { printer::record(&record) } else { printer::codes(&record) }
}

/// Where the file goes, if it can.
fn target(args: &QuantizeArgs, extension: &str) -> Result<PathBuf> {
    let target = match &args.out {
        Some(path) => path.clone(),
        None => args.model.model.with_extension(extension),
    };
    output::check(&target, args.force)?;
    Ok(target)
}

/// The design of a text; for a multiplier alone all that can be chosen for it is chosen.
fn design_of(text: &str) -> Result<Design> {
    let (design, _) = design(text, None)?;
    let is_alone = multiplier(text, &ImportOptions::default()).is_ok();
    if !is_alone || design.multiplier.is_exact() {
        return Ok(design);
    }
    Ok(design.with_all_chosen())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_chosen_for_a_multiplier_alone() {
        for (text, expected) in [
            (
                "truncated:9",
                "truncated:9 with V (fitted), aware+gain quantisation, chosen weight codes",
            ),
            ("truncated:9 with V (fitted)", "truncated:9 with V (fitted)"),
            ("exact", "exact"),
            ("exact, 5 activation bits", "exact, 5 activation bits"),
        ] {
            assert_eq!(design_of(text).unwrap().to_string(), expected);
        }
        assert!(design_of("trncated:9").unwrap_err().to_string().contains("trncated:9"));
    }
}
