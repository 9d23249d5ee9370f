//! A quantised network as an ONNX file that brings its codes (QDQ). What is written is read again, and
//! has to be the same codes.

use std::path::Path;

use prost::Message;

use crate::model::qdq::{CodedLayer, CodedTensor, Codes, FIRST_OPSET, Unwritable};
use crate::model::{self, Graph, ModelError, OnnxFile, pb};

use super::{
    Calibration, CalibrationError, CodeLoad, Quantized, QuantizedMac, WeightScheme, Widths,
};

/// Biases beyond it are known to fewer digits than they have: a bias is read as a float32.
const MOST_EXACT_BIAS: u32 = 1 << 22;

/// A network in codes as a file.
pub struct Qdq {
    /// The ONNX file.
    pub bytes: Vec<u8>,
    /// Products of two activations with gains or biases, which their operators have no place for.
    pub uncorrected: Vec<String>,
}

/// Why a network cannot be written with its codes.
#[derive(Debug, thiserror::Error)]
pub enum QdqError {
    /// Scales by channel are younger than the model.
    #[error(
        "the model is in version {0} of ONNX's operators, and scales by channel are there from version \
         {FIRST_OPSET} on; convert it with onnx.version_converter, or export it anew"
    )]
    Opset(i64),
    /// The model brings the codes of a tensor, and they were rounded.
    #[error(
        "tensor \"{tensor}\" has codes of the model's own, whose {bits} low bits are rounded away: its \
         QuantizeLinear cannot say that; choose a design with 8 activation bits and plain quantisation"
    )]
    Rounded {
        /// The tensor.
        tensor: String,
        /// Low bits that are 0.
        bits: u32,
    },
    /// A scale that ONNX does not take.
    #[error(
        "node \"{node}\": the scale of filter {filter} is {scale}, and a QuantizeLinear takes positive \
         ones of full precision only; the model multiplies its own codes by such a number"
    )]
    Scale {
        /// The node.
        node: String,
        /// The filter.
        filter: usize,
        /// Its scale.
        scale: f32,
    },
    /// A layer that has no node of its own in the float model, or comes back otherwise.
    #[error(
        "node \"{0}\": its codes cannot be written as QuantizeLinear and DequantizeLinear around one \
         operator; please report it with the model"
    )]
    Layer(String),
    /// What was written cannot be read.
    #[error("the network with its codes: {0}")]
    Model(#[from] ModelError),
    /// What was written lacks codes.
    #[error("the network with its codes: {0}")]
    Calibration(#[from] CalibrationError),
}

impl Quantized {
    /// The network with its codes as an ONNX file. `calibration` has the scales of channels that it was
    /// made with; `properties`, names and texts, are kept in the file.
    ///
    /// # Errors
    /// When the model's operators do not say what its codes are.
    pub fn to_qdq(
        &self,
        calibration: &Calibration,
        properties: &[(&str, &str)],
    ) -> Result<Qdq, QdqError> {
        let mut uncorrected = Vec::new();
        let mut layers = Vec::new();
        for mac in &self.macs {
            let is_corrected =
                mac.bias.iter().any(|&bias| bias != 0) || mac.gains.iter().any(|&gain| gain != 1.0);
            match mac.load {
                None => layers.push(self.coded_layer(mac)?),
                Some(_) if is_corrected => uncorrected.push(self.name(mac).to_owned()),
                Some(_) => {}
            }
        }
        let tensors = self.coded_tensors()?;
        let scaled = calibration.channel_scales();
        let written = self.graph.to_qdq(&layers, &tensors, &scaled);
        let mut proto = written.map_err(|problem| match problem {
            Unwritable::Opset(version) => QdqError::Opset(version),
            Unwritable::Layer(node) => QdqError::Layer(node),
        })?;
        let property = |&(key, value): &(&str, &str)| pb::StringStringEntryProto {
            key: key.into(),
            value: value.into(),
        };
        proto.metadata_props = properties.iter().map(property).collect();
        let bytes = proto.encode_to_vec();
        self.compare(&bytes)?;
        Ok(Qdq { bytes, uncorrected })
    }

    fn name(&self, mac: &QuantizedMac) -> &str {
        &self.graph.nodes[mac.node].name
    }

    /// The codes of a layer's weights as the file has them; gains are in the scales.
    fn coded_layer(&self, mac: &QuantizedMac) -> Result<CodedLayer, QdqError> {
        // Offset binary becomes int8, which other runtimes are fastest with.
        let (offset, signed) = match self.weights {
            WeightScheme::U8Tensor => (0, false),
            WeightScheme::U8Channel => (128, true),
            WeightScheme::I8Channel => (0, true),
        };
        let scales: Vec<f32> = own_scales(mac).collect();
        let is_usable = |scale: &f32| scale.is_normal() && *scale > 0.0;
        if let Some(filter) = scales.iter().position(|scale| !is_usable(scale)) {
            let node = self.name(mac).to_owned();
            return Err(QdqError::Scale { node, filter, scale: scales[filter] });
        }
        let bytes = mac.weights.iter().map(|byte| byte.wrapping_sub(offset)).collect();
        Ok(CodedLayer {
            node: mac.node,
            codes: Codes { bytes, signed },
            scales,
            zero_points: mac
                .zero_points
                .iter()
                .map(|&it| (it as u8).wrapping_sub(offset))
                .collect(),
            bias: mac.bias.clone(),
            input_scale: self.mac_input(mac).1.scale,
        })
    }

    fn coded_tensors(&self) -> Result<Vec<Option<CodedTensor>>, QdqError> {
        let of_value = |(id, value): (usize, &model::Value)| {
            let dropped_bits = self.dropped_bits(id);
            if value.quantization.is_some() && dropped_bits > 0 {
                return Err(QdqError::Rounded { tensor: value.tensor.clone(), bits: dropped_bits });
            }
            let coded = |quantization| CodedTensor { quantization, dropped_bits };
            Ok(self.activations[id].map(coded))
        };
        self.graph.values.iter().enumerate().map(of_value).collect()
    }

    /// Reads what was written: each layer has to have the codes that it has here.
    fn compare(&self, bytes: &[u8]) -> Result<(), QdqError> {
        let read = read(bytes, self)?;
        let differs = |mac: &QuantizedMac| QdqError::Layer(self.name(mac).to_owned());
        if read.macs.len() != self.macs.len() {
            return Err(differs(&self.macs[read.macs.len().min(self.macs.len() - 1)]));
        }
        for (own, found) in self.macs.iter().zip(&read.macs) {
            if !self.has_codes_of(own, (&read, found)) {
                return Err(differs(own));
            }
        }
        Ok(())
    }

    fn has_codes_of(&self, own: &QuantizedMac, (read, found): (&Self, &QuantizedMac)) -> bool {
        let operands = |network: &Self, mac: &QuantizedMac| {
            [Some(network.mac_input(mac).1), network.mac_loaded(mac).map(|(_, codes)| codes)]
        };
        let (here, there) = (operands(self, own), operands(read, found));
        if own.load.is_some() {
            // Which operand is loaded the file does not say.
            let [first, second] = there;
            return found.load.map(CodeLoad::bytes).is_some()
                && (here == there || here == [second, first]);
        }
        let same_bias = |(&own, &found): (&i32, &i32)| {
            own == found
                || own.unsigned_abs() > MOST_EXACT_BIAS
                    && own.abs_diff(found) <= own.unsigned_abs() >> 22
        };
        here == there
            && own.shape == found.shape
            && own.weights == found.weights
            && own.zero_points == found.zero_points
            && own_scales(own).eq(found.scales.iter().copied())
            && own.bias.iter().zip(&found.bias).all(same_bias)
    }
}

/// What each filter's codes are multiplied by behind the accumulator.
fn own_scales(mac: &QuantizedMac) -> impl Iterator<Item = f32> {
    mac.scales.iter().zip(&mac.gains).map(|(scale, gain)| scale * gain)
}

/// The network that a file with all codes is.
fn read(bytes: &[u8], like: &Quantized) -> Result<Quantized, QdqError> {
    let file = OnnxFile::from_bytes(bytes, Path::new("codes"))?;
    let attention = like.graph.attention.unwrap_or_default();
    let graph: Graph = model::load_with(&file, None, attention)?;
    let nothing = Calibration::of_own_codes(graph.sha256.clone());
    Ok(Quantized::new(graph.into(), &nothing, like.weights, Widths::FULL)?)
}
