//! The best design of each kind, in the words of the overview.

use crate::data::{Results, ShownDesign};

/// What was chosen, or why nothing was.
pub enum Outcome<'a> {
    /// The design with the least power under the limit.
    Chosen(&'a ShownDesign),
    /// Nothing is under the limit: the nearest.
    Nearest(&'a ShownDesign),
    /// What is under the limit is of unknown power.
    UnknownPower,
    /// Nothing was evaluated.
    Nothing,
}

/// The outcome of these results.
pub fn outcome(results: &Results) -> Outcome<'_> {
    if let Some(design) = at(results, results.choice.chosen) {
        return Outcome::Chosen(design);
    }
    if let Some(design) = at(results, results.choice.nearest) {
        return Outcome::Nearest(design);
    }
    match results.choice.unknown_power.is_empty() {
        true => Outcome::Nothing,
        false => Outcome::UnknownPower,
    }
}

/// The best design of each kind under the limit; "best" stands before the words.
pub fn rivals(results: &Results) -> [(&'static str, Option<&ShownDesign>); 3] {
    let choice = &results.choice;
    [
        ("with V", at(results, choice.with_v)),
        ("without V", at(results, choice.without_v)),
        ("with reduced precision", at(results, choice.reduced_precision)),
    ]
}

/// The design at a position.
fn at(results: &Results, position: Option<usize>) -> Option<&ShownDesign> {
    results.designs.get(position?)
}

/// The share of the exact array's power that a design saves.
pub fn saving(design: &ShownDesign) -> Option<f64> {
    design.relative_power.map(|power| 1.0 - power)
}
