//! How long a search may go on.

use std::fmt;
use std::time::Instant;

use recoup_core::watch::Watch;
use serde::{Deserialize, Serialize};

/// What a search may spend. Without limits it goes on until nothing is left to try.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Images that may go through designs, each of them counted.
    pub images: Option<u64>,
    /// When it ends.
    pub deadline: Option<Instant>,
}

/// Why a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// The answer is known: no design with less power could be under the limit.
    Decided,
    /// All images were seen, or no more of them would help, and designs with less power than the
    /// answer may be under the limit or over it.
    Exhausted,
    /// It was stopped from outside.
    Interrupted,
    /// The time was over.
    TimeLimit,
    /// As many images as it may show have been seen.
    ImageLimit,
}

impl Ended {
    /// Whether something was left that could have been tried.
    pub fn is_early(self) -> bool {
        !matches!(self, Self::Decided | Self::Exhausted)
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Decided => "decided",
            Self::Exhausted => "exhausted",
            Self::Interrupted => "interrupted",
            Self::TimeLimit => "time limit",
            Self::ImageLimit => "image limit",
        })
    }
}

impl Budget {
    /// Why the search must end now, whatever images it has shown.
    pub(super) fn check(&self, watch: &dyn Watch) -> Result<(), Ended> {
        if watch.is_stopped() {
            return Err(Ended::Interrupted);
        }
        match self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            true => Err(Ended::TimeLimit),
            false => Ok(()),
        }
    }
}
