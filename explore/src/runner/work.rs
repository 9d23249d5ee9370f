//! One worker: claims, evaluates, records.

use std::collections::HashMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use recoup_core::design::{Design, DesignRecord};
use recoup_core::watch::Watch;

use super::budget::Spent;
use super::{DesignResult, Ended, Outcome, Runner, RunnerError, Strategy, Task};
use crate::entry::Entry;
use crate::key::ExperimentKey;
use crate::power::Figures;
use crate::quality::LayerQuality;
use crate::store::{Claim, ResultStore, Row, Status, StoreError, unix_time};
use crate::subject::{Expected, guard};

/// How long to wait before asking again whether another worker has finished.
const POLL: Duration = Duration::from_millis(200);

/// How often other workers are told that this one lives; a small part of
/// [`STALE_S`](crate::store::STALE_S).
const HEARTBEAT: Duration = Duration::from_secs(2);

/// How long at most images go through a design before anything stops that.
const STEP: Duration = Duration::from_millis(400);

/// How many images go first; as many as are seen to fit follow.
const FIRST_STEP: usize = 16;

/// Why work does not go on.
pub(super) enum Halt {
    /// With what was found so far.
    Ended(Ended),
    /// With nothing.
    Error(RunnerError),
}

impl From<Ended> for Halt {
    fn from(ended: Ended) -> Self {
        Self::Ended(ended)
    }
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Error(error.into())
    }
}

/// A worker on one network.
pub(super) struct Work<'a> {
    runner: &'a Runner<'a>,
    store: &'a mut dyn ResultStore,
    watch: &'a dyn Watch,
    spent: Spent,
    /// The outcomes of the exact 8-bit network on all images.
    reference: Vec<bool>,
    /// In the order in which they are tried.
    tasks: Vec<Task>,
    /// So many of the first have their final outcomes.
    settled: usize,
    /// By keys of results: the images that `watch` knows of.
    advanced: HashMap<String, usize>,
    /// Of the store, when all tasks were looked up.
    version: Option<i64>,
}

impl<'a> Work<'a> {
    pub(super) fn new(
        runner: &'a Runner<'a>,
        store: &'a mut dyn ResultStore,
        watch: &'a dyn Watch,
    ) -> Self {
        Self {
            runner,
            store,
            watch,
            spent: Spent::new(runner.budget),
            reference: Vec::new(),
            tasks: Vec::new(),
            settled: 0,
            advanced: HashMap::new(),
            version: None,
        }
    }

    pub(super) fn images(&self) -> u64 {
        self.spent.images
    }

    /// What became of all designs so far, in the order of the proposals.
    pub(super) fn results(&self) -> Vec<DesignResult> {
        let result = |task: &Task| {
            let outcome = task.outcome.clone().expect("a round gives every design one");
            (task.index, task.result(outcome))
        };
        let mut results: Vec<(usize, DesignResult)> = self.tasks.iter().map(result).collect();
        results.sort_by_key(|(index, _)| *index);
        results.into_iter().map(|(_, result)| result).collect()
    }

    /// Takes more designs on, and gives every one an outcome.
    pub(super) fn round(
        &mut self,
        designs: &[Design],
        strategy: &dyn Strategy,
    ) -> Result<(), Halt> {
        self.watch.begin("exploring", designs.len() * self.runner.judge.images());
        let done = self.settle_all(designs, strategy);
        self.watch.end();
        if let Err(Halt::Ended(_)) = done {
            self.keep_partial()?;
        }
        done
    }

    /// Takes up what has been seen of designs that are not finished.
    fn keep_partial(&mut self) -> Result<(), StoreError> {
        for at in 0..self.tasks.len() {
            if self.tasks[at].outcome.is_some() {
                continue;
            }
            let row = self.store.load(&self.tasks[at].key)?;
            let seen = row.filter(|row| {
                let count = row.outcomes.len();
                row.status == Status::Done && count > 0 && count <= self.reference.len()
            });
            let outcome = seen.map_or(Outcome::NotTried, |row| self.assessed(row));
            self.keep(at, &outcome)?;
            self.tasks[at].outcome = Some(outcome);
        }
        Ok(())
    }

    fn settle_all(&mut self, designs: &[Design], strategy: &dyn Strategy) -> Result<(), Halt> {
        self.add(designs, strategy)?;
        if self.reference.is_empty() {
            self.reference = self.run_reference()?;
        }
        loop {
            self.work(strategy)?;
            // Also what was known before: another question may have taken it further.
            for at in 0..self.tasks.len() {
                self.look_up(at)?;
            }
            self.settled = 0;
            self.settle(strategy)?;
            if self.settled == self.tasks.len() {
                return Ok(());
            }
        }
    }

    /// Evaluates designs until each has its outcome, the first that others are not at first.
    fn work(&mut self, strategy: &dyn Strategy) -> Result<(), Halt> {
        loop {
            self.look_up_changed()?;
            self.settle(strategy)?;
            if self.settled == self.tasks.len() {
                return Ok(());
            }
            self.spent.check(self.watch)?;
            let (mut ours, mut busy) = (None, None);
            for at in self.settled..self.tasks.len() {
                if self.outcome(at, strategy).is_some() {
                    continue;
                }
                match self.store.claim(&self.tasks[at].key)? {
                    Claim::Ours => {
                        ours = Some(at);
                        break;
                    }
                    Claim::Others(worker) => busy = busy.or(Some(worker)),
                }
            }
            let Some(at) = ours else {
                self.wait_for(&busy.expect("the first without an outcome is to be done"));
                continue;
            };
            // Others may have finished it, or what rules it out, just before the claim.
            self.look_up_changed()?;
            if self.outcome(at, strategy).is_some() {
                self.store.release(&self.tasks[at].key)?;
                continue;
            }
            self.tasks[at].outcome = Some(self.evaluate_task(at)?);
            self.tasks[at].retry = false;
        }
    }

    /// Gives designs their outcomes in the order in which they are tried, up to the first that is
    /// to be done. Only what comes before a design rules it out, also where more is known: the
    /// answer is that of one worker who begins with an empty file.
    fn settle(&mut self, strategy: &dyn Strategy) -> Result<(), StoreError> {
        while self.settled < self.tasks.len() {
            let at = self.settled;
            let Some(outcome) = self.outcome(at, strategy) else { break };
            self.keep(at, &outcome)?;
            let key = self.tasks[at].key.clone();
            self.advance_to(&key, self.runner.judge.images());
            self.tasks[at].outcome = Some(outcome);
            self.settled += 1;
        }
        Ok(())
    }

    fn wait_for(&self, worker: &str) {
        self.watch.note(&format!("waiting for {worker}, which evaluates what is left"));
        sleep(POLL);
    }

    fn advance_to(&mut self, key: &str, images: usize) {
        let before = self.advanced.entry(key.to_owned()).or_default();
        if images > *before {
            self.watch.advance(images - *before);
            *before = images;
        }
    }

    /// The outcome of a design by what is known of it and of those before it; none if it is to be
    /// done.
    fn outcome(&self, at: usize, strategy: &dyn Strategy) -> Option<Outcome> {
        let (before, task) = (&self.tasks[..at], &self.tasks[at]);
        let superfluous = strategy.superfluous(task, before).map(Outcome::Superfluous);
        superfluous.or_else(|| task.outcome.clone())
    }

    /// Looks up what others may have finished, if they have written since the last time.
    fn look_up_changed(&mut self) -> Result<(), Halt> {
        let now = Some(self.store.version()?);
        if std::mem::replace(&mut self.version, now) != now {
            for at in self.settled..self.tasks.len() {
                if self.tasks[at].outcome.is_none() {
                    self.look_up(at)?;
                }
            }
        }
        Ok(())
    }

    /// Notes what the store holds of a design.
    fn look_up(&mut self, at: usize) -> Result<(), Halt> {
        let ruled_out = |outcome: &mut Outcome| matches!(outcome, Outcome::Superfluous(_));
        self.tasks[at].outcome.take_if(ruled_out);
        let task = &self.tasks[at];
        let Some(row) = self.store.load(&task.key)? else { return Ok(()) };
        let judge = &self.runner.judge;
        let outcome = match &row.status {
            Status::Done if judge.next(Some(&self.reference), &row.outcomes).is_none() => {
                Some(self.assessed(row))
            }
            // A failure to go on does not take its place.
            Status::Done if matches!(task.outcome, Some(Outcome::Failed(_))) => return Ok(()),
            Status::Done => None,
            Status::Failed(_) if task.retry => return Ok(()),
            Status::Failed(reason) => Some(Outcome::Failed(reason.clone())),
        };
        self.tasks[at].outcome = outcome;
        Ok(())
    }

    fn assessed(&self, row: Row) -> Outcome {
        let assessment = self.runner.judge.assess(&self.reference, &row.outcomes);
        Outcome::Assessed { assessment, row: Box::new(row) }
    }

    /// Keeps what became of a design beside its result.
    fn keep(&mut self, at: usize, outcome: &Outcome) -> Result<(), StoreError> {
        let task = &self.tasks[at];
        let entry = task.result(outcome.clone()).entry();
        self.store.put_entry(&self.runner.experiments[0].key, &task.key, &entry)
    }

    /// What the result of a design belongs to.
    fn experiment(&self, design: &Design) -> &'a ExperimentKey {
        let mut experiments = self.runner.experiments.iter();
        let found =
            experiments.find(|it| design.weights.is_none_or(|coding| it.record.weights == coding));
        found.expect("an experiment in each coding of the designs")
    }

    fn run_reference(&mut self) -> Result<Vec<bool>, Halt> {
        let design = Design::exact(8);
        let (key, record) = self.experiment(&design).design(&design);
        let functions = &[];
        loop {
            self.spent.check(self.watch)?;
            if let Some(row) = self.finished(&key)? {
                return Ok(row.outcomes);
            }
            if let Claim::Others(worker) = self.store.claim(&key)? {
                self.wait_for(&worker);
                continue;
            }
            // Its last owner may have finished just before the claim.
            if let Some(row) = self.finished(&key)? {
                self.store.release(&key)?;
                return Ok(row.outcomes);
            }
            let to_do = ToDo { design: &design, key: &key, record: &record, functions };
            let row = self.evaluate(&to_do, false)?;
            return row
                .map(|row| row.outcomes)
                .map_err(|reason| Halt::Error(RunnerError::Reference(reason)));
        }
    }

    /// The result of the reference, if it is there on all images.
    fn finished(&self, key: &str) -> Result<Option<Row>, StoreError> {
        let row = self.store.load(key)?.filter(|row| row.status == Status::Done);
        Ok(row.filter(|row| self.runner.judge.next(None, &row.outcomes).is_none()))
    }

    /// Makes tasks of designs, behind those of earlier rounds in the order in which they are tried.
    fn add(&mut self, designs: &[Design], strategy: &dyn Strategy) -> Result<(), StoreError> {
        let first = self.tasks.len();
        for design in designs {
            let (key, record) = self.experiment(design).design(design);
            let failed = self.store.load(&key)?.is_some_and(|row| row.status != Status::Done);
            let mut task = Task {
                index: self.tasks.len(),
                expected: self.expect(design, &key)?,
                design: design.clone(),
                record,
                key,
                figures: Figures::default(),
                outcome: None,
                retry: failed,
            };
            if task.expected.is_some() {
                task.figures = (self.runner.figures)(&task.design, task.functions());
            }
            self.tasks.push(task);
        }
        self.tasks[first..].sort_by(|a, b| {
            let ([first, then], [first_of_b, then_of_b]) = (strategy.rank(a), strategy.rank(b));
            first.total_cmp(&first_of_b).then(then.total_cmp(&then_of_b))
        });
        Ok(())
    }

    /// What can be expected of a design. An earlier run may have said it: to choose codes takes
    /// longer than to run them.
    fn expect(&self, design: &Design, key: &str) -> Result<Option<Expected>, StoreError> {
        let known = self.store.last_entry(key)?.and_then(Entry::expected);
        Ok(known.or_else(|| guard(|| self.runner.subject.expect(design)).ok()))
    }

    fn evaluate_task(&mut self, at: usize) -> Result<Outcome, Halt> {
        let task = self.tasks[at].clone();
        let Task { design, key, record, .. } = &task;
        let to_do = ToDo { design, key, record, functions: task.functions() };
        Ok(match self.evaluate(&to_do, true)? {
            Ok(row) => self.assessed(row),
            Err(reason) => Outcome::Failed(reason),
        })
    }

    /// Evaluates a design that is claimed, as far as it is not known yet, and keeps the result; also
    /// when the search ends on the way. A failure of its own is the inner error.
    fn evaluate(&mut self, to_do: &ToDo, has_reference: bool) -> Result<Result<Row, String>, Halt> {
        let known = self.store.load(to_do.key)?.filter(|row| row.status == Status::Done);
        let (mut outcomes, before) =
            known.map(|row| (row.outcomes, row.elapsed)).unwrap_or_default();
        let start = Instant::now();
        let shown = self.show(to_do, has_reference, &mut outcomes);
        let mut row = Row {
            key: to_do.key.to_owned(),
            experiment: self.experiment(to_do.design).key.clone(),
            design: to_do.record.clone(),
            function: (!to_do.functions.is_empty()).then(|| to_do.functions.join(" + ")),
            status: Status::Done,
            outcomes,
            elapsed: before + start.elapsed(),
            worker: self.store.worker().to_owned(),
            finished: unix_time(),
        };
        match shown {
            Ok(Ok(layers)) => {
                self.store.save(&row, &layers)?;
                Ok(Ok(row))
            }
            Ok(Err(reason)) => {
                // What was stopped did not fail.
                if let Err(ended) = self.spent.check(self.watch) {
                    self.store.release(to_do.key)?;
                    return Err(ended.into());
                }
                row.status = Status::Failed(reason.clone());
                row.outcomes.clear();
                self.store.save(&row, &[])?;
                Ok(Err(reason))
            }
            Err(halt) => {
                // Nothing that has been seen is lost: the next run goes on from there.
                match (&halt, row.outcomes.is_empty()) {
                    (Halt::Ended(_), false) => self.store.save(&row, &[])?,
                    _ => self.store.release(to_do.key)?,
                }
                Err(halt)
            }
        }
    }

    /// Sends images through a design until it is decided, and looks at its layers. A failure of
    /// its own is the inner error.
    fn show(
        &mut self,
        to_do: &ToDo,
        has_reference: bool,
        outcomes: &mut Vec<bool>,
    ) -> Result<Observed, Halt> {
        let Runner { subject, judge, observed_images, .. } = self.runner;
        let mut trial = match guard(|| subject.start(to_do.design)) {
            Ok(trial) => trial,
            Err(reason) => return Ok(Err(reason)),
        };
        let (mut heard, mut step) = (Instant::now(), FIRST_STEP);
        let next = |work: &Self, outcomes: &[bool]| {
            judge.next(has_reference.then_some(&work.reference), outcomes)
        };
        while let Some(next) = next(self, outcomes) {
            while outcomes.len() < next {
                self.spent.check(self.watch)?;
                let end = outcomes.len() + self.spent.allows((next - outcomes.len()).min(step));
                let start = Instant::now();
                let seen = match guard(|| trial.outcomes(outcomes.len()..end)) {
                    Ok(seen) => seen,
                    Err(reason) => return Ok(Err(reason)),
                };
                step = match start.elapsed() {
                    short if short < STEP / 4 => step.saturating_mul(2),
                    long if long > STEP => (step / 2).max(1),
                    _ => step,
                };
                self.spent.images += seen.len() as u64;
                outcomes.extend(seen);
                self.advance_to(to_do.key, outcomes.len());
                if heard.elapsed() > HEARTBEAT {
                    self.store.heartbeat()?;
                    heard = Instant::now();
                }
            }
        }
        let exact = to_do.design.multiplier.is_exact();
        if *observed_images == 0 || exact || self.store.has_layers(to_do.key)? {
            return Ok(Ok(Vec::new()));
        }
        self.store.heartbeat()?;
        Ok(guard(|| trial.observe(*observed_images)))
    }
}

/// The errors in the layers of a design; none if they are known, or not asked for.
type Observed = Result<Vec<LayerQuality>, String>;

/// A design that is claimed.
struct ToDo<'a> {
    design: &'a Design,
    key: &'a str,
    record: &'a DesignRecord,
    functions: &'a [String],
}
