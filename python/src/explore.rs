//! The search for a design.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use recoup::search::{
    Budget, MakeOptions, Piece, Store, explore_sessions, explore_sessions_on, last_page,
    make_sessions,
};
use recoup::{ExploreOptions, Limit};
use serde::Serialize;

use crate::errors::{known, raise, request};
use crate::executor::{Pair, sessions, sources};
use crate::remote::on_pool;
use crate::tried::{Tried, of_designs};
use crate::wait::{self, Running};

/// What was found, and where it is kept.
#[pyclass(frozen, module = "recoup._recoup")]
pub struct Exploration {
    /// The record.
    #[pyo3(get)]
    json: String,
    /// The answer on each network, and on all of them, in sentences.
    #[pyo3(get)]
    sentences: Vec<Vec<String>>,
    /// Whether the search ended before the answer was sure.
    #[pyo3(get)]
    is_early: bool,
    limit: Limit,
    store: Mutex<Store>,
}

/// When the search ends, whatever is known.
#[derive(FromPyObject)]
pub struct Limits {
    thorough: bool,
    observed_images: usize,
    image_limit: Option<u64>,
    time_limit_s: Option<f64>,
}

/// Explores networks, each with its data, and records the run; in this process, or by a pool of so
/// many workers.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "those of the Python function")]
pub fn explore(
    py: Python<'_>,
    networks: Vec<Pair<'_>>,
    max_loss: f64,
    tried: Option<Tried<'_>>,
    limits: Limits,
    out: Option<PathBuf>,
    command: &str,
    pool: Option<(Py<PyAny>, usize)>,
    running: Running,
) -> PyResult<Exploration> {
    let limit = Limit::new(max_loss).map_err(|error| raise(py, &error.into()))?;
    let options = options(py, limit, tried.as_ref(), &limits)?;
    let sources = sources(&networks);
    let (store, found) = wait::run(py, &running, |watch| {
        let mut store = Store::at(out.as_deref())?;
        let (sessions, seed) = sessions(sources)?;
        let Some(pool) = pool else {
            let found = explore_sessions(&mut store, sessions, &options, seed, command, watch)?;
            return Ok(Ok((store, found)));
        };
        let found = on_pool::<Piece, _>(pool, watch, |pool, watch| {
            explore_sessions_on(pool, &mut store, sessions, &options, seed, command, watch)
        });
        Ok(found?.map(|found| (store, found)))
    })??;
    Ok(Exploration::new(&found.record(), &found, store))
}

/// Makes a multiplier for networks, each with its data, and records the run.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "those of the Python function")]
pub fn design_multiplier(
    py: Python<'_>,
    networks: Vec<Pair<'_>>,
    max_loss: f64,
    search: (usize, usize, u64),
    limits: Limits,
    out: Option<PathBuf>,
    command: &str,
    running: Running,
) -> PyResult<Exploration> {
    let limit = Limit::new(max_loss).map_err(|error| raise(py, &error.into()))?;
    let (masks, finalists, seed) = search;
    let Limits { thorough, observed_images, .. } = limits;
    let deadline = deadline(py, &limits)?;
    let of_search = MakeOptions { masks, finalists, seed, ..MakeOptions::new(limit) };
    let options = MakeOptions { thorough, observed_images, deadline, ..of_search };
    let sources = sources(&networks);
    let (store, made) = wait::run(py, &running, |watch| {
        let mut store = Store::at(out.as_deref())?;
        let (sessions, order_seed) = sessions(sources)?;
        let made = make_sessions(&mut store, sessions, &options, order_seed, command, watch)?;
        Ok((store, made))
    })?;
    Ok(Exploration::new(&made.record(), &made.exploration, store))
}

impl Exploration {
    fn new(record: &impl Serialize, found: &recoup::Exploration, store: Store) -> Self {
        let answers = found.answers().into_iter().chain(found.mean_answer());
        Self {
            json: serde_json::to_string_pretty(record).expect("plain data"),
            sentences: answers.map(|answer| answer.sentences()).collect(),
            is_early: found.ended.is_early(),
            limit: found.limit,
            store: Mutex::new(store),
        }
    }
}

/// When to end.
fn deadline(py: Python<'_>, limits: &Limits) -> PyResult<Option<Instant>> {
    let seconds = limits.time_limit_s.map(Duration::try_from_secs_f64).transpose();
    let seconds = seconds.map_err(|error| request(py, &format!("time_limit: {error}")))?;
    Ok(seconds.and_then(|seconds| Instant::now().checked_add(seconds)))
}

fn options(
    py: Python<'_>,
    limit: Limit,
    tried: Option<&Tried<'_>>,
    limits: &Limits,
) -> PyResult<ExploreOptions> {
    let options = of_designs(tried, limit);
    Ok(ExploreOptions {
        thorough: limits.thorough,
        observed_images: limits.observed_images,
        budget: Budget { images: limits.image_limit, deadline: deadline(py, limits)? },
        ..options
    })
}

#[pymethods]
impl Exploration {
    /// The page, as HTML; judged by another limit, if one is given.
    fn page(&self, py: Python<'_>, max_loss: Option<f64>) -> PyResult<Option<String>> {
        let limit = match max_loss {
            Some(points) => Limit::new(points).map_err(|error| raise(py, &error.into()))?,
            None => self.limit,
        };
        let page = py.detach(|| {
            let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
            last_page(&store, limit)
        });
        known(py, page)
    }
}
