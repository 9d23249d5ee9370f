//! An array as files.

use std::io::{Write, stdout};

use anyhow::Result;

use recoup::silicon::RtlRecord;

/// What the files are, and what to do with them.
pub fn array(record: &RtlRecord) -> Result<()> {
    let mut out = stdout().lock();
    let RtlRecord { rows, columns, structure, multiplier, psum_bits, psum_lsb, acc_bits, .. } =
        record;
    let files = record.files.len();
    writeln!(out, "{}: {rows}x{columns} array of {multiplier}, {files} files", record.out)?;
    writeln!(out, "{structure}")?;
    writeln!(
        out,
        "partial sums {psum_bits} bits from bit {psum_lsb} on, accumulators {acc_bits} bits for up to \
         {} products",
        record.depth
    )?;
    match &record.x {
        Some(function) => writeln!(out, "control variate: x is {function}")?,
        None if record.has_v => writeln!(out, "control variate: C0 alone")?,
        None => writeln!(out, "control variate: none in the array")?,
    }
    if let Some(wait) = record.constants_wait {
        writeln!(
            out,
            "constants: made of what is loaded; after the last tile, positions wait {wait} cycles"
        )?;
    }
    writeln!(
        out,
        "testbench: {} accumulators, {}; run it there with either of\n",
        record.accumulators, record.vectors
    )?;
    for command in record.simulate {
        writeln!(out, "    {command}")?;
    }
    Ok(())
}
