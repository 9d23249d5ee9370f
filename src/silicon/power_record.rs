//! Measured power as a document for machines (docs/json.md).

use recoup_core::design::Design;
use recoup_core::quantize::WeightScheme;
use recoup_hardware::cells::CellLibrary;
use recoup_hardware::cost_table::Structure;
use recoup_hardware::power::{Energy, Estimate, LayerEstimate, Role};
use recoup_hardware::units::ArrayUnits;
use serde::Serialize;

/// Arrays of one size on codes of one kind, as `power --json` prints them.
#[derive(Clone, Debug, Serialize)]
pub struct PowerRecord {
    /// The cell library.
    pub library: String,
    /// Its supply voltage.
    pub voltage_v: f64,
    /// Period of the clock.
    pub clock_ps: f64,
    /// Rows of the arrays.
    pub rows: usize,
    /// Columns of the arrays.
    pub columns: usize,
    /// What their PEs are of.
    pub structure: Structure,
    /// Where the codes come from, in words.
    pub codes: String,
    /// SHA-256 of the network's file, if they are one's.
    pub model_sha256: Option<String>,
    /// Significant bits of the activation codes.
    pub activation_bits: u32,
    /// Significant bits of the weight codes.
    pub weight_bits: u32,
    /// The arrays.
    pub results: Vec<ArrayRecord>,
}

/// An array that was measured.
#[derive(Clone, Debug, Serialize)]
pub struct ArrayRecord {
    /// The multiplier.
    pub multiplier: String,
    /// What it is: its identity with weights of this coding.
    pub products_sha256: String,
    /// What corrects it.
    pub control_variate: String,
    /// How weights are coded.
    pub weights: String,
    /// The identity of the design that the array was made for.
    pub identity: String,
    /// Area of the array.
    pub area_um2: f64,
    /// The least period at which all units are in time.
    pub fastest_clock_ps: f64,
    /// How transitions were found.
    pub mode: String,
    /// All of the array's energy over the products of the layers.
    pub energy_per_mac_fj: f64,
    /// Energy per image.
    pub energy_per_image_fj: f64,
    /// Power while it computes.
    pub power_uw: f64,
    /// Standard error of the energy, relative to it.
    pub relative_standard_error: f64,
    /// How many were simulated.
    pub samples: u64,
    /// The latest transition after a clock edge; none without delays.
    pub slowest_transition_ps: Option<f64>,
    /// What the energy is spent on.
    pub units: Vec<UnitRecord>,
    /// The layers.
    pub layers: Vec<LayerRecord>,
}

/// What a part of an array spends.
#[derive(Clone, Debug, Serialize)]
pub struct UnitRecord {
    /// The part.
    pub unit: String,
    /// With what leaks during a cycle.
    pub energy_fj_per_cycle: f64,
    /// Inside cells.
    pub internal_fj_per_cycle: f64,
    /// Of charging nets.
    pub switching_fj_per_cycle: f64,
    /// Leakage.
    pub leakage_nw: f64,
    /// All of it as power.
    pub power_uw: f64,
}

/// What an array spends on a layer.
#[derive(Clone, Debug, Serialize)]
pub struct LayerRecord {
    /// The layer's name.
    pub layer: String,
    /// Products per image.
    pub macs: u64,
    /// Clock cycles per image.
    pub cycles: u64,
    /// Share of the PEs that compute something.
    pub utilisation: f64,
    /// Per image.
    pub energy_fj: f64,
    /// Its standard error.
    pub standard_error_fj: f64,
    /// Per product.
    pub energy_per_mac_fj: f64,
    /// Of loading weights per image, without the clock.
    pub loading_fj: f64,
    /// Clock cycles that were simulated.
    pub sampled_cycles: u64,
}

impl ArrayRecord {
    pub(super) fn new(
        design: &Design,
        weights: WeightScheme,
        library: &CellLibrary,
        units: &ArrayUnits,
        estimate: &Estimate,
    ) -> Self {
        let of =
            |(role, energy): &(Role, Energy)| UnitRecord::new(*role, energy, estimate.clock_ps);
        Self {
            multiplier: design.multiplier.to_string(),
            products_sha256: design.multiplier.identity(weights.coding()),
            control_variate: design.control_variate.to_string(),
            weights: weights.to_string(),
            identity: design.record(weights.coding()).of_array().identity(weights),
            area_um2: units.area_um2(library),
            fastest_clock_ps: units.fastest_clock_ps(),
            mode: estimate.mode.to_string(),
            energy_per_mac_fj: estimate.energy_per_mac_fj(),
            energy_per_image_fj: estimate.energy_fj(),
            power_uw: estimate.power_uw(),
            relative_standard_error: estimate.relative_error,
            samples: estimate.samples,
            slowest_transition_ps: estimate.slowest_ps,
            units: estimate.per_cycle().iter().map(of).collect(),
            layers: estimate.layers.iter().map(LayerRecord::new).collect(),
        }
    }
}

impl UnitRecord {
    fn new(role: Role, energy: &Energy, clock_ps: f64) -> Self {
        Self {
            unit: role.to_string(),
            energy_fj_per_cycle: energy.total_fj(clock_ps),
            internal_fj_per_cycle: energy.internal_fj,
            switching_fj_per_cycle: energy.switching_fj,
            leakage_nw: energy.leakage_nw,
            power_uw: energy.power_uw(clock_ps),
        }
    }
}

impl LayerRecord {
    fn new(layer: &LayerEstimate) -> Self {
        Self {
            layer: layer.name.clone(),
            macs: layer.macs,
            cycles: layer.cycles,
            utilisation: layer.utilisation,
            energy_fj: layer.energy_fj,
            standard_error_fj: layer.standard_error_fj,
            energy_per_mac_fj: layer.energy_fj / layer.macs as f64,
            loading_fj: layer.loading_fj,
            sampled_cycles: layer.sampled_cycles,
        }
    }
}
