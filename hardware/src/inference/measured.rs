//! Energies per layer that `recoup power` measured.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::power::Role;

/// Why a file of measurements cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "{name}: is no output of recoup power --json: {source}; make one with recoup power --json for \
     this network"
)]
pub struct MeasuredError {
    name: String,
    source: serde_json::Error,
}

/// An array that was measured on a network's codes.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredArray {
    /// As the command line names it.
    pub multiplier: String,
    /// As the command line names it.
    pub control_variate: String,
    /// Rows of the array.
    pub rows: usize,
    /// Columns of the array.
    pub columns: usize,
    /// Period of the clock, ps.
    pub clock_ps: f64,
    /// Of all PEs' clock, fJ per cycle.
    pub clock_fj: f64,
    /// Of the whole array, nW.
    pub leakage_nw: f64,
    /// By the name of the layer, fJ per image.
    pub layers_fj: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct File {
    rows: usize,
    columns: usize,
    clock_ps: f64,
    results: Vec<FileResult>,
}

#[derive(Deserialize)]
struct FileResult {
    multiplier: String,
    control_variate: String,
    units: Vec<FileUnit>,
    layers: Vec<FileLayer>,
}

#[derive(Deserialize)]
struct FileUnit {
    unit: String,
    energy_fj_per_cycle: f64,
    leakage_nw: f64,
}

#[derive(Deserialize)]
struct FileLayer {
    layer: String,
    energy_fj: f64,
}

impl MeasuredArray {
    /// The arrays of a file; `name` is for errors.
    ///
    /// # Errors
    /// When it is no output of `recoup power --json`.
    pub fn parse(name: &str, text: &str) -> Result<Vec<Self>, MeasuredError> {
        let file: File = serde_json::from_str(text)
            .map_err(|source| MeasuredError { name: name.to_owned(), source })?;
        let array = |result: FileResult| {
            let clock = Role::Clock.to_string();
            let clock = result.units.iter().filter(|unit| unit.unit == clock);
            Self {
                multiplier: result.multiplier,
                control_variate: result.control_variate,
                rows: file.rows,
                columns: file.columns,
                clock_ps: file.clock_ps,
                clock_fj: clock.map(|unit| unit.energy_fj_per_cycle).sum(),
                leakage_nw: result.units.iter().map(|unit| unit.leakage_nw).sum(),
                layers_fj: result
                    .layers
                    .into_iter()
                    .map(|layer| (layer.layer, layer.energy_fj))
                    .collect(),
            }
        };
        Ok(file.results.into_iter().map(array).collect())
    }
}
