//! The units of an array as cells: what area, timing and power of the whole are composed of.
//!
//! A PE, the x line, a MAC+ and what makes constants are synthesised one by one. All PEs of an array
//! are alike, as are its MAC+, and registers separate the units, so that the array's area is the sum over them and
//! its fastest clock that of the slowest unit.

use std::collections::BTreeMap;

use recoup_core::watch::Watch;

use crate::cells::CellLibrary;
use crate::power::{PowerOptions, Role, Unit, UnitModel, roles};
use crate::rtl::{ArrayRtl, Sources};
use crate::simulate::{Circuit, DelayOptions, SimulateError};
use crate::synthesis::{Synthesis, SynthesisError, SynthesisOptions, synthesize};

/// A design's units, synthesised; all, or some.
#[derive(Clone, Debug)]
pub struct ArrayUnits {
    /// The design.
    pub design: ArrayRtl,
    /// Each kind of unit that it has; the PE first.
    pub units: Vec<(Unit, Synthesis)>,
}

impl ArrayUnits {
    /// Synthesises each kind of unit of a design. Where the library has no clock gate, multiplexers
    /// hold what would be gated.
    ///
    /// # Errors
    /// See [`synthesize`].
    pub fn synthesize(
        design: ArrayRtl,
        library: &CellLibrary,
        options: &SynthesisOptions,
        watch: &dyn Watch,
    ) -> Result<Self, SynthesisError> {
        Self::synthesize_some(design, &Unit::ALL, library, options, watch)
    }

    /// Synthesises those of these kinds that a design has.
    ///
    /// # Errors
    /// See [`synthesize`].
    pub fn synthesize_some(
        design: ArrayRtl,
        kinds: &[Unit],
        library: &CellLibrary,
        options: &SynthesisOptions,
        watch: &dyn Watch,
    ) -> Result<Self, SynthesisError> {
        let mut design = design;
        let selection = library.select(&options.dont_use)?;
        design.options.gate_cells &= selection.clock_gate.is_some();
        let sources = |unit| match unit {
            Unit::WeightGate => Sources::weight_gate(&design),
            Unit::Pe => Some(Sources::pe(&design)),
            Unit::XLine => Sources::x_line(&design),
            Unit::MacPlus => Sources::mac_plus(&design),
            Unit::LoadSums => Sources::load_sums(&design),
            Unit::Constants => Sources::constants(&design),
        };
        let units = kinds.iter().filter_map(|&unit| Some((unit, sources(unit)?)));
        let units = units
            .map(|(unit, sources)| Ok((unit, synthesize(&sources, library, options, watch)?)))
            .collect::<Result<_, SynthesisError>>()?;
        Ok(Self { design, units })
    }

    /// The synthesis of a kind of unit, if the design has it.
    pub fn unit(&self, unit: Unit) -> Option<&Synthesis> {
        self.units.iter().find(|(kind, _)| *kind == unit).map(|(_, synthesis)| synthesis)
    }

    /// How many of a unit the array has.
    pub fn count(&self, unit: Unit) -> usize {
        unit.count(&self.design.options)
    }

    /// Area of the array, µm².
    pub fn area_um2(&self, library: &CellLibrary) -> f64 {
        let areas = self.units.iter().map(|(unit, synthesis)| {
            self.count(*unit) as f64 * synthesis.netlist.area_um2(library)
        });
        areas.sum()
    }

    /// The area by part, µm². The clock has none: its tree comes with placement.
    ///
    /// # Errors
    /// When a unit's netlist is no circuit.
    pub fn area_parts_um2(
        &self,
        library: &CellLibrary,
    ) -> Result<BTreeMap<Role, f64>, SimulateError> {
        let mut parts = BTreeMap::new();
        for (unit, synthesis) in &self.units {
            let circuit = Circuit::new(library, &synthesis.netlist)?;
            let count = self.count(*unit) as f64;
            for (instance, role) in roles(*unit, &circuit).into_iter().enumerate() {
                *parts.entry(role).or_default() += count * circuit.cell(instance).area_um2;
            }
        }
        Ok(parts)
    }

    /// The shortest clock period at which all units work, ps.
    pub fn fastest_clock_ps(&self) -> f64 {
        self.units
            .iter()
            .map(|(_, synthesis)| synthesis.timing.fastest_clock_ps())
            .fold(0.0, f64::max)
    }

    /// The units, ready to be simulated.
    ///
    /// # Errors
    /// When one cannot be.
    pub fn models<'a>(
        &'a self,
        library: &'a CellLibrary,
        delays: &DelayOptions,
        power: &PowerOptions,
    ) -> Result<Vec<UnitModel<'a>>, SimulateError> {
        let models = self.units.iter().map(|(unit, synthesis)| {
            UnitModel::new(*unit, &synthesis.netlist, library, delays, power)
        });
        models.collect()
    }
}
