//! What can be wrong with a results file.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_WRITE;

/// Why results cannot be kept or read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {kind}", path.display())]
pub struct StoreError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub kind: StoreErrorKind,
}

/// What is wrong with a results file.
#[derive(Debug, thiserror::Error)]
pub enum StoreErrorKind {
    /// Another process keeps it locked.
    #[error("is locked by another program for too long; close that program, or give another file")]
    Locked,
    /// A SQLite file that is broken.
    #[error("is damaged ({0}); move it away and run again, or restore a copy")]
    Corrupt(String),
    /// No SQLite file, or that of another program.
    #[error("{0}; it is left as it is: give another file")]
    Foreign(String),
    /// Made by a later version.
    #[error("has version {found} of the format, this program reads {known}; use a newer recoup")]
    Newer {
        /// Version of the file.
        found: i64,
        /// The latest that this program knows.
        known: i64,
    },
    /// The disk is full, or does not take it for another reason.
    #[error(
        "cannot grow: the disk, a quota or a limit on the size of files is full; what is in it is \
         safe: make room and run again"
    )]
    Full,
    /// It cannot be written.
    #[error("cannot be written; change its permissions, or give another file")]
    ReadOnly,
    /// It cannot be opened.
    #[error("cannot be opened; check that its folder exists and may be read and written")]
    Open,
    /// Anything else that SQLite says.
    #[error("SQLite says: {0}")]
    Sqlite(#[source] rusqlite::Error),
}

impl StoreError {
    pub(super) fn new(path: &Path, kind: StoreErrorKind) -> Self {
        Self { path: path.to_owned(), kind }
    }

    pub(super) fn sqlite(path: &Path, error: rusqlite::Error) -> Self {
        let extended = error.sqlite_error().map(|error| error.extended_code);
        let kind = match error.sqlite_error_code() {
            // Full is only a disk; what else ends a write is this.
            _ if extended == Some(SQLITE_IOERR_WRITE) => StoreErrorKind::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreErrorKind::Locked,
            Some(ErrorCode::DatabaseCorrupt) => StoreErrorKind::Corrupt(error.to_string()),
            Some(ErrorCode::NotADatabase) => StoreErrorKind::Foreign("is no results file".into()),
            Some(ErrorCode::DiskFull) => StoreErrorKind::Full,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => StoreErrorKind::ReadOnly,
            Some(ErrorCode::CannotOpen) => StoreErrorKind::Open,
            _ => StoreErrorKind::Sqlite(error),
        };
        Self::new(path, kind)
    }
}
