//! A model that is calibrated once, for any images and designs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use recoup_core::accuracy::{
    Classifier, EmulatedDesign, Experiment, ExperimentError, Images, sampler,
};
use recoup_core::data::{Dataset, Preprocess, hold_out};
use recoup_core::design::Design;
use recoup_core::model::{self, Attention, Graph, OnnxFile};
use recoup_core::quantize::{Calibration, CalibrationImages, Ranging, WeightScheme};
use recoup_core::watch::Watch;

use crate::error::{Error, ErrorKind, Hint, Result};
use crate::evaluate::candidates;
use crate::output::Output;
use crate::session::{CALIBRATION_IMAGES, Labels, Session, SessionOptions, read_inputs};

/// Images in memory at a time.
const BATCH: usize = 256;

/// A model, and its calibration once there is one.
#[derive(Clone)]
pub struct Network {
    model: PathBuf,
    graph: Arc<Graph>,
    calibrated: Option<Arc<Calibrated>>,
}

pub(crate) struct Calibrated {
    pub(crate) experiment: Experiment,
    preprocess: Preprocess,
}

impl Network {
    /// Opens a model; `input_shape`, without the batch, is for one that leaves it open. Products of two
    /// activations run where `attention` says.
    ///
    /// # Errors
    /// When it cannot be read, or is no network that can be run.
    pub fn open(
        model: impl AsRef<Path>,
        input_shape: Option<&[usize]>,
        attention: Attention,
    ) -> Result<Self> {
        Self::of_file(OnnxFile::open(model.as_ref())?, input_shape, attention)
    }

    /// A model that is in memory, called `name`.
    ///
    /// # Errors
    /// As [`Network::open`].
    pub fn from_bytes(
        bytes: &[u8],
        name: &str,
        input_shape: Option<&[usize]>,
        attention: Attention,
    ) -> Result<Self> {
        Self::of_file(OnnxFile::from_bytes(bytes, Path::new(name))?, input_shape, attention)
    }

    fn of_file(
        file: OnnxFile,
        input_shape: Option<&[usize]>,
        attention: Attention,
    ) -> Result<Self> {
        let graph = Arc::new(model::load_with(&file, input_shape, attention)?);
        Ok(Self { model: file.path, graph, calibrated: None })
    }

    /// The same with weights that the model codes with one scale for a layer coded again, each filter
    /// by its own; not calibrated.
    #[must_use]
    pub fn with_weights_by_channel(self) -> Self {
        let graph = Arc::unwrap_or_clone(self.graph).with_weights_by_channel();
        Self { graph: Arc::new(graph), calibrated: None, ..self }
    }

    /// The file that it was read from.
    pub fn path(&self) -> &Path {
        &self.model
    }

    /// The model.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Calibrates on images, which are not evaluated later: on `images` of the data or, if that is
    /// not said, on 256 or all of fewer; drawn with `seed`, or the first ones.
    ///
    /// # Errors
    /// When data and model do not belong together, the model gives NaN or infinity, or `watch` stops
    /// the work.
    pub fn calibrate(&mut self, options: SessionOptions, watch: &dyn Watch) -> Result<()> {
        let SessionOptions { data, images, seed, preprocess, .. } = options;
        let ranging = Ranging {
            method: options.calibration_method,
            channel_scaling: options.channel_scaling,
        };
        let spec = data.name();
        let dataset = data.open(&self.graph)?;
        let name = dataset.name().to_owned();
        let wanted = images.unwrap_or(CALIBRATION_IMAGES.min(dataset.len()));
        let numbers = hold_out(dataset.len(), &[], wanted, seed)
            .map_err(|error| Error::from(error).of(&*name))?;
        let inputs = read_inputs(&dataset, &numbers, &preprocess, &self.graph)?;
        let source = CalibrationImages::new(spec, &numbers, &inputs);
        let model = (self.model.clone(), self.graph.clone());
        let made_of = (name, inputs);
        let mut session =
            Session::on(model, dataset, numbers, preprocess.clone(), made_of, ranging)?;
        session.calibrated_on = Some(source);
        let experiment = session.experiment(WeightScheme::U8Channel, watch)?;
        self.calibrated = Some(Calibrated { experiment, preprocess }.into());
        Ok(())
    }

    /// The calibration, once there is one.
    pub fn calibration(&self) -> Option<&Calibration> {
        self.calibrated.as_ref().map(|calibrated| calibrated.experiment.calibration())
    }

    /// A session on images: all that are there, or as the options say, but none that it was
    /// calibrated on. Without a calibration, the session holds images out for one.
    ///
    /// # Errors
    /// As [`Session::open`], and when the pixels are to become inputs in another way than those of
    /// the calibration.
    pub fn session(&self, options: SessionOptions) -> Result<Session> {
        let calibrated = self.calibrated.as_ref().map(|calibrated| &calibrated.experiment);
        Session::of((self.model.clone(), self.graph.clone()), options, calibrated)
    }

    /// A session whose outputs are compared with something else as well: with the labels of all
    /// images of the data, if there are any. They need not be classes: without class scores they
    /// measure no accuracy.
    ///
    /// # Errors
    /// As [`Network::session`].
    pub fn session_with_targets(
        &self,
        options: SessionOptions,
    ) -> Result<(Session, Option<Vec<u32>>)> {
        let labels = match options.labels {
            Labels::IfAny => Labels::Unused,
            other => other,
        };
        let mut session = self.session(SessionOptions { labels, ..options })?;
        let targets = session.dataset.labels().ok().map(<[u32]>::to_vec);
        if self.graph.scores().is_none() {
            session.dataset = session.dataset.without_labels();
        }
        Ok((session, targets))
    }

    pub(crate) fn calibrated(&self) -> Result<&Calibrated> {
        self.calibrated.as_deref().ok_or_else(|| {
            let text = format!("{}: is not calibrated", self.model.display());
            Error::new(ErrorKind::Calibration, text).with_hint(Hint::CalibrateFirst)
        })
    }

    /// From which designs are made ready to run, with weights in this coding.
    ///
    /// # Errors
    /// When it is not calibrated.
    pub fn experiment(&self, weights: WeightScheme) -> Result<Experiment> {
        Ok(self.calibrated()?.experiment.with_weights(weights))
    }

    /// Makes a design ready to run.
    ///
    /// # Errors
    /// When the network is not calibrated, the design makes no sense, or `watch` stops the work.
    pub fn emulate(&self, design: &Design, watch: &dyn Watch) -> Result<Emulator> {
        let experiment = self.calibrated()?.experiment.with_weights(design.weight_scheme()?);
        self.emulate_on(experiment, design, watch)
    }

    /// The same on an experiment of its own.
    pub(crate) fn emulate_on(
        &self,
        experiment: Experiment,
        design: &Design,
        watch: &dyn Watch,
    ) -> Result<Emulator> {
        let preprocess = self.calibrated()?.preprocess.clone();
        let design = candidates(&experiment, std::slice::from_ref(design), watch)?.remove(0);
        let graph = self.graph.clone();
        Ok(Emulator { graph, preprocess, experiment, design, classifier: Classifier::default() })
    }
}

/// A network on a multiplier.
pub struct Emulator {
    graph: Arc<Graph>,
    preprocess: Preprocess,
    experiment: Experiment,
    design: EmulatedDesign,
    classifier: Classifier,
}

impl Emulator {
    /// What it is.
    pub fn design(&self) -> &EmulatedDesign {
        &self.design
    }

    /// From which it was made.
    pub fn experiment(&self) -> &Experiment {
        &self.experiment
    }

    /// How pixels become inputs: as in the calibration.
    pub fn preprocess(&self) -> &Preprocess {
        &self.preprocess
    }

    /// All outputs for all images.
    ///
    /// # Errors
    /// When the images are none of the network's, or `watch` stops the work.
    pub fn run(&self, images: Dataset, watch: &dyn Watch) -> Result<Vec<Output>> {
        let names: Vec<&str> = self.graph.input_names().iter().map(String::as_str).collect();
        let dataset = images.for_inputs(&names)?;
        let sampler = sampler(&dataset, &self.preprocess, &self.graph)?;
        let indices: Vec<usize> = (0..dataset.len()).collect();
        let images =
            Images { dataset: &dataset, indices: &indices, sampler: &sampler, batch: BATCH };
        let mut outputs = Output::of_no_images(&self.graph);
        watch.begin("emulating", dataset.len());
        for start in (0..dataset.len()).step_by(BATCH) {
            let batch = images.read_inputs(start..(start + BATCH).min(dataset.len()))?;
            let made = self.classifier.outputs(&self.design.network, &batch, watch);
            Output::add(&mut outputs, &self.graph, &made.map_err(ExperimentError::from)?);
            watch.advance(batch.len());
        }
        watch.end();
        Ok(outputs)
    }

    /// The network's own images for those who ask for some: the first of the calibration.
    pub fn images(&self, count: usize) -> &[Vec<f32>] {
        let images = self.experiment.calibration_inputs();
        &images[..count.min(images.len())]
    }
}
