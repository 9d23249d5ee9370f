//! How close the outputs of a network stay to those of a reference: for outputs of any shape, and
//! without labels. The formulas are (7.5) to (7.8) of docs/arithmetic.md.

mod moments;

use std::ops::Range;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::as_bits;
use crate::model::Graph;

use super::paired::quantile;
use moments::Moments;

const CONFIDENCE: f64 = 0.95;

/// One output of a network against the same output of a reference, over all samples. What is no
/// finite number, because an output is not, is left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Fidelity {
    /// Number of samples.
    pub samples: usize,
    /// Whether all elements were equal.
    pub equal: bool,
    /// Signal to quantisation noise ratio, eq. (7.5), dB; none where all elements are equal.
    pub sqnr_db: Option<f64>,
    /// 95 % confidence interval of it, eq. (7.6), dB; none of a single sample.
    pub sqnr_db_ci95: Option<[f64; 2]>,
    /// Mean of the samples' cosines, eq. (7.7).
    pub cosine: Option<f64>,
    /// 95 % confidence interval of it; none of a single sample.
    pub cosine_ci95: Option<[f64; 2]>,
    /// Largest absolute difference of an element.
    pub largest_difference: Option<f64>,
    /// Of an output that is one score per class.
    pub agreement: Option<Agreement>,
}

/// How often two networks put the same class first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// Share of samples.
    pub share: f64,
    /// 95 % confidence interval of it, eq. (7.8).
    pub ci95: [f64; 2],
}

/// One output against both references.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputFidelity {
    /// The output's name.
    pub output: String,
    /// Its shape, batch (1) included.
    pub shape: Vec<usize>,
    /// Against the float32 network.
    pub against_float: Fidelity,
    /// Against the first candidate: exact products of 8-bit codes.
    pub against_exact: Fidelity,
}

/// Collects the outputs of one network, batch by batch.
#[derive(Clone)]
pub(super) struct Collector(Vec<Output>);

#[derive(Clone)]
struct Output {
    name: String,
    shape: Vec<usize>,
    range: Range<usize>,
    is_scores: bool,
    against_float: Sums,
    against_exact: Sums,
}

impl Collector {
    /// For the outputs of `graph`, with these names.
    pub fn new(graph: &Graph, names: &[String]) -> Self {
        let outputs = graph.outputs.iter().zip(graph.output_ranges());
        let outputs = outputs.zip(names).map(|((&output, range), name)| {
            let value = &graph.values[output];
            Output {
                name: name.clone(),
                shape: value.shape.clone(),
                range,
                is_scores: value.is_scores(),
                against_float: Sums::default(),
                against_exact: Sums::default(),
            }
        });
        Self(outputs.collect())
    }

    /// Compares what the float network, the exact one and this one made of the same samples.
    pub fn compare(&self, float: &[Vec<f32>], exact: &[Vec<f32>], own: &[Vec<f32>]) -> Comparisons {
        let outputs = self.0.iter().map(|Output { range, is_scores, .. }| {
            [float, exact].map(|reference| {
                let samples = reference.par_iter().zip(own).map(|(reference, own)| {
                    Comparison::of(&reference[range.clone()], &own[range.clone()], *is_scores)
                });
                samples.collect()
            })
        });
        Comparisons(outputs.collect())
    }

    /// Adds what was compared. Sums of floats depend on their order: that of the samples, always.
    pub fn add(&mut self, Comparisons(outputs): &Comparisons) {
        for (output, [float, exact]) in self.0.iter_mut().zip(outputs) {
            float.iter().for_each(|sample| output.against_float.add(sample));
            exact.iter().for_each(|sample| output.against_exact.add(sample));
        }
    }

    /// What the samples say about each output.
    pub fn finish(&self) -> Vec<OutputFidelity> {
        let outputs = self.0.iter().map(|output| OutputFidelity {
            output: output.name.clone(),
            shape: output.shape.clone(),
            against_float: output.against_float.fidelity(output.is_scores),
            against_exact: output.against_exact.fidelity(output.is_scores),
        });
        outputs.collect()
    }
}

/// Consecutive samples: of each output, against the float network and against the exact one.
#[derive(Serialize, Deserialize)]
pub(super) struct Comparisons(Vec<[Vec<Comparison>; 2]>);

impl Comparisons {
    /// Adds the samples that follow.
    pub fn append(&mut self, next: Self) {
        for (output, next) in self.0.iter_mut().zip(next.0) {
            output.iter_mut().zip(next).for_each(|(samples, next)| samples.extend(next));
        }
    }
}

/// One sample.
#[derive(Serialize, Deserialize)]
struct Comparison {
    /// Sum of the squares of the reference.
    #[serde(with = "as_bits")]
    signal: f64,
    /// Sum of the squared differences.
    #[serde(with = "as_bits")]
    noise: f64,
    #[serde(with = "as_bits")]
    cosine: f64,
    #[serde(with = "as_bits")]
    largest_difference: f64,
    same_class: bool,
}

impl Comparison {
    fn of(reference: &[f32], found: &[f32], is_scores: bool) -> Self {
        let (mut signal, mut power, mut product) = (0.0, 0.0, 0.0);
        let (mut noise, mut largest_difference) = (0.0, 0f64);
        for (&reference, &found) in reference.iter().zip(found) {
            // Equal infinities differ by nothing.
            let difference =
                if reference == found { 0.0 } else { f64::from(found) - f64::from(reference) };
            let (reference, found) = (f64::from(reference), f64::from(found));
            signal += reference * reference;
            power += found * found;
            product += reference * found;
            noise += difference * difference;
            // Once it is no number, it stays so.
            if difference.is_nan() || difference.abs() > largest_difference {
                largest_difference = difference.abs();
            }
        }
        let cosine = match noise == 0.0 {
            true => 1.0,
            false if signal == 0.0 || power == 0.0 => 0.0,
            false => (product / (signal.sqrt() * power.sqrt())).clamp(-1.0, 1.0),
        };
        let same_class = is_scores && first_class(reference) == first_class(found);
        Self { signal, noise, cosine, largest_difference, same_class }
    }
}

/// The class with the highest score, of equals the lowest.
fn first_class(scores: &[f32]) -> usize {
    let better = |best: usize, class: usize| match scores[class] > scores[best] {
        true => class,
        false => best,
    };
    (0..scores.len()).reduce(better).unwrap_or(0)
}

/// All samples so far.
#[derive(Clone, Default)]
struct Sums {
    /// Of signal and noise.
    energies: Moments,
    /// Of the cosine, with itself.
    cosines: Moments,
    largest_difference: f64,
    same_class: usize,
}

impl Sums {
    fn add(&mut self, sample: &Comparison) {
        self.energies.add(sample.signal, sample.noise);
        self.cosines.add(sample.cosine, sample.cosine);
        let largest = sample.largest_difference;
        if largest.is_nan() || largest > self.largest_difference {
            self.largest_difference = largest;
        }
        self.same_class += usize::from(sample.same_class);
    }

    fn fidelity(&self, is_scores: bool) -> Fidelity {
        let (energies, samples) = (&self.energies, self.energies.count);
        let z = quantile(CONFIDENCE);
        let [signal, noise] = energies.means;
        let equal = noise == 0.0;
        let finite = |number: f64| Some(number).filter(|number| number.is_finite());
        let sqnr_db = finite(10.0 * (signal / noise).log10());
        let cosine = finite(self.cosines.means[0]);
        // The standard error of the logarithm of a ratio of means.
        let interval = |middle: Option<f64>, variance: f64| {
            let half = finite(z * (variance.max(0.0) / samples as f64).sqrt())?;
            middle.filter(|_| samples > 1).map(|middle| [middle - half, middle + half])
        };
        let relative = energies.variance(0, 0) / signal.powi(2)
            + energies.variance(1, 1) / noise.powi(2)
            - 2.0 * energies.variance(0, 1) / (signal * noise);
        let db_per_unit = 10.0 / std::f64::consts::LN_10;
        Fidelity {
            samples,
            equal,
            sqnr_db,
            sqnr_db_ci95: interval(sqnr_db, db_per_unit.powi(2) * relative),
            cosine,
            cosine_ci95: interval(cosine, self.cosines.variance(0, 0))
                .map(|ends| ends.map(|end| end.clamp(-1.0, 1.0))),
            largest_difference: finite(self.largest_difference),
            agreement: is_scores.then(|| Agreement {
                share: self.same_class as f64 / samples.max(1) as f64,
                ci95: wilson(self.same_class, samples, z),
            }),
        }
    }
}

/// Wilson's score interval of a share, eq. (7.8).
fn wilson(hits: usize, samples: usize, z: f64) -> [f64; 2] {
    let (samples, z2) = (samples as f64, z * z);
    let share = hits as f64 / samples;
    let middle = (share + z2 / (2.0 * samples)) / (1.0 + z2 / samples);
    let spread = (share * (1.0 - share) / samples + z2 / (4.0 * samples * samples)).sqrt();
    let half = z * spread / (1.0 + z2 / samples);
    // At 0 and 1, where the interval ends there, rounding could lead beyond.
    [(middle - half).max(0.0), (middle + half).min(1.0)]
}

#[cfg(test)]
mod tests;
