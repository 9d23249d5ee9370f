//! What a run has to say about a design, beside the outcomes that are kept with its result.

use recoup_core::design::{DesignRecord, Kind};
use recoup_hardware::cost_table::CostTable;
use serde::{Deserialize, Serialize};

use crate::power::Power;
use crate::sequential::Limit;
use crate::shard::Part;
use crate::subject::Expected;

/// What was asked of all designs of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The most that may be lost.
    pub max_loss: Limit,
    /// Whether every design was to see all images.
    pub thorough: bool,
    /// Hash of the images on which choices are confirmed, if they are: what networks make of these
    /// is no part of what is chosen from.
    #[serde(default)]
    pub confirmation_inputs: Option<String>,
    /// Hashes of the networks that stand beside the others: they are in no mean, and nothing is
    /// chosen by them for all.
    #[serde(default)]
    pub beside: Vec<String>,
    /// Cell library of the powers.
    pub library: String,
    /// Rows and columns of the array.
    pub array: [u32; 2],
    /// The costs of arrays of this size in this library.
    pub costs: CostTable,
    /// The part of the work that the run does, if not all.
    #[serde(default)]
    pub part: Option<Part>,
}

impl Settings {
    /// The settings of a run whose designs cost `power`.
    pub fn new(max_loss: Limit, thorough: bool, power: &Power) -> Self {
        let Power { table, library, array, .. } = power;
        let costs = table.costs.iter().filter(|cost| {
            [cost.design.rows, cost.design.columns] == *array
                && table.run(cost).is_some_and(|run| run.library.name == *library)
        });
        let costs: Vec<_> = costs.cloned().collect();
        let runs = table.runs.iter().filter(|run| costs.iter().any(|cost| cost.run == run.id));
        let costs = CostTable::new(runs.cloned().collect(), costs.clone());
        Self {
            max_loss,
            thorough,
            confirmation_inputs: None,
            beside: Vec::new(),
            library: library.clone(),
            array: *array,
            costs,
            part: None,
        }
    }
}

/// A design of a run: what files keep beside its result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The design: the same on all networks.
    #[serde(alias = "configuration")]
    pub design: DesignRecord,
    /// What kind it is.
    pub kind: Kind,
    /// Of the multiplier: bit 8 i + l is set when a_i w_l is kept, in hexadecimal. None for a table.
    pub mask: Option<String>,
    /// The functions x of its control variate.
    pub functions: Vec<String>,
    /// Array power relative to the exact 8-bit array, where the cost is known.
    pub relative_power: Option<f64>,
    /// Energy of an inference, nJ, where it is known.
    #[serde(default)]
    pub energy_nj: Option<f64>,
    /// Predicted error over signal.
    #[serde(default)]
    pub noise_to_signal: Option<f64>,
    /// The products of two activations that load their first operand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first_loaded: Vec<String>,
    /// Why there is no result: what failed, or what makes the design superfluous.
    pub note: Option<String>,
}

impl Entry {
    /// In words, with the function that its control variate came to have.
    pub fn name(&self) -> String {
        name_with_functions(&self.design.to_string(), &self.functions)
    }

    /// What was known of the design before it ran; none where that could not be told, or from
    /// before it was kept.
    pub fn expected(self) -> Option<Expected> {
        let noise_to_signal = self.noise_to_signal?;
        let Self { functions, first_loaded, .. } = self;
        Some(Expected { functions, noise_to_signal, first_loaded })
    }

    /// Bit 8 i + l is set when a_i w_l is kept; None for a table.
    pub fn mask(&self) -> Option<u64> {
        u64::from_str_radix(self.mask.as_deref()?.strip_prefix("0x")?, 16).ok()
    }
}

/// The text of a design with the functions that its control variate came to have, unless it says
/// them.
pub(crate) fn name_with_functions(text: &str, functions: &[String]) -> String {
    let functions = functions.join(" + ");
    match functions.is_empty() || text.contains(&functions) {
        true => text.to_owned(),
        false => format!("{text}, x = {functions}"),
    }
}
