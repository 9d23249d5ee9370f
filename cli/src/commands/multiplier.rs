//! `recoup multiplier`.

use std::io::{Write, stdout};
use std::path::Path;

use anyhow::{Context, Result, bail};

use recoup_circuits::netlist::table_to_verilog;
use recoup_circuits::npy;
use recoup_circuits::table::{Format, WriteOptions, write_table};
use recoup_circuits::{Operands, ProductTable};
use recoup_core::control_variate::{CodeHistogram, ControlOptions, Study};
use recoup_core::design::Design;
use recoup_core::multiplier::{ImportOptions, Imported, Multiplier, Source};
use recoup_core::quantize::{Calibration, WeightScheme};
use recoup_kernels::WeightCoding;

use crate::args::{ConvertArgs, MultiplierArgs, MultiplierCommand, ShowArgs};
use crate::printer::heat_map;
use crate::printer::multiplier::{self as show, Shown};
use crate::{library, output, progress, values};

/// Writes a table, or shows the multiplier.
pub fn run(args: &MultiplierArgs) -> Result<()> {
    match &args.command {
        MultiplierCommand::Table { spec, out, weights, force, import } => {
            let multiplier = one(spec, &import.options())?.multiplier;
            table(&multiplier, scheme(&multiplier, *weights)?, out, *force)
        }
        MultiplierCommand::Convert(args) => convert(args),
        MultiplierCommand::Show(args) => show(args),
    }
}

/// The multiplier of a command that takes just one.
pub fn one(source: &Source, options: &ImportOptions) -> Result<Imported> {
    let mut all = library::read(std::slice::from_ref(source), options)?;
    if all.len() > 1 {
        bail!("{source}: names {} files; give one", all.len());
    }
    Ok(all.remove(0))
}

/// The coding of the weights: what the user says, otherwise what the multiplier is for.
fn scheme(multiplier: &Multiplier, asked: Option<WeightScheme>) -> Result<WeightScheme> {
    Ok(Design::new(multiplier.clone()).with_weights(asked).weight_scheme()?)
}

fn convert(args: &ConvertArgs) -> Result<()> {
    output::check(&args.out, args.force)?;
    let Imported { multiplier, table, .. } = one(&args.spec, &args.import.options())?;
    let table = table.unwrap_or_else(|| {
        ProductTable::new(Operands::Unsigned, multiplier.table(WeightCoding::Unsigned))
    });
    let extension = args.out.extension().and_then(|extension| extension.to_str());
    let bytes = if extension == Some("v") {
        table_to_verilog(&table, &module_name(&multiplier.to_string()))?.into_bytes()
    } else {
        let format = Format::of_path(&args.out).with_context(|| {
            format!(
                "{}: no format has this extension; expected {}",
                args.out.display(),
                values::formats()
            )
        })?;
        let options =
            WriteOptions { element: args.out_type, order: args.out_order, index: args.out_index };
        write_table(&table, format, &options)
            .with_context(|| format!("{}: cannot be written", args.out.display()))?
    };
    output::write(&args.out, &bytes, args.force)?;
    eprintln!(
        "{}: {} bytes, 65,536 products of {multiplier}, {} operands",
        args.out.display(),
        bytes.len(),
        table.operands()
    );
    Ok(())
}

/// A name that Verilog takes.
fn module_name(multiplier: &str) -> String {
    let legal = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = multiplier.chars().map(legal).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("mul_{name}") } else { name }
}

/// Functions that are fitted together at most: a fourth rarely finds anything.
const TERMS: usize = 3;

fn show(args: &ShowArgs) -> Result<()> {
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
    show::list(&shown)
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

fn table(multiplier: &Multiplier, weights: WeightScheme, out: &Path, force: bool) -> Result<()> {
    let mut bytes = match out.extension() {
        Some(extension) if extension == "npy" => npy::header("<i4", "(256, 256, )"),
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
