//! Array power of configurations, from the cost table inside this program.

use std::path::Path;
use std::sync::OnceLock;

use anyhow::{Context, Result};

use recoup::accuracy::Candidate;
use recoup::quantize::WeightScheme;
use recoup_hardware::costs::{CostTable, Design, Stimulus};
use recoup_kernels::WeightCoding;

/// Library of the figures beside accuracies.
pub const LIBRARY: &str = "asap7";
/// Rows and columns of the array.
pub const SIZE: u32 = 64;

/// The cost table inside this program.
pub fn table() -> &'static CostTable {
    static TABLE: OnceLock<CostTable> = OnceLock::new();
    TABLE.get_or_init(CostTable::shipped)
}

/// Power of a full array that runs a candidate, as a fraction of the exact 8-bit one's; None if the
/// table does not have it.
pub fn array_power(candidate: &Candidate, weights: WeightScheme) -> Option<f64> {
    if weights.coding() != WeightCoding::Unsigned {
        return None;
    }
    let functions = candidate.control.iter().flat_map(|control| &control.functions);
    let functions: Vec<String> = functions.map(|x| x.function.to_string()).collect();
    let design = Design::new(&candidate.configuration, &functions, [SIZE, SIZE])?;
    table().relative_power(LIBRARY, &design, Stimulus::ReluLike)
}

/// The cost table in a file.
///
/// # Errors
/// When it cannot be read, or is none.
pub fn read(path: &Path) -> Result<CostTable> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(|| format!("{name}: cannot be read"))?;
    Ok(CostTable::parse(&name, &text)?)
}

/// What the figures are, for below a table.
pub fn legend() -> String {
    format!(
        "array power: of a full {SIZE} x {SIZE} array in {LIBRARY} with all that V needs, against the exact \
         one (recoup hardware list)"
    )
}
