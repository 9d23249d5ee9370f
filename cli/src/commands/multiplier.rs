//! `recoup multiplier`.

mod show;

use std::path::Path;

use anyhow::{Context, Result, bail};

use recoup_circuits::netlist::table_to_verilog;
use recoup_circuits::npy;
use recoup_circuits::table::{Format, WriteOptions, write_table};
use recoup_circuits::{Operands, ProductTable};
use recoup_core::design::Design;
use recoup_core::multiplier::{ImportOptions, Imported, Multiplier, Source};
use recoup_core::quantize::WeightScheme;
use recoup_kernels::WeightCoding;

use crate::args::{ConvertArgs, MultiplierArgs, MultiplierCommand};
use crate::{library, output, values};

/// Writes a table, or shows the multiplier.
pub fn run(args: &MultiplierArgs) -> Result<()> {
    match &args.command {
        MultiplierCommand::Table { spec, out, weights, force, import } => {
            let multiplier = one(spec, &import.options())?.multiplier;
            table(&multiplier, scheme(&multiplier, *weights)?, out, *force)
        }
        MultiplierCommand::Convert(args) => convert(args),
        MultiplierCommand::Show(args) => show::show(args),
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
