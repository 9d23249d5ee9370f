//! Evaluates configurations until the question is settled.
//!
//! A candidate is left as soon as the sequential test decides it. It is not tried when a design of
//! its kind with less power is under the limit already, as it cannot be the answer; nor when one
//! with clearly less noise is over it, as it hardly will be under. One that could be either rules
//! out nothing. The least power comes first: what needs less than the answer must be decided anyway,
//! which takes few images where the loss is far too much, and nothing that needs more is tried. One
//! that fails is marked so, and the others go on.
//!
//! What is tried depends on what other workers have finished by then. The answer does not depend on
//! who tried what: when nothing is left to try, and what others were at is finished, it is read
//! from the store.

use std::collections::VecDeque;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::finding::Finding;
use crate::key::ExperimentKey;
use crate::power::{Energy, Figures};
use crate::quality::LayerQuality;
use crate::sequential::{Assessment, Limit, Plan, Verdict};
use crate::space::Point;
use crate::store::{Claim, Row, Status, Store, StoreError, unix_time};
use crate::subject::{Expected, Subject, Trial, guard};

/// How long to wait before asking again whether another worker has finished.
const POLL: Duration = Duration::from_millis(200);

/// How often other workers are told that this one lives; a small part of
/// [`STALE_S`](crate::store::STALE_S).
const HEARTBEAT: Duration = Duration::from_secs(2);

/// Noise that is clearly less, of a design with the same multiplier: at most so much of the other.
const CLEARLY_LESS: f64 = 0.5;

/// With another multiplier, whose errors are of another kind.
const FAR_LESS: f64 = 0.25;

/// What hardware needs for a configuration with these functions x.
pub type FiguresOf<'a> = &'a dyn Fn(&Point, &[String]) -> Figures;

/// A search for designs under a limit.
pub struct Search<'a> {
    /// Where results are kept and found.
    pub store: &'a mut Store,
    /// What results belong to: one for each coding of the weights, the first for points that name
    /// none. Findings are kept with the first.
    pub experiments: &'a [ExperimentKey],
    /// The network.
    pub subject: &'a dyn Subject,
    /// When the test looks.
    pub plan: Plan,
    /// The most that may be lost.
    pub limit: Limit,
    /// What designs cost.
    pub figures: FiguresOf<'a>,
    /// Leaves out what cannot be the answer.
    pub prune: bool,
    /// Shows every configuration all images.
    pub all_images: bool,
    /// On how many images the layers of approximate configurations are looked at.
    pub observed_images: usize,
}

/// What became of a configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The configuration.
    pub point: Point,
    /// Key of its result.
    pub key: String,
    /// The functions x of its control variate.
    pub functions: Vec<String>,
    /// Array power relative to the exact 8-bit array, where the cost is known.
    pub power: Option<f64>,
    /// Energy of an inference, where it is known.
    pub energy: Option<Energy>,
    /// Predicted error over signal.
    pub noise_to_signal: Option<f64>,
    /// The end.
    pub outcome: Outcome,
}

impl Found {
    /// In words, with the function that the control variate came to have.
    pub fn name(&self) -> String {
        let name = self.point.name();
        match &self.functions[..] {
            [] => name,
            functions if name.contains(&functions.join(" + ")) => name,
            functions => format!("{name}, x = {}", functions.join(" + ")),
        }
    }
}

/// How it went.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It was evaluated, now or earlier.
    Assessed {
        /// The verdict.
        assessment: Assessment,
        /// The outcomes behind it.
        row: Box<Row>,
    },
    /// It could not be evaluated, for this reason.
    Failed(String),
    /// It was not tried, because of a design of its kind and what became of that.
    Superfluous(String),
}

/// What a search has to tell while it runs.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// So many more images have gone through a configuration.
    Images(&'a Point, usize),
    /// Everything that is left is being evaluated by others: this one, for example.
    Waiting(&'a str),
    /// One more configuration is finished, in one way or the other.
    Finished(&'a Found),
}

/// Why a search ended early.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// Results cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Without the exact network there is nothing to compare with.
    #[error("the exact 8-bit network, which losses are measured against, cannot be run: {0}")]
    Reference(String),
}

impl Search<'_> {
    /// Evaluates `points`, and gives what was found in their order. The reference need not be
    /// among them.
    ///
    /// # Errors
    /// When results cannot be kept, or the reference cannot be run. What was finished before
    /// stays in the store.
    pub fn run(
        &mut self,
        points: &[Point],
        report: &mut dyn FnMut(Event),
    ) -> Result<Vec<Found>, SearchError> {
        for experiment in self.experiments {
            self.store.put_experiment(&experiment.key, &experiment.description)?;
        }
        let reference = self.reference(report)?;
        let designs = self.designs(points)?;
        let mut known = self.failures(&designs)?;
        let outcomes = loop {
            self.work(&designs, &reference, &mut known, report)?;
            if self.prune {
                self.wait_for_others(&designs, report)?;
            }
            // Also what was known before: another question may have taken it further.
            for (design, known) in designs.iter().zip(&mut known) {
                self.look_up(design, &reference, known)?;
            }
            let outcomes = (0..designs.len()).map(|at| self.outcome(at, &designs, &known));
            if let Some(outcomes) = outcomes.collect::<Option<Vec<Outcome>>>() {
                break outcomes;
            }
        };
        let mut found: Vec<(usize, Found)> = Vec::new();
        for (design, outcome) in designs.iter().zip(outcomes) {
            found.push((design.index, self.keep(design, outcome)?));
        }
        found.sort_by_key(|(index, _)| *index);
        Ok(found.into_iter().map(|(_, found)| found).collect())
    }

    /// Takes the designs in turn until each of them has an outcome.
    fn work(
        &mut self,
        designs: &[Design],
        reference: &[bool],
        known: &mut [Known],
        report: &mut dyn FnMut(Event),
    ) -> Result<(), SearchError> {
        let mut queue: VecDeque<usize> = (0..designs.len()).collect();
        let (mut busy, mut version) = (0, None);
        while let Some(at) = queue.pop_front() {
            let design = &designs[at];
            let mut outcome = self.settled(at, designs, reference, known, &mut version)?;
            if outcome.is_none() {
                if let Claim::Others(worker) = self.store.claim(&design.keyed.0)? {
                    queue.push_back(at);
                    busy += 1;
                    if busy >= queue.len() {
                        report(Event::Waiting(&worker));
                        sleep(POLL);
                        busy = 0;
                    }
                    continue;
                }
                // Others may have finished it, or what rules it out, just before the claim.
                outcome = self.settled(at, designs, reference, known, &mut version)?;
                if outcome.is_some() {
                    self.store.release(&design.keyed.0)?;
                }
            }
            busy = 0;
            let outcome = match outcome {
                Some(outcome) => outcome,
                None => {
                    let Design { point, keyed, .. } = design;
                    let row =
                        self.go_on(point, keyed, design.functions(), Some(reference), report)?;
                    let outcome = match row {
                        Ok(row) => self.assessed(reference, row),
                        Err(reason) => Outcome::Failed(reason),
                    };
                    known[at].retry = false;
                    known[at].outcome = Some(outcome.clone());
                    outcome
                }
            };
            if !std::mem::replace(&mut known[at].told, true) {
                report(Event::Finished(&self.keep(design, outcome)?));
            }
        }
        Ok(())
    }

    /// Waits for what others are at now. They may have begun it before it was ruled out, and then
    /// it is part of the answer.
    fn wait_for_others(
        &self,
        designs: &[Design],
        report: &mut dyn FnMut(Event),
    ) -> Result<(), StoreError> {
        let mut held = Vec::new();
        for design in designs {
            let key = &design.keyed.0;
            held.extend(self.store.holder(key)?.map(|worker| (key, worker)));
        }
        for (key, worker) in held {
            while self.store.holder(key)?.as_ref() == Some(&worker) {
                report(Event::Waiting(&worker));
                sleep(POLL);
            }
        }
        Ok(())
    }

    /// Notes which designs failed in earlier runs.
    fn failures(&self, designs: &[Design]) -> Result<Vec<Known>, StoreError> {
        let known = designs.iter().map(|design| {
            let row = self.store.load(&design.keyed.0)?;
            let retry = row.is_some_and(|row| row.status != Status::Done);
            Ok(Known { outcome: None, retry, told: false })
        });
        known.collect()
    }

    /// The outcome of a design, if nothing is left to do for it now. The others are looked up when
    /// other workers have written since `version`.
    fn settled(
        &self,
        at: usize,
        designs: &[Design],
        reference: &[bool],
        known: &mut [Known],
        version: &mut Option<i64>,
    ) -> Result<Option<Outcome>, StoreError> {
        let now = Some(self.store.version()?);
        let has_changed = std::mem::replace(version, now) != now;
        for (other, (design, known)) in designs.iter().zip(&mut *known).enumerate() {
            if known.outcome.is_none() && (self.prune && has_changed || other == at) {
                self.look_up(design, reference, known)?;
            }
        }
        Ok(self.outcome(at, designs, known))
    }

    /// The outcome of a design by what is known of all.
    fn outcome(&self, at: usize, designs: &[Design], known: &[Known]) -> Option<Outcome> {
        let superfluous = || self.superfluous(at, designs, known).map(Outcome::Superfluous);
        known[at].outcome.clone().or_else(superfluous)
    }

    /// Notes what the store holds of a design.
    fn look_up(
        &self,
        design: &Design,
        reference: &[bool],
        known: &mut Known,
    ) -> Result<(), StoreError> {
        let Some(row) = self.store.load(&design.keyed.0)? else { return Ok(()) };
        match &row.status {
            Status::Done if self.next(Some(reference), &row.outcomes).is_none() => {
                known.outcome = Some(self.assessed(reference, row));
            }
            // A failure to go on does not take its place.
            Status::Done if matches!(known.outcome, Some(Outcome::Failed(_))) => {}
            Status::Done => known.outcome = None,
            Status::Failed(_) if known.retry => {}
            Status::Failed(reason) => known.outcome = Some(Outcome::Failed(reason.clone())),
        }
        Ok(())
    }

    fn assessed(&self, reference: &[bool], row: Row) -> Outcome {
        let assessment = self.plan.assess(reference, &row.outcomes, self.limit);
        Outcome::Assessed { assessment, row: Box::new(row) }
    }

    /// Keeps what became of a design beside its result.
    fn keep(&mut self, design: &Design, outcome: Outcome) -> Result<Found, StoreError> {
        let (key, configuration) = design.keyed.clone();
        let found = Found {
            point: design.point.clone(),
            key,
            power: design.figures.power,
            energy: design.figures.energy,
            noise_to_signal: design.noise_to_signal(),
            functions: design.functions().to_vec(),
            outcome,
        };
        let finding = Finding::new(&found, configuration);
        self.store.put_finding(&self.experiments[0].key, &found.key, &finding)?;
        Ok(found)
    }

    /// What the result of a point belongs to.
    fn experiment(&self, point: &Point) -> &'_ ExperimentKey {
        let mut experiments = self.experiments.iter();
        let found = experiments.find(|it| point.weights.is_none_or(|coding| it.weights == coding));
        found.expect("an experiment in each coding of the points")
    }

    /// The outcomes of the exact 8-bit network on all images.
    fn reference(&mut self, report: &mut dyn FnMut(Event)) -> Result<Vec<bool>, SearchError> {
        let point = Point::exact(8);
        let keyed = self.experiment(&point).point(&point);
        loop {
            if let Some(row) = self.finished(&keyed.0)? {
                return Ok(row.outcomes);
            }
            if let Claim::Others(worker) = self.store.claim(&keyed.0)? {
                report(Event::Waiting(&worker));
                sleep(POLL);
                continue;
            }
            // Its last owner may have finished just before the claim.
            if let Some(row) = self.finished(&keyed.0)? {
                self.store.release(&keyed.0)?;
                return Ok(row.outcomes);
            }
            let row = self.go_on(&point, &keyed, &[], None, report)?;
            return row.map(|row| row.outcomes).map_err(SearchError::Reference);
        }
    }

    /// The result of the reference, if it is there on all images.
    fn finished(&self, key: &str) -> Result<Option<Row>, StoreError> {
        let row = self.store.load(key)?.filter(|row| row.status == Status::Done);
        Ok(row.filter(|row| self.next(None, &row.outcomes).is_none()))
    }

    /// The designs in the order in which they are tried: the least power first, then the least
    /// noise. Those of unknown power come last.
    fn designs(&self, points: &[Point]) -> Result<Vec<Design>, StoreError> {
        let designs = points.iter().enumerate().map(|(index, point)| {
            let keyed = self.experiment(point).point(point);
            let expected = self.expect(point, &keyed.0)?;
            let (point, figures) = (point.clone(), Figures::default());
            let mut design = Design { index, point, keyed, expected, figures };
            if design.expected.is_some() {
                design.figures = (self.figures)(&design.point, design.functions());
            }
            Ok(design)
        });
        let mut designs: Vec<Design> = designs.collect::<Result<_, StoreError>>()?;
        let order = |design: &Design| {
            [design.figures.power, design.noise_to_signal()].map(|it| it.unwrap_or(f64::INFINITY))
        };
        designs.sort_by(|a, b| {
            let ([power, noise], [of_b, noise_of_b]) = (order(a), order(b));
            power.total_cmp(&of_b).then(noise.total_cmp(&noise_of_b))
        });
        Ok(designs)
    }

    /// What can be expected of a configuration. An earlier run may have said it: to choose codes
    /// takes longer than to run them.
    fn expect(&self, point: &Point, key: &str) -> Result<Option<Expected>, StoreError> {
        let known = self.store.last_finding(key)?.and_then(Finding::expected);
        Ok(known.or_else(|| guard(|| self.subject.expect(point)).ok()))
    }

    /// Why a configuration need not be tried. A function of what is known alone: the first of the
    /// designs that rules it out counts. One that needs no more than the same power does not, as
    /// the one with less loss is chosen.
    fn superfluous(&self, at: usize, designs: &[Design], known: &[Known]) -> Option<String> {
        if !self.prune {
            return None;
        }
        let Design { point, figures, .. } = &designs[at];
        let of_kind = designs.iter().zip(known);
        let mut of_kind = of_kind.filter(|(other, _)| other.point.kind() == point.kind());
        of_kind.find_map(|(other, known)| {
            let Some(Outcome::Assessed { assessment, .. }) = &known.outcome else { return None };
            let name = other.point.name();
            match assessment.verdict {
                Verdict::Under => {
                    let (better, power) = (other.figures.power?, figures.power?);
                    (better < power).then(|| format!("{name} is under"))
                }
                Verdict::Over => {
                    let less = other.noise_to_signal()?;
                    let noise = designs[at].noise_to_signal()?;
                    let hopeless = less < CLEARLY_LESS * noise && are_alike(point, &other.point)
                        || less < FAR_LESS * noise && are_comparable(point, &other.point);
                    hopeless.then(|| format!("{name} is over, with less noise"))
                }
                Verdict::Undecided | Verdict::Open => None,
            }
        })
    }

    /// Evaluates a configuration that is claimed, as far as it is not known yet, and keeps the
    /// result. A failure of its own is the inner error.
    fn go_on(
        &mut self,
        point: &Point,
        (key, configuration): &(String, Value),
        functions: &[String],
        reference: Option<&[bool]>,
        report: &mut dyn FnMut(Event),
    ) -> Result<Result<Row, String>, SearchError> {
        let known = self.store.load(key)?.filter(|row| row.status == Status::Done);
        let (mut outcomes, before) =
            known.map(|row| (row.outcomes, row.elapsed)).unwrap_or_default();
        let start = Instant::now();
        let layers = self.evaluate(point, key, reference, &mut outcomes, report)?;
        let mut row = Row {
            key: key.clone(),
            experiment: self.experiment(point).key.clone(),
            configuration: configuration.clone(),
            function: (!functions.is_empty()).then(|| functions.join(" + ")),
            status: Status::Done,
            outcomes,
            elapsed: before + start.elapsed(),
            worker: self.store.worker().to_owned(),
            finished: unix_time(),
        };
        match layers {
            Err(reason) => {
                row.status = Status::Failed(reason.clone());
                row.outcomes.clear();
                self.store.save(&row, &[])?;
                Ok(Err(reason))
            }
            Ok(layers) => {
                self.store.save(&row, &layers)?;
                Ok(Ok(row))
            }
        }
    }

    /// Until which image a configuration has to go on.
    fn next(&self, reference: Option<&[bool]>, outcomes: &[bool]) -> Option<usize> {
        let next = self.plan.next(outcomes.len())?;
        let Some(reference) = reference.filter(|_| !self.all_images) else {
            return Some(self.plan.images());
        };
        let verdict = self.plan.verdict(reference, outcomes, self.limit);
        (verdict == Verdict::Open).then_some(next)
    }

    /// Sends images through a configuration until it is decided, and looks at its layers. A
    /// failure of its own is the inner error.
    fn evaluate(
        &mut self,
        point: &Point,
        key: &str,
        reference: Option<&[bool]>,
        outcomes: &mut Vec<bool>,
        report: &mut dyn FnMut(Event),
    ) -> Result<Observed, SearchError> {
        let subject = self.subject;
        let mut trial: Box<dyn Trial> = match guard(|| subject.start(point)) {
            Ok(trial) => trial,
            Err(reason) => return Ok(Err(reason)),
        };
        let mut heard = Instant::now();
        while let Some(next) = self.next(reference, outcomes) {
            while outcomes.len() < next {
                let seen = match guard(|| trial.outcomes(outcomes.len()..next)) {
                    Ok(seen) => seen,
                    Err(reason) => return Ok(Err(reason)),
                };
                report(Event::Images(point, seen.len()));
                outcomes.extend(seen);
                if heard.elapsed() > HEARTBEAT {
                    self.store.heartbeat()?;
                    heard = Instant::now();
                }
            }
        }
        let exact = point.configuration.multiplier.is_exact();
        if self.observed_images == 0 || exact || self.store.has_layers(key)? {
            return Ok(Ok(Vec::new()));
        }
        self.store.heartbeat()?;
        Ok(guard(|| trial.observe(self.observed_images)))
    }
}

/// The errors in the layers of a configuration; none if they are known, or not asked for.
type Observed = Result<Vec<LayerQuality>, String>;

/// A configuration to be found out about.
struct Design {
    /// Its place in the question.
    index: usize,
    point: Point,
    /// Key and description of its result: a hash of all products, made once.
    keyed: (String, Value),
    expected: Option<Expected>,
    figures: Figures,
}

/// What is known of a design so far.
struct Known {
    outcome: Option<Outcome>,
    /// It failed in an earlier run, and has not been tried again yet.
    retry: bool,
    /// Its end has been reported.
    told: bool,
}

impl Design {
    fn functions(&self) -> &[String] {
        self.expected.as_ref().map_or(&[], |expected| &expected.functions)
    }

    fn noise_to_signal(&self) -> Option<f64> {
        self.expected.as_ref().map(|expected| expected.noise_to_signal)
    }
}

/// Whether two designs are of one kind and differ in nothing but how much their multiplier is
/// corrected and how many bits it gets.
fn are_alike(a: &Point, b: &Point) -> bool {
    a.configuration.multiplier == b.configuration.multiplier && have_same_codes(a, b)
}

/// Whether two designs are of one kind and differ in their multipliers and how much these are
/// corrected, but not in bits: to round codes does less harm than errors as large.
fn are_comparable(a: &Point, b: &Point) -> bool {
    a.configuration.activation_bits == b.configuration.activation_bits && have_same_codes(a, b)
}

/// Whether two designs are of one kind, and so are the codes of weights and activations.
fn have_same_codes(a: &Point, b: &Point) -> bool {
    let (of_a, of_b) = (&a.configuration, &b.configuration);
    a.kind() == b.kind()
        && (of_a.quantization, of_a.exact_ends, a.weights)
            == (of_b.quantization, of_b.exact_ends, b.weights)
}

#[cfg(test)]
mod tests;
