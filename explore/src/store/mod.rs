//! Results in an embedded SQLite database.
//!
//! Results are keyed by their content (see [`crate::key`]) and written in one transaction as soon
//! as a design is finished: a kill loses at most the design in flight, and a rerun
//! goes on where the last one stopped. A verdict is not stored: it follows from the outcomes.

mod claim;
mod entries;
mod error;
mod schema;
mod shared;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, Row as SqlRow, params};

pub use claim::{Claim, STALE_S};
pub use entries::KeyedEntry;
pub use error::{StoreError, StoreErrorKind};
pub use shared::ResultStore;

use schema::Missing;

use recoup_core::design::DesignRecord;

use crate::entry::Settings;
use crate::key::ExperimentRecord;
use crate::outcomes;

/// A results file.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
    worker: String,
    /// Its rowid, once one has started.
    run: Option<i64>,
}

/// How the evaluation of a design ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// With outcomes.
    Done,
    /// Without, for this reason.
    Failed(String),
}

/// The result of one design.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// SHA-256 of all that the outcomes depend on.
    pub key: String,
    /// Key of the network and images.
    pub experiment: String,
    /// The design.
    pub design: DesignRecord,
    /// The function x that the control variate used.
    pub function: Option<String>,
    /// How it ended.
    pub status: Status,
    /// Whether each of the first images was classified correctly.
    pub outcomes: Vec<bool>,
    /// Time that the evaluation took.
    pub elapsed: Duration,
    /// Who evaluated it.
    pub worker: String,
    /// When, in seconds of Unix time.
    pub finished: i64,
}

/// A command that wrote to a file.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandRecord {
    /// When, in seconds of Unix time.
    pub started: i64,
    /// Its worker.
    pub worker: String,
    /// Version of the program.
    pub version: String,
    /// The command line.
    pub command: String,
    /// What was asked for; none from before version 2 of the format.
    pub settings: Option<Settings>,
}

impl Store {
    /// Opens a results file, or makes one.
    ///
    /// # Errors
    /// When it cannot be opened and written, is damaged, or is not ours; then it is left alone.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, Missing::Create)
    }

    /// The same, or a store in memory if no file is named.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn at(path: Option<&Path>) -> Result<Self, StoreError> {
        path.map_or_else(Self::in_memory, Self::open)
    }

    /// Opens a results file that is there.
    ///
    /// # Errors
    /// As [`Store::open`], and when it does not exist or is empty.
    pub fn open_existing(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, Missing::Refuse)
    }

    fn open_with(path: &Path, missing: Missing) -> Result<Self, StoreError> {
        let connection = schema::open(path, missing)?;
        let (path, worker) = (path.to_owned(), claim::worker_name());
        Ok(Self { connection, path, worker, run: None })
    }

    /// A store that ends with the program.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::open(Path::new(":memory:"))
    }

    /// Notes that `command` writes here from now on, and what it asks for.
    ///
    /// # Errors
    /// When the file cannot be written.
    ///
    /// # Panics
    /// Never: settings are plain data.
    pub fn start_run(&mut self, command: &str, settings: &Settings) -> Result<(), StoreError> {
        let run = self.add_run(&CommandRecord {
            started: unix_time(),
            worker: self.worker.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: command.to_owned(),
            settings: Some(settings.clone()),
        })?;
        self.run = Some(run);
        Ok(())
    }

    /// Notes a run, and gives its number.
    pub(crate) fn add_run(&mut self, run: &CommandRecord) -> Result<i64, StoreError> {
        let CommandRecord { started, worker, version, command, settings } = run;
        let settings = settings.as_ref();
        let settings = settings.map(|it| serde_json::to_string(it).expect("plain data"));
        self.write(|connection| {
            connection.execute(
                "INSERT INTO run (started, worker, version, command, settings)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![started, worker, version, command, settings],
            )?;
            Ok(connection.last_insert_rowid())
        })
    }

    /// A living worker, other than this one, that is at a design.
    ///
    /// # Errors
    /// As [`ResultStore::load`].
    pub fn busy(&self) -> Result<Option<String>, StoreError> {
        let read = || {
            let mut statement = self.connection.prepare("SELECT key FROM claim ORDER BY key")?;
            let keys = statement.query_map([], |row| row.get(0))?;
            keys.collect::<Result<Vec<String>, _>>()
        };
        let keys = read().map_err(|error| StoreError::sqlite(&self.path, error))?;
        for key in keys {
            if let Some(worker) = self.holder(&key)? {
                return Ok(Some(worker));
            }
        }
        Ok(None)
    }

    /// The content of the file.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn bytes(&mut self) -> Result<Vec<u8>, StoreError> {
        self.write(|connection| connection.serialize(rusqlite::MAIN_DB).map(|it| it.to_vec()))
    }

    /// All results of an experiment, in the order in which they were finished.
    ///
    /// # Errors
    /// As [`ResultStore::load`].
    pub fn rows(&self, experiment: &str) -> Result<Vec<Row>, StoreError> {
        let read = || {
            let text = format!("{SELECT} WHERE experiment = ?1 ORDER BY finished, key");
            let mut statement = self.connection.prepare(&text)?;
            let rows = statement.query_map([experiment], |row| Ok(self.row(row)))?;
            rows.collect::<Result<Vec<_>, _>>()
        };
        read().map_err(|error| StoreError::sqlite(&self.path, error))?.into_iter().collect()
    }

    /// The networks and images in the file, by their keys.
    ///
    /// # Errors
    /// As [`ResultStore::load`].
    pub fn experiments(&self) -> Result<BTreeMap<String, ExperimentRecord>, StoreError> {
        let read = || {
            let text = "SELECT key, description FROM experiment ORDER BY rowid";
            let mut statement = self.connection.prepare(text)?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<Result<Vec<(String, String)>, _>>()
        };
        let rows = read().map_err(|error| StoreError::sqlite(&self.path, error))?;
        let parsed = rows.into_iter().map(|(key, text)| {
            let record = self.parse(&text, &key)?;
            Ok((key, record))
        });
        parsed.collect()
    }

    fn write<T>(
        &mut self,
        action: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        action(&mut self.connection).map_err(|error| StoreError::sqlite(&self.path, error))
    }

    fn row(&self, row: &SqlRow) -> Result<Row, StoreError> {
        let read = || {
            let (experiment, function) = (row.get("experiment")?, row.get("function")?);
            let status: String = row.get("status")?;
            let reason: Option<String> = row.get("reason")?;
            let elapsed_s: f64 = row.get("elapsed_s")?;
            let (worker, finished) = (row.get("worker")?, row.get("finished")?);
            let with = move |key: String, design: DesignRecord, outcomes: Vec<bool>| Row {
                key,
                experiment,
                design,
                function,
                status: match status.as_str() {
                    "done" => Status::Done,
                    _ => Status::Failed(reason.unwrap_or_default()),
                },
                outcomes,
                elapsed: Duration::try_from_secs_f64(elapsed_s).unwrap_or_default(),
                worker,
                finished,
            };
            let (key, design) = (row.get("key")?, row.get("configuration")?);
            Ok((key, design, row.get("images")?, row.get("outcomes")?, with))
        };
        let read: rusqlite::Result<(String, String, u32, Vec<u8>, _)> = read();
        let (key, design, images, bits, with) =
            read.map_err(|error| StoreError::sqlite(&self.path, error))?;
        let design = self.parse(&design, &key)?;
        let outcomes = outcomes::unpack(&bits, images as usize).ok_or_else(|| {
            self.corrupt(format!("{} bytes of outcomes for {images} images", bits.len()), &key)
        })?;
        Ok(with(key, design, outcomes))
    }

    /// What is wrong with a file that has entries of a network, but not the network.
    pub(crate) fn lacks_experiment(&self, key: &str) -> StoreError {
        self.corrupt("no experiment of this key".to_owned(), key)
    }

    fn corrupt(&self, what: String, key: &str) -> StoreError {
        StoreError::new(&self.path, StoreErrorKind::Corrupt(format!("{what}, in row {key}")))
    }
}

const SELECT: &str = "SELECT key, experiment, configuration, function, status, reason, images, \
     outcomes, elapsed_s, worker, finished FROM result";

/// Seconds since 1970; negative or wrong where the clock is, which no result depends on.
pub(crate) fn unix_time() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

#[cfg(test)]
mod tests;
