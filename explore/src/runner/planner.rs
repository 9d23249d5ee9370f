//! Which pieces are to be done next, and what their results say.
//!
//! The caller asks for pieces as long as its workers have room, and says what became of each, in
//! whatever order. Beyond what is needed next, pieces are handed out that will probably be needed;
//! what comes of them counts only if one worker, who begins with nothing and does one piece after the
//! other, would have come to it. So neither the number of workers nor their speed changes the answer.

use std::collections::HashMap;
use std::time::Duration;

use super::piece::{Job, Piece, PieceResult, Seen};
use super::trial::{State, Trial};
use super::{Ended, Judge, Outcome, Strategy, Task};
use crate::quality::LayerQuality;
use crate::store::{Row, Status, unix_time};

/// A result that is to be kept.
pub(super) struct Finished {
    pub(super) row: Row,
    pub(super) layers: Vec<LayerQuality>,
}

/// How a planner goes about it.
pub(super) struct Terms {
    pub(super) judge: Judge,
    pub(super) observed_images: usize,
    /// Images that may go through designs.
    pub(super) image_limit: Option<u64>,
    /// Whether pieces are handed out that may not be needed.
    pub(super) speculates: bool,
    /// Who is named in results.
    pub(super) worker: String,
}

/// Plans the work on one network.
pub(super) struct Planner {
    terms: Terms,
    /// The exact 8-bit network, which sees all images.
    reference: Task,
    /// What is known of its images.
    reference_outcomes: Vec<bool>,
    /// By keys of results.
    candidates: HashMap<String, Trial>,
    /// In the order in which they are tried, those of earlier rounds first.
    tasks: Vec<Task>,
    /// So many of the first have their final outcomes.
    settled: usize,
    /// Images that went through designs with final outcomes, the reference left out.
    spent: u64,
    /// Pieces that are handed out.
    under_way: usize,
    finished: Vec<Finished>,
}

impl Planner {
    /// Nothing is known yet, and no design is to be tried but the reference.
    pub(super) fn new(terms: Terms, reference: Task) -> Self {
        let mut candidate = Trial::new(true);
        candidate.judge(&terms.judge, None);
        Self {
            terms,
            candidates: HashMap::from([(reference.key.clone(), candidate)]),
            reference,
            reference_outcomes: Vec::new(),
            tasks: Vec::new(),
            settled: 0,
            spent: 0,
            under_way: 0,
            finished: Vec::new(),
        }
    }

    /// Takes more designs on, to be tried in this order behind those before. Those whose errors in
    /// layers are known already have `has_layers`.
    pub(super) fn add(&mut self, tasks: Vec<(Task, bool)>) {
        for (task, has_layers) in tasks {
            let needs_none =
                self.terms.observed_images == 0 || task.design.multiplier.is_exact() || has_layers;
            let candidate = || Trial::new(needs_none);
            self.candidates.entry(task.key.clone()).or_insert_with(candidate);
            let key = task.key.clone();
            self.tasks.push(task);
            self.judge_candidate(&key);
        }
    }

    pub(super) fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    pub(super) fn settled(&self) -> usize {
        self.settled
    }

    pub(super) fn is_settled(&self) -> bool {
        self.settled == self.tasks.len() && self.has_reference()
    }

    pub(super) fn has_reference(&self) -> bool {
        self.reference_outcomes.len() == self.terms.judge.images()
    }

    /// Why the reference cannot be run.
    pub(super) fn reference_failure(&self) -> Option<&str> {
        match &self.candidates[&self.reference.key].state {
            State::Failed(reason) => Some(reason),
            _ => None,
        }
    }

    pub(super) fn reference_key(&self) -> &str {
        &self.reference.key
    }

    /// Images that one worker has shown to designs.
    pub(super) fn spent(&self) -> u64 {
        self.spent + self.candidates[&self.reference.key].shown() as u64
    }

    pub(super) fn is_idle(&self) -> bool {
        self.under_way == 0
    }

    /// Whether nothing is to be shown to a design any more, whatever rules it out.
    pub(super) fn is_known(&self, key: &str) -> bool {
        !matches!(self.candidates.get(key).map(|it| &it.state), Some(State::Open(_)))
    }

    /// Images that a design has seen.
    pub(super) fn seen(&self, key: &str) -> usize {
        self.candidates.get(key).map_or(0, |candidate| candidate.progress.outcomes.len())
    }

    /// Results that came about since the last time.
    pub(super) fn take_finished(&mut self) -> Vec<Finished> {
        std::mem::take(&mut self.finished)
    }

    /// Takes up what the store has of a design or the reference.
    pub(super) fn learn(&mut self, key: &str, row: Row) {
        let task = self.tasks.iter_mut().find(|task| task.key == key);
        match &row.status {
            Status::Done => self.candidate(key).learn(row),
            Status::Failed(reason) => {
                if let Some(task) = task.filter(|task| !task.retry && task.outcome.is_none()) {
                    task.outcome = Some(Outcome::Failed(reason.clone()));
                }
            }
        }
        self.proceed(key);
    }

    fn candidate(&mut self, key: &str) -> &mut Trial {
        self.candidates.get_mut(key).expect("a design that was added")
    }

    /// The next piece to hand out; `is_ours` says whether a design may be worked on here.
    pub(super) fn next<E>(
        &mut self,
        strategy: &dyn Strategy,
        images: usize,
        mut is_ours: impl FnMut(&str) -> Result<bool, E>,
    ) -> Result<Option<Piece>, E> {
        if !self.has_reference() {
            let job = self.job(&self.reference.key, 0, images);
            if let Some(job) = job
                && is_ours(&self.reference.key)?
            {
                let task = &self.reference;
                return Ok(Some(self.hand_out(task.experiment.clone(), task.key.clone(), job)));
            }
            if !self.terms.speculates {
                return Ok(None);
            }
        }
        let depths = if self.terms.speculates { self.terms.judge.looks() } else { 1 };
        for depth in 0..depths {
            // First those that nobody is at: whoever has just come back from a design has it ready.
            for is_busy in [false, true] {
                for at in self.settled..self.tasks.len() {
                    let key = &self.tasks[at].key;
                    if self.candidates[key].is_busy() != is_busy || !self.is_to_do(at, strategy) {
                        continue;
                    }
                    let job = self.job(key, depth, images);
                    if let Some(job) = job
                        && is_ours(key)?
                    {
                        let task = &self.tasks[at];
                        return Ok(Some(self.hand_out(
                            task.experiment.clone(),
                            task.key.clone(),
                            job,
                        )));
                    }
                }
            }
        }
        Ok(None)
    }

    /// What is to be done for a design, up to so many looks after the next.
    fn job(&self, key: &str, depth: usize, images: usize) -> Option<Job> {
        let candidate = &self.candidates[key];
        let until = match candidate.state {
            State::Open(next) => self.terms.judge.look_after(next, depth),
            _ => 0,
        };
        let left = match *key == self.reference.key {
            // What it has shown itself is in what is spent.
            true => {
                self.terms.image_limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX))
            }
            false => self.left(),
        };
        candidate.job(until.min(candidate.with(left)), images, self.terms.observed_images)
    }

    fn hand_out(&mut self, experiment: String, design: String, job: Job) -> Piece {
        self.candidate(&design).hand_out(&job);
        self.under_way += 1;
        Piece { experiment, design, job }
    }

    /// Images that one worker may still show, after what has its final outcome.
    fn left(&self) -> Option<usize> {
        let left = self.terms.image_limit?.saturating_sub(self.spent());
        Some(usize::try_from(left).unwrap_or(usize::MAX))
    }

    /// Takes a result; none if the piece was lost, which is then handed out again.
    pub(super) fn done(&mut self, piece: &Piece, result: Option<PieceResult>) {
        let Some(candidate) = self.candidates.get_mut(&piece.design) else { return };
        if !candidate.take_back(&piece.job) {
            return;
        }
        self.under_way -= 1;
        let Some(PieceResult { seen, elapsed_s }) = result else { return };
        candidate.progress.elapsed_s += elapsed_s;
        match (seen, &piece.job) {
            (Seen::Outcomes(mut outcomes), Job::Images(range)) => {
                outcomes.truncate(range.len());
                candidate.progress.put(range.start, outcomes);
            }
            (Seen::Layers(layers), Job::Layers(_)) => candidate.layers = Some(layers),
            (Seen::Failed(reason), Job::Images(range)) => {
                candidate.progress.fail(range.start, reason);
            }
            (Seen::Failed(reason), Job::Layers(_)) => candidate.state = State::Failed(reason),
            // The result of another piece is none.
            _ => return,
        }
        self.proceed(&piece.design);
    }

    /// Judges a design as far as its images allow; all of them if the reference has seen more.
    fn proceed(&mut self, key: &str) {
        if key == self.reference.key {
            let outcomes = &self.candidates[key].progress.outcomes;
            self.reference_outcomes.extend_from_slice(&outcomes[self.reference_outcomes.len()..]);
            let keys: Vec<String> = self.tasks.iter().map(|task| task.key.clone()).collect();
            self.judge_candidate(key);
            keys.iter().filter(|other| *other != key).for_each(|key| self.judge_candidate(key));
        } else {
            self.judge_candidate(key);
        }
    }

    fn judge_candidate(&mut self, key: &str) {
        let is_reference = key == self.reference.key;
        let reference = (!is_reference).then_some(&self.reference_outcomes[..]);
        let candidate = self.candidates.get_mut(key).expect("a design that was added");
        candidate.judge(&self.terms.judge, reference);
        if is_reference {
            let task = self.reference.clone();
            self.finish(&task);
        }
        for at in self.settled..self.tasks.len() {
            if self.tasks[at].key == key && self.tasks[at].outcome.is_none() {
                let task = self.tasks[at].clone();
                self.tasks[at].outcome = self.finish(&task);
            }
        }
    }

    /// The outcome of a design whose images and layers have been seen; what is new is kept.
    fn finish(&mut self, task: &Task) -> Option<Outcome> {
        let candidate = &self.candidates[&task.key];
        let (outcome, row) = match &candidate.state {
            State::Failed(reason) => {
                let status = Status::Failed(reason.clone());
                (Outcome::Failed(reason.clone()), Some(self.row(task, status, &[])))
            }
            State::Seen(count) => {
                if let Some(row) = candidate.stored(*count) {
                    (self.assessed(row.clone())?, None)
                } else if candidate.layers.is_some() {
                    let outcomes = &candidate.progress.outcomes[..*count];
                    let row = self.row(task, Status::Done, outcomes);
                    (self.assessed(row.clone())?, Some(row))
                } else {
                    return None;
                }
            }
            State::Open(_) => return None,
        };
        let candidate = self.candidate(&task.key);
        if let Some(row) = row
            && !std::mem::replace(&mut candidate.is_kept, true)
        {
            let layers = candidate.layers.clone().unwrap_or_default();
            self.finished.push(Finished { row, layers });
        }
        Some(outcome)
    }

    /// The verdict, if the reference has seen as many images.
    fn assessed(&self, row: Row) -> Option<Outcome> {
        let has_all = row.outcomes.len() <= self.reference_outcomes.len();
        has_all.then(|| {
            let assessment = self.terms.judge.assess(&self.reference_outcomes, &row.outcomes);
            Outcome::Assessed { assessment, row: Box::new(row) }
        })
    }

    fn row(&self, task: &Task, status: Status, outcomes: &[bool]) -> Row {
        let functions = task.functions();
        // As files can hold it.
        let elapsed_us = (self.candidates[&task.key].progress.elapsed_s * 1e6) as u64;
        Row {
            key: task.key.clone(),
            experiment: task.experiment.clone(),
            design: task.record.clone(),
            function: (!functions.is_empty()).then(|| functions.join(" + ")),
            status,
            outcomes: outcomes.to_vec(),
            elapsed: Duration::from_micros(elapsed_us),
            worker: self.terms.worker.clone(),
            finished: unix_time(),
        }
    }

    /// Whether something is left to do for a design, by what is known of it and of those before it.
    fn is_to_do(&self, at: usize, strategy: &dyn Strategy) -> bool {
        let (before, task) = (&self.tasks[..at], &self.tasks[at]);
        task.outcome.is_none() && strategy.superfluous(task, before).is_none()
    }

    /// Gives designs their outcomes in the order in which they are tried, up to the first that is
    /// to be done. Only what comes before a design rules it out, also where more is known. Why the
    /// search ends, if the images that one worker may show are over.
    pub(super) fn settle(&mut self, strategy: &dyn Strategy) -> Option<Ended> {
        if !self.has_reference() {
            return (self.left() == Some(0)).then_some(Ended::ImageLimit);
        }
        while self.settled < self.tasks.len() {
            let (before, rest) = self.tasks.split_at(self.settled);
            let task = &rest[0];
            let outcome = match strategy.superfluous(task, before) {
                Some(reason) => Outcome::Superfluous(reason),
                None => {
                    let candidate = &self.candidates[&task.key];
                    let is_reference = task.key == self.reference.key;
                    if !is_reference && candidate.is_over(self.left(), task.outcome.as_ref()) {
                        return Some(Ended::ImageLimit);
                    }
                    let Some(outcome) = task.outcome.clone() else { break };
                    if !is_reference {
                        self.spent += candidate.shown() as u64;
                    }
                    outcome
                }
            };
            self.tasks[self.settled].outcome = Some(outcome);
            self.settled += 1;
        }
        None
    }

    /// Gives the designs that are left what was seen of them, as the search has ended.
    pub(super) fn end(&mut self, ended: Ended) {
        let mut shown = 0;
        for at in self.settled..self.tasks.len() {
            let task = &self.tasks[at];
            let candidate = &self.candidates[&task.key];
            let images = match ended {
                // What others would have done after it does not count.
                Ended::ImageLimit if at == self.settled => {
                    candidate.progress.outcomes.len().min(candidate.with(self.left()))
                }
                Ended::ImageLimit => candidate.progress.known,
                _ => candidate.safe(),
            };
            let is_reference = task.key == self.reference.key;
            let is_new = !is_reference && (candidate.is_kept || candidate.shown() > 0);
            if !is_reference {
                shown += images.saturating_sub(candidate.progress.known) as u64;
            }
            if task.outcome.is_some() && !(ended == Ended::ImageLimit && is_new) {
                continue;
            }
            let row = match candidate.stored(images) {
                Some(row) => row.clone(),
                None => self.row(task, Status::Done, &candidate.progress.outcomes[..images]),
            };
            let is_seen = images > 0 && self.has_reference();
            let seen = is_seen.then(|| self.assessed(row)).flatten();
            self.tasks[at].outcome = Some(seen.unwrap_or(Outcome::NotTried));
        }
        self.settled = self.tasks.len();
        self.spent += shown;
    }

    /// What has been seen of designs that are not finished, to be kept: the next run goes on from
    /// there.
    pub(super) fn unfinished(&self) -> Vec<Row> {
        let tasks = self.tasks.iter().chain([&self.reference]);
        let rows = tasks.filter_map(|task| {
            let candidate = &self.candidates[&task.key];
            let images = candidate.safe();
            let is_new = !candidate.is_kept && images > candidate.progress.known;
            is_new.then(|| self.row(task, Status::Done, &candidate.progress.outcomes[..images]))
        });
        rows.collect()
    }
}
