//! The paper's evaluation repeated: what is evaluated, and what was found as tables beside the
//! paper's claims. The paper is Zervakis et al., "Leveraging Highly Approximated Multipliers in DNN
//! Inference" (arXiv 2412.16757).

mod beside;
mod choices;
pub mod confirmation;
mod losses;
mod paper;
mod variants;

use recoup::design::{ControlOptions, Kind, Mode, OutputCorrection, Quantization, Statistics};
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
    [Quantization::PLAIN, Quantization::GAIN, CHOSEN_CODES];

/// Codes that are chosen for the multiplier, and a gain for each filter.
const CHOSEN_CODES: Quantization = Quantization { aware: true, outputs: OutputCorrection::Gain };

/// The levels at which V matters: with it they lose about what the limits allow, without it all.
fn varied() -> Vec<Multiplier> {
    let families =
        [perforated(2), perforated(3), truncated(7), truncated(8), recursive(4), recursive(5)];
    [families.to_vec(), space::partly_truncated()].concat()
}

/// All families and levels without and with V, as in the paper, and truncation between and beyond
/// them, each as is the default and with nothing but V, fitted to the pooled distribution of codes; a
/// few also in codes chosen for them, and with the first and the last layer exact. Exact products of
/// fewer bits get all of it, too. Of these the ones in `quantizations`, or all if it is empty, behind
/// the reference; of `multipliers` likewise.
pub fn designs(quantizations: &[Quantization], multipliers: &[Multiplier]) -> Vec<Design> {
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
            quantizations: vec![Some(CHOSEN_CODES)],
            ..Space::default()
        },
        Space {
            multipliers: varied(),
            control_variates: with_v,
            quantizations: vec![None, Some(CHOSEN_CODES)],
            exact_ends: vec![true],
            ..Space::default()
        },
    ];
    let mut designs = Vec::new();
    for design in spaces.iter().flat_map(space::with_rivals) {
        let in_codes = quantizations.is_empty() || quantizations.contains(&design.quantization());
        let of_one = multipliers.is_empty() || multipliers.contains(&design.multiplier);
        let asked = design.kind() == Kind::Reference || (in_codes && of_one);
        if asked && !designs.contains(&design) {
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
    (is_plain || design.quantization == Quantization::GAIN) && !design.exact_ends
}

/// The same multiplier with the same control variate in other codes or on other arrays.
fn variant<'a, 'r>(
    means: &'a [Mean<'r>],
    of: &Entry,
    quantization: Quantization,
    exact_ends: bool,
) -> Option<&'a Mean<'r>> {
    let array = of.design.clone().of_array();
    means.iter().find(|mean| {
        let Entry { kind, design, .. } = &mean.design.entry;
        *kind != Kind::Reference
            && (design.quantization, design.exact_ends) == (quantization, exact_ends)
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
