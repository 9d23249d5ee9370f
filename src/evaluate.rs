//! Designs on a session's images.

mod noise;
mod pieces;
mod plan;

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use recoup_core::accuracy::paired::{PairedLoss, compare};
use recoup_core::accuracy::{
    Details, EmulatedDesign, Evaluation, Experiment, ExperimentError, Measures, Outcomes, Outputs,
    Totals, evaluate, outcomes,
};
use recoup_core::design::Design;
use recoup_core::model::threads::run_apart;
use recoup_core::model::{Attention, OwnCodes};
use recoup_core::quantize::{Calibration, WeightScheme};
use recoup_core::watch::{StopOnly, Watch, go_on};
use recoup_explore::key::evaluation_key;
use recoup_explore::power::{Figures, Power};

use crate::error::{Error, Result};
use crate::session::Session;

pub use noise::LayerNoise;
pub use pieces::{EvaluationPiece, EvaluationResult, EvaluationWorker};
pub use plan::EvaluationPool;
use plan::Plan;

/// How designs are evaluated.
#[derive(Clone, Copy, Debug)]
pub struct EvaluateOptions {
    /// How weights are coded, where a design does not say it.
    pub weights: WeightScheme,
    /// What is looked at inside the designs.
    pub details: Details,
    /// Images in memory at a time; results do not depend on it.
    pub batch: usize,
}

impl Default for EvaluateOptions {
    fn default() -> Self {
        Self { weights: WeightScheme::U8Channel, details: Details::default(), batch: 256 }
    }
}

/// A node that multiplies outside the multipliers.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ExactNode {
    /// Its name.
    pub node: String,
    /// Its operator.
    pub operator: String,
    /// Why.
    pub reason: String,
}

/// What designs made of a session's images. The first design is the reference of the others: exact
/// products of 8-bit codes.
pub struct Results {
    /// The model's file.
    pub model: String,
    /// Where the images come from.
    pub data: String,
    /// From pixels to the model's input.
    pub preprocess: String,
    /// How many images were evaluated.
    pub images: usize,
    /// How weights are coded.
    pub weights: WeightScheme,
    /// Where products of two activations run; none if there are none.
    pub attention: Option<Attention>,
    /// Layers whose weights are the model's own codes, and all layers.
    pub own_codes: OwnCodes,
    /// The scales of the activations, and how they were obtained.
    pub calibration: Calibration,
    /// What multiplies outside the multipliers.
    pub exact_nodes: Vec<ExactNode>,
    /// The designs; of those that others have run there may be no gains ([`Experiment::described`]).
    pub candidates: Vec<EmulatedDesign>,
    /// What became of the images, in the float32 network and in the designs.
    pub evaluation: Evaluation,
    /// What hardware needs for each design, as far as it is known.
    pub figures: Vec<Figures>,
    /// Of designs that lose much in spite of V, the layers in which it leaves most.
    pub left_by_v: Vec<Option<Vec<LayerNoise>>>,
}

impl Session {
    /// Makes designs ready to run, and evaluates them beside the float32 network and exact products
    /// of 8-bit codes, which come first whether they are among `designs` or not.
    ///
    /// # Errors
    /// When the network cannot be calibrated, a design makes no sense, an image cannot be read, or
    /// `watch` stops the work.
    pub fn evaluate(
        &mut self,
        designs: &[Design],
        options: EvaluateOptions,
        watch: &dyn Watch,
    ) -> Result<Results> {
        self.evaluate_saving(designs, options, None, watch)
    }

    /// The same, and saves the outputs of the float32 network and of all designs.
    ///
    /// # Errors
    /// As [`Session::evaluate`], and when the outputs cannot be saved.
    pub fn evaluate_saving(
        &mut self,
        designs: &[Design],
        options: EvaluateOptions,
        outputs: Option<&mut dyn Outputs>,
        watch: &dyn Watch,
    ) -> Result<Results> {
        let EvaluateOptions { weights, details, batch } = options;
        let experiment = self.experiment(weights, watch)?;
        let candidates = candidates(&experiment, &with_reference(designs), watch)?;
        watch.begin("evaluating", self.indices.len());
        let images = self.images(batch);
        let evaluation = evaluate(&images, &self.float(), &candidates, details, outputs, watch)?;
        watch.end();
        self.results(&experiment, candidates, evaluation, watch)
    }

    /// As [`Session::evaluate`], with designs run by the workers of a pool, in other processes or on
    /// other machines, each of which has an [`EvaluationWorker`]. Results do not depend on their
    /// number, nor on the order in which they come back; what they lose is done again. A step of the
    /// work is an image that a network sees; where outputs are compared, all networks see it together.
    ///
    /// # Errors
    /// As [`Session::evaluate`].
    pub fn evaluate_on(
        &mut self,
        pool: &mut EvaluationPool<'_>,
        designs: &[Design],
        options: EvaluateOptions,
        watch: &dyn Watch,
    ) -> Result<Results> {
        let EvaluateOptions { weights, details, batch } = options;
        let experiment = self.experiment(weights, watch)?;
        let measures = Measures::new(&self.dataset, &self.graph)?;
        let key = evaluation_key(&experiment, &self.images(batch))?;
        let designs = with_reference(designs);
        let (networks, images) = (designs.len() + 1, self.indices.len());
        let mut plan = Plan::new(key, networks, images, measures.compares());
        let mut totals = Totals::new(&measures, designs.len(), details);
        // What layers add is told by the gains of their filters.
        let make =
            if details.layers { Experiment::candidate_watched } else { Experiment::described };
        // Workers do not wait for what is made here, for what results say of the designs.
        let (threads, has_failed) = (rayon::current_num_threads(), &AtomicBool::new(false));
        let (made, done) = thread::scope(|scope| {
            let make = || {
                let made = each(&experiment, &designs, &StopOnly(watch), make);
                has_failed.store(made.is_err(), Ordering::Relaxed);
                made
            };
            let made = scope.spawn(move || run_apart(threads, make));
            let done = plan.run(pool, &mut totals, has_failed, watch);
            (made.join().unwrap_or_else(|panic| resume_unwind(panic)), done)
        });
        let candidates = made?;
        done?;
        let evaluation = totals.finish(&candidates);
        self.results(&experiment, candidates, evaluation, watch)
    }

    fn results(
        &self,
        experiment: &Experiment,
        candidates: Vec<EmulatedDesign>,
        evaluation: Evaluation,
        watch: &dyn Watch,
    ) -> Result<Results> {
        let outcomes = &evaluation.candidates;
        let left_by_v = candidates.iter().zip(outcomes).map(|(candidate, found)| {
            noise::left_by_v(experiment, candidate, (&outcomes[0], found), watch)
        });
        Ok(Results {
            left_by_v: left_by_v.collect::<Result<_>>()?,
            model: self.model.display().to_string(),
            data: self.dataset.name().to_string(),
            preprocess: self.preprocess.to_string(),
            images: self.indices.len(),
            weights: experiment.weights(),
            attention: self.graph.attention,
            own_codes: self.graph.own_codes(),
            calibration: experiment.calibration().clone(),
            exact_nodes: self.exact_nodes(),
            figures: vec![Figures::default(); candidates.len()],
            candidates,
            evaluation,
        })
    }

    /// The same, one design after the other: `finished` sees the results of all that are, as soon
    /// as there is another. Only class scores are looked at, nothing inside the designs.
    ///
    /// # Errors
    /// As [`Session::evaluate`], when the images have no labels, and those of `finished`.
    pub fn evaluate_in_turn<E: From<Error>>(
        &mut self,
        designs: &[Design],
        options: EvaluateOptions,
        watch: &dyn Watch,
        mut finished: impl FnMut(&Results) -> Result<(), E>,
    ) -> Result<Results, E> {
        let first = EvaluateOptions { details: Details::default(), ..options };
        let mut results = self.evaluate(&[], first, watch)?;
        results.evaluation.fidelity = None;
        finished(&results)?;
        let experiment = self.experiment(options.weights, watch)?;
        for design in &with_reference(designs)[1..] {
            let (candidate, outcomes) = self.one_more(&experiment, design, options, watch)?;
            results.candidates.push(candidate);
            results.evaluation.candidates.push(outcomes);
            results.figures.push(Figures::default());
            results.left_by_v.push(None);
            finished(&results)?;
        }
        Ok(results)
    }

    /// A design that is evaluated alone.
    fn one_more(
        &self,
        experiment: &Experiment,
        design: &Design,
        options: EvaluateOptions,
        watch: &dyn Watch,
    ) -> Result<(EmulatedDesign, Outcomes)> {
        let candidate = candidates(experiment, std::slice::from_ref(design), watch)?.remove(0);
        watch.begin("evaluating", self.indices.len());
        let outcomes = outcomes(&self.images(options.batch), &candidate, watch)?;
        watch.end();
        Ok((candidate, outcomes))
    }

    /// What multiplies outside the multipliers, in float32, and why.
    pub fn exact_nodes(&self) -> Vec<ExactNode> {
        let nodes = self.graph.exact_macs().map(|(node, reason)| ExactNode {
            node: node.name.clone(),
            operator: node.operator.clone(),
            reason: reason.to_string(),
        });
        nodes.collect()
    }
}

/// Makes designs ready to run, with weights coded as the experiment's where they do not say it.
///
/// # Errors
/// When a design makes no sense, or `watch` stops the work.
pub fn candidates(
    experiment: &Experiment,
    designs: &[Design],
    watch: &dyn Watch,
) -> Result<Vec<EmulatedDesign>> {
    each(experiment, designs, watch, Experiment::candidate_watched)
}

/// Makes a design.
type Make = fn(&Experiment, &Design, &dyn Watch) -> Result<EmulatedDesign, ExperimentError>;

fn each(
    experiment: &Experiment,
    designs: &[Design],
    watch: &dyn Watch,
    make: Make,
) -> Result<Vec<EmulatedDesign>> {
    watch.begin("fitting control variates", designs.len());
    let mut others: Vec<Experiment> = Vec::new();
    let candidates = designs.iter().map(|design| {
        go_on(watch)?;
        let candidate = make(in_its_coding(experiment, &mut others, design), design, watch)?;
        watch.advance(1);
        Ok(candidate)
    });
    let candidates = candidates.collect::<Result<_>>()?;
    watch.end();
    Ok(candidates)
}

/// The experiment in the coding of weights that a design has; `others` are, and become, those in other
/// codings.
fn in_its_coding<'e>(
    experiment: &'e Experiment,
    others: &'e mut Vec<Experiment>,
    design: &Design,
) -> &'e Experiment {
    let Some(weights) = design.weights.filter(|&weights| weights != experiment.weights()) else {
        return experiment;
    };
    let known = others.iter().position(|other| other.weights() == weights);
    let at = known.unwrap_or_else(|| {
        others.push(experiment.with_weights(weights));
        others.len() - 1
    });
    &others[at]
}

/// The designs, the reference first; none of them twice.
pub fn with_reference(designs: &[Design]) -> Vec<Design> {
    let mut all = vec![Design::exact(8)];
    for design in designs {
        if !all.contains(design) {
            all.push(design.clone());
        }
    }
    all
}

impl Results {
    /// The same, with what the designs need on these arrays.
    #[must_use]
    pub fn on_arrays(self, power: &Power) -> Self {
        let figures = self.candidates.iter().map(|candidate| power.figures_of(candidate)).collect();
        Self { figures, ..self }
    }

    /// What a design lost against exact products of 8-bit codes, image by image; none without
    /// labels.
    pub fn loss_against_exact(&self, index: usize) -> Option<PairedLoss> {
        self.loss(&self.evaluation.candidates[0].top1, index)
    }

    /// What a design lost against the float32 network; none without labels.
    pub fn loss_against_float(&self, index: usize) -> Option<PairedLoss> {
        self.loss(&self.evaluation.float.top1, index)
    }

    fn loss(&self, reference: &[bool], index: usize) -> Option<PairedLoss> {
        compare(reference, &self.evaluation.candidates[index].top1)
    }
}
