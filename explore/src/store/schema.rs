//! The tables, and the checks that a file has them.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{StoreError, StoreErrorKind};

/// "RCUP": marks a SQLite file as ours.
pub(super) const APPLICATION_ID: i64 = 0x5243_5550;

/// Version of the tables and of what is in them: from 3 on findings name their design as
/// [`DesignRecord`](recoup_core::design::DesignRecord) does.
pub(super) const VERSION: i64 = 3;

/// How long to wait for another process before the file counts as locked.
const BUSY: Duration = Duration::from_secs(20);

/// How long to wait before opening it again.
const RETRY: Duration = Duration::from_millis(20);

pub(super) const TABLES: &str = "
    -- A network on its images: what results have in common.
    CREATE TABLE experiment (
        key         TEXT PRIMARY KEY,  -- SHA-256 of the content
        description TEXT NOT NULL      -- JSON
    ) STRICT;
    -- What one configuration made of the images.
    CREATE TABLE result (
        key           TEXT PRIMARY KEY,  -- SHA-256 of the content
        experiment    TEXT NOT NULL REFERENCES experiment (key),
        configuration TEXT NOT NULL,     -- JSON
        function      TEXT,              -- x of the control variate that was used
        status        TEXT NOT NULL CHECK (status IN ('done', 'failed')),
        reason        TEXT,              -- of a failure
        images        INTEGER NOT NULL,  -- seen, the first of the experiment's
        outcomes      BLOB NOT NULL,     -- a bit for each image: 1 for right, low bits first
        elapsed_s     REAL NOT NULL,
        worker        TEXT NOT NULL,     -- host, process and number of the connection
        finished      INTEGER NOT NULL   -- Unix time, s
    ) STRICT;
    -- Who works on what.
    CREATE TABLE claim (
        key       TEXT PRIMARY KEY,
        worker    TEXT NOT NULL,
        heartbeat INTEGER NOT NULL       -- Unix time, s
    ) STRICT;
    -- Which commands wrote here.
    CREATE TABLE run (
        started  INTEGER NOT NULL,       -- Unix time, s
        worker   TEXT NOT NULL,
        version  TEXT NOT NULL,
        command  TEXT NOT NULL
    ) STRICT;
";

/// What version 2 has more.
const ADDED_IN_2: &str = "
    -- What was asked for, JSON.
    ALTER TABLE run ADD COLUMN settings TEXT;
    -- What a run says of a design; there may be a result of the same key.
    CREATE TABLE finding (
        run        INTEGER NOT NULL,     -- rowid
        experiment TEXT NOT NULL REFERENCES experiment (key),
        result     TEXT NOT NULL,
        finding    TEXT NOT NULL,        -- JSON
        PRIMARY KEY (run, result)
    ) STRICT;
    -- The errors in the layers of a network.
    CREATE TABLE layer (
        result   TEXT NOT NULL REFERENCES result (key),
        position INTEGER NOT NULL,       -- in the network
        quality  TEXT NOT NULL,          -- JSON
        PRIMARY KEY (result, position)
    ) STRICT;
";

/// Whether a file may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// It is made.
    Create,
    /// It must be there.
    Refuse,
}

/// Opens a file of ours, or makes one.
pub(super) fn open(path: &Path, missing: Missing) -> Result<Connection, StoreError> {
    let deadline = Instant::now() + BUSY;
    // SQLite itself does not wait for the change to WAL while others have the file open.
    loop {
        match try_to_open(path, missing) {
            Err(StoreError { kind: StoreErrorKind::Locked, .. }) if Instant::now() < deadline => {
                sleep(RETRY);
            }
            result => return result,
        }
    }
}

fn try_to_open(path: &Path, missing: Missing) -> Result<Connection, StoreError> {
    let sqlite = |error| StoreError::sqlite(path, error);
    // A URI would open another file than the one named.
    let mut flags = OpenFlags::default() & !OpenFlags::SQLITE_OPEN_URI;
    if missing == Missing::Refuse {
        flags -= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let mut connection = Connection::open_with_flags(path, flags).map_err(sqlite)?;
    connection.busy_timeout(BUSY).map_err(sqlite)?;
    // Only what is known to be ours, or empty, is written to.
    let version = {
        // Of one moment, though another process may be making the tables.
        let _snapshot = connection.unchecked_transaction().map_err(sqlite)?;
        version(&connection, path)?
    };
    if version == 0 && missing == Missing::Refuse {
        return Err(StoreError::new(path, StoreErrorKind::Foreign("is empty".into())));
    }
    if version < VERSION {
        update(&mut connection, path)?;
    }
    let read_only = connection.is_readonly("main").map_err(sqlite)?;
    if read_only && missing == Missing::Create {
        return Err(StoreError::new(path, StoreErrorKind::ReadOnly));
    }
    let check: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(sqlite)?;
    if check != "ok" {
        return Err(StoreError::new(path, StoreErrorKind::Corrupt(check)));
    }
    // Readers and a writer at the same time; a commit is on the disk when it returns.
    if !read_only {
        connection.pragma_update(None, "journal_mode", "WAL").map_err(sqlite)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(sqlite)?;
    }
    connection.pragma_update(None, "foreign_keys", true).map_err(sqlite)?;
    Ok(connection)
}

/// The version of our tables in the file, 0 when it is empty.
fn version(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    let number = |pragma: &str| {
        let value = connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
        value.map_err(|error| StoreError::sqlite(path, error))
    };
    let kind = match (number("application_id")?, number("user_version")?) {
        (APPLICATION_ID, found @ 1..=VERSION) => return Ok(found),
        (APPLICATION_ID, found) => StoreErrorKind::Newer { found, known: VERSION },
        (0, 0) if number("schema_version")? == 0 => return Ok(0),
        _ => StoreErrorKind::Foreign("is the SQLite file of another program".into()),
    };
    Err(StoreError::new(path, kind))
}

/// Makes the tables, or those that an older version does not have.
fn update(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let sqlite = |error| StoreError::sqlite(path, error);
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sqlite)?;
    // Another process may have been faster.
    let version = version(&transaction, path)?;
    if version < 1 {
        transaction.execute_batch(TABLES).map_err(sqlite)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(sqlite)?;
    }
    if version < 2 {
        transaction.execute_batch(ADDED_IN_2).map_err(sqlite)?;
    }
    transaction.pragma_update(None, "user_version", VERSION).map_err(sqlite)?;
    transaction.commit().map_err(sqlite)
}
