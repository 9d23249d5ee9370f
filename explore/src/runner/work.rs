//! Keeps workers busy with what a planner asks for, and keeps what comes of it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::thread::sleep;
use std::time::{Duration, Instant};

use recoup_core::design::Design;
use recoup_core::watch::Watch;

use super::piece::{Job, Piece, Pool, Seen};
use super::planner::{Finished, Planner, Terms};
use super::{DesignResult, Ended, Outcome, Runner, RunnerError, Strategy, Task};
use crate::entry::Entry;
use crate::key::ExperimentKey;
use crate::power::Figures;
use crate::store::{Claim, ResultStore, Status, StoreError};

/// How long to wait before asking again whether another worker has finished.
const POLL: Duration = Duration::from_millis(200);

/// How often other workers are told that this one lives; a small part of
/// [`STALE_S`](crate::store::STALE_S).
const HEARTBEAT: Duration = Duration::from_secs(2);

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

/// The work on one network.
pub(super) struct Work<'a> {
    runner: &'a Runner<'a>,
    store: &'a mut dyn ResultStore,
    pool: &'a mut dyn Pool,
    watch: &'a dyn Watch,
    planner: Planner,
    /// Keys of results that are claimed here.
    claimed: HashSet<String>,
    /// When others were last told that this worker lives.
    heard: Instant,
    /// By keys of results: the images that `watch` knows of.
    advanced: HashMap<String, usize>,
    /// Of the store, when it was last looked at.
    version: Option<i64>,
}

impl<'a> Work<'a> {
    pub(super) fn new(
        runner: &'a Runner<'a>,
        store: &'a mut dyn ResultStore,
        pool: &'a mut dyn Pool,
        watch: &'a dyn Watch,
    ) -> Self {
        let design = Design::exact(8);
        let reference = task(runner, &design);
        pool.know(&reference.key, &design);
        let terms = Terms {
            judge: runner.judge.clone(),
            observed_images: runner.observed_images,
            image_limit: runner.budget.images,
            speculates: pool.size() > 1,
            worker: store.worker().to_owned(),
        };
        Self {
            runner,
            store,
            pool,
            watch,
            planner: Planner::new(terms, reference),
            claimed: HashSet::new(),
            heard: Instant::now(),
            advanced: HashMap::new(),
            version: None,
        }
    }

    pub(super) fn images(&self) -> u64 {
        self.planner.spent()
    }

    /// What became of all designs so far, in the order of the proposals.
    pub(super) fn results(&self) -> Vec<DesignResult> {
        let result = |task: &Task| {
            let outcome = task.outcome.clone().expect("a round gives every design one");
            (task.index, task.result(outcome))
        };
        let mut results: Vec<(usize, DesignResult)> =
            self.planner.tasks().iter().map(result).collect();
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
        let kept = self.planner.settled();
        let done = self.add(designs, strategy).map_err(Halt::from);
        let done = done.and_then(|()| self.work(strategy));
        self.watch.end();
        self.pool.forget();
        self.keep_unfinished()?;
        if let Err(Halt::Ended(ended)) = done {
            let settled = self.planner.settled();
            self.planner.end(ended);
            self.keep_entries(settled.max(kept))?;
        }
        done
    }

    /// Makes tasks of designs, and brings them into the order in which they are tried.
    fn add(&mut self, designs: &[Design], strategy: &dyn Strategy) -> Result<(), StoreError> {
        let mut tasks = Vec::new();
        for design in designs {
            let mut task = task(self.runner, design);
            task.index = self.planner.tasks().len() + tasks.len();
            task.retry = self.store.load(&task.key)?.is_some_and(|row| row.status != Status::Done);
            // An earlier run may have said it: to choose codes takes longer than to run them.
            task.expected = self.store.last_entry(&task.key)?.and_then(Entry::expected);
            self.pool.know(&task.key, design);
            tasks.push(task);
        }
        self.expect(&mut tasks)?;
        let mut with_layers = Vec::new();
        for mut task in tasks {
            if let Some(expected) = &task.expected {
                task.figures = (self.runner.figures)(&task.design, expected);
            }
            let has_layers = self.store.has_layers(&task.key)?;
            with_layers.push((task, has_layers));
        }
        with_layers.sort_by(|(a, _), (b, _)| {
            let ([first, then], [first_of_b, then_of_b]) = (strategy.rank(a), strategy.rank(b));
            first.total_cmp(&first_of_b).then(then.total_cmp(&then_of_b))
        });
        self.planner.add(with_layers);
        // Also of the new ones.
        self.version = None;
        Ok(())
    }

    /// Asks what can be expected of designs of which nobody has said it, until the budget ends.
    fn expect(&mut self, tasks: &mut [Task]) -> Result<(), StoreError> {
        let piece = |task: &Task| Piece {
            experiment: task.experiment.clone(),
            design: task.key.clone(),
            job: Job::Expect,
        };
        let asked = tasks.iter().filter(|task| task.expected.is_none());
        let mut left: VecDeque<Piece> = asked.map(piece).collect();
        let mut out: Vec<Piece> = Vec::new();
        while (!left.is_empty() || !out.is_empty()) && self.runner.budget.check(self.watch).is_ok()
        {
            self.live()?;
            while self.pool.room() > 0
                && let Some(piece) = left.pop_front()
            {
                out.push(piece.clone());
                self.pool.submit(piece);
            }
            let Some((piece, result)) = self.pool.wait() else { continue };
            let Some(place) = out.iter().position(|out| *out == piece) else { continue };
            out.swap_remove(place);
            match result.map(|result| result.seen) {
                Some(Seen::Expected(expected)) => {
                    let of_piece = tasks.iter_mut().filter(|task| task.key == piece.design);
                    of_piece.for_each(|task| task.expected = Some(expected.clone()));
                }
                // Why it cannot be made is said when it is its turn.
                Some(_) => {}
                None => left.push_back(piece),
            }
        }
        Ok(())
    }

    /// Tells other workers that this one lives.
    fn live(&mut self) -> Result<(), StoreError> {
        if self.heard.elapsed() > HEARTBEAT {
            self.store.heartbeat()?;
            self.heard = Instant::now();
        }
        Ok(())
    }

    /// Has pieces done until each design has its outcome.
    fn work(&mut self, strategy: &dyn Strategy) -> Result<(), Halt> {
        loop {
            self.look_up_changed()?;
            self.settle(strategy)?;
            if self.planner.is_settled() {
                return Ok(());
            }
            self.runner.budget.check(self.watch)?;
            self.live()?;
            let busy = self.hand_out(strategy)?;
            if self.planner.is_idle() && self.pool.room() > 0 {
                if let Some(worker) = busy {
                    self.watch.note(&format!("waiting for {worker}, which evaluates what is left"));
                    sleep(POLL);
                }
                continue;
            }
            if let Some((piece, result)) = self.pool.wait() {
                // What was stopped did not fail.
                if matches!(&result, Some(result) if matches!(result.seen, Seen::Failed(_))) {
                    self.runner.budget.check(self.watch)?;
                }
                self.planner.done(&piece, result);
                self.advance_to(&piece.design, self.planner.seen(&piece.design));
            }
            self.keep_finished()?;
        }
    }

    /// Hands out as many pieces as there is room for. Another worker who is at what would come next,
    /// if there is one.
    fn hand_out(&mut self, strategy: &dyn Strategy) -> Result<Option<String>, StoreError> {
        let mut busy = None;
        while self.pool.room() > 0 {
            let (store, claimed) = (&mut *self.store, &mut self.claimed);
            let piece = self.planner.next(strategy, self.pool.images(), |key| {
                if claimed.contains(key) {
                    return Ok(true);
                }
                match store.claim(key)? {
                    Claim::Ours => claimed.insert(key.to_owned()),
                    Claim::Others(worker) => {
                        busy = busy.take().or(Some(worker));
                        return Ok(false);
                    }
                };
                Ok(true)
            });
            let Some(piece) = piece? else { break };
            if self.version == Some(self.store.version()?) {
                self.pool.submit(piece);
                continue;
            }
            // Others may have finished it just before the claim.
            self.planner.done(&piece, None);
            self.look_up_changed()?;
            if self.planner.is_known(&piece.design) && self.claimed.remove(&piece.design) {
                self.store.release(&piece.design)?;
            }
        }
        Ok(busy)
    }

    fn settle(&mut self, strategy: &dyn Strategy) -> Result<(), Halt> {
        let before = self.planner.settled();
        let ended = self.planner.settle(strategy);
        self.keep_entries(before)?;
        if let Some(reason) = self.planner.reference_failure() {
            return Err(Halt::Error(RunnerError::Reference(reason.to_owned())));
        }
        ended.map_or(Ok(()), |ended| Err(ended.into()))
    }

    /// Keeps what became of designs beside their results, from a place in their order on.
    fn keep_entries(&mut self, from: usize) -> Result<(), StoreError> {
        for at in from..self.planner.settled() {
            let task = &self.planner.tasks()[at];
            let (key, outcome) = (task.key.clone(), task.outcome.clone());
            let entry = task.result(outcome.unwrap_or(Outcome::NotTried)).entry();
            self.store.put_entry(&self.runner.experiments[0].key, &key, &entry)?;
            self.advance_to(&key, self.runner.judge.images());
        }
        Ok(())
    }

    /// Keeps results, and gives the claims on them up.
    fn keep_finished(&mut self) -> Result<(), StoreError> {
        for Finished { row, layers } in self.planner.take_finished() {
            self.store.save(&row, &layers)?;
            self.claimed.remove(&row.key);
        }
        Ok(())
    }

    /// Nothing that has been seen is lost: the next run goes on from there.
    fn keep_unfinished(&mut self) -> Result<(), StoreError> {
        self.keep_finished()?;
        for row in self.planner.unfinished() {
            self.store.save(&row, &[])?;
            self.claimed.remove(&row.key);
        }
        for key in std::mem::take(&mut self.claimed) {
            self.store.release(&key)?;
        }
        Ok(())
    }

    /// Looks up what others may have finished, if they have written since the last time.
    fn look_up_changed(&mut self) -> Result<(), StoreError> {
        let now = Some(self.store.version()?);
        if std::mem::replace(&mut self.version, now) == now {
            return Ok(());
        }
        let open = self.planner.tasks()[self.planner.settled()..].iter();
        let open = open.filter(|task| task.outcome.is_none()).map(|task| task.key.clone());
        let reference =
            (!self.planner.has_reference()).then(|| self.planner.reference_key().to_owned());
        for key in reference.into_iter().chain(open.collect::<Vec<_>>()) {
            if let Some(row) = self.store.load(&key)? {
                self.planner.learn(&key, row);
            }
        }
        Ok(())
    }

    fn advance_to(&mut self, key: &str, images: usize) {
        let before = self.advanced.entry(key.to_owned()).or_default();
        if images > *before {
            self.watch.advance(images - *before);
            *before = images;
        }
    }
}

/// A design of which nothing is known yet.
fn task(runner: &Runner, design: &Design) -> Task {
    let experiment = ExperimentKey::of_design(runner.experiments, design);
    let (key, record) = experiment.design(design);
    Task {
        design: design.clone(),
        figures: Figures::default(),
        outcome: None,
        experiment: experiment.key.clone(),
        record,
        key,
        expected: None,
        index: 0,
        retry: false,
    }
}
