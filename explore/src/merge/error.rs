//! Why parts cannot be merged.

use std::path::PathBuf;

use recoup_core::watch::Stopped;

use crate::shard::Shard;
use crate::store::{STALE_S, StoreError};

/// How many missing parts are named.
const NAMED: usize = 10;

/// Why parts cannot be merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// A file cannot be read, or is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No files were given.
    #[error("there are no files to merge; give those of all parts")]
    Nothing,
    /// A file does not exist.
    #[error("{}: there is no such file; run its part of the work first", path.display())]
    NotThere {
        /// Its path.
        path: PathBuf,
    },
    /// Somebody writes to a file.
    #[error(
        "{}: {worker} is still at work on it; merge when it has ended (a worker that was killed \
         counts as ended when it was not heard of for {STALE_S} s)",
        path.display()
    )]
    Busy {
        /// The file.
        path: PathBuf,
        /// Who.
        worker: String,
    },
    /// A file was not made by a part of the work.
    #[error(
        "{}: its last run did all of the work, or has not begun; only files of parts are merged",
        path.display()
    )]
    NoPart {
        /// The file.
        path: PathBuf,
    },
    /// A file was made by another version.
    #[error(
        "{}: was written by version {found}, this is {known}, which would not find its results \
         again; merge with that version, or run the part again into another file",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: String,
        /// This version.
        known: &'static str,
    },
    /// A file has several parts.
    #[error(
        "{}: holds the parts {}; each part needs a file of its own, and what is merged is not \
         merged again",
        path.display(),
        list(shards)
    )]
    Several {
        /// The file.
        path: PathBuf,
        /// Its parts.
        shards: Vec<Shard>,
    },
    /// Two files have the same part.
    #[error("{} and {}: both are part {shard}; leave one of them out", path.display(), other.display())]
    Twice {
        /// The one file.
        path: PathBuf,
        /// The other.
        other: PathBuf,
        /// The part.
        shard: Shard,
    },
    /// The work was divided in two ways.
    #[error(
        "{} is part {shard}, {} is part {other_shard}; give all parts of one of the two divisions",
        path.display(),
        other.display()
    )]
    Counts {
        /// The one file.
        path: PathBuf,
        /// Its part.
        shard: Shard,
        /// The other file.
        other: PathBuf,
        /// Its part.
        other_shard: Shard,
    },
    /// Parts are missing.
    #[error("parts are missing: {}; run them, and merge the files of all parts", list(missing))]
    Missing {
        /// The parts.
        missing: Vec<Shard>,
    },
    /// Two files answer different questions.
    #[error(
        "{} and {}: are parts of different questions, they differ in {}; run the wrong one again \
         into another file",
        path.display(),
        other.display(),
        what.join(", ")
    )]
    Question {
        /// The one file.
        path: PathBuf,
        /// The other.
        other: PathBuf,
        /// What differs.
        what: Vec<&'static str>,
    },
    /// Two files have different results of the same design.
    #[error(
        "{} and {}: their results of {design} differ in {what} (key {key}), so one of the files or \
         machines is faulty; run both parts again into other files",
        path.display(),
        other.display()
    )]
    Conflict {
        /// The one file.
        path: PathBuf,
        /// The other.
        other: PathBuf,
        /// The design.
        design: String,
        /// Key of the result.
        key: String,
        /// What differs.
        what: String,
    },
    /// The caller stopped the work.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

fn list(shards: &[Shard]) -> String {
    let named = shards.iter().take(NAMED).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match shards.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
