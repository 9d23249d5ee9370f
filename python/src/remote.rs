//! Pieces of an exploration, done by an executor of Python's.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use recoup::Watch;
use recoup::search::{Piece, PieceResult, Pool};

use crate::errors::request;

/// How long a piece should take, s: some hundred times what it costs to send it.
const PIECE_S: f64 = 0.5;

/// How many images go first; as many as are seen to fit follow.
const FIRST_IMAGES: usize = 16;

/// A pool that is an object of Python's: `recoup._executor.Pool`. Its first exception stops the search.
pub struct Remote<'a> {
    pool: Py<PyAny>,
    size: usize,
    images: usize,
    has_failed: &'a AtomicBool,
    /// That exception.
    pub error: Option<PyErr>,
}

impl<'a> Remote<'a> {
    pub fn new(pool: Py<PyAny>, size: usize, has_failed: &'a AtomicBool) -> Self {
        Self { pool, size, images: FIRST_IMAGES, has_failed, error: None }
    }

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

    fn adapt(&mut self, piece: &Piece, result: &PieceResult) {
        let recoup::search::Job::Images(range) = &piece.job else { return };
        self.images = match result.elapsed_s {
            short if short < PIECE_S / 2.0 => self.images.max(range.len().saturating_mul(2)),
            long if long > PIECE_S * 2.0 => self.images.min((range.len() / 2).max(1)),
            _ => self.images,
        };
    }
}

impl Pool for Remote<'_> {
    /// Workers make the designs of what they are given.
    fn know(&mut self, _: &str, _: &recoup::Design) {}

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

    fn submit(&mut self, piece: Piece) {
        let text = serde_json::to_string(&piece).expect("plain data");
        self.call(|pool| pool.call_method1("submit", (text,)).map(drop));
    }

    fn wait(&mut self) -> Option<(Piece, Option<PieceResult>)> {
        let (piece, result) = self.call(|pool| {
            let found: Option<(String, String)> = pool.call_method0("wait")?.extract()?;
            let Some((piece, result)) = found else { return Ok(None) };
            let piece: Piece = read(pool.py(), &piece)?;
            let result: PieceResult = read(pool.py(), &result)?;
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
pub fn read<T: serde::de::DeserializeOwned>(py: Python<'_>, text: &str) -> PyResult<T> {
    serde_json::from_str(text).map_err(|error| {
        request(py, &format!("the worker and its caller are of different versions: {error}"))
    })
}

/// A watch that also stops when a pool has failed.
pub struct Until<'a> {
    pub watch: &'a dyn Watch,
    pub has_failed: &'a AtomicBool,
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
