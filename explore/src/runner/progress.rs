//! The images of one design: seen, being looked at, and to be handed out.

use std::collections::BTreeMap;
use std::ops::Range;

/// What is known of the images of a design. Results may come in any order.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    /// The first images, without a gap.
    pub(super) outcomes: Vec<bool>,
    /// So many of them the store had.
    pub(super) known: usize,
    /// Time that all of it took, s.
    pub(super) elapsed_s: f64,
    /// What came behind a gap, by the first image.
    ahead: BTreeMap<usize, Vec<bool>>,
    /// Handed out.
    out: Vec<Range<usize>>,
    /// The first image of a piece that failed, and why.
    failed: Option<(usize, String)>,
}

impl Progress {
    /// What the store has, if it is more.
    pub(super) fn learn(&mut self, outcomes: &[bool], elapsed_s: f64) {
        if outcomes.len() > self.outcomes.len() {
            self.outcomes = outcomes.to_vec();
            (self.known, self.elapsed_s) = (outcomes.len(), elapsed_s);
            self.close();
        }
    }

    /// The first images before `until` that are neither seen nor handed out, `most` of them.
    pub(super) fn free(&self, until: usize, most: usize) -> Option<Range<usize>> {
        let seen = self.ahead.iter().map(|(start, seen)| *start..start + seen.len());
        let mut covered: Vec<Range<usize>> = seen.chain(self.out.iter().cloned()).collect();
        covered.sort_by_key(|range| range.start);
        let failed = self.failed.as_ref().map(|(start, _)| *start);
        let (mut start, mut end) = (self.outcomes.len(), failed.map_or(until, |at| until.min(at)));
        for range in covered {
            if range.start > start {
                end = end.min(range.start);
                break;
            }
            start = start.max(range.end);
        }
        let range = start..end.min(start.saturating_add(most));
        (!range.is_empty()).then_some(range)
    }

    pub(super) fn is_out(&self) -> bool {
        !self.out.is_empty()
    }

    pub(super) fn hand_out(&mut self, range: Range<usize>) {
        self.out.push(range);
    }

    /// Takes a range back; false if it was not handed out, or has come back before.
    pub(super) fn take_back(&mut self, range: &Range<usize>) -> bool {
        let place = self.out.iter().position(|out| out == range);
        place.map(|place| self.out.remove(place)).is_some()
    }

    /// Takes up what was seen from image `start` on.
    pub(super) fn put(&mut self, start: usize, seen: Vec<bool>) {
        self.ahead.insert(start, seen);
        self.close();
    }

    pub(super) fn fail(&mut self, start: usize, reason: String) {
        if self.failed.as_ref().is_none_or(|(first, _)| start < *first) {
            self.failed = Some((start, reason));
        }
    }

    /// Why nothing comes after the images that were seen, if one before `until` was needed.
    pub(super) fn failure(&self, until: usize) -> Option<&str> {
        let failed = self.failed.as_ref();
        let (_, reason) =
            failed.filter(|(start, _)| *start <= self.outcomes.len() && *start < until)?;
        (self.outcomes.len() < until).then_some(reason.as_str())
    }

    /// Appends what follows without a gap.
    fn close(&mut self) {
        while let Some(entry) = self.ahead.first_entry()
            && *entry.key() <= self.outcomes.len()
        {
            let (start, seen) = entry.remove_entry();
            let overlap = self.outcomes.len() - start;
            self.outcomes.extend(seen.into_iter().skip(overlap));
        }
    }
}
