//! The designs that a search tries.

use pyo3::prelude::*;
use recoup::design::with_reference;
use recoup::{ExploreOptions, Limit};

use crate::design::Design;
use crate::multiplier::Multiplier;

/// What designs are tried.
#[derive(FromPyObject)]
pub enum Tried<'py> {
    /// Of these, without and with V.
    Multipliers(Vec<PyRef<'py, Multiplier>>),
    /// No others.
    Designs(Vec<PyRef<'py, Design>>),
}

/// The designs alone, for whoever does pieces: they do not depend on the limit.
pub fn designs(tried: Option<&Tried<'_>>) -> Vec<recoup::Design> {
    of_designs(tried, Limit::new(0.0).expect("a limit")).designs
}

/// A search among them.
pub fn of_designs(tried: Option<&Tried<'_>>, limit: Limit) -> ExploreOptions {
    match tried {
        None => ExploreOptions::new(limit),
        Some(Tried::Multipliers(all)) => {
            let all = all.iter().map(|it| it.imported.multiplier.clone()).collect();
            ExploreOptions::of_multipliers(all, limit)
        }
        Some(Tried::Designs(all)) => {
            let all: Vec<recoup::Design> = all.iter().map(|it| it.design.clone()).collect();
            ExploreOptions { designs: with_reference(&all), ..ExploreOptions::new(limit) }
        }
    }
}
