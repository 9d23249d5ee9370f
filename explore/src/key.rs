//! What a result depends on, as a hash.
//!
//! A key is the SHA-256 of the content: not of names or dates of files, so that results are found
//! again wherever the files lie and whatever they are called, and are not mistaken when a file
//! changes under its name.

use std::cell::RefCell;

use recoup_core::accuracy::Experiment;
use recoup_core::multiplier::Multiplier;
use recoup_core::numeric::hex;
use recoup_core::quantize::{Quantization, WeightScheme};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::inputs::Inputs;
use crate::space::Point;

/// The key and the description of a network on its images, with its weights in one coding.
#[derive(Clone, Debug)]
pub struct ExperimentKey {
    /// SHA-256 of all that its results depend on.
    pub key: String,
    /// For people: names, numbers and parts of the hash.
    pub description: Value,
    /// The coding.
    pub weights: WeightScheme,
    /// Hashes of products that have been asked for: many designs have the same multiplier.
    products: RefCell<Vec<(Multiplier, String)>>,
}

/// Names by which people know the parts of an experiment.
#[derive(Clone, Debug, Serialize)]
pub struct Names {
    /// The model's file.
    pub model: String,
    /// The data source.
    pub data: String,
    /// From pixels to the model's input.
    pub preprocess: String,
    /// Seed of the order of the images.
    pub order_seed: u64,
}

impl ExperimentKey {
    /// The key of a calibrated network on its images.
    pub fn new(names: &Names, experiment: &Experiment, inputs: &Inputs) -> Self {
        let calibration = experiment.calibration();
        let mut description = json!({
            "recoup": env!("CARGO_PKG_VERSION"),
            "model_sha256": experiment.graph().sha256,
            "images": inputs.len(),
            "inputs_sha256": inputs.sha256(),
            "calibration_sha256": sha256(&[json!(calibration.tensors).to_string().as_bytes()]),
            "calibration_inputs_sha256":
                sha256_of_floats(experiment.calibration_inputs().iter().map(Vec::as_slice)),
            "weights": experiment.weights().to_string(),
        });
        let key = sha256(&[description.to_string().as_bytes()]);
        description["names"] = json!(names);
        description["calibration"] = json!({
            "method": calibration.method,
            "data": calibration.data,
            "images": calibration.images,
        });
        let weights = experiment.weights();
        Self { key, description, weights, products: RefCell::default() }
    }

    /// A key of other parts.
    pub fn of(description: Value, weights: WeightScheme) -> Self {
        let key = sha256(&[description.to_string().as_bytes()]);
        Self { key, description, weights, products: RefCell::default() }
    }

    /// The key and the description of a configuration in this experiment, which has the weights
    /// in the coding of the point.
    pub fn point(&self, point: &Point) -> (String, Value) {
        let (configuration, options) = (&point.configuration, point.options);
        let mut description = json!({
            "products_sha256": self.products_sha256(&configuration.multiplier),
            "control_variate": configuration.control_variate.to_string(),
            "activation_bits": configuration.activation_bits,
        });
        // Keys of results without it stay what they were.
        if configuration.exact_ends {
            description["exact_ends"] = json!(true);
        }
        if point.is_corrected() {
            description["c_frac"] = json!(options.c_frac);
            description["terms"] = json!(options.terms);
            description["x_bits"] = json!(options.x_bits);
        }
        // The plain one is not named, so that results from before there were others are found.
        if configuration.quantization != Quantization::PLAIN {
            description["quantization"] = json!(configuration.quantization.to_string());
        }
        let text = description.to_string();
        description["multiplier"] = json!(configuration.multiplier.to_string());
        // The coding is part of the experiment's key already: a result is the same one beside
        // others and alone.
        if let Some(weights) = point.weights {
            description["weights"] = json!(weights.to_string());
        }
        (sha256(&[self.key.as_bytes(), text.as_bytes()]), description)
    }

    fn products_sha256(&self, multiplier: &Multiplier) -> String {
        let mut known = self.products.borrow_mut();
        if let Some((_, hash)) = known.iter().find(|(known, _)| known == multiplier) {
            return hash.clone();
        }
        let hash = multiplier.identity(self.weights.coding());
        known.push((multiplier.clone(), hash.clone()));
        hash
    }
}

/// The hash of parts, which are told apart by their lengths.
pub(crate) fn sha256(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// The hash of tensors, in order.
fn sha256_of_floats<'a>(tensors: impl Iterator<Item = &'a [f32]>) -> String {
    let mut hash = Sha256::new();
    tensors.for_each(|tensor| update(&mut hash, tensor));
    hex(&hash.finalize())
}

/// Adds a tensor to a hash.
pub(crate) fn update(hash: &mut Sha256, tensor: &[f32]) {
    let bytes: Vec<u8> = tensor.iter().flat_map(|value| value.to_le_bytes()).collect();
    hash.update((tensor.len() as u64).to_le_bytes());
    hash.update(&bytes);
}

#[cfg(test)]
mod tests {
    use recoup_circuits::{Operands, ProductTable};
    use recoup_core::accuracy::Configuration;
    use recoup_core::control_variate::Mode;
    use recoup_core::multiplier::Multiplier;

    use super::*;

    #[test]
    fn results_belong_to_products_whatever_they_are_called() {
        let experiment = ExperimentKey::of(json!({}), WeightScheme::U8Channel);
        let key = |name: &str, low: u8| {
            let products =
                |w: u8, a: u8| Operands::Unsigned.product(w, a) - i32::from(w % low * (a % low));
            let table = ProductTable::from_fn(Operands::Unsigned, products);
            let multiplier = Multiplier::from_table(name, &table);
            let configuration = Configuration::plain(multiplier, Mode::None, 8);
            experiment.point(&Point { configuration, ..Point::exact(8) })
        };
        let (mul, description) = key("mul", 3);
        assert_eq!(description["multiplier"], "mul");
        assert_eq!(mul, key("renamed", 3).0);
        assert_ne!(mul, key("mul", 5).0);
        assert_eq!(key("mul", 1).0, experiment.point(&Point::exact(8)).0);
    }
}
