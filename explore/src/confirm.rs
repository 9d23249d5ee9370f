//! Confirms a choice on images that no choice has seen.
//!
//! Whoever takes the best of many designs on some images takes the lucky ones, too. So some images
//! say which designs are worth a test, and in which order; others test them, one after the other,
//! each at the full level, until one fails. This is fixed-sequence testing (Maurer, Hothorn and
//! Lehmacher, 1995; Westfall and Krishen, 2001), with the order from the Pareto front of images of
//! its own (Laufer-Goldshtein et al., 2023). For any of the designs before the first failure to be
//! wrongly under the limit, the first of the sequence that is not under it must have been found to
//! be: a single test at this level, however many there are.

use crate::choose::{Judged, front};
use crate::sequential::Limit;
use recoup_core::design::Kind;

/// The designs to test for a limit, the surest first; positions in `candidates`, which are what the
/// first images say.
///
/// Of the designs of known power whose measured loss is under the limit it is those that no other
/// beats in power and in the upper end of the interval at once. From the least upper end to the
/// most, each then also saves more than the one before, so that the last that passes is the answer.
/// By the loss itself the front would also have designs that save little and are less sure than
/// others that save more: they could end the test, and are never the answer.
pub fn sequence(candidates: &[Judged], limit: Limit) -> Vec<usize> {
    let worth = candidates.iter().enumerate().filter(|(_, candidate)| {
        candidate.kind != Kind::Reference && candidate.assessment.loss < limit.points()
    });
    let mut sequence = front(worth.filter_map(|(index, candidate)| {
        Some((index, candidate.power?, candidate.assessment.interval[1]))
    }));
    sequence.reverse();
    sequence
}

/// How far a test came.
#[derive(Clone, Debug, PartialEq)]
pub struct Walked<T, P> {
    /// The last that passed.
    pub passed: Option<(T, P)>,
    /// The one that did not, unless all passed.
    pub failed: Option<(T, P)>,
    /// How many were tested.
    pub tested: usize,
}

/// Tests the designs of a sequence until one fails. `test` gives a design's proof, `passes` judges
/// it.
///
/// # Errors
/// When a test cannot be made.
pub fn walk<T, P, E>(
    sequence: impl IntoIterator<Item = T>,
    mut test: impl FnMut(&T) -> Result<P, E>,
    passes: impl Fn(&P) -> bool,
) -> Result<Walked<T, P>, E> {
    let mut walked = Walked { passed: None, failed: None, tested: 0 };
    for design in sequence {
        let proof = test(&design)?;
        walked.tested += 1;
        if !passes(&proof) {
            walked.failed = Some((design, proof));
            break;
        }
        walked.passed = Some((design, proof));
    }
    Ok(walked)
}

#[cfg(test)]
mod tests;
