//! A calibration, as `quantize` prints it.

use std::io::{Write, stdout};
use std::path::Path;

use anyhow::Result;

use recoup_core::quantize::Calibration;

use super::tables::{align_right, name, table};
use super::words::scaled_channels;

/// The calibration that was written.
pub fn calibration(calibration: &Calibration, target: &Path) -> Result<()> {
    let mut out = stdout().lock();
    let mut table = table(&["tensor", "min", "max", "low", "high", "scale", "zero point"]);
    for entry in &calibration.tensors {
        let number = |value: f32| format!("{value:.4}");
        table.add_row(vec![
            name(&entry.tensor),
            number(entry.min),
            number(entry.max),
            number(entry.low),
            number(entry.high),
            format!("{:.6}", entry.scale),
            entry.zero_point.to_string(),
        ]);
    }
    align_right(&mut table, 1..=6);
    writeln!(out, "{table}")?;
    writeln!(
        out,
        "{} tensors, {} on {} images, {}\nwritten to {}; use it with: recoup eval {} --calibration {} ...",
        calibration.tensors.len(),
        calibration.method,
        calibration.images,
        calibration.data,
        target.display(),
        calibration.model,
        target.display()
    )?;
    scaled_channels(calibration, "", &mut out)?;
    if calibration.tensors.is_empty() {
        writeln!(
            out,
            "The model brings all its scales itself (QDQ): nothing was left to calibrate."
        )?;
    }
    Ok(())
}
