//! From real numbers to 8-bit codes: activations by calibration, weights by one of three codings.
//!
//! real weight = `s_w (w - z_w)`, real activation = `s_a (a - z_a)`, eq. (1.1) and (1.2).

mod activations;
mod calibration;
mod counts;
mod histogram;
mod qdq;
mod quantization;
mod range;
mod scaling;
mod weight_codes;
mod weights;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use recoup_kernels::WeightCoding;

use crate::as_text;
use crate::model::{ActivationQuantization, Exchanged, Graph, Mac, NodeKind, Operand, ValueId};

use activations::Assigned;
pub use activations::{drop_low_bits, operators_on_codes};
pub(crate) use calibration::value_histograms;
pub use calibration::{
    Calibration, CalibrationError, CalibrationImages, LayerCodes, TensorCalibration, calibrate,
};
pub(crate) use histogram::Histogram;
pub use qdq::{Qdq, QdqError};
pub use quantization::{OutputCorrection, QUANTIZATION_HELP, Quantization};
pub(crate) use range::from_range;
pub use range::{METHOD_HELP, Method};
pub use scaling::{CHANNEL_SCALING_HELP, ChannelScaling, Ranging};
pub use weight_codes::{WEIGHT_CODES_HELP, WeightCodes};
pub(crate) use weights::FilterCorrections;
pub use weights::{CodeLoad, QuantizedMac};

/// How weights are coded (docs/arithmetic.md, section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightScheme {
    /// 0..255 with one scale and zero point per tensor: the paper's.
    U8Tensor,
    /// int8 + 128 with one scale per filter: unsigned multipliers, signed weights.
    U8Channel,
    /// int8 in two's complement with one scale per filter.
    I8Channel,
}

impl WeightScheme {
    /// All of them, for help texts.
    pub const ALL: [Self; 3] = [Self::U8Tensor, Self::U8Channel, Self::I8Channel];

    /// Whether the multiplier sees an unsigned or a signed weight.
    pub fn coding(self) -> WeightCoding {
        match self {
            Self::U8Tensor | Self::U8Channel => WeightCoding::Unsigned,
            Self::I8Channel => WeightCoding::Signed,
        }
    }
}

impl fmt::Display for WeightScheme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::U8Tensor => "u8-tensor",
            Self::U8Channel => "u8-channel",
            Self::I8Channel => "i8-channel",
        })
    }
}

impl FromStr for WeightScheme {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        as_text::find("weight coding", name, &Self::ALL)
    }
}

/// How many bits of the codes are significant; lower ones are always zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Widths {
    /// Of activations, 4 to 8.
    pub activation_bits: u32,
    /// Of weights, 4 to 8.
    pub weight_bits: u32,
    /// Whether the first and the last layer run on exact multipliers, in codes of 8 bits.
    pub exact_ends: bool,
}

impl Widths {
    /// 8 bits everywhere.
    pub const FULL: Self = Self { activation_bits: 8, weight_bits: 8, exact_ends: false };

    /// Whether a layer runs on exact multipliers of 8 bits, whatever the others run on.
    fn is_exact(self, layer: usize, last: usize) -> bool {
        self.exact_ends && (layer == 0 || layer == last)
    }
}

/// For `serde(default)`: in files from before there was a choice, codes have 8 bits.
pub fn all_bits() -> u32 {
    8
}

/// For `serde(skip_serializing_if)`: files do not say what is so by default.
pub fn are_all_bits(bits: &u32) -> bool {
    *bits == all_bits()
}

/// A network whose weights are codes and whose tensors are codes where a multiplier reads them.
#[derive(Clone)]
pub struct Quantized {
    /// The float graph it came from.
    pub graph: Arc<Graph>,
    /// Per value: scale and zero point if it is stored as codes. Whoever reads such a value reads
    /// the codes, also for an addition.
    pub activations: Vec<Option<ActivationQuantization>>,
    /// The layers on the multipliers, in execution order.
    pub macs: Vec<QuantizedMac>,
    /// How wide the codes are.
    pub widths: Widths,
    /// The weight coding.
    pub weights: WeightScheme,
    /// Per value: whether its codes have 8 bits whatever `widths` says, because layers on exact
    /// multipliers alone multiply them, or no layer does.
    pub full_width: Vec<bool>,
}

impl Quantized {
    /// Quantises `graph` with the scales of `calibration`.
    ///
    /// # Errors
    /// When the calibration lacks a tensor, or a bias does not fit the accumulator.
    pub fn new(
        graph: Arc<Graph>,
        calibration: &Calibration,
        weights: WeightScheme,
        widths: Widths,
    ) -> Result<Self, CalibrationError> {
        let graph = calibration.scaled(graph)?;
        let dropped = 8 - widths.activation_bits;
        let Assigned { codes: mut activations, between: mut full_width } =
            activations::assign(&graph, calibration)?;
        let last = graph.macs().count().saturating_sub(1);
        let is_exact =
            |layer, mac: &Mac| widths.is_exact(layer, last) || graph.has_exact_products(mac);
        let of_exact = activations::of_exact_layers(&graph, is_exact);
        full_width.iter_mut().zip(of_exact).for_each(|(full, of_exact)| *full |= of_exact);
        let narrow = activations.iter_mut().zip(&full_width).filter(|(_, full)| !**full);
        for quantization in narrow.filter_map(|(quantization, _)| quantization.as_mut()) {
            quantization.zero_point = drop_low_bits(i32::from(quantization.zero_point), dropped);
        }
        let nodes = graph.nodes.iter().enumerate().filter_map(|(index, node)| match &node.kind {
            NodeKind::Mac(mac) => Some((index, node, mac)),
            _ => None,
        });
        let macs = nodes.enumerate().map(|(layer, (index, node, mac))| {
            let input = activations[node.inputs[0]].expect("assign covers every Mac's input");
            let loaded = node.inputs.get(1).and_then(|&value| activations[value]);
            let bits = if is_exact(layer, mac) { 8 } else { widths.weight_bits };
            QuantizedMac::new(index, &node.name, mac, (input, loaded), weights, bits)
        });
        let macs = macs.collect::<Result<_, _>>()?;
        Ok(Self { activations, macs, widths, weights, graph, full_width })
    }

    /// The same network with `corrections` of its layers' outputs.
    pub(crate) fn with_outputs(&self, corrections: &[FilterCorrections]) -> Self {
        let mut corrected = self.clone();
        let layers = corrected.macs.iter_mut().zip(corrections);
        layers.for_each(|(mac, corrections)| mac.correct(corrections));
        corrected
    }

    /// The same network with the operands of some products of two activations exchanged, in the order
    /// of [`Self::macs`]; before its outputs are corrected.
    pub(crate) fn exchanged(&self, layers: &[bool]) -> Self {
        let Exchanged { graph, copies } = self.graph.exchanged(layers);
        let mut exchanged = self.clone();
        exchanged.activations.extend(copies.iter().map(|&of| self.activations[of]));
        exchanged.full_width.extend(copies.iter().map(|&of| self.full_width[of]));
        let nodes = graph.nodes.iter().enumerate().filter_map(|(index, node)| match &node.kind {
            NodeKind::Mac(mac) => Some((index, node, mac)),
            _ => None,
        });
        for (layer, ((index, node, mac), own)) in nodes.zip(&mut exchanged.macs).enumerate() {
            own.node = index;
            if let (Operand::Value { factor, .. }, Some(true)) = (&mac.loaded, layers.get(layer)) {
                let codes = exchanged.activations[node.inputs[1]].expect("of a layer's input");
                *own = own.loading((codes, mac.shape), *factor);
            }
        }
        exchanged.graph = Arc::new(graph);
        exchanged
    }

    /// The real value of an accumulator unit of each filter, before its gain.
    pub(crate) fn units(&self, mac: &QuantizedMac) -> impl Iterator<Item = f64> {
        let of_input = f64::from(self.mac_input(mac).1.scale);
        mac.scales.iter().map(move |&scale| f64::from(scale) * of_input)
    }

    /// Whether a layer runs on exact multipliers, whatever the others run on.
    pub fn is_exact(&self, layer: usize) -> bool {
        let NodeKind::Mac(mac) = &self.graph.nodes[self.macs[layer].node].kind else {
            unreachable!("macs are the graph's")
        };
        self.widths.is_exact(layer, self.macs.len() - 1) || self.graph.has_exact_products(mac)
    }

    /// The number of low bits that every code of a value has at zero.
    pub fn dropped_bits(&self, value: ValueId) -> u32 {
        if self.full_width[value] { 0 } else { 8 - self.widths.activation_bits }
    }

    /// The codes that a layer reads.
    pub fn mac_input(&self, mac: &QuantizedMac) -> (ValueId, ActivationQuantization) {
        let value = self.graph.nodes[mac.node].inputs[0];
        (value, self.activations[value].expect("assigned in new"))
    }

    /// The codes that it loads in the place of weights, if each image brings them.
    pub fn mac_loaded(&self, mac: &QuantizedMac) -> Option<(ValueId, ActivationQuantization)> {
        mac.load?;
        let value = self.graph.nodes[mac.node].inputs[1];
        Some((value, self.activations[value].expect("assigned in new")))
    }
}
