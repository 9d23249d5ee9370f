//! Energies per layer that `recoup power` measured, and of which network they are.

use recoup_core::as_text;
use recoup_core::control_variate::Mode;
use recoup_core::design::Design;
use recoup_core::model::Graph;
use recoup_core::quantize::{WeightScheme, all_bits};
use serde::Deserialize;

use crate::cost_table::Structure;
use crate::power::Role;

use crate::layer_shape::{Layer, LayerShape};

/// Why a file of measurements cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{name}: holds no measured energies of layers: {source}")]
pub struct MeasuredError {
    name: String,
    source: serde_json::Error,
}

/// How the layers of a file differ from a network's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// It says of which file the network was.
    #[error("it was measured on another file, with SHA-256 {measured}")]
    Model {
        /// Hash of that file.
        measured: String,
    },
    /// A layer of the network is not there.
    #[error("it has no layer \"{0}\"")]
    Missing(String),
    /// A layer has other sizes.
    #[error(
        "its layer \"{layer}\" has {macs} products in {cycles} cycles, the network's has \
         {expected_macs} in {expected_cycles}"
    )]
    Size {
        /// The layer.
        layer: String,
        /// Of the file.
        macs: u64,
        /// Of the file.
        cycles: u64,
        /// Of the network.
        expected_macs: u64,
        /// Of the network, on an array of the file's size.
        expected_cycles: u64,
    },
    /// It has one that the network does not have.
    #[error("the network has no layer \"{0}\"")]
    Foreign(String),
}

/// A file of measurements.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurements {
    /// The file.
    pub name: String,
    /// SHA-256 of the network's file, if it was measured on one's codes.
    pub model_sha256: Option<String>,
    /// What was measured.
    pub arrays: Vec<MeasuredArray>,
}

/// An array that was measured on a network's codes.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredArray {
    /// The identity of the design that it was made for ([`recoup_core::design::DesignRecord::of_array`]).
    pub identity: String,
    /// Rows of the array.
    pub rows: usize,
    /// Columns of the array.
    pub columns: usize,
    /// What its PEs are of.
    pub structure: Structure,
    /// Period of the clock, ps.
    pub clock_ps: f64,
    /// Of all PEs' clock, fJ per cycle.
    pub clock_fj: f64,
    /// Of the whole array, nW.
    pub leakage_nw: f64,
    /// The layers.
    pub layers: Vec<MeasuredLayer>,
}

/// A layer that was measured.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct MeasuredLayer {
    /// The node's name.
    #[serde(rename = "layer")]
    pub name: String,
    /// Products per image.
    pub macs: u64,
    /// Clock cycles per image in which the array computes.
    pub cycles: u64,
    /// Of these cycles, fJ per image.
    pub energy_fj: f64,
    /// Of loading weights, without the clock, fJ per image. Not in files from before it was measured.
    #[serde(default)]
    pub loading_fj: f64,
}

#[derive(Deserialize)]
struct File {
    model_sha256: Option<String>,
    /// Not in files from before there was a choice.
    #[serde(default = "all_bits")]
    activation_bits: u32,
    #[serde(default = "all_bits")]
    weight_bits: u32,
    rows: usize,
    columns: usize,
    /// Not in files from before there was a choice.
    #[serde(default)]
    structure: Structure,
    clock_ps: f64,
    results: Vec<FileResult>,
}

fn per_channel() -> WeightScheme {
    WeightScheme::U8Channel
}

#[derive(Deserialize)]
struct FileResult {
    products_sha256: String,
    #[serde(with = "as_text")]
    control_variate: Mode,
    /// Not in files from before it was said.
    #[serde(default = "per_channel", with = "as_text")]
    weights: WeightScheme,
    /// Not in files from before designs had one; they had no options but those above.
    identity: Option<String>,
    units: Vec<FileUnit>,
    layers: Vec<MeasuredLayer>,
}

#[derive(Deserialize)]
struct FileUnit {
    unit: String,
    energy_fj_per_cycle: f64,
    leakage_nw: f64,
}

impl Measurements {
    /// Those of a file; `name` is for errors.
    ///
    /// # Errors
    /// When it is no output of `recoup power --json`.
    pub fn parse(name: &str, text: &str) -> Result<Self, MeasuredError> {
        let file: File = serde_json::from_str(text)
            .map_err(|source| MeasuredError { name: name.to_owned(), source })?;
        let array = |result: FileResult| {
            let of_options = || {
                let design = Design::exact(file.activation_bits)
                    .with_weight_bits(file.weight_bits)
                    .with_control_variate(result.control_variate);
                design.record_with(result.products_sha256).of_array().identity(result.weights)
            };
            let identity = result.identity.unwrap_or_else(of_options);
            let clock = Role::Clock.to_string();
            let clock = result.units.iter().filter(|unit| unit.unit == clock);
            MeasuredArray {
                identity,
                rows: file.rows,
                columns: file.columns,
                structure: file.structure,
                clock_ps: file.clock_ps,
                clock_fj: clock.map(|unit| unit.energy_fj_per_cycle).sum(),
                leakage_nw: result.units.iter().map(|unit| unit.leakage_nw).sum(),
                layers: result.layers,
            }
        };
        Ok(Self {
            name: name.to_owned(),
            model_sha256: file.model_sha256,
            arrays: file.results.into_iter().map(array).collect(),
        })
    }

    /// Whether this was measured on a network: by its file's hash, and the names and sizes of all
    /// layers.
    ///
    /// # Errors
    /// The first difference.
    pub fn check(&self, graph: &Graph) -> Result<(), Mismatch> {
        if let Some(measured) = self.model_sha256.as_ref().filter(|hash| **hash != graph.sha256) {
            return Err(Mismatch::Model { measured: measured.clone() });
        }
        let layers = Layer::of_graph(graph);
        self.arrays.iter().try_for_each(|array| array.check(&layers))
    }
}

impl MeasuredArray {
    /// Rows and columns.
    pub fn size(&self) -> [usize; 2] {
        [self.rows, self.columns]
    }

    fn check(&self, layers: &[Layer]) -> Result<(), Mismatch> {
        for Layer { name, shape, loaded_operand, .. } in layers {
            let measured = self.layers.iter().find(|measured| measured.name == *name);
            let measured = measured.ok_or_else(|| Mismatch::Missing(name.clone()))?;
            let size = |shape: &LayerShape| (shape.macs(), shape.cycles(self.rows, self.columns));
            let (found, expected) = ((measured.macs, measured.cycles), size(shape));
            // What is loaded is each design's own choice.
            let exchanged = loaded_operand.map(|_| size(&shape.exchanged()));
            if found != expected && Some(found) != exchanged {
                return Err(Mismatch::Size {
                    layer: name.clone(),
                    macs: measured.macs,
                    cycles: measured.cycles,
                    expected_macs: expected.0,
                    expected_cycles: expected.1,
                });
            }
        }
        let foreign =
            self.layers.iter().find(|it| layers.iter().all(|layer| layer.name != it.name));
        foreign.map_or(Ok(()), |layer| Err(Mismatch::Foreign(layer.name.clone())))
    }
}
