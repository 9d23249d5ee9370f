//! What runs asked for and say of designs, and the errors in layers.

use rusqlite::{Connection, OptionalExtension, params};
use serde::de::DeserializeOwned;

use super::{Run, Store, StoreError};
use crate::finding::Finding;
use crate::quality::LayerQuality;

/// A finding with the keys of its experiment and its result.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyedFinding {
    /// Key of the network and images.
    pub experiment: String,
    /// Key of the result.
    pub result: String,
    /// The finding.
    pub finding: Finding,
}

/// Within a transaction. What is known already stays.
pub(super) fn put_layers(
    connection: &Connection,
    result: &str,
    layers: &[LayerQuality],
) -> rusqlite::Result<()> {
    for (position, quality) in layers.iter().enumerate() {
        connection.execute(
            "INSERT OR IGNORE INTO layer (result, position, quality) VALUES (?1, ?2, ?3)",
            params![result, position as i64, serde_json::json!(quality).to_string()],
        )?;
    }
    Ok(())
}

impl Store {
    /// The commands that wrote here, the first first, each with the number of its run.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub fn runs(&self) -> Result<Vec<(i64, Run)>, StoreError> {
        let read = || {
            let text =
                "SELECT rowid, started, worker, version, command, settings FROM run ORDER BY rowid";
            let mut statement = self.connection.prepare(text)?;
            let rows = statement.query_map([], |row| {
                let run = Run {
                    started: row.get(1)?,
                    worker: row.get(2)?,
                    version: row.get(3)?,
                    command: row.get(4)?,
                    settings: None,
                };
                Ok((row.get(0)?, run, row.get(5)?))
            })?;
            rows.collect::<Result<Vec<(i64, Run, Option<String>)>, _>>()
        };
        let rows = read().map_err(|error| StoreError::sqlite(&self.path, error))?;
        let parsed = rows.into_iter().map(|(number, run, settings)| {
            let settings = settings.map(|text| self.parse(&text, &format!("run {number}")));
            Ok((number, Run { settings: settings.transpose()?, ..run }))
        });
        parsed.collect()
    }

    /// Keeps what the run that has started says of a design; without one, nothing.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn put_finding(
        &mut self,
        experiment: &str,
        result: &str,
        finding: &Finding,
    ) -> Result<(), StoreError> {
        let Some(run) = self.run else { return Ok(()) };
        let finding = serde_json::json!(finding).to_string();
        self.write(|connection| {
            connection.execute(
                "INSERT INTO finding (run, experiment, result, finding) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (run, result) DO UPDATE SET finding = excluded.finding",
                params![run, experiment, result, finding],
            )
        })?;
        Ok(())
    }

    /// What a run says of its designs, in the order in which they were finished.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub fn findings(&self, run: i64) -> Result<Vec<KeyedFinding>, StoreError> {
        let read = || {
            let text =
                "SELECT experiment, result, finding FROM finding WHERE run = ?1 ORDER BY rowid";
            let mut statement = self.connection.prepare(text)?;
            let rows =
                statement.query_map([run], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            rows.collect::<Result<Vec<(String, String, String)>, _>>()
        };
        let rows = read().map_err(|error| StoreError::sqlite(&self.path, error))?;
        let parsed = rows.into_iter().map(|(experiment, result, text)| {
            let finding = self.parse(&text, &result)?;
            Ok(KeyedFinding { experiment, result, finding })
        });
        parsed.collect()
    }

    /// What the last run that has finished a design says of it.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub fn last_finding(&self, result: &str) -> Result<Option<Finding>, StoreError> {
        let text = "SELECT finding FROM finding WHERE result = ?1 ORDER BY run DESC LIMIT 1";
        let found: Result<Option<String>, _> =
            self.connection.query_row(text, [result], |row| row.get(0)).optional();
        let found = found.map_err(|error| StoreError::sqlite(&self.path, error))?;
        found.map(|text| self.parse(&text, result)).transpose()
    }

    /// Whether the errors in the layers of a result are known.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub fn has_layers(&self, result: &str) -> Result<bool, StoreError> {
        let found = self
            .connection
            .query_row("SELECT 1 FROM layer WHERE result = ?1 LIMIT 1", [result], |_| Ok(()))
            .optional();
        Ok(found.map_err(|error| StoreError::sqlite(&self.path, error))?.is_some())
    }

    /// The errors in the layers of a result, in the order of the network.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub fn layers(&self, result: &str) -> Result<Vec<LayerQuality>, StoreError> {
        let read = || {
            let text = "SELECT quality FROM layer WHERE result = ?1 ORDER BY position";
            let mut statement = self.connection.prepare(text)?;
            let rows = statement.query_map([result], |row| row.get(0))?;
            rows.collect::<Result<Vec<String>, _>>()
        };
        let rows = read().map_err(|error| StoreError::sqlite(&self.path, error))?;
        rows.iter().map(|text| self.parse(text, result)).collect()
    }

    pub(super) fn parse<T: DeserializeOwned>(
        &self,
        text: &str,
        row: &str,
    ) -> Result<T, StoreError> {
        serde_json::from_str(text).map_err(|error| self.corrupt(error.to_string(), row))
    }
}
