//! Brings the results files of all parts of one question together.
//!
//! The merged file has what the parts have: results, the errors in layers, and the runs with what
//! they say of designs, so that nothing is evaluated or predicted again. The same search on it gives
//! the answer, and evaluates what no part has.

mod error;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use recoup_core::watch::{Watch, go_on};

pub use error::MergeError;

use crate::entry::Settings;
use crate::key::ExperimentRecord;
use crate::shard::{Part, Shard};
use crate::store::{ResultStore, Row, Status, Store};

/// A file of a part.
struct Opened {
    path: PathBuf,
    store: Store,
    part: Part,
    /// What its last run asked for.
    settings: Settings,
    experiments: BTreeMap<String, ExperimentRecord>,
}

/// The results of all parts of one question, in memory. A step of the work is a result.
///
/// # Errors
/// When a file cannot be read, is damaged, is no part of the same question as the others, or is
/// still written to; when a part is missing or there twice; when parts have different results of the
/// same design; or when `watch` stops the work.
pub fn merge(paths: &[PathBuf], watch: &dyn Watch) -> Result<Store, MergeError> {
    let opened: Result<Vec<Opened>, _> = paths.iter().map(|path| Opened::new(path)).collect();
    let mut parts = opened?;
    parts.sort_by_key(|opened| opened.part.shard);
    check_shards(&parts)?;
    check_questions(&parts)?;
    let mut merged = Store::in_memory()?;
    let mut origins = HashMap::new();
    for part in &parts {
        part.add_to(&mut merged, &mut origins, watch)?;
    }
    Ok(merged)
}

impl Opened {
    fn new(path: &Path) -> Result<Self, MergeError> {
        let path = path.to_owned();
        if !path.exists() {
            return Err(MergeError::NotThere { path });
        }
        let store = Store::open_existing(&path)?;
        if let Some(worker) = store.busy()? {
            return Err(MergeError::Busy { path, worker });
        }
        let runs = store.runs()?;
        let settings = runs.last().and_then(|(_, run)| run.settings.clone());
        let Some((settings, part)) = settings.and_then(|it| Some((it.clone(), it.part?))) else {
            return Err(MergeError::NoPart { path });
        };
        let known = env!("CARGO_PKG_VERSION");
        if let Some((_, run)) = runs.iter().find(|(_, run)| run.version != known) {
            return Err(MergeError::Version { path, found: run.version.clone(), known });
        }
        let parts = runs.iter().filter_map(|(_, run)| run.settings.as_ref()?.part.as_ref());
        let mut shards: Vec<Shard> = parts.map(|part| part.shard).collect();
        shards.sort();
        shards.dedup();
        if shards.len() > 1 {
            return Err(MergeError::Several { path, shards });
        }
        let experiments = store.experiments()?;
        Ok(Self { path, store, part, settings, experiments })
    }

    /// Adds all that the file has. `origins` says which file a result comes from, by its key.
    fn add_to<'a>(
        &'a self,
        merged: &mut Store,
        origins: &mut HashMap<String, &'a Path>,
        watch: &dyn Watch,
    ) -> Result<(), MergeError> {
        for (key, record) in &self.experiments {
            merged.put_experiment(key, record)?;
            let rows = self.store.rows(key)?;
            watch.begin("merging", rows.len());
            for row in rows {
                go_on(watch)?;
                if let Some(before) = merged.load(&row.key)?
                    && let Some(what) = conflict(&before, &row)
                {
                    return Err(MergeError::Conflict {
                        path: self.path.clone(),
                        other: origins[&row.key].to_owned(),
                        design: row.design.to_string(),
                        key: row.key,
                        what,
                    });
                }
                merged.save(&row, &self.store.layers(&row.key)?)?;
                origins.entry(row.key).or_insert(&self.path);
                watch.advance(1);
            }
            watch.end();
        }
        for (number, run) in self.store.runs()? {
            let merged_number = merged.add_run(&run)?;
            for said in self.store.entries(number)? {
                merged.add_entry(merged_number, &said.experiment, &said.result, &said.entry)?;
            }
        }
        Ok(())
    }
}

/// What two results of one design do not agree on. One may have seen more images, or have failed
/// where the other was lucky.
fn conflict(one: &Row, other: &Row) -> Option<String> {
    if [one, other].iter().any(|row| row.status != Status::Done) {
        return None;
    }
    if one.design.content() != other.design.content() || one.function != other.function {
        return Some("the design".to_owned());
    }
    let mut images = one.outcomes.iter().zip(&other.outcomes);
    images.position(|(one, other)| one != other).map(|image| format!("image {image}"))
}

/// All parts must be there, each of them once.
fn check_shards(parts: &[Opened]) -> Result<(), MergeError> {
    for (one, other) in parts.iter().zip(parts.iter().skip(1)) {
        let (shard, other_shard) = (one.part.shard, other.part.shard);
        let (path, other) = (one.path.clone(), other.path.clone());
        if shard.count() != other_shard.count() {
            return Err(MergeError::Counts { path, shard, other, other_shard });
        }
        if shard == other_shard {
            return Err(MergeError::Twice { path, other, shard });
        }
    }
    let Some(first) = parts.first() else { return Err(MergeError::Nothing) };
    let is_there = |shard: &Shard| parts.iter().any(|opened| opened.part.shard == *shard);
    let missing: Vec<Shard> = first.part.shard.all().filter(|shard| !is_there(shard)).collect();
    if missing.is_empty() { Ok(()) } else { Err(MergeError::Missing { missing }) }
}

/// All parts must be of one question. One that was ended early may not have come to all networks.
fn check_questions(parts: &[Opened]) -> Result<(), MergeError> {
    let Some(most) = parts.iter().max_by_key(|opened| opened.experiments.len()) else {
        return Ok(());
    };
    for other in parts {
        let mut what = different_settings(&most.settings, &other.settings);
        if most.part.designs_sha256 != other.part.designs_sha256 {
            what.push("the designs");
        }
        let unknown =
            other.experiments.iter().find(|(key, _)| !most.experiments.contains_key(*key));
        if let Some((_, unknown)) = unknown {
            let nearest = most.experiments.values().map(|known| different_content(known, unknown));
            what.extend(nearest.min_by_key(Vec::len).unwrap_or_default());
        }
        if !what.is_empty() {
            let (path, other) = (other.path.clone(), most.path.clone());
            return Err(MergeError::Question { path, other, what });
        }
    }
    Ok(())
}

fn different_settings(one: &Settings, other: &Settings) -> Vec<&'static str> {
    let costs = |it: &Settings| (it.library.clone(), it.array, it.costs.clone());
    let differ = [
        (one.max_loss != other.max_loss, "the limit of loss"),
        (one.thorough != other.thorough, "whether every design sees all images"),
        (costs(one) != costs(other), "the costs of arrays"),
    ];
    named(&differ)
}

fn different_content(one: &ExperimentRecord, other: &ExperimentRecord) -> Vec<&'static str> {
    let images = |it: &ExperimentRecord| (it.images, it.inputs_sha256.clone());
    let calibration = |it: &ExperimentRecord| {
        [&it.calibration_sha256, &it.calibration_inputs_sha256].map(Clone::clone)
    };
    let differ = [
        (one.model_sha256 != other.model_sha256, "the network"),
        (images(one) != images(other), "the images or their order"),
        (calibration(one) != calibration(other), "the calibration"),
        (one.weights != other.weights, "the coding of the weights"),
        (one.recoup != other.recoup, "the version of the program"),
    ];
    named(&differ)
}

fn named(differ: &[(bool, &'static str)]) -> Vec<&'static str> {
    differ.iter().filter(|(differs, _)| *differs).map(|(_, what)| *what).collect()
}

#[cfg(test)]
mod tests;
