//! Results in an embedded SQLite database.
//!
//! Results are keyed by their content (see [`crate::key`]) and written in one transaction as soon
//! as a configuration is finished: a kill loses at most the configuration in flight, and a rerun
//! goes on where the last one stopped. A verdict is not stored: it follows from the outcomes.

mod claim;
mod error;
mod findings;
mod schema;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params};
use serde_json::Value;

pub use claim::{Claim, STALE_S};
pub use error::{StoreError, StoreErrorKind};
pub use findings::KeyedFinding;

use schema::Missing;

use crate::finding::Settings;
use crate::outcomes;
use crate::quality::LayerQuality;

/// A results file.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
    worker: String,
    /// Its rowid, once one has started.
    run: Option<i64>,
}

/// How the evaluation of a configuration ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// With outcomes.
    Done,
    /// Without, for this reason.
    Failed(String),
}

/// The result of one configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// SHA-256 of all that the outcomes depend on.
    pub key: String,
    /// Key of the network and images.
    pub experiment: String,
    /// The configuration, as [`crate::key`] describes it.
    pub configuration: Value,
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
pub struct Run {
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

    /// The name of this worker in claims and results.
    pub fn worker(&self) -> &str {
        &self.worker
    }

    /// Notes that `command` writes here from now on, and what it asks for.
    ///
    /// # Errors
    /// When the file cannot be written.
    ///
    /// # Panics
    /// Never: settings are plain data.
    pub fn start_run(&mut self, command: &str, settings: &Settings) -> Result<(), StoreError> {
        let worker = self.worker.clone();
        let settings = serde_json::to_string(settings).expect("plain data");
        let run = self.write(|connection| {
            connection.execute(
                "INSERT INTO run (started, worker, version, command, settings)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![unix_time(), worker, env!("CARGO_PKG_VERSION"), command, settings],
            )?;
            Ok(connection.last_insert_rowid())
        })?;
        self.run = Some(run);
        Ok(())
    }

    /// Describes a network and images.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn put_experiment(&mut self, key: &str, description: &Value) -> Result<(), StoreError> {
        self.write(|connection| {
            connection.execute(
                "INSERT OR IGNORE INTO experiment (key, description) VALUES (?1, ?2)",
                params![key, description.to_string()],
            )
        })?;
        Ok(())
    }

    /// Keeps a result and the errors in its layers, and gives up the claim on it. Of two results the one that has seen more
    /// images stays, and a failure never takes the place of a result.
    ///
    /// # Errors
    /// When the file cannot be written. Nothing is written then.
    pub fn save(&mut self, row: &Row, layers: &[LayerQuality]) -> Result<(), StoreError> {
        let (status, reason) = match &row.status {
            Status::Done => ("done", None),
            Status::Failed(reason) => ("failed", Some(reason)),
        };
        let worker = self.worker.clone();
        self.write(|connection| {
            let transaction = connection.transaction()?;
            transaction.execute(
                "INSERT INTO result (key, experiment, configuration, function, status, reason,
                     images, outcomes, elapsed_s, worker, finished)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
                 ON CONFLICT (key) DO UPDATE SET
                     function = excluded.function, status = excluded.status,
                     reason = excluded.reason, images = excluded.images,
                     outcomes = excluded.outcomes, elapsed_s = excluded.elapsed_s,
                     worker = excluded.worker, finished = excluded.finished
                 WHERE result.status = 'failed'
                     OR excluded.status = 'done' AND excluded.images > result.images",
                params![
                    row.key,
                    row.experiment,
                    row.configuration.to_string(),
                    row.function,
                    status,
                    reason,
                    row.outcomes.len() as i64,
                    outcomes::pack(&row.outcomes),
                    row.elapsed.as_secs_f64(),
                    row.worker,
                    row.finished,
                ],
            )?;
            findings::put_layers(&transaction, &row.key, layers)?;
            transaction.execute(
                "DELETE FROM claim WHERE key = ?1 AND worker = ?2",
                params![row.key, worker],
            )?;
            transaction.commit()
        })
    }

    /// The result of one configuration.
    ///
    /// # Errors
    /// When the file cannot be read, or is damaged.
    pub fn load(&self, key: &str) -> Result<Option<Row>, StoreError> {
        let found = self
            .connection
            .query_row(&format!("{SELECT} WHERE key = ?1"), [key], |row| Ok(self.row(row)))
            .optional();
        found.map_err(|error| StoreError::sqlite(&self.path, error))?.transpose()
    }

    /// A number that is another one once other workers have written to the file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn version(&self) -> Result<i64, StoreError> {
        let version = self.connection.pragma_query_value(None, "data_version", |row| row.get(0));
        version.map_err(|error| StoreError::sqlite(&self.path, error))
    }

    /// All results of an experiment, in the order in which they were finished.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub fn rows(&self, experiment: &str) -> Result<Vec<Row>, StoreError> {
        let read = || {
            let text = format!("{SELECT} WHERE experiment = ?1 ORDER BY finished, key");
            let mut statement = self.connection.prepare(&text)?;
            let rows = statement.query_map([experiment], |row| Ok(self.row(row)))?;
            rows.collect::<Result<Vec<_>, _>>()
        };
        read().map_err(|error| StoreError::sqlite(&self.path, error))?.into_iter().collect()
    }

    /// The networks and images in the file: key and description.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub fn experiments(&self) -> Result<Vec<(String, Value)>, StoreError> {
        let read = || {
            let text = "SELECT key, description FROM experiment ORDER BY rowid";
            let mut statement = self.connection.prepare(text)?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<Result<Vec<(String, String)>, _>>()
        };
        let rows = read().map_err(|error| StoreError::sqlite(&self.path, error))?;
        let parsed = rows.into_iter().map(|(key, text)| {
            let description = self.parse(&text, &key)?;
            Ok((key, description))
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
            let key: String = row.get("key")?;
            let status: String = row.get("status")?;
            let reason: Option<String> = row.get("reason")?;
            let text: String = row.get("configuration")?;
            let images: u32 = row.get("images")?;
            let bits: Vec<u8> = row.get("outcomes")?;
            let elapsed_s: f64 = row.get("elapsed_s")?;
            let row = Row {
                key,
                experiment: row.get("experiment")?,
                configuration: Value::Null,
                function: row.get("function")?,
                status: match status.as_str() {
                    "done" => Status::Done,
                    _ => Status::Failed(reason.unwrap_or_default()),
                },
                outcomes: Vec::new(),
                elapsed: Duration::try_from_secs_f64(elapsed_s).unwrap_or_default(),
                worker: row.get("worker")?,
                finished: row.get("finished")?,
            };
            Ok((row, text, images, bits))
        };
        let (row, text, images, bits) =
            read().map_err(|error| StoreError::sqlite(&self.path, error))?;
        let configuration = self.parse(&text, &row.key)?;
        let outcomes = outcomes::unpack(&bits, images as usize).ok_or_else(|| {
            self.corrupt(format!("{} bytes of outcomes for {images} images", bits.len()), &row.key)
        })?;
        Ok(Row { configuration, outcomes, ..row })
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
