//! A model, its images and its calibration.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use recoup_core::accuracy::{Experiment, Images, sampler};
use recoup_core::data::{
    DataError, DataSpec, Dataset, Preprocess, Sampler, hold_out, select_others,
};
use recoup_core::model::{self, Attention, FloatModel, Graph, OnnxFile};
use recoup_core::quantize::{
    Calibration, CalibrationImages, ChannelScaling, Method, Ranging, WeightScheme,
};
use recoup_core::watch::Watch;
use recoup_kernels::Isa;

use crate::error::{Error, ErrorKind, Hint, Result};

/// Calibration images unless the caller says otherwise.
pub const CALIBRATION_IMAGES: usize = 256;

/// Images, or other records, to evaluate or to calibrate on.
#[derive(Clone, Debug)]
pub enum Data {
    /// In files, for example `cifar10:test_batch.bin`.
    Files(DataSpec),
    /// Open already: [`Dataset::from_arrays`], for example.
    Open(Dataset),
}

impl From<DataSpec> for Data {
    fn from(spec: DataSpec) -> Self {
        Self::Files(spec)
    }
}

impl From<Dataset> for Data {
    fn from(dataset: Dataset) -> Self {
        Self::Open(dataset)
    }
}

impl Data {
    /// Files that are open from now on; of an npz file each model takes the arrays that it needs.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn open_files(spec: DataSpec) -> Result<Self> {
        match (Dataset::open_headers(&spec), &spec) {
            (Ok(_) | Err(DataError::NpzMissing { .. }), DataSpec::Npz(_)) => Ok(Self::Files(spec)),
            (dataset, _) => Ok(Self::Open(dataset?)),
        }
    }

    /// How many there are; none where that takes a model to know.
    pub fn images(&self) -> Option<usize> {
        match self {
            Self::Files(_) => None,
            Self::Open(dataset) => Some(dataset.len()),
        }
    }

    /// As it is called in results.
    pub fn name(&self) -> String {
        match self {
            Self::Files(spec) => spec.to_string(),
            Self::Open(dataset) => dataset.name().to_owned(),
        }
    }

    fn same_files(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Files(one), Self::Files(two)) if one.same_files(two))
    }

    /// For the inputs of a model.
    pub(crate) fn open(self, graph: &Graph) -> Result<Dataset, DataError> {
        let names = graph.input_names().iter().map(String::as_str).collect::<Vec<_>>();
        match self {
            Self::Files(spec) => Dataset::open_inputs(&spec, &names),
            Self::Open(dataset) => dataset.for_inputs(&names),
        }
    }
}

/// What is done with the labels of the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Labels {
    /// Nothing.
    Unused,
    /// The data is taken as if it had none.
    Dropped,
    /// They measure accuracy where there are any.
    #[default]
    IfAny,
    /// They measure accuracy.
    Needed,
}

/// What a session is opened with, beside the model.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// Images, or other records, with labels where accuracy is measured.
    pub data: Data,
    /// What is done with the labels.
    pub labels: Labels,
    /// The order of class folders: a file with the name of one in each line.
    pub classes: Option<PathBuf>,
    /// Added to every label: 1 for a network whose first output is a background class.
    pub label_offset: i64,
    /// Shape of the input without the batch, where the model leaves it open.
    pub input_shape: Option<Vec<usize>>,
    /// Where products of two activations run.
    pub attention: Attention,
    /// Whether weights that the model codes with one scale for a layer are coded again, each filter
    /// by its own.
    pub weights_by_channel: bool,
    /// From pixels to the model's input.
    pub preprocess: Preprocess,
    /// How many images to evaluate; all that are not held out, if not said.
    pub images: Option<usize>,
    /// Draws the images at random, reproducibly; else they are the first.
    pub seed: Option<u64>,
    /// How many images to calibrate on, none of which is evaluated: 256, or all of a smaller
    /// `calibration_data`, if not said.
    pub calibration_images: Option<usize>,
    /// Where they come from; else they are held out from `data`.
    pub calibration_data: Option<Data>,
    /// How ranges of activations are chosen.
    pub calibration_method: Method,
    /// Whether channels of LayerNormalizations have scales of their own.
    pub channel_scaling: ChannelScaling,
    /// A calibration in a file, instead of a new one. Its images are read again, as control
    /// variates are fitted on them.
    pub calibration: Option<PathBuf>,
}

impl SessionOptions {
    /// All of `data`, as it is.
    pub fn new(data: impl Into<Data>) -> Self {
        Self {
            data: data.into(),
            labels: Labels::default(),
            classes: None,
            label_offset: 0,
            input_shape: None,
            attention: Attention::default(),
            weights_by_channel: false,
            preprocess: Preprocess::default(),
            images: None,
            seed: None,
            calibration_images: None,
            calibration_data: None,
            calibration_method: Method::MeanSquare,
            channel_scaling: ChannelScaling::default(),
            calibration: None,
        }
    }
}

/// A model with its images: everything but the multipliers.
pub struct Session {
    /// The model's file.
    pub model: PathBuf,
    /// The model.
    pub graph: Arc<Graph>,
    /// Where the images come from.
    pub dataset: Dataset,
    /// The images to evaluate.
    pub indices: Vec<usize>,
    /// From pixels to the model's input.
    pub preprocess: Preprocess,
    /// The instruction set that designs run on: the best of this machine, unless it is changed
    /// before the first experiment.
    pub isa: Isa,
    sampler: Sampler,
    /// Where the calibration images come from, in words.
    calibration_source: String,
    calibration_inputs: Vec<Vec<f32>>,
    /// Which these are; none of a session that was made of parts.
    pub(crate) calibrated_on: Option<CalibrationImages>,
    ranging: Ranging,
    /// A calibration that is not to be made again.
    given: Option<Calibration>,
    /// Has the calibration and its images, once it is there.
    calibrated: Option<Experiment>,
}

impl Session {
    /// Opens a model and its data, and reads the calibration images.
    ///
    /// # Errors
    /// When one of them cannot be read, or they do not belong together.
    pub fn open(model: impl AsRef<Path>, options: SessionOptions) -> Result<Self> {
        let file = OnnxFile::open(model.as_ref())?;
        let mut graph = model::load_with(&file, options.input_shape.as_deref(), options.attention)?;
        if options.weights_by_channel {
            graph = graph.with_weights_by_channel();
        }
        Self::of((file.path, Arc::new(graph)), options, None)
    }

    /// The same of a model that is open already, and maybe `calibrated`.
    pub(crate) fn of(
        (model, graph): (PathBuf, Arc<Graph>),
        options: SessionOptions,
        calibrated: Option<&Experiment>,
    ) -> Result<Self> {
        let SessionOptions { data, labels, classes, label_offset, preprocess, .. } = options;
        let selection = Selection {
            name: data.name(),
            images: options.images,
            seed: options.seed,
            calibration_images: options.calibration_images,
            preprocess,
        };
        let own = options.calibration_data.filter(|own| !own.same_files(&data));
        let mut dataset = data.open(&graph)?.labelled(classes.as_deref(), label_offset)?;
        if labels == Labels::Dropped {
            dataset = dataset.without_labels();
        }
        // Before images are decompressed, which may take long.
        check_labels(&dataset, &graph, labels)?;
        check(&dataset, &selection.preprocess, &graph)?;
        if let Some(experiment) = calibrated {
            return selection.on_calibrated(experiment, (model, graph), dataset);
        }
        let path = options.calibration.as_deref();
        let given = path.map(|path| read_calibration(path, &selection, &graph)).transpose()?;
        let recorded = given.as_ref().and_then(|given| given.source.as_ref());
        let images = match (path, recorded) {
            (Some(path), Some(recorded)) => {
                selection.recorded(recorded, path, own, &dataset, &graph)?
            }
            _ => selection.chosen(own, &dataset, &graph)?,
        };
        let CalibrationSet { name, source, inputs, evaluated } = images;
        let SessionOptions { calibration_method: method, channel_scaling, .. } = options;
        let (preprocess, ranging) = (selection.preprocess, Ranging { method, channel_scaling });
        let inputs = (name, inputs);
        let session = Self::on((model, graph), dataset, evaluated, preprocess, inputs, ranging)?;
        Ok(Self { calibrated_on: Some(source), given, ..session })
    }

    /// A session on a model and images that are open already.
    ///
    /// # Errors
    /// When they do not belong together.
    pub fn new(
        model: PathBuf,
        graph: Arc<Graph>,
        dataset: Dataset,
        indices: Vec<usize>,
        preprocess: Preprocess,
        calibration: (String, Vec<Vec<f32>>),
        method: Method,
    ) -> Result<Self> {
        Self::on((model, graph), dataset, indices, preprocess, calibration, method.into())
    }

    pub(crate) fn on(
        (model, graph): (PathBuf, Arc<Graph>),
        dataset: Dataset,
        indices: Vec<usize>,
        preprocess: Preprocess,
        (calibration_source, calibration_inputs): (String, Vec<Vec<f32>>),
        ranging: Ranging,
    ) -> Result<Self> {
        let sampler = check(&dataset, &preprocess, &graph)?;
        dataset.load()?;
        Ok(Self {
            model,
            graph,
            dataset,
            indices,
            preprocess,
            isa: Isa::best(),
            sampler,
            calibration_source,
            calibration_inputs,
            calibrated_on: None,
            ranging,
            given: None,
            calibrated: None,
        })
    }

    /// Calibrates on the calibration images, unless the session was opened with a calibration.
    fn calibrate(&self, watch: &dyn Watch) -> Result<Calibration> {
        if let Some(given) = &self.given {
            return Ok(given.clone());
        }
        watch.begin("calibrating", self.calibration_inputs.len());
        let (model, inputs) = (&self.model, &self.calibration_inputs);
        let origin = (self.calibration_source.clone(), self.preprocess.to_string());
        let made = Experiment::calibrate(model, &self.graph, inputs, self.ranging, origin, watch);
        watch.end();
        let calibration =
            made.map_err(|error| Error::from(error).of(model.display().to_string()))?;
        Ok(Calibration { source: self.calibrated_on.clone(), ..calibration })
    }

    /// The experiment from which designs are made ready to run, with weights in this coding. The
    /// first one calibrates; all of them share that.
    ///
    /// # Errors
    /// When the model gives NaN or infinity, or `watch` stops it.
    pub fn experiment(&mut self, weights: WeightScheme, watch: &dyn Watch) -> Result<Experiment> {
        if self.calibrated.is_none() {
            let calibration = self.calibrate(watch)?;
            let inputs = std::mem::take(&mut self.calibration_inputs);
            let graph = self.graph.clone();
            let experiment = Experiment::new(graph, inputs, calibration, weights, self.isa);
            self.calibrated = Some(experiment);
        }
        let calibrated = self.calibrated.as_ref().expect("made above, if it was not there");
        Ok(calibrated.with_weights(weights))
    }

    /// The calibration that it was opened with.
    pub fn given_calibration(&self) -> Option<&Calibration> {
        self.given.as_ref()
    }

    /// The float32 reference.
    pub fn float(&self) -> FloatModel {
        FloatModel::new(&self.graph, &[])
    }

    /// The first `count` of the images to evaluate, or all if there are fewer, as the model takes
    /// them.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn inputs(&self, count: usize) -> Result<Vec<Vec<f32>>> {
        let numbers = &self.indices[..count.min(self.indices.len())];
        Ok(read_inputs(&self.dataset, numbers, &self.preprocess, &self.graph)?)
    }

    /// The images to evaluate, `batch` at a time.
    pub fn images(&self, batch: usize) -> Images<'_> {
        Images { dataset: &self.dataset, indices: &self.indices, sampler: &self.sampler, batch }
    }
}

/// Which images are evaluated and calibrated on.
struct Selection {
    /// Of the data.
    name: String,
    images: Option<usize>,
    seed: Option<u64>,
    calibration_images: Option<usize>,
    preprocess: Preprocess,
}

fn held_out_from(dataset: &Dataset) -> String {
    format!("held out from {}", dataset.name())
}

/// The images to calibrate on, and to fit control variates on; and those to evaluate.
struct CalibrationSet {
    /// Where they come from, in words.
    name: String,
    source: CalibrationImages,
    inputs: Vec<Vec<f32>>,
    evaluated: Vec<usize>,
}

impl Selection {
    /// The images of the data to evaluate, none of them in `taken`.
    fn evaluated(&self, dataset: &Dataset, taken: &[usize]) -> Result<Vec<usize>> {
        let others = select_others(dataset.len(), taken, self.images, self.seed);
        others.map_err(|error| Error::from(error).of(dataset.name()))
    }

    /// Images to calibrate on of a source of their `own`, or held out.
    fn chosen(
        &self,
        own: Option<Data>,
        dataset: &Dataset,
        graph: &Graph,
    ) -> Result<CalibrationSet> {
        let wanted = self.calibration_images.unwrap_or(CALIBRATION_IMAGES);
        if let Some(data) = own {
            let spec = data.name();
            let source = data.open(graph)?;
            let wanted = self.calibration_images.unwrap_or(wanted.min(source.len()));
            let numbers = hold_out(source.len(), &[], wanted, self.seed)
                .map_err(|error| Error::from(error).of(source.name()))?;
            let inputs = read_inputs(&source, &numbers, &self.preprocess, graph)?;
            let name = source.name().to_string();
            let source = CalibrationImages::new(spec, &numbers, &inputs);
            // A copy, or one of the files of a folder, is the same source by another name.
            let same = matches!(self.read_again(&source, dataset, graph), Ok(Some(_)));
            let evaluated = self.evaluated(dataset, if same { &numbers } else { &[] })?;
            return Ok(CalibrationSet { name, source, inputs, evaluated });
        }
        if self.images.is_none() && dataset.len() <= wanted {
            let text = format!(
                "{}: has {} images, of which {wanted} would be held out for calibration",
                dataset.name(),
                dataset.len()
            );
            return Err(Error::new(ErrorKind::Data, text).with_hint(Hint::HoldOutFewer));
        }
        let hold_out = |taken: &[usize]| {
            hold_out(dataset.len(), taken, wanted, Some(self.seed.unwrap_or(0)))
                .map_err(|error| Error::from(error).of(dataset.name()))
        };
        let (numbers, evaluated) = match self.images {
            // What is evaluated does not depend on how many images calibrate.
            Some(_) => {
                let evaluated = self.evaluated(dataset, &[])?;
                (hold_out(&evaluated)?, evaluated)
            }
            None => {
                let numbers = hold_out(&[])?;
                let evaluated = self.evaluated(dataset, &numbers)?;
                (numbers, evaluated)
            }
        };
        let inputs = read_inputs(dataset, &numbers, &self.preprocess, graph)?;
        Ok(CalibrationSet {
            name: held_out_from(dataset),
            source: CalibrationImages::new(self.name.clone(), &numbers, &inputs),
            inputs,
            evaluated,
        })
    }

    /// Those of the calibration at `path`: of the data that is evaluated, wherever they lie, or
    /// of the source that was given or recorded.
    fn recorded(
        &self,
        recorded: &CalibrationImages,
        path: &Path,
        own: Option<Data>,
        dataset: &Dataset,
        graph: &Graph,
    ) -> Result<CalibrationSet> {
        let count = recorded.numbers.len();
        if let Some(wanted) = self.calibration_images.filter(|&wanted| wanted != count) {
            let text = format!(
                "{}: was made on {count} images, and V is fitted on the same ones",
                path.display()
            );
            let hint = Hint::LeaveCalibrationImages { wanted };
            return Err(Error::new(ErrorKind::Calibration, text).with_hint(hint));
        }
        let found = |source: &Dataset, inputs, taken: &[usize]| -> Result<CalibrationSet> {
            let evaluated = self.evaluated(dataset, taken)?;
            let (name, source) = (source.name().to_string(), recorded.clone());
            Ok(CalibrationSet { name, source, inputs, evaluated })
        };
        if let Some(inputs) = self.read_again(recorded, dataset, graph)? {
            return found(dataset, inputs, &recorded.indices());
        }
        let lost = |error: Error| {
            let text = format!(
                "{}: was made on {count} images of {}, on which V is fitted",
                path.display(),
                recorded.data
            );
            error.of(text).with_hint(Hint::SayWhereCalibrationImagesAre)
        };
        let data = match own {
            Some(data) => data,
            None => Data::Files(recorded.data.parse::<DataSpec>()?),
        };
        let name = data.name();
        let source = data.open(graph).map_err(|error| lost(error.into()))?;
        let again = self.read_again(recorded, &source, graph);
        match again.map_err(|error| lost(error.into()))? {
            Some(inputs) => found(&source, inputs, &[]),
            None => {
                let text = format!("{name} does not have them");
                Err(lost(Error::new(ErrorKind::Calibration, text)))
            }
        }
    }

    /// A session on what a network was not calibrated on.
    fn on_calibrated(
        self,
        experiment: &Experiment,
        model: (PathBuf, Arc<Graph>),
        dataset: Dataset,
    ) -> Result<Session> {
        let calibration = experiment.calibration();
        check_preprocess(calibration, "the calibration of the network", &self.preprocess)?;
        let source = calibration.source.as_ref();
        let own = source
            .filter(|source| matches!(self.read_again(source, &dataset, &model.1), Ok(Some(_))));
        let (words, taken) = match own {
            Some(own) => (held_out_from(&dataset), own.indices()),
            None => (calibration.data.clone(), Vec::new()),
        };
        let evaluated = self.evaluated(&dataset, &taken)?;
        let (inputs, ranging) = ((words.clone(), Vec::new()), Method::MeanSquare.into());
        let session = Session::on(model, dataset, evaluated, self.preprocess, inputs, ranging)?;
        let calibrated = experiment.with_weights(experiment.weights()).with_source(words);
        Ok(Session { calibrated: Some(calibrated), ..session })
    }

    /// The images of a calibration, if `dataset` has them under their numbers.
    fn read_again(
        &self,
        images: &CalibrationImages,
        dataset: &Dataset,
        graph: &Graph,
    ) -> Result<Option<Vec<Vec<f32>>>, DataError> {
        let numbers = images.indices();
        if numbers.iter().any(|&number| number >= dataset.len()) {
            return Ok(None);
        }
        let inputs = read_inputs(dataset, &numbers, &self.preprocess, graph)?;
        Ok(images.are(&inputs).then_some(inputs))
    }
}

/// An error unless a calibration is of pixels that became inputs in the same way.
fn check_preprocess(calibration: &Calibration, of: &str, preprocess: &Preprocess) -> Result<()> {
    let made_with = &calibration.preprocess;
    if *made_with != preprocess.to_string() {
        let text = format!("{of}: was made with preprocess {made_with}, not {preprocess}");
        return Err(Error::new(ErrorKind::Calibration, text).with_hint(Hint::PreprocessAlike));
    }
    Ok(())
}

/// The calibration at `path`, if it fits the model and its pixels.
fn read_calibration(path: &Path, selection: &Selection, graph: &Graph) -> Result<Calibration> {
    let calibration = Calibration::read(path, graph)?;
    check_preprocess(&calibration, &path.display().to_string(), &selection.preprocess)?;
    Ok(calibration)
}

/// Whether there are the labels and the class scores that are asked for.
fn check_labels(dataset: &Dataset, graph: &Graph, labels: Labels) -> Result<()> {
    const NONE: &str = "none of the model's outputs is one score per class, [1, classes]";
    let without_scores = graph.scores().is_none();
    if labels == Labels::Needed {
        let needs = "accuracy is what is explored, which needs labels and class scores";
        dataset.labels().map_err(|error| Error::from(error).of(needs))?;
        if without_scores {
            let error = Error::new(ErrorKind::Model, NONE).of(needs);
            return Err(error.with_hint(Hint::EvaluateInstead));
        }
    }
    if labels == Labels::IfAny && without_scores && dataset.labels().is_ok() {
        let text = format!("{}: has labels, but {NONE}", dataset.name());
        return Err(Error::new(ErrorKind::Data, text).with_hint(Hint::LeaveLabels));
    }
    Ok(())
}

/// Whether a data set suits a model, as far as can be said without reading an image; and how images
/// become its inputs.
fn check(dataset: &Dataset, preprocess: &Preprocess, graph: &Graph) -> Result<Sampler> {
    let sampler = sampler(dataset, preprocess, graph)?;
    if let Some((_, scores)) = graph.scores() {
        dataset.check_outputs(scores.len())?;
    }
    Ok(sampler)
}

/// Reads images, or other records, into samples.
pub fn read_inputs(
    dataset: &Dataset,
    indices: &[usize],
    preprocess: &Preprocess,
    graph: &Graph,
) -> Result<Vec<Vec<f32>>, DataError> {
    let sampler = sampler(dataset, preprocess, graph)?;
    dataset.load()?;
    indices.par_iter().map(|&index| sampler.read(dataset, index)).collect()
}
