//! A network whose weights are being trained: its layers, and what other weights make of it.

use recoup_core::design::Design;
pub use recoup_core::emulate::{LoneLayer, LoneOutputs};
pub use recoup_core::model::Parameters;
use recoup_core::model::{ActivationQuantization, Operand, ValueId};
use recoup_core::multiplier::code_value;
use recoup_core::quantize::Quantized;
use recoup_core::watch::Watch;
use recoup_kernels::WeightCoding;

use crate::error::{Error, ErrorKind, Result};
use crate::network::{Emulator, Network};

/// What a layer on the multipliers multiplies its input by.
#[derive(Clone, Debug, PartialEq)]
pub enum Factors {
    /// Weights, with the biases that are added.
    Parameters(Parameters),
    /// Another activation: of each of `matrices`, `[rows][depth]` times `[depth][columns]`.
    Product {
        /// Matrices of an image.
        matrices: usize,
        /// Rows of the first operand and of the result.
        rows: usize,
        /// Columns of the first operand, and rows of the second.
        depth: usize,
        /// Columns of the second operand and of the result.
        columns: usize,
    },
}

/// The codes of a layer on the multipliers.
#[derive(Clone, Debug)]
pub struct LayerCodes {
    /// Those of the activation that it reads; of a product of two, of both.
    pub inputs: Vec<TensorCodes>,
    /// What a product of two activations is multiplied by; 1 elsewhere.
    pub factor: f32,
    /// Those of its weights, if it has any.
    pub weights: Option<WeightCodes>,
}

/// The codes of an activation.
#[derive(Clone, Debug)]
pub struct TensorCodes {
    /// The tensor that is read; then those that it was rearranged from, one after the other. Not
    /// all need be in the ONNX file, of which some operators are written in others.
    pub tensors: Vec<String>,
    /// Its codes of 8 bits.
    pub codes: ActivationQuantization,
    /// Low bits that are always 0 in the codes that are multiplied, also of the zero point.
    pub dropped_bits: u32,
}

fn tensor_codes(
    quantized: &Quantized,
    value: ValueId,
    codes: ActivationQuantization,
    dropped_bits: u32,
) -> TensorCodes {
    let graph = &quantized.graph;
    let sources = std::iter::successors(Some(value), |&value| graph.moved_from(value));
    let tensors = sources.map(|value| graph.values[value].tensor.clone()).collect();
    TensorCodes { tensors, codes, dropped_bits }
}

/// The codes of weights.
#[derive(Clone, Debug)]
pub struct WeightCodes {
    /// `[filter][kernel row][kernel column][channel in group]`.
    pub codes: Vec<i16>,
    /// Whether they are int8; uint8 otherwise.
    pub signed: bool,
    /// One scale per filter.
    pub scales: Vec<f32>,
    /// One zero point per filter.
    pub zero_points: Vec<i32>,
}

impl Network {
    /// The layers on the multipliers by their nodes, with what they multiply by.
    pub fn layers(&self) -> Vec<(String, Factors)> {
        let layers = self.graph().macs().map(|(node, mac)| {
            let factors = match &mac.loaded {
                Operand::Constant(weights) => Factors::Parameters(Parameters {
                    weights: weights.real(),
                    bias: mac.bias.clone(),
                }),
                Operand::Value { .. } => Factors::Product {
                    matrices: mac.shape.groups,
                    rows: mac.shape.positions(),
                    depth: mac.shape.depth(),
                    columns: mac.shape.filters / mac.shape.groups,
                },
            };
            (node.name.clone(), factors)
        });
        layers.collect()
    }

    /// The parameters of those that have some.
    pub fn parameters(&self) -> Vec<Parameters> {
        let layers = self.layers().into_iter();
        layers
            .filter_map(|(_, factors)| match factors {
                Factors::Parameters(parameters) => Some(parameters),
                Factors::Product { .. } => None,
            })
            .collect()
    }

    /// Makes a design ready to run with other [`Network::parameters`]: in the calibration's ranges, and with a control variate that is fitted to them on its images. It is
    /// what [`Network::emulate`] makes of a file that has these parameters and ranges.
    ///
    /// # Errors
    /// As [`Network::emulate`]; when parameters are missing, of another size, or no numbers; and when
    /// the design's codes or outputs are to be adapted to the multiplier.
    pub fn emulate_with(
        &self,
        design: &Design,
        parameters: Vec<Parameters>,
        watch: &dyn Watch,
    ) -> Result<Emulator> {
        let request = |text: String| Err(Error::new(ErrorKind::Request, text));
        if design.quantization().aware {
            return request(format!(
                "{design}: its codes are adapted to the weights of the file, and these are others; \
                 take quantization=\"plain+gain\""
            ));
        }
        let macs: Vec<_> = self.graph().weighted().collect();
        if macs.len() != parameters.len() {
            let (found, expected) = (parameters.len(), macs.len());
            return request(format!("parameters of {found} layers; expected {expected}"));
        }
        for ((_, node, mac, _), Parameters { weights, bias }) in macs.iter().zip(&parameters) {
            let expected = (mac.shape.filters * mac.shape.depth(), mac.shape.filters);
            let found = (weights.len(), bias.len());
            if found != expected {
                return request(format!(
                    "{}: {} weights and {} biases; expected {} and {}",
                    node.name, found.0, found.1, expected.0, expected.1
                ));
            }
            if !weights.iter().chain(bias).all(|value| value.is_finite()) {
                return request(format!(
                    "{}: a weight or bias is NaN or infinite; if it was trained, try a lower \
                     learning rate",
                    node.name
                ));
            }
        }
        let graph = self.graph().clone().with_parameters(parameters);
        let experiment = &self.calibrated()?.experiment;
        let experiment = experiment.with_graph(graph).with_weights(design.weight_scheme()?);
        self.emulate_on(experiment, design, watch)
    }
}

impl Emulator {
    /// The codes of 8 bits of all tensors that are stored as such.
    pub fn tensor_codes(&self) -> Vec<TensorCodes> {
        let quantized = &self.design().reference.quantized;
        let codes = quantized.activations.iter().enumerate();
        codes
            .filter_map(|(value, &codes)| Some(tensor_codes(quantized, value, codes?, 0)))
            .collect()
    }

    /// The codes of a layer, in the order of [`Network::layers`]; none beyond the last.
    pub fn layer_codes(&self, layer: usize) -> Option<LayerCodes> {
        let quantized = &self.design().prepared.quantized;
        let mac = quantized.macs.get(layer)?;
        let reference = &self.design().reference.quantized;
        let of_reference = &reference.macs[layer];
        let (value, codes) = reference.mac_input(of_reference);
        let mut inputs = vec![tensor_codes(reference, value, codes, quantized.dropped_bits(value))];
        if let Some(((value, codes), load)) = reference.mac_loaded(of_reference).zip(mac.load) {
            inputs.push(tensor_codes(reference, value, codes, load.dropped_bits()));
        }
        let coding = quantized.weights.coding();
        let weights = mac.load.is_none().then(|| WeightCodes {
            codes: mac.weights.iter().map(|&byte| code_value(byte, coding) as i16).collect(),
            signed: coding == WeightCoding::Signed,
            scales: mac.scales.clone(),
            zero_points: mac.zero_points.clone(),
        });
        let factor = match quantized.graph.macs().nth(layer).map(|(_, mac)| &mac.loaded) {
            Some(&Operand::Value { factor }) => factor,
            _ => 1.0,
        };
        Some(LayerCodes { inputs, factor, weights })
    }

    /// A layer by itself; none beyond the last.
    ///
    /// # Errors
    /// When a kernel refuses it.
    pub fn layer(&self, layer: usize) -> Result<Option<LoneLayer>> {
        if layer >= self.design().prepared.quantized.macs.len() {
            return Ok(None);
        }
        let made = self.design().network.lone_layer(layer);
        Ok(Some(made.map_err(recoup_core::emulate::EmulateError::from)?))
    }
}
