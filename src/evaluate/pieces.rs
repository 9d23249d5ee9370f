//! Pieces of an evaluation, and who does them in other processes.

use std::ops::Range;
use std::time::Instant;

use recoup_core::accuracy::{
    Classifier, EmulatedDesign, Evaluator, Experiment, ExperimentError, Measures, Observed,
    Outputs, Part,
};
use recoup_core::design::Design;
use recoup_core::emulate::StatisticsCollector;
use recoup_core::model::FloatModel;
use recoup_core::model::threads::run_apart;
use recoup_core::watch::Unwatched;
use recoup_explore::key::evaluation_key;
use recoup_explore::runner::UnknownPiece;
use serde::{Deserialize, Serialize};

use super::{EvaluateOptions, in_its_coding, with_reference};
use crate::error::Result;
use crate::session::Session;

/// How many designs a worker keeps ready to run: pieces of several may come in turns.
const READY: usize = 4;

/// Networks on a range of images: one, or all of them where their outputs are compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvaluationPiece {
    /// Of the calibrated network and the images.
    pub key: String,
    /// The float network is number 0, the designs follow, the reference first.
    pub networks: Range<usize>,
    /// By their places in the order of the evaluation.
    pub images: Range<usize>,
}

/// What came of a piece.
#[derive(Serialize, Deserialize)]
pub struct EvaluationResult {
    /// What each network made of the images.
    pub parts: Vec<Part>,
    /// Time that they took, without what makes designs ready, s.
    pub elapsed_s: f64,
}

/// A design that is ready, with its number among the networks.
struct Ready {
    number: usize,
    candidate: EmulatedDesign,
    collector: Option<StatisticsCollector>,
}

/// Saves outputs under the numbers that designs have in the whole evaluation.
struct Numbered<'a> {
    first_design: usize,
    outputs: &'a mut (dyn Outputs + Send),
}

impl Outputs for Numbered<'_> {
    fn save(
        &mut self,
        candidate: Option<usize>,
        first: usize,
        outputs: &[Vec<f32>],
    ) -> std::io::Result<()> {
        let candidate = candidate.map(|candidate| self.first_design + candidate);
        self.outputs.save(candidate, first, outputs)
    }
}

/// Does pieces of [`Session::evaluate_on`], one at a time.
pub struct EvaluationWorker {
    session: Session,
    designs: Vec<Design>,
    options: EvaluateOptions,
    threads: usize,
    key: String,
    experiment: Experiment,
    /// In other codings of the weights.
    others: Vec<Experiment>,
    float: FloatModel,
    measures: Measures,
    classifier: Classifier,
    /// Those that were used last, the last of all at the end.
    ready: Vec<Ready>,
}

impl EvaluationWorker {
    /// Of a session that whoever evaluates has opened with the same options, and the same designs; it
    /// works on so many threads.
    ///
    /// # Errors
    /// As [`Session::evaluate_on`], before the first piece.
    pub fn new(
        mut session: Session,
        designs: &[Design],
        options: EvaluateOptions,
        threads: usize,
    ) -> Result<Self> {
        let experiment = session.experiment(options.weights, &Unwatched)?;
        let measures = Measures::new(&session.dataset, &session.graph)?;
        let key = evaluation_key(&experiment, &session.images(options.batch))?;
        Ok(Self {
            designs: with_reference(designs),
            options: EvaluateOptions { batch: options.batch.max(1), ..options },
            threads,
            key,
            experiment,
            others: Vec::new(),
            float: session.float(),
            measures,
            classifier: Classifier::default(),
            ready: Vec::new(),
            session,
        })
    }

    /// Does a piece.
    ///
    /// # Errors
    /// When it is not one of this session, a design cannot be made, or an image not be read.
    pub fn run(&mut self, piece: &EvaluationPiece) -> Result<EvaluationResult> {
        self.run_saving(piece, None)
    }

    /// The same, and saves the outputs of the piece's networks.
    ///
    /// # Errors
    /// As [`EvaluationWorker::run`], and when the outputs cannot be saved.
    pub fn run_saving(
        &mut self,
        piece: &EvaluationPiece,
        outputs: Option<&mut (dyn Outputs + Send)>,
    ) -> Result<EvaluationResult> {
        // Whoever waits for it in this process may be doing so on all threads of their number.
        run_apart(self.threads, || self.parts(piece, outputs))
    }

    fn parts(
        &mut self,
        piece: &EvaluationPiece,
        outputs: Option<&mut (dyn Outputs + Send)>,
    ) -> Result<EvaluationResult> {
        let EvaluationPiece { key, networks, images } = piece;
        let is_known = networks.end <= self.designs.len() + 1
            && images.end <= self.session.indices.len()
            && *key == self.key;
        if !is_known {
            return Err(UnknownPiece { what: "network", key: key.clone() }.into());
        }
        let wanted = networks.start.max(1)..networks.end.max(1);
        self.make_ready(wanted.clone())?;
        let start = Instant::now();
        let of_number = |number| self.ready.iter().find(move |it| it.number == number);
        let observed =
            wanted.filter_map(of_number).map(|it| (&it.candidate, it.collector.as_ref()));
        let observed: Vec<Observed> = observed.collect();
        let evaluator = Evaluator {
            images: &self.session.images(self.options.batch),
            float: &self.float,
            measures: &self.measures,
            classifier: &self.classifier,
            profile: self.options.details.profile,
        };
        let first_design = networks.start.max(1) - 1;
        let mut outputs = outputs.map(|outputs| Numbered { first_design, outputs });
        let mut parts: Vec<Part> = Vec::new();
        for first in images.clone().step_by(self.options.batch) {
            let places = first..images.end.min(first + self.options.batch);
            let outputs = outputs.as_mut().map(|outputs| outputs as &mut dyn Outputs);
            let float = networks.contains(&0);
            let next = evaluator.run(places, float, &observed, outputs, &Unwatched)?;
            match parts.is_empty() {
                true => parts = next,
                false => parts.iter_mut().zip(next).for_each(|(part, next)| part.append(next)),
            }
        }
        Ok(EvaluationResult { parts, elapsed_s: start.elapsed().as_secs_f64() })
    }

    /// Makes designs of these numbers ready.
    fn make_ready(&mut self, wanted: Range<usize>) -> Result<()> {
        for number in wanted.clone() {
            let known = self.ready.iter().position(|it| it.number == number);
            let ready = match known {
                Some(at) => self.ready.remove(at),
                None => {
                    // Before another takes memory.
                    let most = READY.max(wanted.len());
                    let too_many = (self.ready.len() + 1).saturating_sub(most);
                    self.ready.drain(..too_many);
                    self.make(number)?
                }
            };
            self.ready.push(ready);
        }
        Ok(())
    }

    fn make(&mut self, number: usize) -> Result<Ready> {
        let design = &self.designs[number - 1];
        let experiment = in_its_coding(&self.experiment, &mut self.others, design);
        let candidate = experiment.candidate_watched(design, &Unwatched)?;
        let collector = self.options.details.layers.then(|| candidate.collector());
        let collector = collector.transpose().map_err(ExperimentError::from)?;
        Ok(Ready { number, candidate, collector })
    }
}
