//! What synthesis gave, as a document for machines (docs/synthesis.md).

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Synthesis, SynthesisOptions};
use crate::cells::CellLibrary;
use crate::mapped::UnitArea;
use crate::timing::PathPoint;

/// Results with what they are results of.
#[derive(Clone, Debug, Serialize)]
pub struct SynthesisRecord {
    /// The cell library.
    pub library: String,
    /// Its supply voltage.
    pub voltage_v: f64,
    /// Wire to every pin.
    pub wire_ff: f64,
    /// The period that gates were sized for.
    pub clock_ps: Option<f64>,
    /// Patterns of cells that were not used.
    pub dont_use: Vec<String>,
    /// Cells that cannot be used.
    pub left_out: Vec<LeftOutRecord>,
    /// What yosys says of its version.
    pub yosys: String,
    /// The designs.
    pub designs: Vec<SynthesizedRecord>,
}

/// A cell that cannot be used.
#[derive(Clone, Debug, Serialize)]
pub struct LeftOutRecord {
    /// Its name.
    pub cell: String,
    /// Why.
    pub reason: String,
}

/// A design as cells.
#[derive(Clone, Debug, Serialize)]
pub struct SynthesizedRecord {
    /// The top module.
    pub top: String,
    /// Sum of the areas of its cells.
    pub area_um2: f64,
    /// Number of its cells.
    pub cells: usize,
    /// The least period at which all paths are in time.
    pub fastest_clock_ps: f64,
    /// The units that it is made of.
    pub units: Vec<UnitArea>,
    /// How often each kind of cell is there.
    pub cell_counts: BTreeMap<String, usize>,
    /// The longest path.
    pub critical_path: Vec<PathPoint>,
    /// What the flip-flop at its end needs.
    pub setup_ps: f64,
    /// Whether it was found in the cache.
    pub cached: bool,
}

impl SynthesisRecord {
    /// The record of some results.
    pub fn new(library: &CellLibrary, options: &SynthesisOptions, results: &[Synthesis]) -> Self {
        let left_out = library
            .left_out
            .iter()
            .map(|(cell, reason)| LeftOutRecord { cell: cell.clone(), reason: reason.clone() });
        Self {
            library: library.name.clone(),
            voltage_v: library.voltage_v,
            wire_ff: options.timing.wire_ff,
            clock_ps: options.clock_ps,
            dont_use: options.dont_use.iter().map(ToString::to_string).collect(),
            left_out: left_out.collect(),
            yosys: results.first().map_or(String::new(), |result| result.yosys_version.clone()),
            designs: results.iter().map(|it| SynthesizedRecord::new(library, it)).collect(),
        }
    }
}

impl SynthesizedRecord {
    fn new(library: &CellLibrary, Synthesis { netlist, timing, cached, .. }: &Synthesis) -> Self {
        Self {
            top: netlist.name.clone(),
            area_um2: netlist.area_um2(library),
            cells: netlist.instances.len(),
            fastest_clock_ps: timing.fastest_clock_ps(),
            units: netlist.units(library),
            cell_counts: netlist.cell_counts(library),
            critical_path: timing.critical.points.clone(),
            setup_ps: timing.critical.setup_ps,
            cached: *cached,
        }
    }
}
