//! Who reads a tensor's codes.

use crate::emulate::padding_share;
use crate::model::{ActivationQuantization, NodeKind};

use super::Given;
use super::coded::{Values, variance};
use super::error::gain;

/// A tensor that is stored as codes.
pub(super) struct Tensor {
    /// Its place in the calibration; none if the model brings its scale.
    pub entry: Option<usize>,
    /// Its codes in the calibration.
    pub quantization: ActivationQuantization,
    /// Layers on the multipliers, and additions.
    pub readers: Vec<Reader>,
}

/// Something that reads codes.
pub(super) struct Reader {
    /// A layer on the multipliers; none for an addition, which hands values on as they are.
    pub layer: Option<usize>,
    /// The real values that it reads.
    pub values: Values,
    /// The variance of what it makes of them, summed over its filters; eq. (6.5).
    pub signal: f64,
}

/// The tensors that the layers on the multipliers read, in order of first use.
pub(super) fn tensors(given: &Given) -> Vec<Tensor> {
    let network = given.quantized;
    let graph = &network.graph;
    let mut found: Vec<(&str, Tensor)> = Vec::new();
    for (layer, mac) in network.macs.iter().enumerate() {
        let (value, quantization) = network.mac_input(mac);
        let name = graph.values[value].tensor.as_str();
        let own = graph.values[value].quantization.is_some();
        let histogram = given.values.iter().find(|(tensor, _)| tensor == name && !own);
        let values = match histogram {
            Some((_, histogram)) => {
                let mut values: Values = histogram.bins().collect();
                let total: u64 = values.iter().map(|(_, count)| count).sum();
                let padding = padding_share(&mac.shape);
                values.push((0.0, (total as f64 * padding / (1.0 - padding)).round() as u64));
                values
            }
            // Codes of the model's own are all that is known of its values.
            None => code_values(&given.codes[layer].all, quantization),
        };
        let signal = variance(&values) * gain(mac, &given.codes[layer], network.weights.coding());
        let reader = Reader { layer: Some(layer), values, signal };
        match found.iter_mut().find(|(tensor, _)| *tensor == name) {
            Some((_, tensor)) => tensor.readers.push(reader),
            None => {
                let entries = &given.calibration.tensors;
                let entry = entries.iter().position(|entry| entry.tensor == name && !own);
                found.push((name, Tensor { entry, quantization, readers: vec![reader] }));
            }
        }
    }
    for node in graph.nodes.iter().filter(|node| matches!(node.kind, NodeKind::Add)) {
        for &value in node.inputs.iter().filter(|&&value| network.activations[value].is_some()) {
            let name = graph.values[value].tensor.as_str();
            let tensor = found.iter_mut().find(|(tensor, _)| *tensor == name);
            let histogram = given.values.iter().find(|(tensor, _)| tensor == name);
            if let (Some((_, tensor)), Some((_, histogram))) = (tensor, histogram) {
                let values: Values = histogram.bins().collect();
                let signal = variance(&values);
                tensor.readers.push(Reader { layer: None, values, signal });
            }
        }
    }
    found.into_iter().map(|(_, tensor)| tensor).collect()
}

/// The real values that codes stand for.
fn code_values(codes: &[u64; 256], quantization: ActivationQuantization) -> Values {
    let ActivationQuantization { scale, zero_point } = quantization;
    let value = |code: i32| f64::from(scale) * f64::from(code - i32::from(zero_point));
    let seen = (0..).zip(codes).filter(|(_, count)| **count > 0);
    seen.map(|(code, &count)| (value(code), count)).collect()
}
