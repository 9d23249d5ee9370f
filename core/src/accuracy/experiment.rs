//! A model with its data and calibration, from which candidates are made.

use std::path::Path;
use std::sync::Arc;

use recoup_kernels::{Isa, KernelError};

use crate::control_variate::{self, ControlVariate, ControlVariateError, MaskNoise, Prediction};
use crate::design::Design;
use crate::emulate::{EmulateError, Network, Prepared, StatisticsCollector};
use crate::hint::Hint;
use crate::model::{Graph, ModelError, SampleError};
use crate::multiplier::MultiplierError;
use crate::quantize::{
    Calibration, CalibrationError, LayerCodes, OutputCorrection, Qdq, QdqError, Quantization,
    Ranging, WeightScheme, Widths, calibrate,
};

use crate::watch::{StopOnly, Unwatched, Watch};

use super::cache::Cache;
use super::emulated_designs::{Coded, ExactScores, Made, Values};

/// A design, ready to run.
pub struct EmulatedDesign {
    /// What it is.
    pub design: Design,
    /// The constants, if it has any.
    pub control: Option<ControlVariate>,
    /// The network.
    pub network: Arc<Network>,
    /// The network without its multiplier.
    pub prepared: Arc<Prepared>,
    /// What losses are measured against: the same network in codes of 8 bits, its layers loaded with
    /// the same operands.
    pub reference: Arc<Prepared>,
}

impl EmulatedDesign {
    /// The products of two activations that load their first operand, by the names of their nodes.
    pub fn first_loaded(&self) -> impl Iterator<Item = &str> {
        let first = self.prepared.quantized.graph.macs().filter(|(_, mac)| mac.loads_first());
        first.map(|(node, _)| node.name.as_str())
    }

    /// What looks at its layers.
    ///
    /// # Errors
    /// When a kernel refuses a layer.
    pub fn collector(&self) -> Result<StatisticsCollector, EmulateError> {
        StatisticsCollector::new(&self.prepared, self.control.as_ref(), &self.reference)
    }
}

/// What can go wrong on the way to a candidate.
#[derive(Debug, thiserror::Error)]
pub enum ExperimentError {
    /// See [`ModelError`].
    #[error(transparent)]
    Model(#[from] ModelError),
    /// See [`CalibrationError`].
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    /// See [`ControlVariateError`].
    #[error(transparent)]
    ControlVariate(#[from] ControlVariateError),
    /// The multiplier is for another weight coding.
    #[error(transparent)]
    Multiplier(#[from] MultiplierError),
    /// See [`EmulateError`].
    #[error(transparent)]
    Emulate(#[from] EmulateError),
}

impl ExperimentError {
    /// What would help, where the text does not say it.
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::Model(error) => error.hint(),
            Self::Calibration(error) => error.hint(),
            Self::Multiplier(error) => error.hint(),
            Self::Emulate(EmulateError::Sample(error)) => error.hint(),
            Self::Emulate(EmulateError::Multiplier(error)) => error.hint(),
            Self::Emulate(_) | Self::ControlVariate(_) => None,
        }
    }
}

impl From<KernelError> for ExperimentError {
    fn from(error: KernelError) -> Self {
        Self::Emulate(error.into())
    }
}

impl From<SampleError> for ExperimentError {
    fn from(error: SampleError) -> Self {
        Self::Emulate(error.into())
    }
}

/// A model, the calibration images and what was derived from them.
pub struct Experiment {
    pub(super) graph: Arc<Graph>,
    pub(super) images: Arc<Vec<Vec<f32>>>,
    pub(super) calibration: Calibration,
    pub(super) weights: WeightScheme,
    pub(super) isa: Isa,
    // All of these are made on first use, and shared by all candidates.
    pub(super) widths: Cache<Widths, Coded>,
    pub(super) adapted: Cache<Design, Made>,
    pub(super) values: Arc<Cache<(), Values>>,
    pub(super) exact_scores: Cache<(), ExactScores>,
    pub(super) reference: Cache<(), Arc<Prepared>>,
    pub(super) exchanged_references: Cache<Vec<bool>, Arc<Prepared>>,
    pub(super) reference_networks: Cache<Vec<bool>, Network>,
}

impl Experiment {
    /// Sets an experiment up on calibration `images` (ONNX order) for `graph`.
    pub fn new(
        graph: Arc<Graph>,
        images: Vec<Vec<f32>>,
        calibration: Calibration,
        weights: WeightScheme,
        isa: Isa,
    ) -> Self {
        Self {
            graph,
            images: Arc::new(images),
            calibration,
            weights,
            isa,
            widths: Cache::default(),
            adapted: Cache::default(),
            values: Arc::default(),
            exact_scores: Cache::default(),
            reference: Cache::default(),
            exchanged_references: Cache::default(),
            reference_networks: Cache::default(),
        }
    }

    /// The same with weights coded in another way; what does not depend on it is shared.
    pub fn with_weights(&self, weights: WeightScheme) -> Self {
        Self {
            graph: self.graph.clone(),
            images: self.images.clone(),
            calibration: self.calibration.clone(),
            weights,
            isa: self.isa,
            widths: Cache::default(),
            adapted: Cache::default(),
            values: self.values.clone(),
            exact_scores: Cache::default(),
            reference: Cache::default(),
            exchanged_references: Cache::default(),
            reference_networks: Cache::default(),
        }
    }

    /// The same of a graph that differs in weights and biases, with the ranges of the calibration.
    pub fn with_graph(&self, graph: Graph) -> Self {
        let same = self.with_weights(self.weights);
        // What was counted is of the other one.
        let calibration = Calibration { layers: Vec::new(), ..self.calibration.clone() };
        Self { graph: Arc::new(graph), values: Arc::default(), calibration, ..same }
    }

    /// The same, with other words for where the calibration images come from.
    #[must_use]
    pub fn with_source(self, data: String) -> Self {
        Self { calibration: Calibration { data, ..self.calibration }, ..self }
    }

    /// The calibration of `graph` on `images`; `model` is the file that it was imported from.
    ///
    /// # Errors
    /// See [`calibrate`].
    pub fn calibrate(
        model: &Path,
        graph: &Graph,
        images: &[Vec<f32>],
        ranging: impl Into<Ranging>,
        (data, preprocess): (String, String),
        watch: &(impl Watch + ?Sized),
    ) -> Result<Calibration, CalibrationError> {
        let ranging: Ranging = ranging.into();
        let tensors = calibrate(graph, images, ranging, watch)?;
        let name = model.file_name().unwrap_or(model.as_os_str());
        Ok(Calibration {
            model: name.to_string_lossy().into_owned(),
            model_sha256: graph.sha256.clone(),
            data,
            source: None,
            preprocess,
            images: images.len(),
            method: ranging.method.to_string(),
            tensors,
            layers: Vec::new(),
        })
    }

    /// The model.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// The images on which V is fitted, in ONNX order.
    pub fn calibration_inputs(&self) -> &[Vec<f32>] {
        &self.images
    }

    /// The scales, and how they were obtained.
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// The weight coding of all candidates.
    pub fn weights(&self) -> WeightScheme {
        self.weights
    }

    /// Makes the constants and kernels of one design, which has the weights in the coding of this
    /// experiment whatever it says.
    ///
    /// # Errors
    /// When the calibration lacks a tensor, the mode is not defined for the multiplier, or a
    /// kernel refuses a layer.
    pub fn candidate(&self, design: &Design) -> Result<EmulatedDesign, ExperimentError> {
        self.candidate_watched(design, &Unwatched)
    }

    /// The same, which `watch` can stop.
    ///
    /// # Errors
    /// As [`Experiment::candidate`], and when it is stopped.
    pub fn candidate_watched(
        &self,
        design: &Design,
        watch: &dyn Watch,
    ) -> Result<EmulatedDesign, ExperimentError> {
        design.multiplier.check_coding(self.weights.coding())?;
        let (made, network) = self.make_network(design, &StopOnly(watch))?;
        Ok(EmulatedDesign {
            design: design.clone(),
            network,
            control: made.control.clone(),
            prepared: made.prepared.clone(),
            reference: self.reference_loading(&made.prepared.quantized)?,
        })
    }

    /// The network of a design with its codes as an ONNX file: what QuantizeLinear and
    /// DequantizeLinear can say of it. Its multiplier and the constants of its control variate are
    /// not among that.
    ///
    /// # Errors
    /// See [`QdqError`].
    pub fn to_qdq(&self, made: &EmulatedDesign) -> Result<Qdq, QdqError> {
        let design = made.design.to_string();
        let properties = [("recoup_design", design.as_str())];
        made.prepared.quantized.to_qdq(&self.calibration, &properties)
    }

    /// A design as results describe it, which others run: without the biases and gains that are found
    /// on calibration images, where nothing else depends on them.
    ///
    /// # Errors
    /// As [`Experiment::candidate_watched`].
    pub fn described(
        &self,
        design: &Design,
        watch: &dyn Watch,
    ) -> Result<EmulatedDesign, ExperimentError> {
        let how = design.quantization();
        if design.chooses_codes() {
            // They are chosen by what corrected outputs come to.
            return self.candidate_watched(design, watch);
        }
        let plain = Quantization { outputs: OutputCorrection::None, ..how };
        let found = self.candidate_watched(&design.clone().with_quantization(plain), watch)?;
        Ok(EmulatedDesign { design: design.clone(), ..found })
    }

    /// What can be expected of a design, without making or running its network; `watch` can stop
    /// it.
    ///
    /// # Errors
    /// As [`Experiment::candidate_watched`].
    pub fn predict(
        &self,
        design: &Design,
        watch: &dyn Watch,
    ) -> Result<Prediction, ExperimentError> {
        let watch = &StopOnly(watch);
        let Design { multiplier, control_variate, control_options, .. } = design;
        multiplier.check_coding(self.weights.coding())?;
        let coded = match design.quantization().aware {
            true => self.make(design, watch)?.coded.clone(),
            false => self.plain(design, watch)?,
        };
        let quantized = &coded.prepared.quantized;
        let (histograms, mode, options) = (&coded.histograms, *control_variate, *control_options);
        let mut prediction =
            control_variate::predict(quantized, histograms, multiplier, mode, options)?;
        if let Some(noise_to_signal) = coded.noise_to_signal {
            prediction.noise_to_signal = noise_to_signal;
        }
        Ok(prediction)
    }

    /// What any mask leaves of the error in this network, of its statistics alone.
    ///
    /// # Errors
    /// When the calibration lacks a tensor, a kernel refuses a layer, or weights are coded otherwise than
    /// [`MaskNoise::new`] takes them.
    pub fn mask_noise(&self, watch: &dyn Watch) -> Result<MaskNoise, ExperimentError> {
        let width = self.width(Widths::FULL, watch)?;
        Ok(MaskNoise::new(&width.prepared.quantized, &width.histograms)?)
    }

    /// The codes that each layer multiplies in the network with exact products and 8-bit codes.
    ///
    /// # Errors
    /// When the calibration lacks a tensor, or a kernel refuses a layer.
    pub fn layer_codes(&self) -> Result<Vec<LayerCodes>, ExperimentError> {
        let width = self.width(Widths::FULL, &Unwatched)?;
        let quantized = &width.prepared.quantized;
        let layers = quantized.macs.iter().zip(&width.histograms);
        let layers = layers.map(|(mac, histogram)| LayerCodes {
            node: quantized.graph.nodes[mac.node].name.clone(),
            codes: histogram.all.to_vec(),
            channels: histogram.channels.as_ref().map_or_else(Vec::new, |of| of.counts.clone()),
        });
        Ok(layers.collect())
    }
}
