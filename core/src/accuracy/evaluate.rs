//! Sends images through the float network and all candidates.

use std::ops::Range;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::as_digits;
use crate::data::{DataError, Dataset, InputTensor, Preprocess, Sampler};
use crate::emulate::{LayerStatistics, Profile};
use crate::hint::Hint;
use crate::model::{FloatModel, Graph, SampleError};

use crate::watch::{Stopped, Watch, go_on};

use super::classify::{Classifier, LabelledInput};
use super::evaluator::{Evaluator, Observed};
use super::fidelity::OutputFidelity;
use super::part::{Measures, Totals};
use super::{EmulatedDesign, ExperimentError};

/// From this many classes on, the five best count too.
const TOP5_CLASSES: usize = 100;

/// What one network made of the images, in the order of the evaluation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcomes {
    /// How many images there were.
    pub images: usize,
    /// Whether the best class was right; empty without labels.
    #[serde(with = "as_digits")]
    pub top1: Vec<bool>,
    /// Whether the right class was among the best five; empty below 100 classes.
    #[serde(with = "as_digits")]
    pub top5: Vec<bool>,
    /// Time that all threads together took from image to scores.
    pub elapsed: Duration,
}

impl Outcomes {
    /// Share of images whose best class was right; none without labels.
    pub fn top1_accuracy(&self) -> Option<f64> {
        (!self.top1.is_empty()).then(|| share(&self.top1))
    }

    /// Share of images with the right class among the best five, from 100 classes on.
    pub fn top5_accuracy(&self) -> Option<f64> {
        (!self.top5.is_empty()).then(|| share(&self.top5))
    }

    /// Images per second of wall-clock time, quantisation included.
    pub fn images_per_s(&self) -> f64 {
        self.images as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// Adds what the network made of the images that follow.
    pub fn append(&mut self, next: &Self) {
        self.images += next.images;
        self.top1.extend_from_slice(&next.top1);
        self.top5.extend_from_slice(&next.top5);
        self.elapsed += next.elapsed;
    }

    /// Adds what a network made of one more image with a label.
    pub fn add(&mut self, scores: &[f32], label: usize) {
        self.images += 1;
        // Ties go to the lower class, as in argmax elsewhere.
        let own = scores[label];
        let better =
            |(class, &score): (usize, &f32)| score > own || (score == own && class < label);
        let rank = scores.iter().enumerate().filter(|entry| better(*entry)).count();
        self.top1.push(rank == 0 && !own.is_nan());
        if scores.len() >= TOP5_CLASSES {
            self.top5.push(rank < 5 && !own.is_nan());
        }
    }
}

fn share(outcomes: &[bool]) -> f64 {
    let right = outcomes.iter().filter(|right| **right).count();
    right as f64 / outcomes.len().max(1) as f64
}

/// The outcomes of an evaluation.
pub struct Evaluation {
    /// The float32 network.
    pub float: Outcomes,
    /// Every candidate, in the order given.
    pub candidates: Vec<Outcomes>,
    /// Per candidate, how close each output is to the references': without labels, and where there
    /// are several outputs.
    pub fidelity: Option<Vec<Vec<OutputFidelity>>>,
    /// Per candidate, if asked for, the statistics of its layers.
    pub layers: Option<Vec<Vec<LayerStatistics>>>,
    /// Per candidate, if asked for, where its time went.
    pub profiles: Option<Vec<Profile>>,
}

/// What is looked at inside the candidates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// The accumulated error of each layer.
    pub layers: bool,
    /// The time that each step takes.
    pub profile: bool,
}

/// Receives what networks make of consecutive images.
pub trait Outputs {
    /// `outputs` has all outputs of each image, from image number `first` of the evaluation on: of a
    /// candidate, or of the float32 network, which comes first.
    ///
    /// # Errors
    /// When they cannot be kept; the evaluation then stops.
    fn save(
        &mut self,
        candidate: Option<usize>,
        first: usize,
        outputs: &[Vec<f32>],
    ) -> std::io::Result<()>;
}

/// What to evaluate on.
pub struct Images<'a> {
    /// The data set.
    pub dataset: &'a Dataset,
    /// The images of it, by index.
    pub indices: &'a [usize],
    /// From image to the elements of all inputs.
    pub sampler: &'a Sampler,
    /// How many images are in memory at a time.
    pub batch: usize,
}

impl Images<'_> {
    /// Reads some of the images with their labels, by their places in `indices`.
    ///
    /// # Errors
    /// When an image cannot be read, or there are no labels.
    pub fn read(&self, places: Range<usize>) -> Result<Vec<LabelledInput>, DataError> {
        let labels = self.dataset.labels()?;
        let inputs = self.read_inputs(places.clone())?.into_iter();
        let labelled = inputs
            .zip(&self.indices[places])
            .map(|(input, &index)| LabelledInput { input, label: labels[index] as usize });
        Ok(labelled.collect())
    }

    /// Reads some of the images without labels, by their places in `indices`.
    ///
    /// # Errors
    /// When an image cannot be read.
    pub fn read_inputs(&self, places: Range<usize>) -> Result<Vec<Vec<f32>>, DataError> {
        let indices = self.indices[places].par_iter();
        indices.map(|&index| self.sampler.read(self.dataset, index)).collect()
    }
}

/// How the records of `dataset` become samples of `graph`.
///
/// # Errors
/// When they cannot, as far as can be said without reading one.
pub fn sampler(
    dataset: &Dataset,
    preprocess: &Preprocess,
    graph: &Graph,
) -> Result<Sampler, DataError> {
    let named = graph.inputs.iter().zip(graph.input_names());
    let inputs = named.map(|(&input, name)| {
        let value = &graph.values[input];
        InputTensor { name: name.clone(), shape: value.shape.clone(), integer: value.integer }
    });
    Sampler::new(dataset, preprocess, inputs.collect())
}

/// Evaluates the float network and all candidates on the same images, the first candidate being the
/// reference of the others. The results depend neither on the batch nor on the number of threads.
/// A step of the work is an image.
///
/// # Errors
/// When an image cannot be read, has values that an operator in float does not take, or a label
/// that the network does not have; when `outputs` cannot be saved. Without a candidate, and where
/// labels are compared, without class scores.
pub fn evaluate(
    images: &Images,
    float: &FloatModel,
    candidates: &[EmulatedDesign],
    details: Details,
    mut outputs: Option<&mut dyn Outputs>,
    watch: &(impl Watch + ?Sized),
) -> Result<Evaluation, EvaluateError> {
    let Details { layers, profile } = details;
    let collectors = candidates.iter().filter(|_| layers).map(EmulatedDesign::collector);
    let collectors = collectors.collect::<Result<Vec<_>, _>>().map_err(ExperimentError::from)?;
    let Some(EmulatedDesign { prepared, .. }) = candidates.first() else {
        return Err(EvaluateError::NoCandidate);
    };
    let measures = &Measures::new(images.dataset, &prepared.quantized.graph)?;
    let mut totals = Totals::new(measures, candidates.len(), details);
    let observed = candidates.iter().enumerate().map(|(index, it)| (it, collectors.get(index)));
    let observed: Vec<Observed> = observed.collect();
    let classifier = &Classifier::default();
    let evaluator = Evaluator { images, float, measures, classifier, profile };
    let (count, batch) = (images.indices.len(), images.batch.max(1));
    for start in (0..count).step_by(batch) {
        let places = start..count.min(start + batch);
        let outputs = outputs.as_deref_mut();
        totals.add(0, evaluator.run(places.clone(), true, &observed, outputs, watch)?);
        watch.advance(places.len());
    }
    Ok(totals.finish(candidates))
}

/// What one more candidate makes of images with labels, all of which the float network has run on.
///
/// # Errors
/// When an image cannot be read or has no label that the network has, there are no class scores, or
/// `watch` stops the work.
pub fn outcomes(
    images: &Images,
    candidate: &EmulatedDesign,
    watch: &(impl Watch + ?Sized),
) -> Result<Outcomes, EvaluateError> {
    let graph = &candidate.prepared.quantized.graph;
    let (_, classes) = graph.scores().ok_or(EvaluateError::NoScores)?;
    images.dataset.check_outputs(classes.len())?;
    let classifier = Classifier::default();
    let mut outcomes = Outcomes::default();
    while outcomes.images < images.indices.len() {
        go_on(watch)?;
        let end = images.indices.len().min(outcomes.images + images.batch.max(1));
        let batch = images.read(outcomes.images..end)?;
        let start = Instant::now();
        let all = classifier.outputs(&candidate.network, &batch, watch);
        let all = all.map_err(ExperimentError::from)?;
        outcomes.elapsed += start.elapsed();
        for (outputs, image) in all.iter().zip(&batch) {
            let scores = candidate.network.class_scores(outputs).ok_or(EvaluateError::NoScores)?;
            outcomes.add(scores, image.label);
        }
        watch.advance(batch.len());
    }
    Ok(outcomes)
}

/// Why an evaluation stopped.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// An image could not be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// An operator does not take the values of an image.
    #[error("image {index}, counted from 0: {error}")]
    Image {
        /// Its number in the data set.
        index: usize,
        /// Which operator, and why.
        error: SampleError,
    },
    /// See [`Stopped`].
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// There is nothing to evaluate.
    #[error("no candidate to evaluate: give one at least, the reference of the others")]
    NoCandidate,
    /// Labels, without class scores.
    #[error("none of the model's outputs is one score per class: take the labels away")]
    NoScores,
    /// The outputs could not be saved.
    #[error("the outputs cannot be written: {0}")]
    Outputs(#[from] std::io::Error),
    /// A kernel refused a layer.
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
}

impl EvaluateError {
    /// What would help, where the text does not say it.
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::Data(error) => error.hint(),
            Self::Image { error, .. } => error.hint(),
            Self::Experiment(error) => error.hint(),
            Self::Stopped(_) | Self::Outputs(_) | Self::NoCandidate | Self::NoScores => None,
        }
    }
}
