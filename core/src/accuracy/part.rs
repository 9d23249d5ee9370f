//! What networks make of ranges of images, and how that is put together: the same in one process as
//! in many.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::data::Dataset;
use crate::emulate::{Statistics, Times};
use crate::model::Graph;

use super::EmulatedDesign;
use super::evaluate::{Details, EvaluateError, Evaluation, Outcomes};
use super::fidelity::{Collector, Comparisons};

/// What one network made of consecutive images. All of it is kept image by image, as sums of floats
/// depend on their order. It is plain data, to be sent to another process.
#[derive(Default, Serialize, Deserialize)]
pub struct Part {
    pub(super) outcomes: Outcomes,
    /// None where outputs are not compared.
    pub(super) comparisons: Option<Comparisons>,
    /// Empty where nobody looks at layers.
    pub(super) layers: Vec<Statistics>,
    /// None where nobody wants to know.
    pub(super) times: Option<Times>,
}

impl Part {
    /// How many images there were.
    pub fn images(&self) -> usize {
        self.outcomes.images
    }

    /// Adds what the same network made of the images that follow.
    pub fn append(&mut self, next: Self) {
        self.outcomes.append(&next.outcomes);
        match (&mut self.comparisons, next.comparisons) {
            (Some(comparisons), Some(next)) => comparisons.append(next),
            (comparisons, next) => *comparisons = comparisons.take().or(next),
        }
        self.layers.extend(next.layers);
        if let (Some(times), Some(next)) = (&mut self.times, &next.times) {
            times.merge(next);
        }
    }
}

/// What is looked at in the outputs of networks.
#[derive(Clone)]
pub struct Measures {
    /// Where the class scores are; empty where nobody looks at them.
    pub(super) classes: Range<usize>,
    /// How close outputs come to those of the references.
    pub(super) fidelity: Option<Collector>,
}

impl Measures {
    /// Of a network on images: with labels its class scores, and all outputs where there are no
    /// labels or several outputs.
    ///
    /// # Errors
    /// Where labels are compared, without class scores or with labels that the network does not have.
    pub fn new(dataset: &Dataset, graph: &Graph) -> Result<Self, EvaluateError> {
        let has_labels = dataset.labels().is_ok();
        let classes = match graph.scores() {
            Some((_, classes)) => classes,
            None if has_labels => return Err(EvaluateError::NoScores),
            // Nobody looks at them.
            None => 0..0,
        };
        if has_labels {
            dataset.check_outputs(classes.len())?;
        }
        let fidelity = (!has_labels || graph.outputs.len() > 1)
            .then(|| Collector::new(graph, graph.output_names()));
        Ok(Self { classes, fidelity })
    }

    /// Whether outputs are compared with those of the float network and of the first candidate, which
    /// then have to run on the same images at the same time.
    pub fn compares(&self) -> bool {
        self.fidelity.is_some()
    }
}

/// What one network made of all images so far.
#[derive(Default)]
struct Total {
    outcomes: Outcomes,
    fidelity: Option<Collector>,
    layers: Option<Statistics>,
    times: Option<Times>,
}

/// What the float network and all candidates made of the images so far.
pub struct Totals {
    /// The float network's first.
    networks: Vec<Total>,
}

impl Totals {
    /// Of so many candidates and no image yet.
    pub fn new(measures: &Measures, candidates: usize, details: Details) -> Self {
        let of_candidates = (0..candidates).map(|_| Total {
            fidelity: measures.fidelity.clone(),
            layers: details.layers.then(Statistics::default),
            times: details.profile.then(Times::default),
            ..Total::default()
        });
        Self { networks: [Total::default()].into_iter().chain(of_candidates).collect() }
    }

    /// Adds what networks from number `first` on, the float network being number 0, made of the images
    /// that follow those that they have seen.
    pub fn add(&mut self, first: usize, parts: Vec<Part>) {
        for (Total { outcomes, fidelity, layers, times }, part) in
            self.networks[first..].iter_mut().zip(parts)
        {
            outcomes.append(&part.outcomes);
            if let (Some(fidelity), Some(comparisons)) = (fidelity, &part.comparisons) {
                fidelity.add(comparisons);
            }
            if let Some(layers) = layers {
                part.layers.iter().for_each(|image| layers.merge(image));
            }
            if let (Some(times), Some(more)) = (times, &part.times) {
                times.merge(more);
            }
        }
    }

    /// What all of that says about the candidates.
    pub fn finish(self, candidates: &[EmulatedDesign]) -> Evaluation {
        let mut networks = self.networks.into_iter();
        let float = networks.next().map(|total| total.outcomes).unwrap_or_default();
        let all: Vec<Total> = networks.collect();
        let fidelity = all.iter().map(|total| Some(total.fidelity.as_ref()?.finish())).collect();
        let layers = all
            .iter()
            .zip(candidates)
            .map(|(total, candidate)| {
                Some(total.layers.as_ref()?.finish(&candidate.network, &candidate.reference))
            })
            .collect();
        let profiles = all
            .iter()
            .zip(candidates)
            .map(|(total, candidate)| Some(candidate.network.profile(total.times.as_ref()?)))
            .collect();
        let candidates = all.into_iter().map(|total| total.outcomes).collect();
        Evaluation { float, candidates, fidelity, layers, profiles }
    }
}
