//! Sends a range of images through networks.

use std::ops::Range;
use std::time::Instant;

use rayon::prelude::*;

use crate::emulate::{StatisticsCollector, Times};
use crate::model::FloatModel;
use crate::watch::{Watch, go_on};

use super::classify::Classifier;
use super::evaluate::{EvaluateError, Images, Outcomes, Outputs};
use super::part::{Measures, Part};
use super::{EmulatedDesign, ExperimentError};

/// A candidate, with what looks at its layers.
pub type Observed<'a> = (&'a EmulatedDesign, Option<&'a StatisticsCollector>);

/// Runs networks on images, range by range.
pub struct Evaluator<'a> {
    /// The images.
    pub images: &'a Images<'a>,
    /// The float network.
    pub float: &'a FloatModel,
    /// What is looked at.
    pub measures: &'a Measures,
    /// What runs the candidates.
    pub classifier: &'a Classifier,
    /// Whether it notes the time that each step of a candidate takes.
    pub profile: bool,
}

impl Evaluator<'_> {
    /// What the float network, if it is asked for, and candidates make of the images at these places,
    /// all of which are in memory at a time. Where outputs are compared, the float network and the
    /// reference, which is the first of the candidates, have to be among them.
    ///
    /// # Errors
    /// When an image cannot be read or has values that an operator in float does not take, when
    /// `outputs` cannot be saved, or `watch` stops the work.
    pub fn run(
        &self,
        places: Range<usize>,
        float: bool,
        candidates: &[Observed],
        mut outputs: Option<&mut (dyn Outputs + '_)>,
        watch: &(impl Watch + ?Sized),
    ) -> Result<Vec<Part>, EvaluateError> {
        let fidelity = &self.measures.fidelity;
        let batch = self.images.read_inputs(places.clone())?;
        let indices = &self.images.indices[places.clone()];
        let mut parts = Vec::new();
        let mut real = Vec::new();
        if float {
            let start = Instant::now();
            real = self.float_outputs(&batch, indices, watch)?;
            let elapsed = start.elapsed();
            if let Some(outputs) = outputs.as_deref_mut() {
                outputs.save(None, places.start, &real)?;
            }
            let outcomes = Outcomes { elapsed, ..self.outcomes(&real, indices) };
            parts.push(Part { outcomes, ..Part::default() });
        }
        let mut exact = Vec::new();
        for (index, &(candidate, collector)) in candidates.iter().enumerate() {
            go_on(watch)?;
            let start = Instant::now();
            // The float network has run on these images, here or elsewhere: what it does not tell
            // apart, the numbers that the multiplier makes can.
            let mut times = self.profile.then(Times::default);
            let (network, classifier) = (&candidate.network, self.classifier);
            let all = match &mut times {
                None => classifier.outputs(network, &batch, watch),
                Some(times) => classifier.outputs_timed(network, &batch, times, watch),
            };
            let all = all.map_err(ExperimentError::from)?;
            let elapsed = start.elapsed();
            let outcomes = Outcomes { elapsed, ..self.outcomes(&all, indices) };
            if let Some(outputs) = outputs.as_deref_mut() {
                outputs.save(Some(index), places.start, &all)?;
            }
            let layers = match collector {
                None => Vec::new(),
                Some(it) => {
                    classifier.observe(network, it, &batch, watch).map_err(ExperimentError::from)?
                }
            };
            if index == 0 && fidelity.is_some() {
                exact.clone_from(&all);
            }
            let comparisons = fidelity.as_ref().map(|it| it.compare(&real, &exact, &all));
            parts.push(Part { outcomes, comparisons, layers, times });
        }
        Ok(parts)
    }

    fn outcomes(&self, all: &[Vec<f32>], indices: &[usize]) -> Outcomes {
        let mut outcomes = Outcomes::default();
        match self.images.dataset.labels() {
            Err(_) => outcomes.images = all.len(),
            Ok(labels) => all.iter().zip(indices).for_each(|(outputs, &index)| {
                outcomes.add(&outputs[self.measures.classes.clone()], labels[index] as usize);
            }),
        }
        outcomes
    }

    /// The outputs of the float network for images of these numbers.
    fn float_outputs(
        &self,
        batch: &[Vec<f32>],
        indices: &[usize],
        watch: &(impl Watch + ?Sized),
    ) -> Result<Vec<Vec<f32>>, EvaluateError> {
        let outputs = batch.par_iter().zip(indices).map(|(image, &index)| {
            go_on(watch)?;
            self.float.outputs(image).map_err(|error| EvaluateError::Image { index, error })
        });
        outputs.collect()
    }
}
