//! The paper's evaluation repeated: what is evaluated, and what was found as tables beside the
//! paper's claims. The paper is Zervakis et al., "Leveraging Highly Approximated Multipliers in DNN
//! Inference" (arXiv 2412.16757).

mod beside;
mod choices;
pub mod confirmation;
mod losses;
mod paper;
mod variants;

use recoup::design::{ControlOptions, Kind, Mode, Quantization, Statistics, WeightCodes};
use recoup::{Design, Multiplier, Space};
use recoup_core::multiplier::{perforated, recursive, truncated};
use recoup_explore::entry::Entry;
use recoup_explore::recorded::{Mean, Recorded};
use recoup_explore::sequential::{Assessment, Limit};
use recoup_explore::space;

pub use paper::comparisons;

/// Limits of the loss, points.
const LIMITS: [f64; 5] = [0.1, 0.25, 0.5, 1.0, 2.0];

/// How activations of some designs become codes, and outputs of filters are corrected.
pub const QUANTIZATIONS: [Quantization; 3] =
    [Quantization::PLAIN, Quantization::GAIN, Quantization::CHOSEN];

/// Which designs are wanted. An empty list is all.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// How activations become codes, and outputs are corrected.
    pub quantizations: Vec<Quantization>,
    /// How codes of weights are chosen.
    pub weight_codes: Vec<WeightCodes>,
    /// The multipliers.
    pub multipliers: Vec<Multiplier>,
}

impl Asked {
    fn has(&self, design: &Design) -> bool {
        fn among<T: PartialEq>(all: &[T], one: &T) -> bool {
            all.is_empty() || all.contains(one)
        }
        among(&self.quantizations, &design.quantization())
            && among(&self.weight_codes, &design.weight_codes)
            && among(&self.multipliers, &design.multiplier)
    }
}

/// The levels at which V matters: with it they lose about what the limits allow, without it all.
fn varied() -> Vec<Multiplier> {
    let families =
        [perforated(2), perforated(3), truncated(7), truncated(8), recursive(4), recursive(5)];
    [families.to_vec(), space::partly_truncated()].concat()
}

/// All families and levels without and with V, as in the paper, and truncation between and beyond
/// them, each as is the default and with nothing but V, fitted to the pooled distribution of codes; a
/// few also in codes of activations, and of weights besides, that are chosen for them, and with the first
/// and the last layer exact. Exact products of fewer bits get all of it, too. Of these the ones that are
/// `asked` for, behind the reference.
pub fn designs(asked: &Asked) -> Vec<Design> {
    let with_v = vec![Mode::Fitted(None)];
    let both = vec![Mode::None, Mode::Fitted(None)];
    let spaces = [
        Space {
            multipliers: space::standard(),
            control_variates: both.clone(),
            ..Space::default()
        },
        Space {
            multipliers: space::standard(),
            control_variates: both.clone(),
            control_options: ControlOptions {
                statistics: Statistics::Pooled,
                ..Default::default()
            },
            quantizations: vec![Some(Quantization::PLAIN)],
            ..Space::default()
        },
        Space {
            multipliers: varied(),
            control_variates: both,
            quantizations: vec![Some(Quantization::CHOSEN)],
            ..Space::default()
        },
        Space {
            multipliers: varied(),
            control_variates: with_v,
            quantizations: vec![None, Some(Quantization::CHOSEN)],
            exact_ends: vec![true],
            ..Space::default()
        },
        Space {
            multipliers: varied(),
            control_variates: vec![Mode::Fitted(None)],
            quantizations: vec![Some(Quantization::CHOSEN)],
            weight_codes: vec![WeightCodes::Chosen],
            ..Space::default()
        },
    ];
    let mut designs = Vec::new();
    for design in spaces.iter().flat_map(space::with_rivals).filter(space::are_chosen_together) {
        if (design.kind() == Kind::Reference || asked.has(&design)) && !designs.contains(&design) {
            designs.push(design);
        }
    }
    designs
}

/// Markdown: every design on every network, and the best under several limits.
pub fn tables(recorded: &Recorded) -> String {
    let means = recorded.means(limit(1.0));
    [
        losses::accuracies(&recorded.networks),
        losses::defaults(recorded, &means),
        variants::codes(&means),
        losses::others(recorded, &means),
        variants::mixed(&means),
        choices::of_mean(recorded),
        choices::per_network(recorded),
        confirmation::table(recorded),
        paper::compared(recorded),
    ]
    .into_iter()
    .chain(beside::tables(recorded, &means))
    .collect::<Vec<_>>()
    .join("\n")
}

fn limit(points: f64) -> Limit {
    Limit::new(points).expect("the limits above are losses")
}

/// Whether a design is as is the default, or without V: in the calibration's codes, on one array.
fn is_default(entry: &Entry) -> bool {
    let Entry { kind, design, .. } = entry;
    let is_plain = design.quantization == Quantization::PLAIN && *kind == Kind::WithoutV;
    let in_codes = is_plain || design.quantization == Quantization::GAIN;
    in_codes && design.weight_codes == WeightCodes::Plain && !design.exact_ends
}

/// The same multiplier with the same control variate in other codes, on one array.
fn variant<'a, 'r>(
    means: &'a [Mean<'r>],
    of: &Entry,
    codes: (Quantization, WeightCodes),
) -> Option<&'a Mean<'r>> {
    let array = of.design.clone().of_array();
    means.iter().find(|mean| {
        let Entry { kind, design, .. } = &mean.design.entry;
        *kind != Kind::Reference
            && ((design.quantization, design.weight_codes), design.exact_ends) == (codes, false)
            && design.clone().of_array() == array
    })
}

fn fraction(value: Option<f64>) -> String {
    value.map(|value| format!("{value:.3}")).unwrap_or_default()
}

fn saved(power: Option<f64>) -> String {
    power.map(|power| format!("{:.1} %", 100.0 * (1.0 - power))).unwrap_or_default()
}

fn loss(mean: &Mean) -> String {
    interval(&mean.mean.assessment)
}

fn interval(assessment: &Assessment) -> String {
    let [low, high] = assessment.interval;
    format!("{:.2} [{low:.2}, {high:.2}]", assessment.loss)
}

#[cfg(test)]
mod tests;
