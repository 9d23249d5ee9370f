//! Explores several networks, and judges designs by their mean loss.

use std::cell::Cell;

use recoup_core::accuracy::Experiment;
use recoup_core::design::Design;
use recoup_core::quantize::WeightScheme;
use recoup_core::watch::{StopOnly, Watch};
use recoup_hardware::inference::Layer;

use crate::choose::{Judged, MeanLoss, OnNetwork, choose, mean};
use crate::inputs::Inputs;
use crate::key::{ExperimentKey, Names};
use crate::power::Power;
use crate::runner::{
    Budget, DesignResult, Ended, Judge, LeastPower, Outcome, Pool, Runner, RunnerError,
    SearchResult,
};
use crate::sequential::{Limit, Verdict};
use crate::shard::Shard;
use crate::store::ResultStore;
use crate::subject::{Emulated, Expected};

/// Memory for what the designs on a network have in common.
pub const PREFIX_BYTES: usize = 1 << 28;

/// A network that is ready to be explored.
pub struct Network<'a> {
    /// Its name, and those of its images.
    pub names: Names,
    /// In each coding of the weights; losses are measured against exact products of the first.
    pub experiments: &'a [Experiment],
    /// The images, in random order.
    pub inputs: &'a Inputs<'a>,
    /// The sizes of its layers.
    pub layers: Vec<Layer>,
    /// What designs cost.
    pub power: &'a Power,
}

/// What is asked of all networks.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The designs, the reference first.
    pub designs: &'a [Design],
    /// The most that may be lost.
    pub limit: Limit,
    /// Shows every design all images.
    pub thorough: bool,
    /// Images on which the layers of designs are looked at.
    pub observed_images: usize,
    /// When to end.
    pub budget: Budget,
    /// The part of the work to do, if not all.
    pub shard: Option<Shard>,
}

/// What was found.
pub struct Explored {
    /// Of each network, what became of every design.
    pub networks: Vec<Vec<DesignResult>>,
    /// The designs that were evaluated on all of several networks.
    pub means: Vec<MeanResult>,
    /// Why the search ended.
    pub ended: Ended,
}

/// A design over all networks.
#[derive(Clone, Debug, PartialEq)]
pub struct MeanResult {
    /// The design.
    pub design: Design,
    /// Its mean loss, and what it costs.
    pub mean: MeanLoss,
}

impl MeanResult {
    /// What is chosen by.
    pub fn judged(&self) -> Judged {
        let MeanLoss { power, assessment, .. } = self.mean;
        Judged { kind: self.design.kind(), power, assessment }
    }
}

/// Explores networks that share a store.
pub struct Explorer<'a> {
    question: Question<'a>,
    store: &'a mut dyn ResultStore,
    networks: &'a [Network<'a>],
    /// Where pieces of the work are done, if not here.
    pool: Option<&'a mut dyn Pool>,
    /// Images that the budget has left.
    left: Cell<Option<u64>>,
}

impl<'a> Explorer<'a> {
    /// Nothing has been explored yet.
    pub fn new(
        store: &'a mut dyn ResultStore,
        networks: &'a [Network<'a>],
        question: Question<'a>,
    ) -> Self {
        let left = Cell::new(question.budget.images);
        Self { question, store, networks, pool: None, left }
    }

    /// The same, with the work done by the workers of a pool.
    #[must_use]
    pub fn with_pool(self, pool: &'a mut dyn Pool) -> Self {
        Self { pool: Some(pool), ..self }
    }

    /// Evaluates the designs on all networks, as far as the store does not have the results. With
    /// several networks, a design that is bad for one may be good on average, so that none is left
    /// out. A part of the work is the designs of it, each on all networks; means, for which designs
    /// see more images by what others lose, are found when the parts are together.
    ///
    /// # Errors
    /// When a network cannot be run exactly, or results cannot be kept.
    pub fn explore(&mut self, watch: &dyn Watch) -> Result<Explored, RunnerError> {
        let Question { designs, thorough, shard, .. } = self.question;
        let ours = shard.map(|shard| shard.designs(designs, self.reference_weights()));
        let designs = ours.as_deref().unwrap_or(designs);
        let prune = self.networks.len() == 1 && !thorough;
        let (mut networks, mut ended) = (Vec::new(), Ended::Decided);
        for network in 0..self.networks.len() {
            let found = self.search(network, designs, prune, thorough, watch)?;
            ended = worse(ended, found.ended);
            networks.push(found.results);
        }
        let mut means = Vec::new();
        if networks.len() > 1 && shard.is_none() {
            if !ended.is_early() {
                ended = self.decide_means(&mut networks, watch)?;
            }
            let every = (0..designs.len()).filter_map(|at| self.mean(&networks, at));
            means = every.collect();
        }
        Ok(Explored { networks, means, ended })
    }

    /// The coding of the weights where a design names none.
    fn reference_weights(&self) -> WeightScheme {
        self.networks[0].experiments[0].weights()
    }

    /// The mean loss of one design on all images of all networks, evaluated as far as the store does
    /// not have it; none if it fails on one of them. A step of the work is a network.
    ///
    /// # Errors
    /// As [`Explorer::explore`].
    pub fn loss(
        &mut self,
        design: &Design,
        watch: &dyn Watch,
    ) -> Result<Option<MeanLoss>, RunnerError> {
        let designs = [Design::exact(8), design.clone()];
        let mut networks = Vec::new();
        for network in 0..self.networks.len() {
            networks.push(self.search(network, &designs, false, true, &StopOnly(watch))?.results);
            watch.advance(1);
        }
        Ok(self.mean(&networks, 1).map(|mean| mean.mean))
    }

    fn search(
        &mut self,
        network: usize,
        designs: &[Design],
        prune: bool,
        all_images: bool,
        watch: &dyn Watch,
    ) -> Result<SearchResult, RunnerError> {
        let Question { limit, thorough, observed_images, budget, .. } = self.question;
        let Network { names, experiments, inputs, layers, power } = &self.networks[network];
        let key = |experiment| ExperimentKey::new(names.clone(), experiment, inputs);
        let keys: Vec<ExperimentKey> = experiments.iter().map(key).collect();
        let judge = match thorough {
            true => Judge::thorough(inputs.len(), limit),
            false => Judge::sequential(inputs.len(), limit),
        };
        let judge = if all_images { judge.on_all_images() } else { judge };
        let mut strategy = match prune {
            true => LeastPower::new(designs),
            false => LeastPower::all_of(designs),
        };
        let figures = |design: &Design, expected: &Expected| {
            let loaded = Layer::loading(layers, &expected.first_loaded);
            power.figures(design, &expected.functions, &loaded)
        };
        let subject = Emulated::new(experiments, inputs, PREFIX_BYTES, watch);
        let runner = Runner::new(&subject, &keys, judge)
            .with_figures(&figures)
            .with_observed_images(observed_images)
            .with_budget(Budget { images: self.left.get(), ..budget });
        let found = match &mut self.pool {
            Some(pool) => runner.run_on(&mut **pool, self.store, &mut strategy, watch)?,
            None => runner.run(self.store, &mut strategy, watch)?,
        };
        self.left.update(|left| left.map(|left| left.saturating_sub(found.images)));
        Ok(found)
    }

    /// Where the mean loss of a design is open because a network was left early, and the design
    /// could be the answer, its networks see all images. Why that ended.
    fn decide_means(
        &mut self,
        networks: &mut [Vec<DesignResult>],
        watch: &dyn Watch,
    ) -> Result<Ended, RunnerError> {
        let Question { designs, .. } = self.question;
        let mut means: Vec<Option<MeanResult>> =
            (0..designs.len()).map(|at| self.mean(networks, at)).collect();
        let power = |means: &[Option<MeanResult>], at: usize| {
            means[at].as_ref().and_then(|mean| mean.mean.power).unwrap_or(f64::INFINITY)
        };
        let mut order: Vec<usize> = (0..designs.len()).collect();
        order.sort_by(|&a, &b| power(&means, a).total_cmp(&power(&means, b)));
        watch.begin("deciding the mean", order.len());
        for at in order {
            let is_open = means[at]
                .as_ref()
                .is_some_and(|mean| mean.mean.assessment.verdict == Verdict::Open);
            let is_beaten = means.iter().flatten().any(|better| {
                better.design.kind() == designs[at].kind()
                    && better.mean.assessment.verdict == Verdict::Under
                    && better.mean.power.is_some_and(|better| better <= power(&means, at))
            });
            if is_open && !is_beaten {
                let one = std::slice::from_ref(&designs[at]);
                for (network, results) in networks.iter_mut().enumerate() {
                    let found = self.search(network, one, false, true, &StopOnly(watch))?;
                    if found.ended.is_early() {
                        watch.end();
                        return Ok(found.ended);
                    }
                    results.splice(at..=at, found.results);
                }
                means[at] = self.mean(networks, at);
            }
            watch.advance(1);
        }
        watch.end();
        let judged: Vec<Judged> = means.iter().flatten().map(MeanResult::judged).collect();
        let is_decided = choose(&judged).undecided.is_empty();
        Ok(if is_decided { Ended::Decided } else { Ended::Exhausted })
    }

    /// The mean loss of one design, if all networks were evaluated with it and with the reference,
    /// which comes first.
    fn mean(&self, networks: &[Vec<DesignResult>], at: usize) -> Option<MeanResult> {
        let on = networks.iter().zip(self.networks).map(|(results, network)| {
            let Outcome::Assessed { row: reference, .. } = &results[0].outcome else { return None };
            let Outcome::Assessed { assessment, row } = &results[at].outcome else { return None };
            Some(OnNetwork {
                inputs: network.inputs.sha256(),
                reference: &reference.outcomes,
                candidate: &row.outcomes,
                assessment: *assessment,
                power: results[at].power,
                relative_energy: results[at].energy.map(|energy| energy.relative),
            })
        });
        let on: Vec<OnNetwork> = on.collect::<Option<_>>()?;
        let design = networks[0][at].design.clone();
        Some(MeanResult { design, mean: mean(&on, self.question.limit) })
    }
}

/// Of two ends the one that says less.
fn worse(one: Ended, other: Ended) -> Ended {
    match (one, other) {
        (Ended::Decided, other) => other,
        (Ended::Exhausted, other) if other.is_early() => other,
        (one, _) => one,
    }
}
