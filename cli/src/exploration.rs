//! Explores networks that are open already: the user's, or those inside this program.

use std::sync::Arc;

use anyhow::Result;
use indicatif::ProgressBar;

use recoup::Session;
use recoup_core::accuracy::Experiment;
use recoup_core::data::shuffle;
use recoup_core::quantize::WeightScheme;
use recoup_explore::choose::{self, OnNetwork};
use recoup_explore::inputs::Inputs;
use recoup_explore::key::{ExperimentKey, Names};
use recoup_explore::power::Power;
use recoup_explore::search::{Event, Found, Outcome, Search};
use recoup_explore::sequential::{Assessment, Limit, Plan, Verdict};
use recoup_explore::space::Point;
use recoup_explore::store::Store;
use recoup_explore::subject::Emulated;
use recoup_hardware::inference::Layer;

use crate::answer::{Answer, Mean, Network};
use crate::commands::eval::warn_of_exact_nodes;
use crate::progress::{self, Bars};

/// Images that show what a design does in each layer; few do, as each has thousands of outputs.
pub const OBSERVED_IMAGES: usize = 32;

/// Memory for decoded images, of all networks together.
const KEPT_BYTES: usize = 1 << 30;

/// Memory for what the designs on a network have in common.
const PREFIX_BYTES: usize = 1 << 28;

/// The command line, for the record; wherever the program lies.
pub fn command_line() -> String {
    let arguments = std::env::args().skip(1);
    std::iter::once("recoup".to_owned()).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// A network that is ready to be explored.
pub struct Opened {
    model: String,
    session: Session,
    /// In each coding of the weights.
    experiments: Arc<[Experiment]>,
    /// What designs cost.
    power: Power,
}

impl Opened {
    /// Calibrates the network of a session, and brings its images into random order. Losses are
    /// measured against exact products of the first of the codings in `weights`.
    pub fn new(
        model: String,
        mut session: Session,
        power: Power,
        order_seed: u64,
        weights: &[WeightScheme],
    ) -> Result<Self> {
        warn_of_exact_nodes(&session);
        // Any number of the first images is then a random sample.
        shuffle(&mut session.indices, order_seed);
        let bars = Bars::default();
        let experiments = weights.iter().map(|&weights| session.experiment(weights, &bars));
        let experiments = experiments.collect::<recoup::Result<_>>()?;
        Ok(Self { model, session, experiments, power })
    }

    /// The same network, with all that was made for it, on the images of another session.
    pub fn on(&self, mut session: Session, order_seed: u64) -> Self {
        shuffle(&mut session.indices, order_seed);
        let Self { model, experiments, power, .. } = self;
        let (model, experiments, power) = (model.clone(), experiments.clone(), power.clone());
        Self { model, session, experiments, power }
    }

    fn read_inputs(&self, batch: usize, bytes: usize) -> Result<Inputs<'_>> {
        let bar = progress::bar("reading images", self.session.indices.len());
        let images = self.session.images(batch);
        let inputs = Inputs::read(images, bytes, &mut |images| bar.inc(images as u64))?;
        bar.finish_and_clear();
        Ok(inputs)
    }
}

/// What is asked of all networks.
pub struct Request<'a> {
    /// The designs, the reference first.
    pub points: &'a [Point],
    /// The most that may be lost.
    pub limit: Limit,
    /// Shows every design all images.
    pub thorough: bool,
    /// Seed of the order of the images.
    pub order_seed: u64,
    /// Images in memory at a time, beyond those that are kept decoded.
    pub batch: usize,
    /// Images on which the layers of designs are looked at.
    pub observed_images: usize,
}

/// Evaluates the designs on all networks, as far as `store` does not have the results.
///
/// # Errors
/// When an image cannot be read, a network cannot be run exactly, or results cannot be kept.
pub fn explore(store: &mut Store, opened: &[Opened], request: &Request) -> Result<Answer> {
    let inputs = read_inputs(opened, request.batch)?;
    let mut explorer = Explorer::new(store, opened, &inputs, request);
    (0..opened.len()).try_for_each(|network| explorer.explore(network))?;
    let means = explorer.means()?;
    Ok(Answer { limit: request.limit, networks: explorer.networks, means })
}

/// The images of all networks.
///
/// # Errors
/// When one cannot be read.
pub fn read_inputs(opened: &[Opened], batch: usize) -> Result<Vec<Inputs<'_>>> {
    let bytes = KEPT_BYTES / opened.len().max(1);
    opened.iter().map(|network| network.read_inputs(batch, bytes)).collect()
}

/// The networks that have been explored so far, and what that needs.
pub struct Explorer<'a> {
    request: &'a Request<'a>,
    store: &'a mut Store,
    opened: &'a [Opened],
    inputs: &'a [Inputs<'a>],
    networks: Vec<Network>,
}

impl<'a> Explorer<'a> {
    /// Nothing has been explored yet. There are `inputs` for each network.
    pub fn new(
        store: &'a mut Store,
        opened: &'a [Opened],
        inputs: &'a [Inputs<'a>],
        request: &'a Request<'a>,
    ) -> Self {
        Self { request, store, opened, inputs, networks: Vec::new() }
    }

    /// The mean loss of one design on all images of all networks, evaluated as far as the store does
    /// not have it; none if it fails on one of them. `bar` counts networks.
    ///
    /// # Errors
    /// As [`explore`].
    pub fn loss(&mut self, point: &Point, bar: &ProgressBar) -> Result<Option<Assessment>> {
        let points = [Point::exact(8), point.clone()];
        let networks = (0..self.opened.len()).map(|network| {
            let found = self.search(network, &points, false, true, &ProgressBar::hidden())?;
            bar.inc(1);
            Ok(self.network(network, found))
        });
        let networks: Vec<Network> = networks.collect::<Result<_>>()?;
        Ok(mean(&networks, 1, self.request.limit).map(|mean| mean.assessment))
    }

    /// Explores one network. With several, a design that is bad for one may be good on average,
    /// so that none is left out.
    fn explore(&mut self, network: usize) -> Result<()> {
        let Request { points, thorough, .. } = *self.request;
        let prune = self.opened.len() == 1 && !thorough;
        let bar = progress::bar("exploring", points.len() * self.inputs[network].len());
        let found = self.search(network, points, prune, thorough, &bar)?;
        bar.finish_and_clear();
        let network = self.network(network, found);
        self.networks.push(network);
        Ok(())
    }

    fn network(&self, network: usize, found: Vec<Found>) -> Network {
        let (inputs, Opened { model, session, power, .. }) =
            (&self.inputs[network], &self.opened[network]);
        Network {
            model: model.clone(),
            data: session.dataset.name().to_owned(),
            preprocess: session.preprocess.to_string(),
            images: inputs.len(),
            weights: power.weights,
            own_weight_codes: session.graph.own_weight_codes(),
            inputs: inputs.sha256().to_owned(),
            found,
        }
    }

    fn search(
        &mut self,
        network: usize,
        points: &[Point],
        prune: bool,
        all_images: bool,
        bar: &ProgressBar,
    ) -> Result<Vec<Found>> {
        let Request { limit, thorough, order_seed, observed_images, .. } = *self.request;
        let (inputs, Opened { model, session, experiments, power }) =
            (&self.inputs[network], &self.opened[network]);
        let names = Names {
            model: model.clone(),
            data: session.dataset.name().to_owned(),
            preprocess: session.preprocess.to_string(),
            order_seed,
        };
        let keys: Vec<ExperimentKey> = experiments
            .iter()
            .map(|experiment| ExperimentKey::new(&names, experiment, inputs))
            .collect();
        // A test that looks at all images only has no need to share its error.
        let plan = if thorough { Plan::single(inputs.len()) } else { Plan::new(inputs.len()) };
        let layers = Layer::of_graph(&session.graph);
        let mut search = Search {
            store: self.store,
            experiments: &keys,
            subject: &Emulated::new(experiments, inputs, PREFIX_BYTES),
            plan,
            limit,
            figures: &|point, functions| power.figures(point, functions, &layers),
            prune,
            all_images,
            observed_images,
        };
        let start = bar.position();
        let mut finished = 0;
        let images = inputs.len() as u64;
        Ok(search.run(points, &mut |event| match event {
            Event::Images(_, more) => bar.inc(more as u64),
            // Asked outside of suspend, which holds the bar's lock.
            Event::Waiting(worker) if !bar.is_hidden() => bar.suspend(|| {
                eprintln!("waiting for {worker}, which evaluates what is left");
            }),
            Event::Waiting(_) => {}
            Event::Finished(_) => {
                finished += 1;
                bar.set_position(start + finished * images);
            }
        })?)
    }

    /// The mean loss of each design over the networks. Where it is open because a network was
    /// left early, and the design could be the answer, its networks see all images.
    fn means(&mut self) -> Result<Vec<Mean>> {
        if self.opened.len() < 2 {
            return Ok(Vec::new());
        }
        let Request { points, limit, .. } = *self.request;
        let mut means: Vec<Option<Mean>> =
            (0..points.len()).map(|point| mean(&self.networks, point, limit)).collect();
        let power = |means: &[Option<Mean>], point: usize| {
            means[point].as_ref().and_then(|mean| mean.power).unwrap_or(f64::INFINITY)
        };
        let mut order: Vec<usize> = (0..points.len()).collect();
        order.sort_by(|&a, &b| power(&means, a).total_cmp(&power(&means, b)));
        let bar = progress::bar("deciding the mean", order.len());
        for point in order {
            let verdict = |mean: &Option<Mean>| mean.as_ref().map(|mean| mean.assessment.verdict);
            let better = means.iter().flatten().any(|better| {
                better.point.kind() == points[point].kind()
                    && better.assessment.verdict == Verdict::Under
                    && better.power.is_some_and(|better| better <= power(&means, point))
            });
            if verdict(&means[point]) == Some(Verdict::Open) && !better {
                let one = std::slice::from_ref(&points[point]);
                for network in 0..self.opened.len() {
                    let found = self.search(network, one, false, true, &ProgressBar::hidden())?;
                    self.networks[network].found.splice(point..=point, found);
                }
                means[point] = mean(&self.networks, point, limit);
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(means.into_iter().flatten().collect())
    }
}

/// The mean loss of one design, if all networks were evaluated with it. The hardware has one
/// function x: where networks prefer different ones, the dearest counts. Energies are the networks'
/// own.
fn mean(networks: &[Network], point: usize, limit: Limit) -> Option<Mean> {
    let evaluated = |network: &Network, point: usize| -> Option<(Assessment, Vec<bool>)> {
        match &network.found[point].outcome {
            Outcome::Assessed { assessment, row } => Some((*assessment, row.outcomes.clone())),
            _ => None,
        }
    };
    // The first point is the reference.
    let parts: Vec<(String, Vec<bool>, Vec<bool>, Assessment)> = networks
        .iter()
        .map(|network| {
            let (assessment, candidate) = evaluated(network, point)?;
            Some((network.inputs.clone(), evaluated(network, 0)?.1, candidate, assessment))
        })
        .collect::<Option<_>>()?;
    let on: Vec<OnNetwork> = parts
        .iter()
        .map(|(inputs, reference, candidate, assessment)| OnNetwork {
            inputs,
            reference,
            candidate,
            assessment: *assessment,
        })
        .collect();
    let found = &networks[0].found[point];
    let powers: Option<Vec<f64>> =
        networks.iter().map(|network| network.found[point].power).collect();
    let energies: Option<f64> = networks
        .iter()
        .map(|network| network.found[point].energy.map(|energy| energy.relative))
        .sum();
    Some(Mean {
        point: found.point.clone(),
        power: powers.and_then(|powers| powers.into_iter().max_by(f64::total_cmp)),
        energy: energies.map(|energy| energy / networks.len() as f64),
        assessment: choose::mean(&on, limit),
    })
}
