//! Evaluates designs until the question is settled.
//!
//! A [`Strategy`] says what is tried next, a [`Judge`] when a design has seen enough. A design that
//! fails is marked so, and the others go on. The unit of work is a [`Piece`], a design on a range of
//! images: it is done here, or wherever a [`Pool`] has it done. Searches share a [`ResultStore`]:
//! each claims what it evaluates.
//!
//! What is tried depends on what other workers have finished by then, the answer does not: what
//! rules a design out comes before it in the order of the strategy. A result that was made in vain,
//! as it was begun too early, stays in the store and is no part of the answer.

mod budget;
mod judge;
mod piece;
mod planner;
mod progress;
mod strategy;
mod task;
mod trial;
mod work;
mod worker;

use recoup_core::design::Design;
use recoup_core::watch::Watch;

pub use budget::{Budget, Ended};
pub use judge::Judge;
pub use piece::{Job, Piece, PieceResult, Pool, Seen};
pub use strategy::{LeastPower, Strategy};
pub use task::{DesignResult, Outcome, Task};
pub use worker::{UnknownPiece, Worker};

use crate::choose::{Judged, choose};
use crate::key::ExperimentKey;
use crate::power::Figures;
use crate::store::{ResultStore, StoreError};
use crate::subject::{Expected, Subject};
use work::{Halt, Work};
use worker::Here;

/// What hardware needs for a design of which this is expected.
pub type FiguresOf<'a> = &'a dyn Fn(&Design, &Expected) -> Figures;

/// Evaluates designs on one network.
#[derive(Clone)]
pub struct Runner<'a> {
    subject: &'a dyn Subject,
    experiments: &'a [ExperimentKey],
    judge: Judge,
    figures: FiguresOf<'a>,
    observed_images: usize,
    budget: Budget,
}

/// What was found, and why no more.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchResult {
    /// Every design, in the order in which they were proposed.
    pub results: Vec<DesignResult>,
    /// Why the search ended.
    pub ended: Ended,
    /// Images that went through designs.
    pub images: u64,
}

/// Why nothing was found.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// Results cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Without the exact network there is nothing to compare with.
    #[error("the exact 8-bit network, which losses are measured against, cannot be run: {0}")]
    Reference(String),
}

impl<'a> Runner<'a> {
    /// Runs designs on `subject`, whose results belong to `experiments`: one for each coding of the
    /// weights, the first for designs that name none.
    pub fn new(subject: &'a dyn Subject, experiments: &'a [ExperimentKey], judge: Judge) -> Self {
        Self {
            subject,
            experiments,
            judge,
            figures: &|_, _| Figures::default(),
            observed_images: 0,
            budget: Budget::default(),
        }
    }

    /// The same, with what designs cost.
    #[must_use]
    pub fn with_figures(self, figures: FiguresOf<'a>) -> Self {
        Self { figures, ..self }
    }

    /// The same, which looks at the layers of approximate designs on so many images.
    #[must_use]
    pub fn with_observed_images(self, observed_images: usize) -> Self {
        Self { observed_images, ..self }
    }

    /// The same, which ends when this is spent.
    #[must_use]
    pub fn with_budget(self, budget: Budget) -> Self {
        Self { budget, ..self }
    }

    /// Evaluates what `strategy` proposes. The reference need not be among it. A step of the work is
    /// an image that a design sees, or need not see any more.
    ///
    /// # Errors
    /// When results cannot be kept, or the reference cannot be run. What was finished before
    /// stays in the store.
    pub fn run(
        &self,
        store: &mut dyn ResultStore,
        strategy: &mut dyn Strategy,
        watch: &dyn Watch,
    ) -> Result<SearchResult, RunnerError> {
        let keys = self.experiments.iter().map(|experiment| experiment.key.as_str());
        self.run_on(&mut Here::new(self.subject, keys), store, strategy, watch)
    }

    /// The same, by the workers of a pool. What is found, and why it ends, depends neither on their
    /// number nor on the order in which they come back, unless time is limited; what they lose is done
    /// again.
    ///
    /// # Errors
    /// As [`Runner::run`].
    pub fn run_on(
        &self,
        pool: &mut dyn Pool,
        store: &mut dyn ResultStore,
        strategy: &mut dyn Strategy,
        watch: &dyn Watch,
    ) -> Result<SearchResult, RunnerError> {
        for experiment in self.experiments {
            store.put_experiment(&experiment.key, &experiment.record)?;
        }
        let mut work = Work::new(self, store, pool, watch);
        let mut results = Vec::new();
        loop {
            let designs = strategy.propose(&results);
            if designs.is_empty() && !results.is_empty() {
                break;
            }
            match work.round(&designs, strategy) {
                Ok(()) => results = work.results(),
                Err(Halt::Ended(ended)) => {
                    let results = work.results();
                    return Ok(SearchResult { results, ended, images: work.images() });
                }
                Err(Halt::Error(error)) => return Err(error),
            }
            if designs.is_empty() {
                break;
            }
        }
        let judged: Vec<Judged> = results.iter().filter_map(DesignResult::judged).collect();
        let is_open = !choose(&judged).undecided.is_empty();
        let ended = if is_open { Ended::Exhausted } else { Ended::Decided };
        Ok(SearchResult { results, ended, images: work.images() })
    }
}

impl DesignResult {
    /// What is chosen by, if it was evaluated.
    pub fn judged(&self) -> Option<Judged> {
        let Outcome::Assessed { assessment, .. } = self.outcome else { return None };
        Some(Judged { kind: self.kind(), power: self.power, assessment })
    }
}

#[cfg(test)]
mod tests;
