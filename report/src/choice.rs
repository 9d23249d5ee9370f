//! The best design of each kind, in the words of the overview.

use crate::data::{Design, Results, Verdict};

/// What was chosen, or why nothing was.
pub enum Answer<'a> {
    /// The design with the least power under the limit.
    Chosen(&'a Design),
    /// Nothing is under the limit: the nearest.
    Nearest(&'a Design),
    /// Under the limit, but of unknown power.
    UnknownPower(Vec<&'a Design>),
    /// Nothing was evaluated.
    Nothing,
}

/// The answer of these results.
pub fn answer(results: &Results) -> Answer<'_> {
    if let Some(design) = at(results, results.choice.chosen) {
        return Answer::Chosen(design);
    }
    if let Some(design) = at(results, results.choice.nearest) {
        return Answer::Nearest(design);
    }
    let under = results.designs.iter().filter(|design| {
        let verdict = design.assessment.as_ref().map(|assessment| assessment.verdict);
        verdict == Some(Verdict::Under)
    });
    let under: Vec<&Design> = under.collect();
    if under.is_empty() { Answer::Nothing } else { Answer::UnknownPower(under) }
}

/// The best design of each kind under the limit; "best" stands before the words.
pub fn rivals(results: &Results) -> [(&'static str, Option<&Design>); 3] {
    let choice = &results.choice;
    [
        ("with V", at(results, choice.with_v)),
        ("without V", at(results, choice.without_v)),
        ("with reduced precision", at(results, choice.reduced_precision)),
    ]
}

/// The design at a position.
fn at(results: &Results, position: Option<usize>) -> Option<&Design> {
    results.designs.get(position?)
}

/// The share of the exact array's power that a design saves.
pub fn saving(design: &Design) -> Option<f64> {
    design.relative_power.map(|power| 1.0 - power)
}
