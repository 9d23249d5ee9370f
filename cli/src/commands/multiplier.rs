//! `recoup multiplier`.

use std::path::Path;

use anyhow::Result;

use recoup::multiplier::{ErrorMetrics, Multiplier};
use recoup::quantize::WeightScheme;

use crate::args::{MultiplierArgs, MultiplierCommand};
use crate::{npy, output, printer};

/// Writes a table, or shows the multiplier.
pub fn run(args: &MultiplierArgs) -> Result<()> {
    match &args.command {
        MultiplierCommand::Table { spec, out, weights, force } => {
            table(spec, *weights, out, *force)
        }
        MultiplierCommand::Show { spec, weights, json } => {
            printer::multiplier(spec, *weights, &ErrorMetrics::of(spec, weights.coding()), *json)
        }
    }
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
