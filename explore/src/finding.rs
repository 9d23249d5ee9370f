//! What a run has to say about a design, beside the outcomes that are kept with its result.

use recoup_core::multiplier::Multiplier;
use recoup_hardware::costs::CostTable;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::power::Power;
use crate::search::{Found, Outcome};
use crate::sequential::Limit;
use crate::space::Kind;
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
    /// Cell library of the powers.
    pub library: String,
    /// Rows and columns of the array.
    pub array: [u32; 2],
    /// The costs of arrays of this size in this library.
    pub costs: CostTable,
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
            library: library.clone(),
            array: *array,
            costs,
        }
    }
}

/// A design of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// In words, with the function that its control variate came to have.
    pub name: String,
    /// What kind it is.
    pub kind: Kind,
    /// The configuration, as [`crate::key`] describes it: the same on all networks.
    pub configuration: Value,
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
    /// Why there is no result: what failed, or what makes the design superfluous.
    pub note: Option<String>,
}

impl Finding {
    /// What was known of the design before it ran; none where that could not be told, or from
    /// before it was kept.
    pub fn expected(self) -> Option<Expected> {
        let noise_to_signal = self.noise_to_signal?;
        Some(Expected { functions: self.functions, noise_to_signal })
    }

    /// The same, with its multiplier as this version names it: earlier ones had fewer families.
    pub(crate) fn renamed(mut self) -> Self {
        let before = self.multiplier().to_owned();
        if let Ok(known) = before.parse::<Multiplier>() {
            let name = known.to_string();
            self.name = self.name.replacen(&before, &name, 1);
            self.configuration["multiplier"] = name.into();
        }
        self
    }

    /// The multiplier, as the command line names it.
    pub fn multiplier(&self) -> &str {
        self.configuration["multiplier"].as_str().unwrap_or_default()
    }

    /// Bit 8 i + l is set when a_i w_l is kept; None for a table.
    pub fn mask(&self) -> Option<u64> {
        u64::from_str_radix(self.mask.as_deref()?.strip_prefix("0x")?, 16).ok()
    }

    /// Where C and C0 come from.
    pub fn control_variate(&self) -> &str {
        self.configuration["control_variate"].as_str().unwrap_or_default()
    }

    /// Significant bits of activation codes.
    pub fn activation_bits(&self) -> u32 {
        self.configuration["activation_bits"].as_u64().unwrap_or_default() as u32
    }

    /// How activations become codes; None for plainly.
    pub fn quantization(&self) -> Option<&str> {
        self.configuration["quantization"].as_str()
    }

    /// Whether the first and the last layer run on an exact array of their own.
    pub fn exact_ends(&self) -> bool {
        self.configuration["exact_ends"].as_bool().unwrap_or_default()
    }

    /// How weights are coded; None for the first of the codings that were compared.
    pub fn weights(&self) -> Option<&str> {
        self.configuration["weights"].as_str()
    }

    /// What was found, of a `configuration` as the key describes it.
    pub fn new(found: &Found, configuration: Value) -> Self {
        let mask = found.point.configuration.multiplier.mask();
        Self {
            name: found.name(),
            kind: found.point.kind(),
            configuration,
            mask: mask.map(|mask| format!("{mask:#018x}")),
            functions: found.functions.clone(),
            relative_power: found.power,
            energy_nj: found.energy.map(|energy| energy.energy_nj),
            noise_to_signal: found.noise_to_signal,
            note: match &found.outcome {
                Outcome::Assessed { .. } => None,
                Outcome::Failed(reason) => Some(format!("failed: {reason}")),
                Outcome::Superfluous(reason) => Some(format!("superfluous: {reason}")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mask_of_before_has_the_name_of_its_family_today() {
        let renamed = |multiplier: &str| {
            let finding = Finding {
                name: format!("{multiplier} with V (fitted), exact ends"),
                kind: Kind::WithV,
                configuration: json!({ "multiplier": multiplier, "exact_ends": true }),
                mask: None,
                functions: Vec::new(),
                relative_power: None,
                energy_nj: None,
                noise_to_signal: None,
                note: None,
            };
            let Finding { name, configuration, .. } = finding.renamed();
            (name, configuration["multiplier"].as_str().unwrap().to_owned())
        };
        let name = |multiplier: &str| {
            (format!("{multiplier} with V (fitted), exact ends"), multiplier.to_owned())
        };
        assert_eq!(renamed("mask:0xfcf8f0e0c0800000"), name("truncated:9"));
        for same in ["mask:0xfcfcf8f0e0c00000", "recursive:1", "mul8u_1KV8"] {
            assert_eq!(renamed(same), name(same));
        }
    }
}
