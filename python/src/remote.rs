//! Pieces of an exploration or an evaluation, done by an executor of Python's.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use recoup::Watch;
use recoup::search::{EvaluationPiece, EvaluationResult, Job, Piece, PieceResult, Pool};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::errors::request;

/// How long a piece should take, s: some hundred times what it costs to send it.
const PIECE_S: f64 = 0.5;

/// How many of them may come back in a second, from many workers that take longer ones then: whoever
/// waits for them has about a millisecond's work with each.
const PIECES_PER_S: f64 = 250.0;

/// How many images go first; as many as are seen to fit follow.
const FIRST_IMAGES: usize = 16;

/// What pieces are.
pub trait Travels: Serialize + DeserializeOwned {
    /// What comes back of one.
    type Result: DeserializeOwned;

    /// The images that it is about, and the seconds that they took; none of another kind of work.
    fn pace(&self, result: &Self::Result) -> Option<(&Range<usize>, f64)>;
}

impl Travels for Piece {
    type Result = PieceResult;

    fn pace(&self, result: &PieceResult) -> Option<(&Range<usize>, f64)> {
        let Job::Images(range) = &self.job else { return None };
        Some((range, result.elapsed_s))
    }
}

impl Travels for EvaluationPiece {
    type Result = EvaluationResult;

    fn pace(&self, result: &EvaluationResult) -> Option<(&Range<usize>, f64)> {
        Some((&self.images, result.elapsed_s))
    }
}

/// A pool that is an object of Python's: `recoup._executor.Pool`. Its first exception stops the work.
pub struct Remote<'a, P> {
    pool: Py<PyAny>,
    size: usize,
    images: usize,
    has_failed: &'a AtomicBool,
    /// That exception.
    error: Option<PyErr>,
    pieces: PhantomData<P>,
}

/// Has `work` done by a pool of so many workers. An exception in the pool is why it ended.
pub fn on_pool<P: Travels, T>(
    (pool, size): (Py<PyAny>, usize),
    watch: &dyn Watch,
    work: impl FnOnce(&mut Remote<'_, P>, &dyn Watch) -> recoup::Result<T>,
) -> recoup::Result<PyResult<T>> {
    let has_failed = &AtomicBool::new(false);
    let (images, pieces) = (FIRST_IMAGES, PhantomData);
    let mut pool = Remote { pool, size, images, has_failed, error: None, pieces };
    let done = work(&mut pool, &Until { watch, has_failed });
    match pool.error {
        Some(error) => Ok(Err(error)),
        None => Ok(Ok(done?)),
    }
}

impl<P: Travels> Remote<'_, P> {
    fn call<T>(&mut self, call: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>) -> Option<T> {
        if self.error.is_some() {
            return None;
        }
        let result = Python::attach(|py| call(self.pool.bind(py)));
        result
            .map_err(|error| {
                self.error = Some(error);
                self.has_failed.store(true, Ordering::Relaxed);
            })
            .ok()
    }

    fn adapt(&mut self, piece: &P, result: &P::Result) {
        let Some((range, elapsed_s)) = piece.pace(result) else { return };
        let piece_s = PIECE_S.max(self.size as f64 / PIECES_PER_S);
        self.images = match elapsed_s {
            short if short < piece_s / 2.0 => self.images.max(range.len().saturating_mul(2)),
            long if long > piece_s * 2.0 => self.images.min((range.len() / 2).max(1)),
            _ => self.images,
        };
    }
}

impl<P: Travels> Pool<P, P::Result> for Remote<'_, P> {
    fn size(&self) -> usize {
        self.size
    }

    fn room(&self) -> usize {
        if self.error.is_some() {
            return 0;
        }
        let out = Python::attach(|py| self.pool.bind(py).len());
        self.size.saturating_sub(out.unwrap_or(self.size))
    }

    fn images(&self) -> usize {
        self.images
    }

    fn submit(&mut self, piece: P) {
        let text = serde_json::to_string(&piece).expect("plain data");
        self.call(|pool| pool.call_method1("submit", (text,)).map(drop));
    }

    fn wait(&mut self) -> Option<(P, Option<P::Result>)> {
        let (piece, result) = self.call(|pool| {
            let found: Option<(String, String)> = pool.call_method0("wait")?.extract()?;
            let Some((piece, result)) = found else { return Ok(None) };
            let piece: P = read(pool.py(), &piece)?;
            let result: P::Result = read(pool.py(), &result)?;
            Ok(Some((piece, result)))
        })??;
        self.adapt(&piece, &result);
        Some((piece, Some(result)))
    }

    fn forget(&mut self) {
        self.call(|pool| pool.call_method0("forget").map(drop));
    }
}

/// What another process has sent.
pub fn read<T: DeserializeOwned>(py: Python<'_>, text: &str) -> PyResult<T> {
    serde_json::from_str(text).map_err(|error| {
        request(py, &format!("the worker and its caller are of different versions: {error}"))
    })
}

/// A watch that also stops when a pool has failed.
struct Until<'a> {
    watch: &'a dyn Watch,
    has_failed: &'a AtomicBool,
}

impl Watch for Until<'_> {
    fn begin(&self, what: &'static str, steps: usize) {
        self.watch.begin(what, steps);
    }

    fn advance(&self, steps: usize) {
        self.watch.advance(steps);
    }

    fn state(&self, words: &str) {
        self.watch.state(words);
    }

    fn end(&self) {
        self.watch.end();
    }

    fn note(&self, what: &str) {
        self.watch.note(what);
    }

    fn is_stopped(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed) || self.watch.is_stopped()
    }
}
