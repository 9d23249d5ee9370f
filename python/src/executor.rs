//! Pieces of an exploration, done by an executor of Python's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use recoup::data::Labels;
use recoup::search::{Piece, PieceResult, Pool, SessionsWorker};
use recoup::{SessionOptions, Watch};

use crate::data::Data;
use crate::errors::{known, request};
use crate::network::Network;
use crate::tried::{Tried, designs};
use crate::wait::{self, Running};

/// How long a piece should take, s: some hundred times what it costs to send it.
const PIECE_S: f64 = 0.5;

/// How many images go first; as many as are seen to fit follow.
const FIRST_IMAGES: usize = 16;

/// A network and its data.
pub type Pair<'py> = (PyRef<'py, Network>, PyRef<'py, Data>);

/// What sessions are made of, away from the interpreter.
pub fn sources(pairs: &[Pair<'_>]) -> Vec<(recoup::Network, SessionOptions)> {
    pairs.iter().map(|(network, data)| (network.get(), data.options.clone())).collect()
}

/// The sessions of an exploration, and the seed of the order of their images.
pub fn sessions(
    sources: Vec<(recoup::Network, SessionOptions)>,
) -> recoup::Result<(Vec<recoup::Session>, u64)> {
    let order_seed = sources.first().and_then(|(_, data)| data.seed).unwrap_or(0);
    let sessions = sources
        .into_iter()
        .map(|(network, data)| network.session(SessionOptions { labels: Labels::Needed, ..data }));
    Ok((sessions.collect::<recoup::Result<_>>()?, order_seed))
}

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

fn read<T: serde::de::DeserializeOwned>(py: Python<'_>, text: &str) -> PyResult<T> {
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

/// Does pieces for one who explores in another process.
#[pyclass(frozen, module = "recoup._recoup")]
pub struct Worker {
    worker: Mutex<SessionsWorker>,
}

#[pymethods]
impl Worker {
    /// Makes all ready that `explore` was given.
    #[new]
    fn new(
        py: Python<'_>,
        networks: Vec<Pair<'_>>,
        tried: Option<Tried<'_>>,
        running: Running,
    ) -> PyResult<Self> {
        let (sources, designs) = (sources(&networks), designs(tried.as_ref()));
        let threads = wait::threads(&running);
        let worker = wait::run(py, &running, |_| {
            let (sessions, order_seed) = sessions(sources)?;
            SessionsWorker::new(sessions, designs, order_seed, threads)
        })?;
        Ok(Self { worker: Mutex::new(worker) })
    }

    /// Does a piece, after those that other threads have asked for; both are JSON.
    fn run(&self, py: Python<'_>, piece: &str) -> PyResult<String> {
        wait::check_process(py)?;
        let piece: Piece = read(py, piece)?;
        let result =
            py.detach(|| self.worker.lock().unwrap_or_else(PoisonError::into_inner).run(piece));
        let result = known(py, result)?;
        Ok(serde_json::to_string(&result).expect("plain data"))
    }
}
