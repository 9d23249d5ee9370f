//! The answer: which design to build.

use recoup_core::accuracy::paired::quantile;
use serde::{Deserialize, Serialize};

use crate::sequential::{Assessment, ERROR, Limit, Verdict, images_to_decide};
use recoup_core::design::Kind;

/// A design that was evaluated, on one network or as the mean of several.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// What kind it is.
    pub kind: Kind,
    /// Array power relative to the exact 8-bit array, where it is known.
    pub power: Option<f64>,
    /// Its loss.
    pub assessment: Assessment,
}

/// Positions in a list of candidates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// The design with the least power whose loss is under the limit; of several the one with the
    /// least loss.
    pub chosen: Option<usize>,
    /// If none is: the design whose loss can be least under the upper end of its interval.
    pub nearest: Option<usize>,
    /// The best among those with V, by the same rule.
    pub with_v: Option<usize>,
    /// Among approximate multipliers without V.
    pub without_v: Option<usize>,
    /// Among exact products of fewer activation bits.
    pub reduced_precision: Option<usize>,
    /// Those that no other beats in power and loss at once, from the least power to the least
    /// loss.
    pub front: Vec<usize>,
    /// Those that need less power than the chosen one, or all if there is none, and whose loss may
    /// be under the limit or over it: from the least power on.
    pub undecided: Vec<usize>,
    /// Those under the limit that cannot be chosen, as their power is not known.
    pub unknown_power: Vec<usize>,
}

impl Choice {
    /// The same choice in a longer list, where the candidates are at these `positions`.
    pub fn at(&self, positions: &[usize]) -> Self {
        let one = |choice: Option<usize>| choice.map(|choice| positions[choice]);
        let all = |choices: &[usize]| choices.iter().map(|&choice| positions[choice]).collect();
        Self {
            chosen: one(self.chosen),
            nearest: one(self.nearest),
            with_v: one(self.with_v),
            without_v: one(self.without_v),
            reduced_precision: one(self.reduced_precision),
            front: all(&self.front),
            undecided: all(&self.undecided),
            unknown_power: all(&self.unknown_power),
        }
    }
}

/// The design with the least power; of several, as in other codes the same array has the same, the
/// one with the least loss. Designs come with their power and loss.
pub fn cheapest<T>(designs: impl Iterator<Item = (T, f64, f64)>) -> Option<T> {
    designs.min_by(|a, b| a.1.total_cmp(&b.1).then(a.2.total_cmp(&b.2))).map(|(design, ..)| design)
}

/// Chooses. The reference is no answer, but it may be on the front; a design of unknown power is
/// neither.
pub fn choose(candidates: &[Judged]) -> Choice {
    let designs =
        || candidates.iter().enumerate().filter(|(_, found)| found.kind != Kind::Reference);
    let under = || designs().filter(|(_, found)| found.assessment.verdict == Verdict::Under);
    let best = |wanted: &dyn Fn(Kind) -> bool| {
        let under = under().filter(|(_, found)| wanted(found.kind));
        cheapest(
            under.filter_map(|(index, found)| Some((index, found.power?, found.assessment.loss))),
        )
    };
    let chosen = best(&|_| true);
    let nearest = || {
        let upper = |candidate: &Judged| candidate.assessment.interval[1];
        designs().min_by(|a, b| upper(a.1).total_cmp(&upper(b.1))).map(|(index, _)| index)
    };
    let most = chosen.and_then(|chosen| candidates[chosen].power).unwrap_or(f64::INFINITY);
    let undecided = designs().filter(|(_, found)| !found.assessment.verdict.is_decided());
    let mut undecided: Vec<(usize, f64)> =
        undecided.filter_map(|(index, found)| Some((index, found.power?))).collect();
    undecided.retain(|(_, power)| *power < most);
    undecided.sort_by(|a, b| a.1.total_cmp(&b.1));
    Choice {
        chosen,
        nearest: if under().next().is_some() { None } else { nearest() },
        with_v: best(&|kind| kind == Kind::WithV),
        without_v: best(&|kind| kind == Kind::WithoutV),
        reduced_precision: best(&|kind| kind == Kind::ReducedPrecision),
        front: front(
            candidates
                .iter()
                .enumerate()
                .filter_map(|(index, found)| Some((index, found.power?, found.assessment.loss))),
        ),
        undecided: undecided.into_iter().map(|(index, _)| index).collect(),
        unknown_power: under()
            .filter(|(_, found)| found.power.is_none())
            .map(|(index, _)| index)
            .collect(),
    }
}

/// The Pareto front: the designs that no other beats in power and loss at once, from the least
/// power to the least loss, or what else shall be small. Designs come with both.
pub fn front<T>(designs: impl Iterator<Item = (T, f64, f64)>) -> Vec<T> {
    let mut designs: Vec<(T, f64, f64)> = designs.collect();
    designs.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.2.total_cmp(&b.2)));
    let mut least_loss = f64::INFINITY;
    designs.retain(|&(_, _, loss)| {
        let better = loss < least_loss;
        least_loss = least_loss.min(loss);
        better
    });
    designs.into_iter().map(|(design, ..)| design).collect()
}

/// One design on one network.
#[derive(Clone, Copy, Debug)]
pub struct OnNetwork<'a> {
    /// What names the images and their order: networks on the same images err together.
    pub inputs: &'a str,
    /// The exact 8-bit network, on all images.
    pub reference: &'a [bool],
    /// The design, on the first of them.
    pub candidate: &'a [bool],
    /// Its loss on this network.
    pub assessment: Assessment,
    /// Array power relative to the exact 8-bit array, where it is known.
    pub power: Option<f64>,
    /// Energy of an inference relative to the exact 8-bit network's, where it is known.
    pub relative_energy: Option<f64>,
}

/// A design over several networks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanLoss {
    /// Array power of the dearest function x that a network prefers: hardware has one.
    pub power: Option<f64>,
    /// Mean of the networks' energies, each with the function x that it prefers.
    pub relative_energy: Option<f64>,
    /// The mean loss.
    pub assessment: Assessment,
}

/// A design over networks.
///
/// The standard errors are those of the networks' own intervals. Different images err
/// independently; on the same images the correlation is that of the outcomes. The confidence is
/// the highest of the networks', so that one which was left early counts with what it really knows.
///
/// # Panics
/// When there is no network.
pub fn mean(networks: &[OnNetwork], limit: Limit) -> MeanLoss {
    assert!(!networks.is_empty(), "at least one network");
    let count = networks.len() as f64;
    let all_seen = networks.iter().all(|on| on.candidate.len() == on.reference.len());
    let confidence = networks.iter().map(|on| on.assessment.confidence);
    let confidence = if all_seen { 1.0 - ERROR } else { confidence.fold(1.0 - ERROR, f64::max) };
    let error = |on: &OnNetwork| {
        let [low, high] = on.assessment.interval;
        (high - low) / 2.0 / quantile(on.assessment.confidence)
    };
    let mut variance = 0.0;
    for (index, one) in networks.iter().enumerate() {
        variance += error(one).powi(2);
        for other in networks[..index].iter().filter(|other| other.inputs == one.inputs) {
            variance += 2.0 * error(one) * error(other) * correlation(one, other);
        }
    }
    let z = quantile(confidence);
    let margin = z * variance.max(0.0).sqrt() / count;
    let loss = networks.iter().map(|on| on.assessment.loss).sum::<f64>() / count;
    let interval = [loss - margin, loss + margin];
    let verdict = match limit.points() {
        points if interval[1] < points => Verdict::Under,
        points if interval[0] > points => Verdict::Over,
        _ if all_seen => Verdict::Undecided,
        _ => Verdict::Open,
    };
    let images = networks.iter().map(|on| on.candidate.len()).sum();
    let needed = (!verdict.is_decided())
        .then(|| images_to_decide(images, z * (loss - limit.points()) / margin, z));
    let images_to_decide = needed.flatten();
    let powers: Option<Vec<f64>> = networks.iter().map(|on| on.power).collect();
    let energies: Option<f64> = networks.iter().map(|on| on.relative_energy).sum();
    MeanLoss {
        power: powers.and_then(|powers| powers.into_iter().max_by(f64::total_cmp)),
        relative_energy: energies.map(|energies| energies / count),
        assessment: Assessment { verdict, images, loss, interval, confidence, images_to_decide },
    }
}

/// The correlation of the mean losses of two networks on the same images, of which the one may
/// have seen more than the other.
fn correlation(one: &OnNetwork, other: &OnNetwork) -> f64 {
    let common = one.candidate.len().min(other.candidate.len());
    let lost = |on: &OnNetwork, image: usize| {
        f64::from(i8::from(on.reference[image]) - i8::from(on.candidate[image]))
    };
    let mean = |f: &dyn Fn(usize) -> f64| (0..common).map(f).sum::<f64>() / common.max(1) as f64;
    let covariance = |a: &OnNetwork, b: &OnNetwork| {
        mean(&|image| lost(a, image) * lost(b, image))
            - mean(&|image| lost(a, image)) * mean(&|image| lost(b, image))
    };
    let scale = (covariance(one, one) * covariance(other, other)).sqrt();
    let lengths = one.candidate.len() as f64 * other.candidate.len() as f64;
    if scale == 0.0 { 0.0 } else { covariance(one, other) / scale * common as f64 / lengths.sqrt() }
}

#[cfg(test)]
pub(crate) mod tests;
