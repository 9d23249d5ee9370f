//! What is known of one design, and what it lacks.

use super::piece::Job;
use super::progress::Progress;
use super::{Judge, Outcome};
use crate::quality::LayerQuality;
use crate::store::Row;

/// How far a design is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// It has to see images up to this one, or the reference has.
    Open(usize),
    /// So many images are enough.
    Seen(usize),
    /// It cannot be run, for this reason.
    Failed(String),
}

/// A design that is being found out about, or the reference.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    pub(super) progress: Progress,
    pub(super) state: State,
    /// The errors in its layers; none as long as they are asked for.
    pub(super) layers: Option<Vec<LayerQuality>>,
    /// Its result has been given to whoever keeps it.
    pub(super) is_kept: bool,
    /// What the store had.
    stored: Option<Row>,
    /// Images at the last look.
    looked: usize,
    layers_are_out: bool,
}

impl Trial {
    /// Nothing is known; its layers are not asked for if they are known.
    pub(super) fn new(has_layers: bool) -> Self {
        Self {
            progress: Progress::default(),
            state: State::Open(0),
            layers: has_layers.then(Vec::new),
            is_kept: false,
            stored: None,
            looked: 0,
            layers_are_out: false,
        }
    }

    /// Takes up what the store has, if it is more. What another question has shown it counts, too.
    pub(super) fn learn(&mut self, row: Row) {
        if row.outcomes.len() > self.progress.outcomes.len() {
            self.progress.learn(&row.outcomes, row.elapsed.as_secs_f64());
            self.looked = row.outcomes.len();
            self.stored = Some(row);
        }
    }

    /// Looks at the images as far as there are any, beside the reference unless it is that itself.
    pub(super) fn judge(&mut self, judge: &Judge, reference: Option<&[bool]>) {
        let outcomes = &self.progress.outcomes;
        let can_look = |at: usize| {
            at <= outcomes.len() && reference.is_none_or(|reference| at <= reference.len())
        };
        let is_waiting = match self.state {
            State::Open(next) => {
                next > 0 && !can_look(next) && self.progress.failure(next).is_none()
            }
            State::Seen(_) | State::Failed(_) => true,
        };
        if is_waiting {
            return;
        }
        self.state = loop {
            if !can_look(self.looked) {
                break State::Open(self.looked);
            }
            match judge.next(reference, &outcomes[..self.looked]) {
                None => break State::Seen(self.looked),
                Some(next) if can_look(next) => self.looked = next,
                Some(next) => {
                    let failure = self.progress.failure(next).map(str::to_owned);
                    break failure.map_or(State::Open(next), State::Failed);
                }
            }
        };
    }

    /// The result as the store has it, if it is on so many images.
    pub(super) fn stored(&self, images: usize) -> Option<&Row> {
        self.stored.as_ref().filter(|row| row.outcomes.len() == images)
    }

    /// Images without a gap that can be kept: no look at them is left out.
    pub(super) fn safe(&self) -> usize {
        match self.state {
            State::Open(next) => self.progress.outcomes.len().min(next.saturating_sub(1)),
            State::Seen(images) => images,
            State::Failed(_) => 0,
        }
    }

    /// Images that it has been shown, of those that one worker would have shown it.
    pub(super) fn shown(&self) -> usize {
        let images = match self.state {
            State::Seen(images) => images,
            _ => self.progress.outcomes.len(),
        };
        images.saturating_sub(self.progress.known)
    }

    /// The number of images that it has when `left` more are shown.
    pub(super) fn with(&self, left: Option<usize>) -> usize {
        left.map_or(usize::MAX, |left| self.progress.known.saturating_add(left))
    }

    /// Whether `left` more images are not enough for its outcome.
    pub(super) fn is_over(&self, left: Option<usize>, outcome: Option<&Outcome>) -> bool {
        let Some(left) = left else { return false };
        match self.state {
            State::Open(_) => outcome.is_none() && self.shown() >= left,
            _ => self.shown() > left,
        }
    }

    /// What is to be done up to image `until`, with `most` images in a piece and a look at the layers
    /// on `observed` in the end.
    pub(super) fn job(&self, until: usize, most: usize, observed: usize) -> Option<Job> {
        match self.state {
            State::Open(_) => self.progress.free(until, most).map(Job::Images),
            State::Seen(images) => {
                let lacks_layers =
                    self.layers.is_none() && !self.layers_are_out && self.stored(images).is_none();
                lacks_layers.then_some(Job::Layers(observed))
            }
            State::Failed(_) => None,
        }
    }

    /// Whether a piece of it is handed out.
    pub(super) fn is_busy(&self) -> bool {
        self.layers_are_out || self.progress.is_out()
    }

    pub(super) fn hand_out(&mut self, job: &Job) {
        match job {
            Job::Images(range) => self.progress.hand_out(range.clone()),
            Job::Layers(_) => self.layers_are_out = true,
            Job::Expect => {}
        }
    }

    /// Takes a piece back; false if it was not handed out, or has come back before.
    pub(super) fn take_back(&mut self, job: &Job) -> bool {
        match job {
            Job::Images(range) => self.progress.take_back(range),
            Job::Layers(_) => std::mem::replace(&mut self.layers_are_out, false),
            Job::Expect => false,
        }
    }
}
