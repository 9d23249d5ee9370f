//! What an array spends on a layer.

use std::collections::BTreeMap;

use crate::cost_table::{Array, Cost, CostRun, CostTable, Structure};
use crate::power::Role;
use crate::rtl::ClockGating;

use super::measured::{MeasuredArray, MeasuredLayer};
use crate::layer_shape::Layer;

/// An array, and what it spends.
#[derive(Clone, Debug, PartialEq)]
pub struct ArrayEnergy {
    rows: usize,
    columns: usize,
    structure: Structure,
    clock_ps: f64,
    /// Of all PEs' clock and the load path's, fJ per cycle: what cycles cost in which nothing is
    /// computed. Measurements leave the load path's out.
    clock_fj: f64,
    leakage_nw: Option<f64>,
    /// Of all weight registers and what they drive, fJ per cycle of loading an array that is full;
    /// measurements have it layer by layer.
    loading_fj: f64,
    /// The same of what adds the loaded codes up, in layers whose constants are made of them.
    adding_fj: f64,
    computing: Computing,
}

/// What the cycles cost in which an array computes.
#[derive(Clone, Debug, PartialEq)]
enum Computing {
    /// Of the array in layers that fill it, by part, fJ per cycle.
    Full(BTreeMap<Role, f64>),
    /// As measured, layer by layer.
    Measured(Vec<MeasuredLayer>),
}

/// Energy of a layer, per image.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LayerEnergy {
    /// Clock cycles in which the array computes.
    pub cycles: u64,
    /// Of these cycles, fJ.
    pub computing_fj: f64,
    /// Clock cycles in which weights are loaded, or the skew is filled and drained.
    pub overhead_cycles: u64,
    /// Of these cycles, fJ.
    pub overhead_fj: f64,
}

impl LayerEnergy {
    /// Of all cycles, fJ.
    pub fn total_fj(&self) -> f64 {
        self.computing_fj + self.overhead_fj
    }

    /// All cycles.
    pub fn total_cycles(&self) -> u64 {
        self.cycles + self.overhead_cycles
    }
}

impl ArrayEnergy {
    /// The array of a design, from the row of a stimulus that fills it; None if the table has no
    /// such row, or one without parts.
    pub fn of_table(table: &CostTable, library: &str, design: &Array) -> Option<Self> {
        let cost = table.full(library, design)?;
        Self::of_cost(table.run(cost)?, cost)
    }

    /// The array of a row of such a stimulus; None if it is one without parts.
    pub fn of_cost(run: &CostRun, cost: &Cost) -> Option<Self> {
        let (rows, columns) = (cost.design.rows as usize, cost.design.columns as usize);
        let per_mac = full(cost)?;
        let pes = (rows * columns) as f64;
        let per_cycle: BTreeMap<Role, f64> =
            per_mac.into_iter().map(|(role, energy_fj)| (role, energy_fj * pes)).collect();
        let load_path_fj = per_cycle.get(&Role::LoadPath);
        // A row may have the costs of a load path that its array does without.
        let adding_fj = cost.load_path.filter(|_| load_path_fj.is_some()).map(|it| it.loading_fj);
        Some(Self {
            rows,
            columns,
            structure: cost.design.structure,
            clock_ps: run.clock_ps,
            clock_fj: per_cycle.get(&Role::Clock)? + load_path_fj.unwrap_or(&0.0),
            leakage_nw: run.leakage_nw_per_um2.map(|density| density * cost.area_um2),
            loading_fj: pes * cost.loading_fj.unwrap_or(0.0),
            adding_fj: pes * adding_fj.unwrap_or(0.0),
            computing: Computing::Full(per_cycle),
        })
    }

    /// An array that `recoup power` has measured.
    pub fn of_measurement(array: &MeasuredArray) -> Self {
        Self {
            rows: array.rows,
            columns: array.columns,
            structure: array.structure,
            clock_ps: array.clock_ps,
            clock_fj: array.clock_fj,
            leakage_nw: Some(array.leakage_nw),
            loading_fj: 0.0,
            adding_fj: 0.0,
            computing: Computing::Measured(array.layers.clone()),
        }
    }

    /// What it spends on a layer per image; None where measurements do not have the layer.
    pub fn layer(&self, layer: &Layer) -> Option<LayerEnergy> {
        let (shape, rows, columns) = (&layer.shape, self.rows, self.columns);
        let cycles = shape.cycles(rows, columns);
        let passes = shape.passes(rows, columns);
        let [steps, groups] = self.structure.steps(rows, columns);
        let (computing_fj, loading_fj) = match &self.computing {
            Computing::Measured(layers) => {
                let found = layers.iter().find(|measured| measured.name == layer.name)?;
                (found.energy_fj, found.loading_fj)
            }
            Computing::Full(parts) => {
                let (used_rows, used_columns) =
                    (shape.rows_used(rows), shape.columns_used(columns));
                let per_cycle_fj: f64 = parts
                    .iter()
                    .map(|(&role, energy_fj)| {
                        energy_fj
                            * active(role, used_rows, used_columns, self.structure.clock_gating)
                    })
                    .sum();
                let loading_cycles = (passes * steps as u64) as f64;
                let adding_fj = layer.loaded_operand.map_or(0.0, |_| self.adding_fj);
                let loading_fj = (self.loading_fj + adding_fj) * used_rows * used_columns;
                (cycles as f64 * per_cycle_fj, loading_cycles * loading_fj)
            }
        };
        // Eq. (P2).
        let overhead_cycles = passes * (2 * steps + groups - 2) as u64;
        Some(LayerEnergy {
            cycles,
            computing_fj,
            overhead_cycles,
            overhead_fj: overhead_cycles as f64 * self.clock_fj + loading_fj,
        })
    }

    /// Leakage during some cycles, fJ; None where it is not known.
    pub fn leakage_fj(&self, cycles: f64, clock_ps: f64) -> Option<f64> {
        // nW x ps = 1e-6 fJ.
        Some(1e-6 * self.leakage_nw? * cycles * clock_ps)
    }

    /// Period of its clock, ps.
    pub fn clock_ps(&self) -> f64 {
        self.clock_ps
    }
}

/// A row of the same array with what makes constants of what it is loaded with: area and energy, as a
/// part of their own. None if that was not measured.
pub fn with_load_path(cost: &Cost) -> Option<Cost> {
    let load_path = cost.load_path?;
    let part = || Role::LoadPath.to_string();
    let mut cost = cost.clone();
    cost.area_um2 += load_path.area_um2;
    if !cost.area_parts_um2.is_empty() {
        cost.area_parts_um2.insert(part(), load_path.area_um2);
    }
    cost.energy_fj += load_path.energy_fj;
    cost.parts_fj.insert(part(), load_path.energy_fj);
    Some(cost)
}

/// The parts of a row, fJ per MAC of an array that is full; None where some are missing.
fn full(cost: &Cost) -> Option<BTreeMap<Role, f64>> {
    let part = |role: Role| Some((role, *cost.parts_fj.get(&role.to_string())?));
    [Role::Multiplier, Role::Adder, Role::Registers, Role::Clock]
        .into_iter()
        .try_for_each(|role| part(role).map(|_| ()))?;
    Some(Role::ALL.into_iter().filter_map(part).collect())
}

/// The share of a full array's energy that a part takes in a layer that uses a share of the rows
/// and a share of the columns, eq. (P1).
fn active(role: Role, rows: f64, columns: f64, gating: ClockGating) -> f64 {
    match role {
        Role::Multiplier => rows * columns,
        // What is idle stands still, but for the gates.
        Role::Adder | Role::Registers | Role::Clock if gating == ClockGating::Idle => {
            rows * columns
        }
        // In rows below the last product, the partial sum alone moves.
        Role::Adder | Role::Registers => columns * (1.0 + rows) / 2.0,
        Role::Clock => 1.0,
        // Their clock is in it.
        Role::XLine => (1.0 + rows) / 2.0,
        // Nothing moves in it but its clock.
        Role::LoadPath => 1.0,
        Role::MacPlus => (1.0 + columns) / 2.0,
    }
}
