//! What `reproduce` evaluates, and what it found as tables beside the paper's claims.

mod choices;
pub mod confirmation;
mod losses;
mod paper;
mod variants;

use recoup_core::control_variate::{ControlOptions, Mode};
use recoup_core::multiplier::{Multiplier, perforated, recursive, truncated};
use recoup_core::quantize::Quantization;
use recoup_explore::finding::Finding;
use recoup_explore::recorded::{Mean, Recorded};
use recoup_explore::sequential::{Assessment, Limit};
use recoup_explore::space::{self, Kind, Point};

pub use paper::comparisons;

/// Limits of the loss, points.
const LIMITS: [f64; 5] = [0.1, 0.25, 0.5, 1.0, 2.0];

/// How activations of some designs become codes.
pub const QUANTIZATIONS: [Quantization; 3] =
    [Quantization::PLAIN, CHOSEN_CODES[0], CHOSEN_CODES[1]];

/// Ways to choose codes for a multiplier.
const CHOSEN_CODES: [Quantization; 2] = [
    Quantization { aware: true, bias_correction: false },
    Quantization { aware: true, bias_correction: true },
];

/// The levels at which V matters: with it they lose about what the limits allow, without it all.
fn varied() -> Vec<Multiplier> {
    let families =
        [perforated(2), perforated(3), truncated(7), truncated(8), recursive(4), recursive(5)];
    [families.to_vec(), space::partly_truncated()].concat()
}

/// All families and levels without and with V, as in the paper, and truncation between and beyond
/// them; a few also in codes chosen for them, and with the first and the last layer exact. Exact
/// products of fewer bits get all of it, too. Of these the ones in `quantizations`, or all if it is
/// empty, behind the reference.
pub fn points(quantizations: &[Quantization]) -> Vec<Point> {
    let options = ControlOptions::default();
    let modes = [Mode::None, Mode::Fitted(None)];
    let multipliers = space::standard();
    let all = space::points(&multipliers, &modes, &[8], &[Quantization::PLAIN], options);
    let chosen = space::points(&varied(), &modes, &[8], &CHOSEN_CODES, options);
    let codes = [Quantization::PLAIN, CHOSEN_CODES[0]];
    let mixed = space::points(&varied(), &[Mode::Fitted(None)], &[8], &codes, options);
    let mut points = Vec::new();
    for point in all.into_iter().chain(chosen).chain(space::vary_ends(mixed, &[true])) {
        let asked = quantizations.is_empty()
            || point.kind() == Kind::Reference
            || quantizations.contains(&point.configuration.quantization);
        if asked && !points.contains(&point) {
            points.push(point);
        }
    }
    points
}

/// Markdown: every design on every network, and the best under several limits.
pub fn tables(recorded: &Recorded) -> String {
    let means = recorded.means(limit(1.0));
    [
        losses::accuracies(recorded),
        losses::plain(recorded, &means),
        variants::codes(&means),
        losses::others(recorded, &means),
        variants::mixed(&means),
        choices::of_mean(recorded),
        choices::per_network(recorded),
        confirmation::table(recorded),
        paper::compared(recorded),
    ]
    .join("\n")
}

fn limit(points: f64) -> Limit {
    Limit::new(points).expect("the limits above are losses")
}

/// Whether a design is one of the paper's: in the calibration's codes, on one array.
fn is_plain(finding: &Finding) -> bool {
    finding.quantization().is_none() && !finding.exact_ends()
}

/// The same multiplier with the same control variate in other codes or on other arrays.
fn variant<'a, 'r>(
    means: &'a [Mean<'r>],
    of: &Finding,
    quantization: Option<&str>,
    exact_ends: bool,
) -> Option<&'a Mean<'r>> {
    means.iter().find(|mean| {
        let finding = &mean.design.finding;
        finding.kind != Kind::Reference
            && finding.multiplier() == of.multiplier()
            && finding.control_variate() == of.control_variate()
            && finding.activation_bits() == of.activation_bits()
            && finding.quantization() == quantization
            && finding.exact_ends() == exact_ends
    })
}

fn fraction(value: Option<f64>) -> String {
    value.map(|value| format!("{value:.3}")).unwrap_or_default()
}

fn saved(power: Option<f64>) -> String {
    power.map(|power| format!("{:.1} %", 100.0 * (1.0 - power))).unwrap_or_default()
}

fn loss(mean: &Mean) -> String {
    interval(&mean.assessment)
}

fn interval(assessment: &Assessment) -> String {
    let [low, high] = assessment.interval;
    format!("{:.2} [{low:.2}, {high:.2}]", assessment.loss)
}

#[cfg(test)]
mod tests;
