//! What is left of an evaluation to be handed out, and the order in which it is put together.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use recoup_core::accuracy::{Part, Totals};
use recoup_core::watch::{Stopped, Watch, go_on};
use recoup_explore::runner::Pool;

use super::pieces::{EvaluationPiece, EvaluationResult};

/// Where pieces of evaluations are done.
pub type EvaluationPool<'a> = dyn Pool<EvaluationPiece, EvaluationResult> + 'a;

/// Networks that run on the same images at the same time.
struct Group {
    networks: Range<usize>,
    /// The first image that was not handed out.
    next: usize,
    /// How many of its pieces are being done.
    out: usize,
    /// The first image whose part is not in the totals.
    seen: usize,
    /// What came before what precedes it, by the first image.
    early: BTreeMap<usize, Vec<Part>>,
}

/// Hands an evaluation out, to each worker one group of networks after the other.
pub(super) struct Plan {
    key: String,
    images: usize,
    groups: Vec<Group>,
    /// Pieces that are being done.
    out: Vec<EvaluationPiece>,
    /// Pieces that nobody has done.
    lost: VecDeque<EvaluationPiece>,
}

impl Plan {
    /// Of so many networks on so many images; all of them `together`, or one by one.
    pub(super) fn new(key: String, networks: usize, images: usize, together: bool) -> Self {
        let size = if together { networks } else { 1 };
        let groups = (0..networks).step_by(size).map(|first| Group {
            networks: first..first + size,
            next: 0,
            out: 0,
            seen: 0,
            early: BTreeMap::new(),
        });
        Self { key, images, groups: groups.collect(), out: Vec::new(), lost: VecDeque::new() }
    }

    /// Has all of it done. A step is an image that a group of networks sees.
    ///
    /// # Errors
    /// When `watch` stops the work, or what is done beside it has failed.
    pub(super) fn run(
        &mut self,
        pool: &mut EvaluationPool<'_>,
        totals: &mut Totals,
        has_failed: &AtomicBool,
        watch: &dyn Watch,
    ) -> Result<(), Stopped> {
        watch.begin("evaluating", self.images * self.groups.len());
        let mut is_stopped = Ok(());
        while self.groups.iter().any(|group| group.seen < self.images) {
            is_stopped = match has_failed.load(Ordering::Relaxed) {
                true => Err(Stopped),
                false => go_on(watch),
            };
            if is_stopped.is_err() {
                break;
            }
            self.fill(pool);
            if let Some((piece, result)) = pool.wait() {
                watch.advance(self.take(piece, result, totals));
            }
        }
        watch.end();
        pool.forget();
        is_stopped
    }

    /// Gives a pool as much as it takes.
    fn fill(&mut self, pool: &mut EvaluationPool<'_>) {
        while pool.room() > 0 {
            let Some(piece) = self.lost.pop_front().or_else(|| self.next(pool.images())) else {
                return;
            };
            self.group(&piece).out += 1;
            self.out.push(piece.clone());
            pool.submit(piece);
        }
    }

    fn next(&mut self, images: usize) -> Option<EvaluationPiece> {
        // The one that fewest are at: whoever has just come back from networks has them ready.
        let open = self.groups.iter_mut().filter(|group| group.next < self.images);
        let group = open.min_by_key(|group| group.out)?;
        let range = group.next..self.images.min(group.next.saturating_add(images.max(1)));
        group.next = range.end;
        let (key, networks) = (self.key.clone(), group.networks.clone());
        Some(EvaluationPiece { key, networks, images: range })
    }

    fn group(&mut self, piece: &EvaluationPiece) -> &mut Group {
        let mut groups = self.groups.iter_mut();
        groups.find(|it| it.networks == piece.networks).expect("it was handed out")
    }

    /// Takes a result, and adds what follows on what is in the totals. How many steps it was; none if
    /// the piece was lost, or is of other work.
    fn take(
        &mut self,
        piece: EvaluationPiece,
        result: Option<EvaluationResult>,
        totals: &mut Totals,
    ) -> usize {
        let Some(place) = self.out.iter().position(|out| *out == piece) else { return 0 };
        self.out.swap_remove(place);
        self.group(&piece).out -= 1;
        let EvaluationPiece { networks, images, .. } = &piece;
        let is_whole = |parts: &Vec<Part>| {
            parts.len() == networks.len() && parts.iter().all(|it| it.images() == images.len())
        };
        let Some(parts) = result.map(|it| it.parts).filter(is_whole) else {
            self.lost.push_back(piece);
            return 0;
        };
        let group = self.group(&piece);
        group.early.insert(images.start, parts);
        while let Some(parts) = group.early.remove(&group.seen) {
            group.seen += parts[0].images();
            totals.add(group.networks.start, parts);
        }
        images.len()
    }
}
