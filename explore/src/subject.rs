//! What a search runs: a network whose products can be replaced.

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use recoup_core::accuracy::{Classifier, EmulatedDesign, EvaluateError, Experiment, Outcomes};
use recoup_core::design::Design;
use recoup_core::emulate::Prefixes;
use recoup_core::watch::Watch;
use serde::{Deserialize, Serialize};

use crate::inputs::Inputs;
use crate::quality::{self, LayerQuality};

/// Why a design cannot be run.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What is known of a design before it runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// The functions x of its control variate.
    pub functions: Vec<String>,
    /// Error over signal in its layers, as predicted.
    pub noise_to_signal: f64,
    /// The products of two activations that load their first operand.
    pub first_loaded: Vec<String>,
}

/// A network on its images.
pub trait Subject {
    /// What can be expected of a design.
    ///
    /// # Errors
    /// When the design makes no sense.
    fn expect(&self, design: &Design) -> Result<Expected, Failure>;

    /// Makes a design ready to run.
    ///
    /// # Errors
    /// When it cannot be made.
    fn start(&self, design: &Design) -> Result<Box<dyn Trial + '_>, Failure>;
}

/// A design, ready to run.
pub trait Trial {
    /// Whether images are classified correctly: those of the range, or the first of them.
    ///
    /// # Errors
    /// When an image cannot be read.
    fn outcomes(&mut self, images: Range<usize>) -> Result<Vec<bool>, Failure>;

    /// Looks at the layers on the first `images` images.
    ///
    /// # Errors
    /// When an image cannot be read, or a kernel refuses a layer.
    fn observe(&mut self, images: usize) -> Result<Vec<LayerQuality>, Failure>;
}

/// A network on emulated multipliers.
pub struct Emulated<'a> {
    /// From which candidates are made: one for each coding of the weights, the first for designs
    /// that name none.
    pub experiments: &'a [Experiment],
    /// Its images.
    pub inputs: &'a Inputs<'a>,
    classifier: Classifier,
    prefixes: Prefixes,
    watch: &'a dyn Watch,
}

impl<'a> Emulated<'a> {
    /// The network of experiments on images. What designs have in common is kept in
    /// `prefix_bytes` of memory. `watch` stops what takes long.
    pub fn new(
        experiments: &'a [Experiment],
        inputs: &'a Inputs<'a>,
        prefix_bytes: usize,
        watch: &'a dyn Watch,
    ) -> Self {
        let (classifier, prefixes) = (Classifier::default(), Prefixes::new(prefix_bytes));
        Self { experiments, inputs, classifier, prefixes, watch }
    }

    fn experiment(&self, design: &Design) -> &'a Experiment {
        let mut experiments = self.experiments.iter();
        let found =
            experiments.find(|it| design.weights.is_none_or(|coding| it.weights() == coding));
        found.expect("an experiment in each coding of the designs")
    }
}

impl Subject for Emulated<'_> {
    fn expect(&self, design: &Design) -> Result<Expected, Failure> {
        let prediction = self.experiment(design).predict(design, self.watch)?;
        let names = prediction.functions.iter().map(|x| x.function.to_string());
        Ok(Expected {
            functions: names.collect(),
            noise_to_signal: prediction.noise_to_signal,
            first_loaded: prediction.first_loaded,
        })
    }

    fn start(&self, design: &Design) -> Result<Box<dyn Trial + '_>, Failure> {
        let candidate = self.experiment(design).candidate_watched(design, self.watch)?;
        Ok(Box::new(EmulatedTrial { subject: self, candidate }))
    }
}

struct EmulatedTrial<'a> {
    subject: &'a Emulated<'a>,
    candidate: EmulatedDesign,
}

impl Trial for EmulatedTrial<'_> {
    fn outcomes(&mut self, images: Range<usize>) -> Result<Vec<bool>, Failure> {
        let Emulated { inputs, classifier, prefixes, .. } = self.subject;
        let first = images.start;
        let batch = inputs.get(images)?;
        let network = &self.candidate.network;
        let outputs = classifier.outputs_sharing(network, &batch, first, prefixes)?;
        let mut outcomes = Outcomes::default();
        for (outputs, image) in outputs.iter().zip(&*batch) {
            let scores = network.class_scores(outputs).ok_or(EvaluateError::NoScores)?;
            outcomes.add(scores, image.label);
        }
        Ok(outcomes.top1)
    }

    fn observe(&mut self, images: usize) -> Result<Vec<LayerQuality>, Failure> {
        let Emulated { inputs, classifier, watch, .. } = self.subject;
        let inputs = inputs.get(0..images.min(inputs.len()))?;
        Ok(quality::observe(&self.candidate, classifier, &inputs, *watch)?)
    }
}

/// Runs `action`; a panic in it becomes a failure. Of what it was working on, nothing may be
/// used afterwards.
pub(crate) fn guard<T>(action: impl FnOnce() -> Result<T, Failure>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(action)) {
        Ok(result) => result.map_err(|failure| failure.to_string()),
        Err(payload) => Err(format!("panicked: {}", panic_message(&*payload))),
    }
}

fn panic_message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}
