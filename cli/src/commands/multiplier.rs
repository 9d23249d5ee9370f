//! `recoup multiplier`.

use std::io::{Write, stdout};
use std::path::Path;

use anyhow::{Context, Result, bail};

use recoup::control_variate::{CodeHistogram, ControlOptions, Study};
use recoup::multiplier::{ErrorMetrics, Multiplier};
use recoup::quantize::{Calibration, WeightScheme};
use recoup_kernels::WeightCoding;

use crate::args::{MultiplierArgs, MultiplierCommand, ShowArgs};
use crate::show::Shown;
use crate::{heat_map, npy, output};

/// Writes a table, or shows the multiplier.
pub fn run(args: &MultiplierArgs) -> Result<()> {
    match &args.command {
        MultiplierCommand::Table { spec, out, weights, force } => {
            table(spec, *weights, out, *force)
        }
        MultiplierCommand::Show(args) => show(args),
    }
}

/// Functions that are fitted together at most: a fourth rarely finds anything.
const TERMS: usize = 3;

fn show(args: &ShowArgs) -> Result<()> {
    let (multiplier, coding) = (&args.spec, args.weights.coding());
    if let Some(target) = &args.heat_map {
        output::check(target, args.force)?;
    }
    let mut codes = vec![("uniform codes".to_string(), vec![[1; 256]])];
    if let Some(path) = &args.calibration {
        codes.push(calibrated_codes(path)?);
    }
    let bits = args.control_variate_bits.unwrap_or(ControlOptions::default().x_bits);
    let studies = codes
        .into_iter()
        .map(|(name, histograms)| (name, Study::new(multiplier, coding, &histograms, bits, TERMS)));
    let shown = Shown {
        multiplier,
        weights: args.weights,
        metrics: ErrorMetrics::of(multiplier, coding),
        studies: if multiplier.is_exact() { Vec::new() } else { studies.collect() },
    };
    if let Some(target) = &args.heat_map {
        let extension = target.extension().and_then(|extension| extension.to_str()).unwrap_or("");
        let signed = coding == WeightCoding::Signed;
        let title = multiplier.to_string();
        let picture = heat_map::render(&title, &multiplier.errors(coding), signed, extension)
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

fn table(multiplier: &Multiplier, weights: WeightScheme, out: &Path, force: bool) -> Result<()> {
    let mut bytes = match out.extension() {
        Some(extension) if extension == "npy" => npy::header("<i4", &[256, 256]),
        _ => Vec::new(),
    };
    bytes.extend(
        multiplier.table(weights.coding()).iter().flat_map(|product| product.to_le_bytes()),
    );
    output::write(out, &bytes, force)?;
    eprintln!(
        "{}: {} bytes, 65,536 products of {multiplier}, [weight][activation]",
        out.display(),
        bytes.len()
    );
    Ok(())
}
