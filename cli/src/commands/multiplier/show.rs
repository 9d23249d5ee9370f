//! `recoup multiplier show`.

use crate::args::ShowArgs;
use crate::printer::heat_map;
use crate::printer::multiplier::{self as printed, Shown};
use crate::{library, output, progress};
use anyhow::{Context, Result, bail};
use recoup_core::control_variate::{CodeHistogram, ControlOptions, Study};
use recoup_core::multiplier::Imported;
use recoup_core::quantize::Calibration;
use recoup_kernels::WeightCoding;
use std::io::{Write, stdout};
use std::path::Path;

use super::scheme;

/// Functions that are fitted together at most: a fourth rarely finds anything.
const TERMS: usize = 3;

/// Shows one multiplier, or lists several.
pub fn show(args: &ShowArgs) -> Result<()> {
    if let Some(target) = &args.heat_map {
        output::check(target, args.force)?;
    }
    let imported = library::read(&args.spec, &args.import.options())?;
    if let (Some(target), true) = (&args.heat_map, imported.len() > 1) {
        bail!("{}: a heat map shows one multiplier, not {}", target.display(), imported.len());
    }
    let mut codes = vec![("uniform codes".to_string(), vec![[1; 256]])];
    if let Some(path) = &args.calibration {
        codes.push(calibrated_codes(path)?);
    }
    let default = ControlOptions::default();
    let x_bits = args.control_variate_bits.unwrap_or(default.x_bits);
    let options = ControlOptions { terms: TERMS, x_bits, ..default };
    let bar = progress::bar("fitting control variates", imported.len());
    let shown = imported.into_iter().map(|Imported { multiplier, .. }| {
        let weights = scheme(&multiplier, args.weights)?;
        let coding = weights.coding();
        let study = |(name, histograms): &(String, Vec<CodeHistogram>)| {
            Ok((name.clone(), Study::new(&multiplier, coding, histograms, options)?))
        };
        let studied = if multiplier.is_exact() { &[] } else { &codes[..] };
        let studies = studied.iter().map(study).collect::<Result<_>>()?;
        let metrics = multiplier.metrics(coding);
        bar.inc(1);
        Ok(Shown { metrics, studies, multiplier, weights })
    });
    let mut shown = shown.collect::<Result<Vec<Shown>>>()?;
    bar.finish_and_clear();
    shown.sort_by(|a, b| a.metrics.mae.total_cmp(&b.metrics.mae));
    if let [one] = shown.as_slice() {
        return show_one(args, one);
    }
    if args.json {
        let all: Vec<_> = shown.iter().map(Shown::json).collect();
        writeln!(stdout(), "{:#}", serde_json::Value::from(all))?;
        return Ok(());
    }
    printed::list(&shown)
}

fn show_one(args: &ShowArgs, shown: &Shown) -> Result<()> {
    if let Some(target) = &args.heat_map {
        let coding = shown.weights.coding();
        let extension = target.extension().and_then(|extension| extension.to_str()).unwrap_or("");
        let errors = shown.multiplier.errors(coding);
        let title = shown.multiplier.to_string();
        let picture = heat_map::render(&title, &errors, coding == WeightCoding::Signed, extension)
            .with_context(|| target.display().to_string())?;
        output::write(target, &picture, args.force)?;
        eprintln!("{}: heat map of the error, {} bytes", target.display(), picture.len());
    }
    if args.json {
        writeln!(stdout(), "{:#}", shown.json())?;
        return Ok(());
    }
    shown.print()
}

/// The code histograms of a network's layers, and their name.
fn calibrated_codes(path: &Path) -> Result<(String, Vec<CodeHistogram>)> {
    let calibration = Calibration::read_any(path)?;
    let layers = calibration.layers.iter();
    let histograms: Vec<CodeHistogram> =
        layers.filter_map(|layer| layer.codes.as_slice().try_into().ok()).collect();
    if histograms.is_empty() {
        bail!(
            "{}: has no code histograms; make a new calibration with recoup quantize",
            path.display()
        );
    }
    Ok((format!("the codes of {}", calibration.model), histograms))
}
