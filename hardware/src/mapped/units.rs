//! Area and number of cells, by unit.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Instance, MappedNetlist};
use crate::cells::CellLibrary;

/// What a unit is made of.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct UnitArea {
    /// The name of the instance in the top module; empty for what is in the top module itself.
    pub unit: String,
    /// Sum of the areas of its cells.
    pub area_um2: f64,
    /// Number of its cells.
    pub cells: usize,
    /// How many of them are flip-flops.
    pub flip_flops: usize,
}

impl Instance {
    /// The unit that it is in: the first part of its path; nothing for the top module itself.
    pub fn unit(&self) -> &str {
        self.name.split_once('/').map_or("", |(unit, _)| unit)
    }
}

impl MappedNetlist {
    /// Areas of all units, by their names.
    pub fn units(&self, library: &CellLibrary) -> Vec<UnitArea> {
        let mut units: BTreeMap<&str, UnitArea> = BTreeMap::new();
        for instance in &self.instances {
            let cell = &library.cells[instance.cell];
            let unit = units.entry(instance.unit()).or_default();
            unit.area_um2 += cell.area_um2;
            unit.cells += 1;
            unit.flip_flops += usize::from(cell.flip_flop.is_some());
        }
        let named = |(name, unit): (&str, UnitArea)| UnitArea { unit: name.to_owned(), ..unit };
        units.into_iter().map(named).collect()
    }

    /// Sum of the areas of all cells.
    pub fn area_um2(&self, library: &CellLibrary) -> f64 {
        self.instances.iter().map(|instance| library.cells[instance.cell].area_um2).sum()
    }

    /// How often each kind of cell is there, by its name.
    pub fn cell_counts(&self, library: &CellLibrary) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for instance in &self.instances {
            *counts.entry(library.cells[instance.cell].name.clone()).or_default() += 1;
        }
        counts
    }
}
