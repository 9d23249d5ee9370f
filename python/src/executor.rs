//! Who does pieces of an exploration or an evaluation for an executor of Python's.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use recoup::SessionOptions;
use recoup::data::Labels;
use recoup::search::{EvaluationPiece, EvaluationWorker, Piece, SessionsWorker};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::data::Data;
use crate::design::Design;
use crate::errors::known;
use crate::measure::{self, Given};
use crate::network::{Network, evaluate_options, open_session};
use crate::remote::read;
use crate::tried::{Tried, designs};
use crate::wait::{self, Running};

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

    /// Does a piece; it and its result are JSON.
    fn run(&self, py: Python<'_>, piece: &str) -> PyResult<String> {
        done(py, &self.worker, piece, |worker, piece: Piece| worker.run(piece))
    }
}

/// Does pieces for one who evaluates in another process.
#[pyclass(frozen, module = "recoup._recoup")]
pub struct Evaluator {
    worker: Mutex<EvaluationWorker>,
    /// Sees all outputs, if there is one.
    measure: Option<(Py<PyAny>, recoup::Network)>,
}

#[pymethods]
impl Evaluator {
    /// Makes all ready that `evaluate` was given.
    #[new]
    #[expect(clippy::too_many_arguments, reason = "those of the Python function")]
    fn new(
        py: Python<'_>,
        network: &Network,
        data: &Data,
        designs: Vec<PyRef<'_, Design>>,
        weights: &str,
        details: [bool; 2],
        batch: usize,
        measure: Option<Py<PyAny>>,
        running: Running,
    ) -> PyResult<Self> {
        let options = evaluate_options(py, weights, details, batch)?;
        let designs: Vec<recoup::Design> = designs.iter().map(|it| it.design.clone()).collect();
        let (network, data) = (network.get(), data.options.clone());
        let threads = wait::threads(&running);
        let session = open_session(py, &network, data, measure.as_ref(), &designs, &running)?;
        let worker = wait::run(py, &running, |_| {
            EvaluationWorker::new(session, &designs, options, threads)
        })?;
        let measure = measure.map(|measure| (measure, network));
        Ok(Self { worker: Mutex::new(worker), measure })
    }

    /// Does a piece; it and its result are JSON.
    fn run(&self, py: Python<'_>, piece: &str) -> PyResult<String> {
        let Some((measure, network)) = &self.measure else {
            return done(py, &self.worker, piece, |worker, piece: EvaluationPiece| {
                worker.run(&piece)
            });
        };
        let mut batches = Vec::new();
        let take = |batch| {
            batches.push(batch);
            Ok(())
        };
        let mut given = Given { network: network.clone(), take };
        let result = done(py, &self.worker, piece, |worker, piece: EvaluationPiece| {
            worker.run_saving(&piece, Some(&mut given))
        })?;
        batches.into_iter().try_for_each(|batch| measure::see(py, measure, batch))?;
        Ok(result)
    }
}

/// A piece done by a worker, after those that other threads have asked for; both are JSON.
fn done<W: Send, P: DeserializeOwned + Send, R: Serialize + Send>(
    py: Python<'_>,
    worker: &Mutex<W>,
    piece: &str,
    run: impl FnOnce(&mut W, P) -> recoup::Result<R> + Send,
) -> PyResult<String> {
    wait::check_process(py)?;
    let piece: P = read(py, piece)?;
    let result =
        py.detach(|| run(&mut worker.lock().unwrap_or_else(PoisonError::into_inner), piece));
    let result = known(py, result)?;
    Ok(serde_json::to_string(&result).expect("plain data"))
}
