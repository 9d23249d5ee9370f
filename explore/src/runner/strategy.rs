//! Which designs are tried, and in which order.

use recoup_core::design::Design;

use super::{DesignResult, Outcome, Task};
use crate::sequential::Verdict;

/// Noise that is clearly less, of a design with the same multiplier: at most so much of the other.
pub(super) const CLEARLY_LESS: f64 = 0.5;

/// With another multiplier, whose errors are of another kind.
pub(super) const FAR_LESS: f64 = 0.25;

/// What is tried. The answer must not depend on who asks it: all that it says is a function of what
/// it is given, so that workers who share a store come to the same end.
pub trait Strategy {
    /// The designs to try next, by what was found of those that it has proposed before: nothing
    /// ends the search.
    fn propose(&mut self, found: &[DesignResult]) -> Vec<Design>;

    /// Where a design stands in the order in which they are tried, the least first.
    fn rank(&self, task: &Task) -> [f64; 2];

    /// Why a design need not be tried, by what is known of those before it; none if it must be.
    fn superfluous(&self, task: &Task, before: &[Task]) -> Option<String>;
}

/// Tries a list, the least power first: what needs less than the answer must be decided anyway,
/// which takes few images where the loss is far too much, and nothing that needs more is tried. Nor
/// is a design when one of its kind with less power is under the limit already, as it cannot be the
/// answer; nor when one with clearly less noise is over it, as it hardly will be under. One that
/// could be either rules out nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct LeastPower {
    designs: Vec<Design>,
    prune: bool,
}

impl LeastPower {
    /// The designs of which the answer is sought.
    pub fn new(designs: &[Design]) -> Self {
        Self { designs: designs.to_vec(), prune: true }
    }

    /// The same, and none of them is left out.
    pub fn all_of(designs: &[Design]) -> Self {
        Self { prune: false, ..Self::new(designs) }
    }
}

impl Strategy for LeastPower {
    fn propose(&mut self, _: &[DesignResult]) -> Vec<Design> {
        std::mem::take(&mut self.designs)
    }

    /// The least power, then the least noise. Those of unknown power come last.
    fn rank(&self, task: &Task) -> [f64; 2] {
        [task.figures.power, task.noise_to_signal()].map(|it| it.unwrap_or(f64::INFINITY))
    }

    /// The first of the designs that rules it out counts. One that needs no more than the same power
    /// does not, as the one with less loss is chosen.
    fn superfluous(&self, task: &Task, before: &[Task]) -> Option<String> {
        if !self.prune {
            return None;
        }
        let mut of_kind = before.iter().filter(|other| other.design.kind() == task.design.kind());
        of_kind.find_map(|other| {
            let Some(Outcome::Assessed { assessment, .. }) = &other.outcome else { return None };
            match assessment.verdict {
                Verdict::Under => {
                    let (better, power) = (other.figures.power?, task.figures.power?);
                    (better < power).then(|| format!("{} is under", other.design))
                }
                Verdict::Over => {
                    let (less, noise) = (other.noise_to_signal()?, task.noise_to_signal()?);
                    let hopeless = less < CLEARLY_LESS * noise
                        && are_alike(&task.design, &other.design)
                        || less < FAR_LESS * noise && are_comparable(&task.design, &other.design);
                    hopeless.then(|| format!("{} is over, with less noise", other.design))
                }
                Verdict::Undecided | Verdict::Open => None,
            }
        })
    }
}

/// Whether two designs are of one kind and differ in nothing but how much their multiplier is
/// corrected and how many bits it gets.
fn are_alike(a: &Design, b: &Design) -> bool {
    a.multiplier == b.multiplier && have_same_codes(a, b)
}

/// Whether two designs are of one kind and differ in their multipliers and how much these are
/// corrected, but not in bits: to round codes does less harm than errors as large.
fn are_comparable(a: &Design, b: &Design) -> bool {
    a.activation_bits == b.activation_bits && have_same_codes(a, b)
}

/// Whether two designs are of one kind, and so are the codes of weights and activations.
fn have_same_codes(a: &Design, b: &Design) -> bool {
    let codes = |it: &Design| {
        (it.quantization(), it.weight_codes, it.exact_ends, it.weights, it.weight_bits)
    };
    a.kind() == b.kind() && codes(a) == codes(b)
}
