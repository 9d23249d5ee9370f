//! Records for machines.

use std::io::{Write, stdout};

use anyhow::Result;
use serde::Serialize;

/// One JSON object, its fields in the order of their names.
pub fn record(record: &impl Serialize) -> Result<()> {
    writeln!(stdout(), "{:#}", serde_json::to_value(record)?)?;
    Ok(())
}
