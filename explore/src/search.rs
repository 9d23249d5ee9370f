//! Evaluates configurations until the question is settled.
//!
//! A candidate is left as soon as the sequential test decides it. It is not tried when a design of
//! its kind with less power is under the limit already, as it cannot be the answer; nor when one
//! with clearly less noise is not under, as it hardly will be. So those come first that rule out
//! most, from the middle of all that no other beats in power and in noise; then the cheapest
//! multipliers, and of one multiplier the designs with the least noise. One that fails is marked
//! so, and the others go on.

use std::collections::VecDeque;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::choose::front;
use crate::finding::Finding;
use crate::key::ExperimentKey;
use crate::power::{Energy, Figures};
use crate::quality::LayerQuality;
use crate::sequential::{Assessment, Limit, Plan, Verdict};
use crate::space::{Kind, Point};
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

/// The end of one visit to a configuration.
enum Visit {
    Done(Row),
    Failed(String),
    Busy(String),
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
        let mut found: Vec<Option<Found>> = vec![None; points.len()];
        let mut queue = self.queue(points)?;
        let mut busy = 0;
        while let Some(next) = queue.pop_front() {
            let point = &points[next.index];
            let outcome = match self.superfluous(&next, points, &found) {
                Some(reason) => Outcome::Superfluous(reason),
                None => match self.visit(
                    point,
                    &next.keyed,
                    next.functions(),
                    Some(&reference),
                    report,
                )? {
                    Visit::Failed(reason) => Outcome::Failed(reason),
                    Visit::Done(row) => Outcome::Assessed {
                        assessment: self.plan.assess(&reference, &row.outcomes, self.limit),
                        row: Box::new(row),
                    },
                    Visit::Busy(worker) => {
                        queue.push_back(next);
                        busy += 1;
                        if busy >= queue.len() {
                            report(Event::Waiting(&worker));
                            sleep(POLL);
                            busy = 0;
                        }
                        continue;
                    }
                },
            };
            busy = 0;
            let noise_to_signal = next.noise_to_signal();
            let (key, configuration) = next.keyed;
            let result = Found {
                point: point.clone(),
                key,
                power: next.figures.power,
                energy: next.figures.energy,
                noise_to_signal,
                functions: next.expected.map(|expected| expected.functions).unwrap_or_default(),
                outcome,
            };
            let finding = Finding::new(&result, configuration);
            self.store.put_finding(&self.experiments[0].key, &result.key, &finding)?;
            report(Event::Finished(&result));
            found[next.index] = Some(result);
        }
        Ok(found.into_iter().flatten().collect())
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
            match self.visit(&point, &keyed, &[], None, report)? {
                Visit::Done(row) => return Ok(row.outcomes),
                Visit::Failed(reason) => return Err(SearchError::Reference(reason)),
                Visit::Busy(worker) => {
                    report(Event::Waiting(&worker));
                    sleep(POLL);
                }
            }
        }
    }

    /// Where designs may be left out, those first that rule out most of them. Then the cheapest
    /// multipliers, at the cost of their dearest design of a kind; of one the designs with the least
    /// noise. Those of unknown cost come last.
    fn queue(&self, points: &[Point]) -> Result<VecDeque<Next>, StoreError> {
        let next = points.iter().enumerate().map(|(index, point)| {
            let keyed = self.experiment(point).point(point);
            let expected = self.expect(point, &keyed.0)?;
            let mut next = Next { index, keyed, expected, figures: Figures::default() };
            if next.expected.is_some() {
                next.figures = (self.figures)(point, next.functions());
            }
            Ok(next)
        });
        let queue: Vec<Next> = next.collect::<Result<_, StoreError>>()?;
        let order = |next: &Next| {
            let alike = |other: &&Next| are_alike(&points[next.index], &points[other.index]);
            let powers = queue.iter().filter(alike).filter_map(|other| other.figures.power);
            let finite = |value: f64| if value.is_nan() { f64::MAX } else { value };
            let dearest = powers.reduce(f64::max).unwrap_or(f64::MAX);
            (finite(dearest), finite(next.noise_to_signal().unwrap_or(f64::MAX)))
        };
        let orders: Vec<(f64, f64)> = queue.iter().map(order).collect();
        let mut queue: Vec<_> = orders.into_iter().zip(queue).collect();
        queue.sort_by(|(a, _), (b, _)| a.partial_cmp(b).expect("no NaN in the order"));
        let mut queue: Vec<Next> = queue.into_iter().map(|(_, next)| next).collect();
        if self.prune {
            let mut first = Vec::new();
            for kind in [Kind::ReducedPrecision, Kind::WithoutV, Kind::WithV] {
                let of_kind = queue.iter().filter(|next| points[next.index].kind() == kind);
                let known = of_kind.filter_map(|next| {
                    Some((next.index, next.figures.power?, next.noise_to_signal()?))
                });
                first.extend(halves(&front(known)));
            }
            let place = |next: &Next| first.iter().position(|index| *index == next.index);
            queue.sort_by_key(|next| place(next).unwrap_or(first.len()));
        }
        Ok(queue.into())
    }

    /// What can be expected of a configuration. An earlier run may have said it: to choose codes
    /// takes longer than to run them.
    fn expect(&self, point: &Point, key: &str) -> Result<Option<Expected>, StoreError> {
        let known = self.store.last_finding(key)?.and_then(Finding::expected);
        Ok(known.or_else(|| guard(|| self.subject.expect(point)).ok()))
    }

    /// Why a configuration need not be tried.
    fn superfluous(
        &self,
        next: &Next,
        points: &[Point],
        found: &[Option<Found>],
    ) -> Option<String> {
        if !self.prune {
            return None;
        }
        let point = &points[next.index];
        found.iter().flatten().filter(|other| other.point.kind() == point.kind()).find_map(
            |other| {
                let Outcome::Assessed { assessment, .. } = &other.outcome else { return None };
                let name = other.point.name();
                if assessment.verdict == Verdict::Under {
                    let (better, power) = (other.power?, next.figures.power?);
                    return (better <= power).then(|| format!("{name} is under"));
                }
                let (less, noise) = (other.noise_to_signal?, next.noise_to_signal()?);
                let hopeless = less < CLEARLY_LESS * noise && are_alike(point, &other.point)
                    || less < FAR_LESS * noise && are_comparable(point, &other.point);
                hopeless.then(|| format!("{name} is not under, with less noise"))
            },
        )
    }

    /// Finds the result of a configuration, or evaluates it as far as it is not known yet.
    fn visit(
        &mut self,
        point: &Point,
        (key, configuration): &(String, Value),
        functions: &[String],
        reference: Option<&[bool]>,
        report: &mut dyn FnMut(Event),
    ) -> Result<Visit, SearchError> {
        if let Some(row) = self.finished(key, reference)? {
            return Ok(Visit::Done(row));
        }
        if let Claim::Others(worker) = self.store.claim(key)? {
            return Ok(Visit::Busy(worker));
        }
        // Its last owner may have finished just before the claim.
        if let Some(row) = self.finished(key, reference)? {
            self.store.release(key)?;
            return Ok(Visit::Done(row));
        }
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
                Ok(Visit::Failed(reason))
            }
            Ok(layers) => {
                self.store.save(&row, &layers)?;
                Ok(Visit::Done(row))
            }
        }
    }

    /// The result of a configuration if there is one with enough images.
    fn finished(&self, key: &str, reference: Option<&[bool]>) -> Result<Option<Row>, StoreError> {
        let row = self.store.load(key)?.filter(|row| row.status == Status::Done);
        Ok(row.filter(|row| self.next(reference, &row.outcomes).is_none()))
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

/// A configuration that waits for its turn.
struct Next {
    index: usize,
    /// Key and description of its result: a hash of all products, made once.
    keyed: (String, Value),
    expected: Option<Expected>,
    figures: Figures,
}

impl Next {
    fn functions(&self) -> &[String] {
        self.expected.as_ref().map_or(&[], |expected| &expected.functions)
    }

    fn noise_to_signal(&self) -> Option<f64> {
        self.expected.as_ref().map(|expected| expected.noise_to_signal)
    }
}

/// The middle first: if it is under, all that follow need not be tried, otherwise hardly any
/// before it. Those that follow come next, as one of them that is not under rules out more.
fn halves(front: &[usize]) -> Vec<usize> {
    let Some(middle) = front.get(front.len() / 2) else { return Vec::new() };
    let (before, after) = (&front[..front.len() / 2], &front[front.len() / 2 + 1..]);
    [vec![*middle], halves(after), halves(before)].concat()
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
