//! What a result depends on, as a hash.
//!
//! A key is the SHA-256 of the content: not of names or dates of files, so that results are found
//! again wherever the files lie and whatever they are called, and are not mistaken when a file
//! changes under its name.

use std::cell::RefCell;

use recoup_core::accuracy::{Experiment, Images};
use recoup_core::as_text;
use recoup_core::data::DataError;
use recoup_core::design::{Design, DesignRecord};
use recoup_core::model::Attention;
use recoup_core::multiplier::Multiplier;
use recoup_core::quantize::WeightScheme;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::hash::{sha256, sha256_of_floats};
use crate::inputs::Inputs;

/// What is kept of a network on its images, with its weights in one coding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExperimentRecord {
    /// Version of the program.
    pub recoup: String,
    /// Of the network.
    pub model_sha256: String,
    /// Number of images.
    pub images: usize,
    /// Of the images in their order.
    pub inputs_sha256: String,
    /// Of the scales.
    pub calibration_sha256: String,
    /// Of the images from which they and V were made.
    pub calibration_inputs_sha256: String,
    /// How weights are coded.
    #[serde(with = "as_text")]
    pub weights: WeightScheme,
    /// Where products of two activations run; none if there are none.
    #[serde(default, with = "as_text::optional", skip_serializing_if = "Option::is_none")]
    pub attention: Option<Attention>,
    /// Layers whose own codes by tensor were made again by channel.
    #[serde(default, skip_serializing_if = "recoup_core::model::is_zero")]
    pub recoded: usize,
    /// For people.
    pub names: Names,
    /// How the scales were made.
    pub calibration: CalibrationNames,
}

/// Names by which people know the parts of an experiment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// How scales were made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalibrationNames {
    /// The method.
    pub method: String,
    /// The data source.
    pub data: String,
    /// How many images of it.
    pub images: usize,
}

/// The key of a network on its images, with its weights in one coding.
#[derive(Clone, Debug)]
pub struct ExperimentKey {
    /// SHA-256 of all that its results depend on.
    pub key: String,
    /// What is kept of it.
    pub record: ExperimentRecord,
    /// Hashes of products that have been asked for: many designs have the same multiplier.
    products: RefCell<Vec<(Multiplier, String)>>,
}

impl ExperimentKey {
    /// The key of a calibrated network on its images.
    pub fn new(names: Names, experiment: &Experiment, inputs: &Inputs) -> Self {
        let calibration = experiment.calibration();
        Self::of(ExperimentRecord {
            recoup: env!("CARGO_PKG_VERSION").to_owned(),
            model_sha256: experiment.graph().sha256.clone(),
            images: inputs.len(),
            inputs_sha256: inputs.sha256().to_owned(),
            calibration_sha256: scales_sha256(experiment),
            calibration_inputs_sha256: sha256_of_floats(
                experiment.calibration_inputs().iter().map(Vec::as_slice),
            ),
            weights: experiment.weights(),
            attention: experiment.graph().attention,
            recoded: experiment.graph().own_codes().recoded,
            names,
            calibration: CalibrationNames {
                method: calibration.method.clone(),
                data: calibration.data.clone(),
                images: calibration.images,
            },
        })
    }

    /// The key of what is kept.
    ///
    /// # Panics
    /// Never: a record is plain data.
    pub fn of(record: ExperimentRecord) -> Self {
        let mut content = json!(record);
        let parts = content.as_object_mut().expect("a struct");
        parts.remove("names");
        parts.remove("calibration");
        let key = sha256(&[content.to_string().as_bytes()]);
        Self { key, record, products: RefCell::default() }
    }

    /// Of experiments in several codings of the weights the one that a design belongs to: the first,
    /// if it names no coding.
    ///
    /// # Panics
    /// When there is none in its coding.
    pub fn of_design<'k>(experiments: &'k [Self], design: &Design) -> &'k Self {
        let mut experiments = experiments.iter();
        let found =
            experiments.find(|it| design.weights.is_none_or(|coding| it.record.weights == coding));
        found.expect("an experiment in each coding of the designs")
    }

    /// The key of the result of a design in this experiment, which has the weights in the coding of
    /// the design, and what files keep of it.
    pub fn design(&self, design: &Design) -> (String, DesignRecord) {
        let record = design.record_with(self.products_sha256(&design.multiplier));
        (sha256(&[self.key.as_bytes(), record.content().as_bytes()]), record)
    }

    fn products_sha256(&self, multiplier: &Multiplier) -> String {
        let mut known = self.products.borrow_mut();
        if let Some((_, hash)) = known.iter().find(|(known, _)| known == multiplier) {
            return hash.clone();
        }
        let hash = multiplier.identity(self.record.weights.coding());
        known.push((multiplier.clone(), hash.clone()));
        hash
    }
}

fn scales_sha256(experiment: &Experiment) -> String {
    sha256(&[json!(experiment.calibration().tensors).to_string().as_bytes()])
}

/// The key of an evaluation of a calibrated network on images, which are known by their numbers, their
/// labels and the first of them: no other is read for it.
///
/// # Errors
/// When that one cannot be read.
pub fn evaluation_key(experiment: &Experiment, images: &Images) -> Result<String, DataError> {
    let Images { dataset, indices, .. } = images;
    let labels: Vec<_> = indices.iter().map(|&index| dataset.label(index)).collect();
    let first = images.read_inputs(0..indices.len().min(1))?;
    let content = json!({
        "recoup": env!("CARGO_PKG_VERSION"),
        "model": experiment.graph().sha256,
        "scales": scales_sha256(experiment),
        "calibration_inputs":
            sha256_of_floats(experiment.calibration_inputs().iter().map(Vec::as_slice)),
        "weights": experiment.weights().to_string(),
        "images": indices,
        "labels": labels,
        "first": sha256_of_floats(first.iter().map(Vec::as_slice)),
    });
    Ok(sha256(&[content.to_string().as_bytes()]))
}

/// Of no network in particular.
#[cfg(test)]
pub(crate) fn experiment_record(model: &str) -> ExperimentRecord {
    let (model, data) = (model.to_owned(), "images".to_owned());
    ExperimentRecord {
        recoup: "0.1".to_owned(),
        model_sha256: "0".to_owned(),
        images: 4,
        inputs_sha256: "1".to_owned(),
        calibration_sha256: "2".to_owned(),
        calibration_inputs_sha256: "3".to_owned(),
        weights: WeightScheme::U8Channel,
        attention: None,
        recoded: 0,
        names: Names { model, data: data.clone(), preprocess: "none".to_owned(), order_seed: 0 },
        calibration: CalibrationNames { method: "min-max".to_owned(), data, images: 2 },
    }
}

#[cfg(test)]
mod tests {
    use recoup_core::control_variate::{ControlOptions, Statistics};
    use recoup_core::multiplier::truncated;
    use recoup_core::quantize::{OutputCorrection, Quantization};

    use super::*;

    /// Results of earlier versions are found again.
    #[test]
    fn keys_are_what_they_were() {
        let named = ExperimentKey::of(experiment_record("a"));
        assert_eq!(named.key, ExperimentKey::of(experiment_record("b")).key);
        let content = "{\"calibration_inputs_sha256\":\"3\",\"calibration_sha256\":\"2\",\"images\":4,\
                       \"inputs_sha256\":\"1\",\"model_sha256\":\"0\",\"recoup\":\"0.1\",\
                       \"weights\":\"u8-channel\"}";
        assert_eq!(named.key, sha256(&[content.as_bytes()]));
        let experiment = ExperimentKey { key: sha256(&[b"{}"]), ..named };
        let key = |design: &Design| experiment.design(design).0;
        assert_eq!(
            key(&Design::exact(8)),
            "9e56040f88e4f06902ba5e9d96ee144b241deec1ca9c673e05025c6cfb46e44c"
        );
        let quantization = Quantization { aware: true, outputs: OutputCorrection::Bias };
        let pooled = ControlOptions { statistics: Statistics::Pooled, ..Default::default() };
        let design = Design::new(truncated(7))
            .with_activation_bits(6)
            .with_quantization(quantization)
            .with_control_options(pooled)
            .with_exact_ends(true);
        assert_eq!(
            key(&design),
            "4bdf5fa6473702d51dff94b4f7df7b012cf7bb5c0c48ee3cadebf35ed7017844"
        );
        // The coding is part of the experiment's key: a result is the same one beside others and
        // alone.
        let named = design.clone().with_weights(Some(WeightScheme::U8Channel));
        assert_eq!(key(&named), key(&design));
    }
}
