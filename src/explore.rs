//! The search for the design with the least power under a limit of loss.

mod made;
mod pieces;
mod record;

use std::path::PathBuf;
use std::sync::Arc;

use recoup_core::accuracy::Experiment;
use recoup_core::control_variate::Mode;
use recoup_core::data::shuffle;
use recoup_core::design::{Design, Space};
use recoup_core::model::{Attention, OwnCodes};
use recoup_core::multiplier::Multiplier;
use recoup_core::quantize::WeightScheme;
use recoup_core::watch::Watch;
use recoup_explore::answer::{Answer, Evaluated};
use recoup_explore::entry::Settings;
use recoup_explore::explorer::{Explorer, MeanResult, Network, Question};
use recoup_explore::export::Line;
use recoup_explore::ingredients::Ingredient;
use recoup_explore::inputs::Inputs;
use recoup_explore::key::Names;
use recoup_explore::power::Power;
use recoup_explore::runner::{Budget, DesignResult, Ended, Pool};
use recoup_explore::sequential::Limit;
use recoup_explore::shard::Shard;
use recoup_explore::space;
use recoup_explore::store::Store;
use recoup_hardware::inference::Layer;

use crate::error::Result;
use crate::session::Session;

pub use made::{Confirmation, Made, MakeOptions, Tested, design_of_mask, make, make_sessions};
pub use pieces::{SessionsWorker, emulated, worker};
pub use record::{
    ConfirmationRecord, ExplorationRecord, MadeRecord, MaskRecord, MeanDesignRecord, MeanRecord,
    NetworkRecord, SearchRecord, TestedRecord, WalkedRecord,
};

/// Images in memory at a time, beyond those that are kept decoded.
const BATCH: usize = 256;

/// Memory for decoded images, of all networks together.
const KEPT_BYTES: usize = 1 << 30;

/// What is asked of all networks.
#[derive(Clone, Debug)]
pub struct ExploreOptions {
    /// The designs, the reference first.
    pub designs: Vec<Design>,
    /// The most that may be lost.
    pub limit: Limit,
    /// Shows every design all images, also those that are decided or cannot be the answer.
    pub thorough: bool,
    /// Images on which the layers of designs are looked at, for the page.
    pub observed_images: usize,
    /// When to end.
    pub budget: Budget,
    /// The part of the work to do, if not all: other machines do the others, each into a store of
    /// its own, and [`merge`] brings them together.
    pub shard: Option<Shard>,
}

impl ExploreOptions {
    /// The multipliers that the cost table has, without and with V, and reduced precision; until the
    /// answer is known.
    pub fn new(limit: Limit) -> Self {
        Self::of_multipliers(space::standard(), limit)
    }

    /// The same of other multipliers.
    pub fn of_multipliers(multipliers: Vec<Multiplier>, limit: Limit) -> Self {
        let designs = space::with_rivals(&Space {
            multipliers,
            control_variates: vec![Mode::None, Mode::Fitted(None)],
            ..Space::default()
        });
        let budget = Budget::default();
        Self { designs, limit, thorough: false, observed_images: 0, budget, shard: None }
    }

    /// What a store keeps of them with [`Store::start_run`], where designs cost `power`.
    pub fn settings(&self, power: &Power) -> Settings {
        let part = self.shard.map(|shard| shard.of(&self.designs, power.weights));
        Settings { part, ..Settings::new(self.limit, self.thorough, power) }
    }
}

/// A network that is ready to be explored.
pub struct OpenNetwork {
    names: Names,
    session: Session,
    /// In each coding of the weights.
    experiments: Arc<[Experiment]>,
    power: Power,
    /// Images in memory at a time, beyond those that are kept decoded.
    batch: usize,
}

impl OpenNetwork {
    /// Calibrates the network of a session, and brings its images into the random order of
    /// `order_seed`. Losses are measured against exact products of the first of the codings in
    /// `weights`; `power` says what designs cost. `batch` images are in memory at a time, beyond
    /// those that are kept decoded; no result depends on it.
    ///
    /// # Errors
    /// When the network cannot be calibrated, or `watch` stops the work.
    pub fn new(
        mut session: Session,
        power: Power,
        weights: &[WeightScheme],
        order_seed: u64,
        batch: usize,
        watch: &dyn Watch,
    ) -> Result<Self> {
        let names = names(&session, order_seed);
        // Any number of the first images is then a random sample.
        shuffle(&mut session.indices, order_seed);
        let experiments = weights.iter().map(|&weights| session.experiment(weights, watch));
        let experiments = experiments.collect::<Result<_>>()?;
        Ok(Self { names, session, experiments, power, batch })
    }

    /// The same network, with all that was made for it, on the images of another session.
    #[must_use]
    pub fn on(&self, mut session: Session) -> Self {
        let Self { experiments, power, batch, .. } = self;
        let order_seed = self.names.order_seed;
        let names = names(&session, order_seed);
        shuffle(&mut session.indices, order_seed);
        let (experiments, power, batch) = (experiments.clone(), power.clone(), *batch);
        Self { names, session, experiments, power, batch }
    }

    /// What it is explored with.
    pub fn network<'a>(&'a self, inputs: &'a Inputs<'a>) -> Network<'a> {
        Network {
            names: self.names.clone(),
            experiments: &self.experiments,
            inputs,
            layers: Layer::of_graph(&self.session.graph),
            power: &self.power,
        }
    }
}

fn names(session: &Session, order_seed: u64) -> Names {
    Names {
        model: session.model.display().to_string(),
        data: session.dataset.name().to_owned(),
        preprocess: session.preprocess.to_string(),
        order_seed,
    }
}

/// The images of all networks.
///
/// # Errors
/// When one cannot be read, or `watch` stops the work.
pub fn explored_inputs<'a>(
    networks: &'a [OpenNetwork],
    watch: &dyn Watch,
) -> Result<Vec<Inputs<'a>>> {
    let bytes = KEPT_BYTES / networks.len().max(1);
    let read = |network: &'a OpenNetwork| {
        Ok(Inputs::read(network.session.images(network.batch), bytes, watch)?)
    };
    networks.iter().map(read).collect()
}

/// Evaluates designs on all networks, as far as `store` does not have the results.
///
/// # Errors
/// When an image cannot be read, a network cannot be run exactly, or results cannot be kept.
pub fn explore(
    store: &mut Store,
    networks: &[OpenNetwork],
    options: &ExploreOptions,
    watch: &dyn Watch,
) -> Result<Exploration> {
    explored(None, store, networks, options, watch)
}

/// The same, with designs evaluated by the workers of a pool, in other processes or on other
/// machines. What is found, and why the search ends, depends neither on their number nor on the order
/// in which they come back, unless time is limited; what they lose is done again. Each of them has a
/// [`worker`].
///
/// # Errors
/// As [`explore`].
pub fn explore_on(
    pool: &mut dyn Pool,
    store: &mut Store,
    networks: &[OpenNetwork],
    options: &ExploreOptions,
    watch: &dyn Watch,
) -> Result<Exploration> {
    explored(Some(pool), store, networks, options, watch)
}

fn explored(
    pool: Option<&mut dyn Pool>,
    store: &mut Store,
    networks: &[OpenNetwork],
    options: &ExploreOptions,
    watch: &dyn Watch,
) -> Result<Exploration> {
    let inputs = explored_inputs(networks, watch)?;
    let all: Vec<Network> =
        networks.iter().zip(&inputs).map(|(network, inputs)| network.network(inputs)).collect();
    explored_on(pool, store, networks, &all, options, watch)
}

/// Explores networks on inputs that have been read: `all` are the `networks` with them.
fn explored_on(
    pool: Option<&mut dyn Pool>,
    store: &mut Store,
    networks: &[OpenNetwork],
    all: &[Network],
    options: &ExploreOptions,
    watch: &dyn Watch,
) -> Result<Exploration> {
    let ExploreOptions { designs, limit, thorough, observed_images, budget, shard } = options;
    let question = Question {
        designs,
        limit: *limit,
        thorough: *thorough,
        observed_images: *observed_images,
        budget: *budget,
        shard: *shard,
    };
    let explorer = Explorer::new(store, all, question);
    let explored = match pool {
        Some(pool) => explorer.with_pool(pool).explore(watch)?,
        None => { explorer }.explore(watch)?,
    };
    let networks = networks.iter().zip(all).zip(explored.networks);
    let networks = networks.map(|((network, explored), results)| ExploredNetwork {
        model: network.names.model.clone(),
        data: network.names.data.clone(),
        preprocess: network.names.preprocess.clone(),
        images: explored.inputs.len(),
        weights: network.power.weights,
        attention: network.session.graph.attention,
        own_codes: network.session.graph.own_codes(),
        results,
    });
    Ok(Exploration {
        limit: *limit,
        networks: networks.collect(),
        means: explored.means,
        ended: explored.ended,
        shard: *shard,
    })
}

/// The results of all parts of one question, in memory: the same search on them gives the answer of
/// one machine. A file with [`Store::bytes`] keeps them.
///
/// # Errors
/// When a file cannot be read or does not belong to the others, a part is missing, results
/// contradict each other, or `watch` stops the work.
pub fn merge(parts: &[PathBuf], watch: &dyn Watch) -> Result<Store> {
    Ok(recoup_explore::merge::merge(parts, watch)?)
}

/// Explores the networks of sessions, in the order of `order_seed`: with the shipped costs and weights
/// in one coding. The store records it as a run, for the page; `command` is what the user ran.
///
/// # Errors
/// As [`explore`], and when a network cannot be calibrated.
pub fn explore_sessions(
    store: &mut Store,
    sessions: Vec<Session>,
    options: &ExploreOptions,
    order_seed: u64,
    command: &str,
    watch: &dyn Watch,
) -> Result<Exploration> {
    explored_sessions(None, store, sessions, options, order_seed, command, watch)
}

/// The same, with designs evaluated by the workers of a pool, as in [`explore_on`]: each of them has
/// a [`SessionsWorker`].
///
/// # Errors
/// As [`explore_sessions`].
pub fn explore_sessions_on(
    pool: &mut dyn Pool,
    store: &mut Store,
    sessions: Vec<Session>,
    options: &ExploreOptions,
    order_seed: u64,
    command: &str,
    watch: &dyn Watch,
) -> Result<Exploration> {
    explored_sessions(Some(pool), store, sessions, options, order_seed, command, watch)
}

fn explored_sessions(
    pool: Option<&mut dyn Pool>,
    store: &mut Store,
    sessions: Vec<Session>,
    options: &ExploreOptions,
    order_seed: u64,
    command: &str,
    watch: &dyn Watch,
) -> Result<Exploration> {
    store.start_run(command, &options.settings(&Power::default()))?;
    let networks = open_sessions(sessions, order_seed, watch)?;
    explored(pool, store, &networks, options, watch)
}

/// Opens the networks of sessions in the order of `order_seed`: with the shipped costs and weights in one
/// coding.
///
/// # Errors
/// As [`OpenNetwork::new`].
pub fn open_sessions(
    sessions: Vec<Session>,
    order_seed: u64,
    watch: &dyn Watch,
) -> Result<Vec<OpenNetwork>> {
    let (power, weights) = (Power::default(), [WeightScheme::U8Channel]);
    let open = |it| OpenNetwork::new(it, power.clone(), &weights, order_seed, BATCH, watch);
    sessions.into_iter().map(open).collect()
}

impl Session {
    /// Explores this network alone, in the order of seed 0: with the shipped costs and weights in one
    /// coding. [`explore`] takes several networks, measured powers and several codings.
    ///
    /// # Errors
    /// As [`explore`], and when the network cannot be calibrated.
    pub fn explore(
        self,
        store: &mut Store,
        options: &ExploreOptions,
        watch: &dyn Watch,
    ) -> Result<Exploration> {
        explore(store, &open_sessions(vec![self], 0, watch)?, options, watch)
    }
}

/// What was found.
pub struct Exploration {
    /// The most that may be lost.
    pub limit: Limit,
    /// Each network.
    pub networks: Vec<ExploredNetwork>,
    /// Over all networks; empty for one.
    pub means: Vec<MeanResult>,
    /// Why the search ended.
    pub ended: Ended,
    /// The part of the work that this is, if not all: the choices are among its designs.
    pub shard: Option<Shard>,
}

/// What was found on one network.
pub struct ExploredNetwork {
    /// The model's file.
    pub model: String,
    /// Where the images come from.
    pub data: String,
    /// From pixels to the model's input.
    pub preprocess: String,
    /// How many images there are.
    pub images: usize,
    /// How weights are coded, where a design does not say it.
    pub weights: WeightScheme,
    /// Where products of two activations run; none if there are none.
    pub attention: Option<Attention>,
    /// Layers whose weights are the model's own codes.
    pub own_codes: OwnCodes,
    /// What became of the designs.
    pub results: Vec<DesignResult>,
}

impl Exploration {
    /// The choice on each network.
    pub fn answers(&self) -> Vec<Answer> {
        self.networks.iter().map(|network| network.answer(self.limit)).collect()
    }

    /// The choice by the mean loss over several networks.
    pub fn mean_answer(&self) -> Option<Answer> {
        let evaluated = self.means.iter().enumerate().map(|(position, mean)| Evaluated {
            position,
            name: mean.design.to_string(),
            ingredient: Ingredient::of_design(&mean.design),
            judged: mean.judged(),
        });
        (!self.means.is_empty()).then(|| Answer::new(&evaluated.collect::<Vec<_>>(), self.limit))
    }

    /// A line for each design on each network.
    pub fn lines(&self) -> Vec<Line> {
        self.networks.iter().flat_map(ExploredNetwork::lines).collect()
    }
}

impl ExploredNetwork {
    /// A line for each design.
    pub fn lines(&self) -> Vec<Line> {
        let results = self.results.iter();
        results.map(|result| Line::new(&self.model, self.weights, result)).collect()
    }

    fn answer(&self, limit: Limit) -> Answer {
        let results = self.results.iter().enumerate();
        let evaluated = results.filter_map(|(position, result)| {
            let ingredient = Ingredient::of_design(&result.design);
            Some(Evaluated { position, name: result.name(), ingredient, judged: result.judged()? })
        });
        Answer::new(&evaluated.collect::<Vec<_>>(), limit)
    }
}
