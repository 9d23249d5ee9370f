//! When a design has seen enough, and what that says.

use crate::sequential::{Assessment, Limit, Plan, Verdict};

/// How the losses of designs on one set of images are judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Judge {
    plan: Plan,
    limit: Limit,
    all_images: bool,
}

impl Judge {
    /// Looks several times at up to `images` images, and ends as soon as a verdict is clear.
    ///
    /// # Panics
    /// When there are no images.
    pub fn sequential(images: usize, limit: Limit) -> Self {
        Self { plan: Plan::new(images), limit, all_images: false }
    }

    /// Looks once, at all images: one look has no need to share its error.
    ///
    /// # Panics
    /// When there are no images.
    pub fn thorough(images: usize, limit: Limit) -> Self {
        Self { plan: Plan::single(images), limit, all_images: true }
    }

    /// The same looks, but every design sees all images.
    #[must_use]
    pub fn on_all_images(self) -> Self {
        Self { all_images: true, ..self }
    }

    /// All images.
    pub fn images(&self) -> usize {
        self.plan.images()
    }

    /// Of the looks, the one so many after the one at `image`, or the last.
    pub(super) fn look_after(&self, image: usize, many: usize) -> usize {
        (0..many).fold(image, |image, _| self.plan.next(image).unwrap_or(image))
    }

    /// How many looks there are at most.
    pub(super) fn looks(&self) -> usize {
        self.plan.looks()
    }

    /// Until which image a design has to go on; the reference sees all.
    pub(super) fn next(&self, reference: Option<&[bool]>, outcomes: &[bool]) -> Option<usize> {
        let next = self.plan.next(outcomes.len())?;
        let Some(reference) = reference.filter(|_| !self.all_images) else {
            return Some(self.plan.images());
        };
        let verdict = self.plan.verdict(reference, outcomes, self.limit);
        (verdict == Verdict::Open).then_some(next)
    }

    pub(super) fn assess(&self, reference: &[bool], outcomes: &[bool]) -> Assessment {
        self.plan.assess(reference, outcomes, self.limit)
    }
}
