//! Does pieces: in this process, or as one of many.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use recoup_core::design::Design;

use super::piece::{Job, Piece, PieceResult, Pool, Seen};
use crate::subject::{Failure, Subject, Trial, guard};

/// How many designs a worker keeps ready to run: pieces of several may come in turns.
const READY: usize = 4;

/// How long at most images go through a design before anything stops that.
const STEP: Duration = Duration::from_millis(400);

/// How many images go first; as many as are seen to fit follow.
const FIRST_STEP: usize = 16;

/// Does pieces on networks and designs that it knows by their keys. A design is made ready once.
pub struct Worker<'a> {
    subjects: HashMap<String, &'a dyn Subject>,
    designs: HashMap<String, Design>,
    /// The last ones used, with their keys, the last of all at the end.
    ready: Vec<(String, Box<dyn Trial + 'a>)>,
    /// How many that may be.
    most_ready: usize,
}

impl Default for Worker<'_> {
    /// It knows nothing yet.
    fn default() -> Self {
        let (subjects, designs, ready) = Default::default();
        Self { subjects, designs, ready, most_ready: READY }
    }
}

/// A piece that a worker cannot do: it has not been told what the piece names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this worker was not given the {what} with the key {key}; give it what was given to whoever hands \
     pieces out"
)]
pub struct UnknownPiece {
    /// `network` or `design`.
    pub what: &'static str,
    /// Its key.
    pub key: String,
}

impl<'a> Worker<'a> {
    /// A network on its images, by the key of its experiment.
    pub fn know_network(&mut self, key: &str, subject: &'a dyn Subject) {
        self.subjects.insert(key.to_owned(), subject);
    }

    /// A design, by the key of its result.
    pub fn know_design(&mut self, key: &str, design: &Design) {
        self.designs.insert(key.to_owned(), design.clone());
    }

    /// Does a piece. What fails in it is its result.
    ///
    /// # Errors
    /// When the piece names a network or a design that is not known here.
    pub fn run(&mut self, piece: &Piece) -> Result<PieceResult, UnknownPiece> {
        let unknown = |what, key: &String| UnknownPiece { what, key: key.clone() };
        let subject = self.subjects.get(&piece.experiment);
        let subject = *subject.ok_or_else(|| unknown("network", &piece.experiment))?;
        let design = self.designs.get(&piece.design);
        let design = design.ok_or_else(|| unknown("design", &piece.design))?.clone();
        let start = Instant::now();
        let seen = match &piece.job {
            Job::Expect => guard(|| subject.expect(&design)).map(Seen::Expected),
            Job::Layers(images) => {
                let observe = |trial: &mut dyn Trial| Ok(Seen::Layers(trial.observe(*images)?));
                self.on_ready(subject, &design, &piece.design, observe)
            }
            Job::Images(range) => {
                let run = |trial: &mut dyn Trial| {
                    let mut outcomes = Vec::new();
                    while outcomes.len() < range.len() {
                        outcomes.extend(trial.outcomes(range.start + outcomes.len()..range.end)?);
                    }
                    Ok(Seen::Outcomes(outcomes))
                };
                self.on_ready(subject, &design, &piece.design, run)
            }
        };
        let elapsed_s = start.elapsed().as_secs_f64();
        Ok(PieceResult { seen: seen.unwrap_or_else(Seen::Failed), elapsed_s })
    }

    /// Does something with a design, which is made ready unless it is.
    fn on_ready(
        &mut self,
        subject: &'a dyn Subject,
        design: &Design,
        key: &str,
        work: impl FnOnce(&mut dyn Trial) -> Result<Seen, Failure>,
    ) -> Result<Seen, String> {
        let at = self.ready.iter().position(|(ready, _)| ready == key);
        let mut trial = match at {
            Some(at) => self.ready.remove(at).1,
            None => {
                // Before another takes memory.
                let too_many = (self.ready.len() + 1).saturating_sub(self.most_ready);
                self.ready.drain(..too_many);
                guard(|| subject.start(design))?
            }
        };
        let seen = guard(|| work(&mut *trial))?;
        self.ready.push((key.to_owned(), trial));
        Ok(seen)
    }
}

/// One worker in this process, which does a piece when it is waited for.
pub(super) struct Here<'a> {
    worker: Worker<'a>,
    waiting: Option<Piece>,
    /// The design of the last piece.
    last: String,
    /// How many images of it fit into a step.
    step: usize,
}

impl<'a> Here<'a> {
    /// Of one network, in experiments of these keys.
    pub(super) fn new<'k>(
        subject: &'a dyn Subject,
        experiments: impl Iterator<Item = &'k str>,
    ) -> Self {
        // One design is finished before the next.
        let mut worker = Worker { most_ready: 1, ..Worker::default() };
        experiments.for_each(|key| worker.know_network(key, subject));
        Self { worker, waiting: None, last: String::new(), step: FIRST_STEP }
    }
}

impl Pool for Here<'_> {
    fn know(&mut self, key: &str, design: &Design) {
        self.worker.know_design(key, design);
    }

    fn size(&self) -> usize {
        1
    }

    fn room(&self) -> usize {
        usize::from(self.waiting.is_none())
    }

    fn images(&self) -> usize {
        self.step
    }

    fn submit(&mut self, piece: Piece) {
        self.waiting = Some(piece);
    }

    fn wait(&mut self) -> Option<(Piece, Option<PieceResult>)> {
        let piece = self.waiting.take()?;
        let mut now = piece.clone();
        if let Job::Images(range) = &mut now.job {
            // The step was that of another design.
            if self.last != piece.design {
                self.last.clone_from(&piece.design);
                self.step = FIRST_STEP;
            }
            range.end = range.end.min(range.start + self.step);
        }
        let result = self.worker.run(&now).expect("all designs are known here");
        self.step = match Duration::try_from_secs_f64(result.elapsed_s).unwrap_or_default() {
            short if short < STEP / 4 => self.step.saturating_mul(2),
            long if long > STEP => (self.step / 2).max(1),
            _ => self.step,
        };
        Some((piece, Some(result)))
    }
}
