//! `recoup quantize`.

use anyhow::Result;

use crate::args::QuantizeArgs;
use crate::session::{self, Session};
use crate::{output, printer};

/// Calibrates and writes the calibration.
pub fn run(args: &QuantizeArgs) -> Result<()> {
    session::set_threads(&args.machine)?;
    let target = match &args.out {
        Some(path) => path.clone(),
        None => args.model.model.with_extension("calibration.json"),
    };
    output::check(&target, args.force)?;
    let session = Session::open(&args.model)?;
    let calibration = session.calibrate()?;
    let mut text = serde_json::to_string_pretty(&calibration)?;
    text.push('\n');
    output::write(&target, text.as_bytes(), args.force)?;
    printer::calibration(&calibration, &target)
}
