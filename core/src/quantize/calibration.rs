//! Scales and zero points of activations, chosen on calibration images.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use recoup_circuits::printable;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::hint::Hint;
use crate::model::{ActivationQuantization, FloatModel, Graph, ModelError, SampleError, Scalable};
use crate::numeric::hex;
use crate::watch::{Stopped, Watch, go_on};

use super::activations::between_layers;
use super::counts;
use super::histogram::Histogram;
use super::range::{from_range, range};
use super::scaling::{ChannelScales, ChannelScaling, Ranging, channel_scales};

/// What went wrong with a calibration.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// The float model could not be run.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// An operator of the float model does not take the values of an image.
    #[error("a calibration image: {0}")]
    Image(#[from] SampleError),
    /// See [`Stopped`].
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// An activation is NaN or infinite.
    #[error("tensor \"{0}\" is NaN or infinite on a calibration image")]
    NotFinite(String),
    /// The file cannot be read.
    #[error("{}: cannot be read ({error})", path.display())]
    File {
        /// The calibration file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The file is no calibration.
    #[error("{}: is no Recoup calibration file ({error})", path.display())]
    Format {
        /// The calibration file.
        path: PathBuf,
        /// Where and what.
        error: serde_json::Error,
    },
    /// The calibration belongs to another model.
    #[error("{}: was made for another model ({model}, SHA-256 {found:.12}..., not {expected:.12}...)", path.display())]
    OtherModel {
        /// The calibration file.
        path: PathBuf,
        /// The model that it names.
        model: String,
        /// That model's hash.
        found: String,
        /// The hash of the model at hand.
        expected: String,
    },
    /// A tensor is missing in a file, or has an impossible scale there.
    #[error("{}: has no usable scale for tensor \"{tensor}\"", path.display())]
    Incomplete {
        /// The calibration file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// A tensor is missing, or has an impossible scale.
    #[error("the calibration has no usable scale for tensor \"{0}\"")]
    Tensor(String),
    /// A bias does not fit the accumulator.
    #[error(
        "node \"{node}\": the bias of filter {filter} is {steps:.3e} accumulator units, beyond 32 bits; its weights' or activations' scale is too small"
    )]
    Bias {
        /// The node.
        node: String,
        /// The filter.
        filter: usize,
        /// The bias in accumulator units.
        steps: f64,
    },
}

impl CalibrationError {
    /// What would help.
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::Model(error) => error.hint(),
            Self::Image(error) => error.hint(),
            Self::Stopped(_) | Self::Bias { .. } => None,
            Self::NotFinite(_) => Some(Hint::CheckWeights),
            Self::File { .. }
            | Self::Format { .. }
            | Self::OtherModel { .. }
            | Self::Incomplete { .. }
            | Self::Tensor(_) => Some(Hint::Calibrate),
        }
    }
}

/// The scales and zero points of a network's activations, and how they were obtained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Model file name, for people.
    pub model: String,
    /// SHA-256 of the model file.
    pub model_sha256: String,
    /// Where the calibration images came from.
    pub data: String,
    /// Which these were; unknown in files of older versions, and of images inside the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<CalibrationImages>,
    /// How images became input tensors.
    pub preprocess: String,
    /// Number of calibration images.
    pub images: usize,
    /// How ranges were chosen.
    pub method: String,
    /// One entry per tensor that a multiplier reads, and per tensor between layers that is codes.
    pub tensors: Vec<TensorCalibration>,
    /// One entry per layer on the multipliers; empty in files of older versions.
    #[serde(default)]
    pub layers: Vec<LayerCodes>,
}

impl Calibration {
    /// Nothing, for a model that brings the codes of all tensors.
    pub fn of_own_codes(model_sha256: String) -> Self {
        Self {
            model: String::new(),
            model_sha256,
            data: String::new(),
            source: None,
            preprocess: String::new(),
            images: 0,
            method: String::new(),
            tensors: Vec::new(),
            layers: Vec::new(),
        }
    }
}

/// Which images a calibration was made on: a control variate is fitted on the same ones, and none of
/// them is evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationImages {
    /// Where they are, as the command line names data.
    pub data: String,
    /// Their numbers there.
    #[serde(with = "one_line")]
    pub numbers: Vec<u64>,
    /// SHA-256 of the input tensors that they become.
    pub sha256: String,
}

impl CalibrationImages {
    /// Those of `data` with these numbers, which became `inputs`.
    pub fn new(data: String, numbers: &[usize], inputs: &[Vec<f32>]) -> Self {
        Self {
            data,
            numbers: numbers.iter().map(|&number| number as u64).collect(),
            sha256: sha256(inputs),
        }
    }

    /// Their numbers, to count with.
    pub fn indices(&self) -> Vec<usize> {
        self.numbers.iter().map(|&number| number as usize).collect()
    }

    /// Whether they became these inputs.
    pub fn are(&self, inputs: &[Vec<f32>]) -> bool {
        self.sha256 == sha256(inputs)
    }
}

fn sha256(inputs: &[Vec<f32>]) -> String {
    let mut hash = Sha256::new();
    for value in inputs.iter().flatten() {
        hash.update(value.to_le_bytes());
    }
    hex(&hash.finalize())
}

/// The activation codes that one layer multiplies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerCodes {
    /// The node's name in the ONNX file.
    pub node: String,
    /// How often each code from 0 to 255 takes part in a product, padding included.
    #[serde(serialize_with = "one_line::serialize", deserialize_with = "one_line::codes")]
    pub codes: Vec<u64>,
    /// The same of each input channel, padding left out; empty in files of older versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "counts")]
    pub channels: Vec<[u32; 256]>,
}

/// Numbers in one string, lest a file for people have a line for each.
mod one_line {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(numbers: &[u64], serializer: S) -> Result<S::Ok, S::Error> {
        let words: Vec<String> = numbers.iter().map(u64::to_string).collect();
        serializer.serialize_str(&words.join(" "))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let numbers: Result<Vec<u64>, _> = text.split_whitespace().map(str::parse).collect();
        numbers.map_err(|_| D::Error::custom("expected whole numbers, separated by blanks"))
    }

    /// A number for each code.
    pub fn codes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
        match deserialize(deserializer)? {
            numbers if numbers.len() == 256 => Ok(numbers),
            _ => Err(D::Error::custom("expected the counts of 256 codes, separated by blanks")),
        }
    }
}

/// One tensor's range.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorCalibration {
    /// Its name in the ONNX file.
    pub tensor: String,
    /// Smallest value seen.
    pub min: f32,
    /// Largest value seen.
    pub max: f32,
    /// Real value of code 0.
    pub low: f32,
    /// Real value of code 255.
    pub high: f32,
    /// Real value of one step.
    pub scale: f32,
    /// The code of zero.
    pub zero_point: u8,
    /// What the values of each channel are divided by before all this, where a LayerNormalization
    /// makes them; none elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channel_scales: Vec<f32>,
}

impl Calibration {
    /// The scale and zero point of a tensor.
    pub(super) fn quantization(
        &self,
        tensor: &str,
    ) -> Result<ActivationQuantization, CalibrationError> {
        let found = self.tensors.iter().find(|entry| entry.tensor == tensor);
        let usable = found.filter(|entry| entry.scale.is_normal() && entry.scale > 0.0);
        let entry =
            usable.ok_or_else(|| CalibrationError::Tensor(printable(tensor).into_owned()))?;
        Ok(ActivationQuantization { scale: entry.scale, zero_point: entry.zero_point })
    }

    /// The tensors whose channels are scaled.
    pub fn scaled_tensors(&self) -> impl Iterator<Item = &TensorCalibration> {
        self.tensors.iter().filter(|entry| !entry.channel_scales.is_empty())
    }

    /// The scales of their channels.
    pub(crate) fn channel_scales(&self) -> ChannelScales {
        let scaled = self.scaled_tensors();
        scaled.map(|entry| (entry.tensor.clone(), entry.channel_scales.clone())).collect()
    }

    /// `graph` with the channels scaled.
    pub(super) fn scaled(&self, graph: Arc<Graph>) -> Result<Arc<Graph>, CalibrationError> {
        let places = self
            .scaled_in(&graph)
            .map_err(|tensor| CalibrationError::Tensor(printable(tensor).into_owned()))?;
        if places.is_empty() {
            return Ok(graph);
        }
        let mut scaled = Graph::clone(&graph);
        places.iter().for_each(|(scalable, scales)| scaled.scale_channels(scalable, scales));
        Ok(Arc::new(scaled))
    }

    /// Where channels of `graph` are scaled, and by what.
    ///
    /// # Errors
    /// A tensor whose channels cannot have such scales.
    fn scaled_in(&self, graph: &Graph) -> Result<Vec<(Scalable, &[f32])>, &str> {
        let mut scalable = graph.scalable();
        let mut places = Vec::new();
        for entry in self.scaled_tensors() {
            let TensorCalibration { tensor, channel_scales: scales, .. } = entry;
            let fits = |it: &Scalable| {
                graph.values[it.value].tensor == *tensor && it.channels == scales.len()
            };
            let usable = scales.iter().all(|scale| scale.is_normal() && *scale > 0.0);
            // Each is there once.
            let found = scalable.iter().position(fits).filter(|_| usable);
            let at = found.ok_or(tensor.as_str())?;
            places.push((scalable.swap_remove(at), scales.as_slice()));
        }
        Ok(places)
    }

    /// Whether codes were counted, but not by channel, as older versions did.
    pub fn is_pooled(&self) -> bool {
        self.layers.iter().any(|layer| layer.channels.is_empty())
    }

    /// Reads a calibration file of any model.
    ///
    /// # Errors
    /// When it cannot be read or is no calibration.
    pub fn read_any(path: &Path) -> Result<Self, CalibrationError> {
        let file = |error| CalibrationError::File { path: path.into(), error };
        let text = recoup_circuits::read_text(path).map_err(file)?;
        serde_json::from_str(&text)
            .map_err(|error| CalibrationError::Format { path: path.into(), error })
    }

    /// Reads a calibration file made for the model that was imported as `graph`.
    ///
    /// # Errors
    /// When it cannot be read, is no calibration, belongs to another model, or lacks a tensor.
    pub fn read(path: &Path, graph: &Graph) -> Result<Self, CalibrationError> {
        let calibration = Self::read_any(path)?;
        if calibration.model_sha256 != graph.sha256 {
            return Err(CalibrationError::OtherModel {
                path: path.into(),
                model: calibration.model,
                found: calibration.model_sha256,
                expected: graph.sha256.clone(),
            });
        }
        let incomplete = |tensor: &str| CalibrationError::Incomplete {
            path: path.into(),
            tensor: tensor.into(),
        };
        for tensor in tensors_of_multipliers(graph) {
            calibration.quantization(tensor).map_err(|_| incomplete(tensor))?;
        }
        calibration.scaled_in(graph).map_err(incomplete)?;
        Ok(calibration)
    }
}

/// Runs the float model on `images` (each in ONNX order) and chooses a range for every tensor
/// that becomes codes and that the model does not quantise itself. A step of the work is an image.
///
/// # Errors
/// When the float model does not take the values of an image, or gives NaN or infinity.
pub fn calibrate(
    graph: &Graph,
    images: &[Vec<f32>],
    ranging: impl Into<Ranging>,
    watch: &(impl Watch + ?Sized),
) -> Result<Vec<TensorCalibration>, CalibrationError> {
    let Ranging { method, channel_scaling } = ranging.into();
    let scales = match channel_scaling {
        ChannelScaling::Measured => channel_scales(graph, images, watch)?,
        ChannelScaling::None => Vec::new(),
    };
    let histograms = value_histograms(graph, images, &scales, watch)?;
    let choose = |(tensor, histogram): &(String, Histogram)| {
        let (low, high) = range(histogram, method);
        let quantization = from_range(low, high);
        TensorCalibration {
            tensor: tensor.clone(),
            min: histogram.min,
            max: histogram.max,
            low: -quantization.scale * f32::from(quantization.zero_point),
            high: quantization.scale * f32::from(255 - quantization.zero_point),
            scale: quantization.scale,
            zero_point: quantization.zero_point,
            channel_scales: scales_of(&scales, tensor).unwrap_or_default().to_vec(),
        }
    };
    Ok(histograms.par_iter().map(choose).collect())
}

/// The values that every tensor that becomes codes, and has none of its own, has in the float model,
/// by the tensor's name; with these scales of channels.
///
/// # Errors
/// As [`calibrate`].
pub(crate) fn value_histograms(
    graph: &Graph,
    images: &[Vec<f32>],
    scales: &ChannelScales,
    watch: &(impl Watch + ?Sized),
) -> Result<Vec<(String, Histogram)>, CalibrationError> {
    let tensors = tensors_to_calibrate(graph);
    if tensors.is_empty() {
        return Ok(Vec::new());
    }
    let model = FloatModel::new(graph, &tensors);
    let scales: Vec<_> = tensors.iter().map(|tensor| scales_of(scales, tensor)).collect();
    let empty = || vec![Histogram::default(); tensors.len()];
    let histograms = images
        .par_iter()
        .try_fold(empty, |mut histograms, image| {
            go_on(watch)?;
            let mut not_finite = None;
            model.run(image, |output, values| {
                let Some(histogram) = histograms.get_mut(output) else { return };
                let is_finite = match scales[output] {
                    None => histogram.add(values),
                    Some(scales) => {
                        let of_channels = values.iter().zip(scales.iter().cycle());
                        let scaled = of_channels.map(|(value, scale)| value / scale);
                        histogram.add(&scaled.collect::<Vec<_>>())
                    }
                };
                if !is_finite {
                    not_finite.get_or_insert(output);
                }
            })?;
            watch.advance(1);
            match not_finite {
                Some(output) => {
                    Err(CalibrationError::NotFinite(printable(tensors[output]).into_owned()))
                }
                None => Ok(histograms),
            }
        })
        .try_reduce(empty, |left, right| {
            Ok(left.into_iter().zip(right).map(|(left, right)| left.merge(right)).collect())
        })?;
    Ok(tensors.into_iter().map(str::to_owned).zip(histograms).collect())
}

/// The scales of a tensor's channels, if they have some.
fn scales_of<'s>(scales: &'s ChannelScales, tensor: &str) -> Option<&'s [f32]> {
    scales.iter().find(|(name, _)| name == tensor).map(|(_, scales)| scales.as_slice())
}

/// The tensors that become codes and that the model does not quantise itself.
fn tensors_to_calibrate(graph: &Graph) -> Vec<&str> {
    let mut tensors = tensors_of_multipliers(graph);
    for value in between_layers(graph) {
        let tensor = graph.values[value].tensor.as_str();
        if !tensors.contains(&tensor) {
            tensors.push(tensor);
        }
    }
    tensors
}

/// Those among them that a multiplier reads.
fn tensors_of_multipliers(graph: &Graph) -> Vec<&str> {
    let mut tensors: Vec<&str> = Vec::new();
    for &input in graph.macs().flat_map(|(node, _)| &node.inputs) {
        let input = &graph.values[input];
        if input.quantization.is_none() && !tensors.contains(&input.tensor.as_str()) {
            tensors.push(&input.tensor);
        }
    }
    tensors
}
