//! What the page shows. Plain data: whoever has the results fills it, this crate computes nothing
//! from networks or circuits.
//!
//! Losses are percentage points of top-1 accuracy against exact 8-bit products on the same images,
//! powers fractions of the exact 8-bit array's. The names of fields are also those of the JSON
//! inside the page.

use std::collections::BTreeMap;

pub use recoup_core::design::Kind;
pub use recoup_explore::choose::Choice;
pub use recoup_explore::ingredients::Step;
pub use recoup_explore::sequential::Verdict;
use serde::{Deserialize, Serialize};

/// Everything on the page.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Heading of the page.
    pub title: String,
    /// The most that may be lost, points.
    pub max_loss: f64,
    /// Confidence of each verdict, all looks of its test together; 0.95, say.
    pub confidence: f64,
    /// Where all this comes from.
    pub provenance: Provenance,
    /// The networks, at least one; those that stand beside the others behind them.
    pub networks: Vec<Network>,
    /// Over all networks; none for one.
    pub mean: Option<Results>,
    /// The multipliers, for dot diagrams; those that are masks.
    pub multipliers: Vec<Mask>,
    /// Area and energy of arrays, the exact 8-bit one first.
    pub hardware: Vec<Hardware>,
    /// What a publication reports beside what was found here.
    pub comparisons: Vec<Comparison>,
}

/// What was found on one network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Short name, as in choices and legends.
    pub name: String,
    /// The images, in words.
    pub data: String,
    /// From pixels to the network's input, in words.
    pub preprocess: String,
    /// Number of images of the whole test.
    pub images: u64,
    /// Whether it stands beside the others: it is in no mean.
    #[serde(default)]
    pub beside: bool,
    /// Designs, and the choice among them.
    pub results: Results,
    /// Errors in the layers, by layer in the order of the network, then by design.
    pub layers: Vec<LayerQuality>,
    /// How the accumulated error of one layer is distributed, by design.
    pub histograms: Vec<Histogram>,
}

/// Designs, and the choice among them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Results {
    /// The designs, the reference first.
    pub designs: Vec<ShownDesign>,
    /// The answer.
    pub choice: Choice,
    /// The same in words.
    pub answer: Answer,
    /// What the saving is made of, as positions in the list.
    #[serde(default)]
    pub steps: Vec<Step>,
}

/// What was chosen, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// What was asked and how it ended; the chosen or the nearest design follows.
    pub headline: String,
    /// The best of the other kinds, and what is not decided, a sentence each.
    pub remarks: Vec<String>,
}

/// One design.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShownDesign {
    /// In words, all that sets it apart from the other designs.
    pub name: String,
    /// What kind it is.
    pub kind: Kind,
    /// The multiplier, as the command line names it. With and without V it is the same text.
    pub multiplier: String,
    /// The multiplier's family; `exact`, `mask` or `table` for one without.
    pub family: String,
    /// Its level within the family: how much is left out. None where there are no levels.
    pub level: Option<u32>,
    /// Where C and C0 come from: `none`, `paper`, `fitted`...
    pub control_variate: String,
    /// The functions x in use.
    pub control_function: Option<String>,
    /// SHA-256 of its products and options: equal for designs that differ in names alone.
    pub identity: String,
    /// Significant bits of activation codes.
    pub activation_bits: u32,
    /// Significant bits of weight codes.
    pub weight_bits: u32,
    /// What else is different: quantisation, first and last layer exact; empty for nothing.
    pub variant: String,
    /// Array power relative to the exact 8-bit array. None where the cost is not known.
    pub relative_power: Option<f64>,
    /// Energy of the array for one image, nJ.
    pub energy_nj: Option<f64>,
    /// That over the exact 8-bit network's on one array; of a mean, the mean of the networks'.
    pub relative_energy: Option<f64>,
    /// What was measured. None if it was not evaluated; `note` says why.
    pub assessment: Option<Assessment>,
    /// What failed, or what makes a design superfluous; else empty.
    pub note: String,
}

/// What was measured of a design.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assessment {
    /// Images seen; of a mean, on all networks together.
    pub images: u64,
    /// Share of them that was classified correctly, 0 to 1; of a mean, the mean of the networks'.
    pub top1: f64,
    /// Loss, points.
    pub loss: f64,
    /// Its confidence interval, points.
    pub interval: [f64; 2],
    /// Confidence of the interval; more than the report's for a test that ended early.
    pub confidence: f64,
    /// Whether the loss is under the limit. The reference's is not used.
    pub verdict: Verdict,
}

/// The errors that a design makes in one layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerQuality {
    /// The layer, as the model names it.
    pub layer: String,
    /// Position of the design in the network's list.
    pub design: usize,
    /// Of the multiplier alone.
    pub without_v: Option<LayerError>,
    /// With V. None for a design that has none.
    pub with_v: Option<LayerError>,
}

/// The error of a layer's accumulators.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerError {
    /// Its mean, units of the accumulator.
    pub mean: f64,
    /// Its standard deviation, units of the accumulator.
    pub std: f64,
    /// Variance of the exact accumulators over the mean square error, dB. None if there is no error.
    pub sqnr_db: Option<f64>,
}

/// How the accumulated error of one layer is distributed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Histogram {
    /// The layer, as the model names it.
    pub layer: String,
    /// Position of the design in the network's list.
    pub design: usize,
    /// Edges of the bins, units of the accumulator, rising; one more than there are bins.
    pub edges: Vec<f64>,
    /// Outputs whose error is in each bin, without V.
    pub before: Vec<u64>,
    /// The same with V. Empty for a design that has none.
    pub after: Vec<u64>,
}

/// A multiplier that leaves partial products out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mask {
    /// The multiplier, as the command line names it.
    pub name: String,
    /// Bit 8 i + l is set when the product of activation bit i and weight bit l is kept; as
    /// `0x...` in JSON, whose numbers do not hold 64 bits.
    #[serde(with = "hexadecimal")]
    pub mask: u64,
    /// The coding of the weights in words: `unsigned`, `signed`, `any`.
    pub coding: String,
}

/// Area and energy of an array.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hardware {
    /// The design, in words.
    pub name: String,
    /// Area of the array with all around it, µm².
    pub area_um2: f64,
    /// The area by part, µm²; empty where it is not known.
    pub area_parts_um2: BTreeMap<String, f64>,
    /// Energy per MAC of the array with all around it, fJ.
    pub energy_fj: f64,
    /// The energy by part, fJ per MAC.
    pub energy_parts_fj: BTreeMap<String, f64>,
}

/// One quantity that a publication reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// What is compared.
    pub quantity: String,
    /// What the publication says, with its unit.
    pub paper: String,
    /// What was found here, with its unit.
    pub here: String,
    /// Why they differ, or how it was computed.
    pub comment: String,
}

/// Where the results come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Version of the program.
    pub version: String,
    /// What was run.
    pub commands: Vec<Command>,
    /// What it read.
    pub inputs: Vec<Input>,
    /// What powers are from. None if no design has a known power.
    pub costs: Option<Costs>,
    /// Anything else that a reader should know.
    pub notes: Vec<String>,
}

/// A command that was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// The command line.
    pub command: String,
    /// When, as 2026-11-24 or 2026-11-24T18:00:00Z.
    pub date: String,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// What it is: `model`, `images`, `calibration images`...
    pub role: String,
    /// Its name.
    pub name: String,
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
}

/// The cost table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Costs {
    /// Cell library.
    pub library: String,
    /// Clock period at which all designs close, ps.
    pub clock_ps: f64,
    /// Size of the array: `64 x 64`.
    pub array: String,
    /// How arrays are built, in words.
    #[serde(default)]
    pub structure: String,
    /// Power of the exact 8-bit array over that of the plain one: of a product per PE, without gated clocks. None
    /// where one of them is not known.
    #[serde(default)]
    pub power_over_plain: Option<f64>,
    /// What drives it, in words.
    pub stimulus: String,
    /// Name and version of each tool.
    pub tools: BTreeMap<String, String>,
    /// How it is repeated.
    pub command: String,
    /// Day of the measurement.
    pub date: String,
    /// What is left out: wires, placement...
    pub notes: Vec<String>,
}

/// A 64-bit number as `0x...`.
mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{number:#018x}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.strip_prefix("0x").unwrap_or(&text);
        u64::from_str_radix(digits, 16).map_err(|_| {
            D::Error::custom(format!("{text:?} is no mask, such as 0xfffffffffffffffe"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_64_bits_of_a_mask_survive_json() {
        let mask = Mask { name: "m".into(), mask: (1 << 63) | 1, coding: "any".into() };
        let text = serde_json::to_string(&mask).unwrap();
        assert!(text.contains("\"0x8000000000000001\""), "{text}");
        assert_eq!(serde_json::from_str::<Mask>(&text).unwrap(), mask);
        let error = serde_json::from_str::<Mask>(&text.replace("0x8", "0xg")).unwrap_err();
        assert!(error.to_string().contains("is no mask"), "{error}");
    }
}
