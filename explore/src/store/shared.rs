//! What workers who search together share.

use rusqlite::{OptionalExtension, TransactionBehavior, params};

use super::claim::{Claim, holder};
use super::{Row, SELECT, Status, Store, StoreError, entries, unix_time};
use crate::entry::Entry;
use crate::key::ExperimentRecord;
use crate::outcomes;
use crate::quality::LayerQuality;

/// Where workers find what others have finished, and say what they work on.
pub trait ResultStore {
    /// The name of this worker in claims and results.
    fn worker(&self) -> &str;

    /// Describes a network and images.
    ///
    /// # Errors
    /// When the file cannot be written.
    fn put_experiment(&mut self, key: &str, record: &ExperimentRecord) -> Result<(), StoreError>;

    /// Keeps a result and the errors in its layers, and gives up the claim on it. Of two results the one that has seen more
    /// images stays, and a failure never takes the place of a result.
    ///
    /// # Errors
    /// When the file cannot be written. Nothing is written then.
    fn save(&mut self, row: &Row, layers: &[LayerQuality]) -> Result<(), StoreError>;

    /// The result of one design.
    ///
    /// # Errors
    /// When the file cannot be read, or is damaged.
    fn load(&self, key: &str) -> Result<Option<Row>, StoreError>;

    /// A number that is another one once other workers have written to the file.
    ///
    /// # Errors
    /// When the file cannot be read.
    fn version(&self) -> Result<i64, StoreError>;

    /// Keeps what the run that has started says of a design; without one, nothing.
    ///
    /// # Errors
    /// When the file cannot be written.
    fn put_entry(
        &mut self,
        experiment: &str,
        result: &str,
        entry: &Entry,
    ) -> Result<(), StoreError>;

    /// What the last run that has finished a design says of it.
    ///
    /// # Errors
    /// As [`ResultStore::load`].
    fn last_entry(&self, result: &str) -> Result<Option<Entry>, StoreError>;

    /// Whether the errors in the layers of a result are known.
    ///
    /// # Errors
    /// As [`ResultStore::load`].
    fn has_layers(&self, result: &str) -> Result<bool, StoreError>;

    /// Claims the design `key`, unless another living worker has.
    ///
    /// # Errors
    /// When the file cannot be written.
    fn claim(&mut self, key: &str) -> Result<Claim, StoreError>;

    /// The living worker, other than this one, that has claimed the design `key`.
    ///
    /// # Errors
    /// When the file cannot be read.
    fn holder(&self, key: &str) -> Result<Option<String>, StoreError>;

    /// A sign of life, for all claims of this worker.
    ///
    /// # Errors
    /// When the file cannot be written.
    fn heartbeat(&mut self) -> Result<(), StoreError>;

    /// Gives up a claim without a result.
    ///
    /// # Errors
    /// When the file cannot be written.
    fn release(&mut self, key: &str) -> Result<(), StoreError>;
}

impl ResultStore for Store {
    fn worker(&self) -> &str {
        &self.worker
    }

    fn put_experiment(&mut self, key: &str, record: &ExperimentRecord) -> Result<(), StoreError> {
        self.write(|connection| {
            connection.execute(
                "INSERT OR IGNORE INTO experiment (key, description) VALUES (?1, ?2)",
                params![key, serde_json::json!(record).to_string()],
            )
        })?;
        Ok(())
    }

    fn save(&mut self, row: &Row, layers: &[LayerQuality]) -> Result<(), StoreError> {
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
                    serde_json::json!(row.design).to_string(),
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
            entries::put_layers(&transaction, &row.key, layers)?;
            transaction.execute(
                "DELETE FROM claim WHERE key = ?1 AND worker = ?2",
                params![row.key, worker],
            )?;
            transaction.commit()
        })
    }

    fn load(&self, key: &str) -> Result<Option<Row>, StoreError> {
        let found = self
            .connection
            .query_row(&format!("{SELECT} WHERE key = ?1"), [key], |row| Ok(self.row(row)))
            .optional();
        found.map_err(|error| StoreError::sqlite(&self.path, error))?.transpose()
    }

    fn version(&self) -> Result<i64, StoreError> {
        let version = self.connection.pragma_query_value(None, "data_version", |row| row.get(0));
        version.map_err(|error| StoreError::sqlite(&self.path, error))
    }

    fn put_entry(
        &mut self,
        experiment: &str,
        result: &str,
        entry: &Entry,
    ) -> Result<(), StoreError> {
        match self.run {
            Some(run) => self.add_entry(run, experiment, result, entry),
            None => Ok(()),
        }
    }

    fn last_entry(&self, result: &str) -> Result<Option<Entry>, StoreError> {
        let text = "SELECT finding FROM finding WHERE result = ?1 ORDER BY run DESC LIMIT 1";
        let found: Result<Option<String>, _> =
            self.connection.query_row(text, [result], |row| row.get(0)).optional();
        let found = found.map_err(|error| StoreError::sqlite(&self.path, error))?;
        found.map(|text| self.parse(&text, result)).transpose()
    }

    fn has_layers(&self, result: &str) -> Result<bool, StoreError> {
        let found = self
            .connection
            .query_row("SELECT 1 FROM layer WHERE result = ?1 LIMIT 1", [result], |_| Ok(()))
            .optional();
        Ok(found.map_err(|error| StoreError::sqlite(&self.path, error))?.is_some())
    }

    fn claim(&mut self, key: &str) -> Result<Claim, StoreError> {
        let (now, worker) = (unix_time(), self.worker.clone());
        self.write(|connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if let Some(holder) = holder(&transaction, key, now)?.filter(|holder| *holder != worker)
            {
                return Ok(Claim::Others(holder));
            }
            transaction.execute(
                "INSERT OR REPLACE INTO claim (key, worker, heartbeat) VALUES (?1, ?2, ?3)",
                params![key, worker, now],
            )?;
            transaction.commit()?;
            Ok(Claim::Ours)
        })
    }

    fn holder(&self, key: &str) -> Result<Option<String>, StoreError> {
        let holder = holder(&self.connection, key, unix_time())
            .map_err(|error| StoreError::sqlite(&self.path, error))?;
        Ok(holder.filter(|holder| *holder != self.worker))
    }

    fn heartbeat(&mut self) -> Result<(), StoreError> {
        let (now, worker) = (unix_time(), self.worker.clone());
        self.write(|connection| {
            connection
                .execute("UPDATE claim SET heartbeat = ?1 WHERE worker = ?2", params![now, worker])
        })?;
        Ok(())
    }

    fn release(&mut self, key: &str) -> Result<(), StoreError> {
        let worker = self.worker.clone();
        self.write(|connection| {
            connection
                .execute("DELETE FROM claim WHERE key = ?1 AND worker = ?2", params![key, worker])
        })?;
        Ok(())
    }
}
