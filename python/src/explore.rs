//! The search for a design.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use recoup::{
    Budget, ExploreOptions, Labels, Limit, SessionOptions, Store, explore_sessions, last_page,
    with_reference,
};

use crate::data::Data;
use crate::design::Design;
use crate::errors::{known, raise, request};
use crate::multiplier::Multiplier;
use crate::network::Network;
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

/// What designs are tried.
#[derive(FromPyObject)]
pub enum Tried<'py> {
    /// Of these, without and with V.
    Multipliers(Vec<PyRef<'py, Multiplier>>),
    /// No others.
    Designs(Vec<PyRef<'py, Design>>),
}

/// When the search ends, whatever is known.
#[derive(FromPyObject)]
pub struct Limits {
    thorough: bool,
    observed_images: usize,
    image_limit: Option<u64>,
    time_limit_s: Option<f64>,
}

/// Explores networks, each with its data, and records the run.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "those of the Python function")]
pub fn explore(
    py: Python<'_>,
    networks: Vec<(PyRef<'_, Network>, PyRef<'_, Data>)>,
    max_loss: f64,
    tried: Option<Tried<'_>>,
    limits: Limits,
    out: Option<PathBuf>,
    command: &str,
    running: Running,
) -> PyResult<Exploration> {
    let limit = Limit::new(max_loss).map_err(|error| raise(py, &error.into()))?;
    let options = options(py, limit, tried.as_ref(), &limits)?;
    let networks: Vec<(recoup::Network, SessionOptions)> =
        networks.iter().map(|(network, data)| (network.get(), data.options.clone())).collect();
    let (store, found) = wait::run(py, &running, |watch| {
        let mut store = match out {
            Some(path) => Store::open(&path)?,
            None => Store::in_memory()?,
        };
        let order_seed = networks.first().and_then(|(_, data)| data.seed).unwrap_or(0);
        let sessions = networks.into_iter().map(|(network, data)| {
            network.session(SessionOptions { labels: Labels::Needed, ..data })
        });
        let sessions = sessions.collect::<recoup::Result<_>>()?;
        let found = explore_sessions(&mut store, sessions, &options, order_seed, command, watch)?;
        Ok((store, found))
    })?;
    let answers = found.answers().into_iter().chain(found.mean_answer());
    Ok(Exploration {
        json: serde_json::to_string_pretty(&found.record()).expect("plain data"),
        sentences: answers.map(|answer| answer.sentences()).collect(),
        is_early: found.ended.is_early(),
        limit,
        store: Mutex::new(store),
    })
}

fn options(
    py: Python<'_>,
    limit: Limit,
    tried: Option<&Tried<'_>>,
    limits: &Limits,
) -> PyResult<ExploreOptions> {
    let options = match tried {
        None => ExploreOptions::new(limit),
        Some(Tried::Multipliers(all)) => {
            let all = all.iter().map(|it| it.imported.multiplier.clone()).collect();
            ExploreOptions::of_multipliers(all, limit)
        }
        Some(Tried::Designs(all)) => {
            let all: Vec<recoup::Design> = all.iter().map(|it| it.design.clone()).collect();
            ExploreOptions { designs: with_reference(&all), ..ExploreOptions::new(limit) }
        }
    };
    let seconds = limits.time_limit_s.map(Duration::try_from_secs_f64).transpose();
    let seconds = seconds.map_err(|error| request(py, &format!("time_limit: {error}")))?;
    Ok(ExploreOptions {
        thorough: limits.thorough,
        observed_images: limits.observed_images,
        budget: Budget {
            images: limits.image_limit,
            deadline: seconds.and_then(|seconds| Instant::now().checked_add(seconds)),
        },
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
