//! Array power of configurations, from the cost table inside this program.

use std::sync::OnceLock;

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
    let control = candidate.control.as_ref().map(|control| control.functions.as_slice());
    let control = match control.unwrap_or_default() {
        [] => None,
        [x] => Some(x.function.to_string()),
        _ => return None,
    };
    let design = Design {
        multiplier: candidate.configuration.multiplier.to_string(),
        activation_bits: candidate.configuration.activation_bits,
        control,
        rows: SIZE,
        columns: SIZE,
    };
    table().relative_power(LIBRARY, &design, Stimulus::ReluLike)
}

/// What the figures are, for below a table.
pub fn legend() -> String {
    format!(
        "array power: of a full {SIZE} x {SIZE} array in {LIBRARY} with all that V needs, against the exact \
         one (recoup hardware list)"
    )
}
