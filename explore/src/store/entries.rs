//! What runs asked for and say of designs, and the errors in layers.

use rusqlite::{Connection, params};
use serde::de::DeserializeOwned;

use super::{CommandRecord, Store, StoreError};
use crate::entry::Entry;
use crate::quality::LayerQuality;

/// An entry with the keys of its experiment and its result.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyedEntry {
    /// Key of the network and images.
    pub experiment: String,
    /// Key of the result.
    pub result: String,
    /// The entry.
    pub entry: Entry,
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
    /// Keeps what a run says of a design.
    pub(crate) fn add_entry(
        &mut self,
        run: i64,
        experiment: &str,
        result: &str,
        entry: &Entry,
    ) -> Result<(), StoreError> {
        let entry = serde_json::json!(entry).to_string();
        self.write(|connection| {
            connection.execute(
                "INSERT INTO finding (run, experiment, result, finding) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (run, result) DO UPDATE SET finding = excluded.finding",
                params![run, experiment, result, entry],
            )
        })?;
        Ok(())
    }

    /// The commands that wrote here, the first first, each with the number of its run.
    ///
    /// # Errors
    /// As [`ResultStore::load`](super::ResultStore::load).
    pub fn runs(&self) -> Result<Vec<(i64, CommandRecord)>, StoreError> {
        let read = || {
            let text =
                "SELECT rowid, started, worker, version, command, settings FROM run ORDER BY rowid";
            let mut statement = self.connection.prepare(text)?;
            let rows = statement.query_map([], |row| {
                let run = CommandRecord {
                    started: row.get(1)?,
                    worker: row.get(2)?,
                    version: row.get(3)?,
                    command: row.get(4)?,
                    settings: None,
                };
                Ok((row.get(0)?, run, row.get(5)?))
            })?;
            rows.collect::<Result<Vec<(i64, CommandRecord, Option<String>)>, _>>()
        };
        let rows = read().map_err(|error| StoreError::sqlite(&self.path, error))?;
        let parsed = rows.into_iter().map(|(number, run, settings)| {
            let settings = settings.map(|text| self.parse(&text, &format!("run {number}")));
            Ok((number, CommandRecord { settings: settings.transpose()?, ..run }))
        });
        parsed.collect()
    }

    /// What a run says of its designs, in the order in which they were finished.
    ///
    /// # Errors
    /// As [`ResultStore::load`](super::ResultStore::load).
    pub fn entries(&self, run: i64) -> Result<Vec<KeyedEntry>, StoreError> {
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
            let entry = self.parse(&text, &result)?;
            Ok(KeyedEntry { experiment, result, entry })
        });
        parsed.collect()
    }

    /// The errors in the layers of a result, in the order of the network.
    ///
    /// # Errors
    /// As [`ResultStore::load`](super::ResultStore::load).
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
