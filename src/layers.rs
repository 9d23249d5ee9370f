//! A network whose weights are being trained: its layers, and what other weights make of it.

use recoup_circuits::printable;
use recoup_core::design::Design;
pub use recoup_core::emulate::{LoneLayer, LoneOutputs};
use recoup_core::model::ActivationQuantization;
pub use recoup_core::model::Parameters;
use recoup_core::multiplier::code_value;
use recoup_core::watch::Watch;
use recoup_kernels::WeightCoding;

use crate::error::{Error, ErrorKind, Result};
use crate::network::{Emulator, Network};

/// The codes of a layer on the multipliers.
#[derive(Clone, Debug)]
pub struct LayerCodes {
    /// The tensor of the ONNX file that it reads.
    pub tensor: String,
    /// The codes of that tensor, of 8 bits.
    pub input: ActivationQuantization,
    /// Low bits that are always 0 in the codes that it multiplies, also of the zero point.
    pub dropped_bits: u32,
    /// Weight codes, `[filter][kernel row][kernel column][channel in group]`.
    pub weights: Vec<i16>,
    /// Whether they are int8; uint8 otherwise.
    pub signed: bool,
    /// One scale per filter.
    pub scales: Vec<f32>,
    /// One zero point per filter.
    pub zero_points: Vec<i32>,
}

impl Network {
    /// The layers on the multipliers by their nodes, with what they are made of.
    pub fn parameters(&self) -> Vec<(String, Parameters)> {
        let layers = self.graph().weighted().map(|(_, node, mac, weights)| {
            let (weights, bias) = (weights.real(), mac.bias.clone());
            (node.name.clone(), Parameters { weights, bias })
        });
        layers.collect()
    }

    /// Makes a design ready to run with other parameters of the layers on the multipliers: in the
    /// calibration's ranges, and with a control variate that is fitted to them on its images. It is
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
        let calibration = self.calibrated()?.experiment.calibration();
        if let Some(scaled) = calibration.scaled_tensors().next() {
            return request(format!(
                "tensor \"{}\": its channels are scaled in the calibration, and parameters of the file \
                 read it unscaled; calibrate with channel_scaling=\"none\"",
                printable(&scaled.tensor)
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
    /// The codes of a layer, in the order of [`Network::parameters`]; none beyond the last.
    pub fn layer_codes(&self, layer: usize) -> Option<LayerCodes> {
        let quantized = &self.design().prepared.quantized;
        let layer = self.number(layer)?;
        let mac = &quantized.macs[layer];
        let (value, _) = quantized.mac_input(mac);
        let reference = &self.design().reference.quantized;
        let (_, input) = reference.mac_input(&reference.macs[layer]);
        let coding = quantized.weights.coding();
        Some(LayerCodes {
            tensor: quantized.graph.values[value].tensor.clone(),
            input,
            dropped_bits: quantized.dropped_bits(value),
            weights: mac.weights.iter().map(|&byte| code_value(byte, coding) as i16).collect(),
            signed: coding == WeightCoding::Signed,
            scales: mac.scales.clone(),
            zero_points: mac.zero_points.clone(),
        })
    }

    /// A layer by itself; none beyond the last.
    ///
    /// # Errors
    /// When a kernel refuses it.
    pub fn layer(&self, layer: usize) -> Result<Option<LoneLayer>> {
        let Some(layer) = self.number(layer) else { return Ok(None) };
        let made = self.design().network.lone_layer(layer);
        Ok(Some(made.map_err(recoup_core::emulate::EmulateError::from)?))
    }

    /// Its number among all layers on the multipliers.
    fn number(&self, layer: usize) -> Option<usize> {
        let graph = &self.design().prepared.quantized.graph;
        graph.weighted().nth(layer).map(|(layer, ..)| layer)
    }
}
