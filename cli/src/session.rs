//! A model, its images and its calibration, opened as the command line says.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rayon::prelude::*;

use recoup_core::accuracy::{Experiment, Images, sampler};
use recoup_core::data::{
    DataError, DataSpec, Dataset, Preprocess, Sampler, hold_out, select_others,
};
use recoup_core::model::{self, FloatModel, Graph, OnnxFile};
use recoup_core::quantize::{Calibration, CalibrationImages, Method, WeightScheme};
use recoup_kernels::Isa;

use crate::args::{DataArgs, MachineArgs};
use crate::progress;

/// Calibration images unless the user says otherwise.
const CALIBRATION_IMAGES: usize = 256;

/// Everything but the multipliers.
pub struct Session {
    pub file: Arc<OnnxFile>,
    pub graph: Arc<Graph>,
    pub dataset: Dataset,
    /// The images to evaluate.
    pub indices: Vec<usize>,
    pub preprocess: Preprocess,
    sampler: Sampler,
    /// Where the calibration images come from, in words.
    calibration_source: String,
    calibration_inputs: Vec<Vec<f32>>,
    /// Which these are; none of images inside this program.
    calibrated_on: Option<CalibrationImages>,
    method: Method,
    /// A calibration that is not to be made again.
    given: Option<Calibration>,
}

/// What a command does with the labels of its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels {
    /// Nothing.
    Unused,
    /// Takes the data as if it had none.
    Dropped,
    /// Measures accuracy where there are any.
    IfAny,
    /// Measures accuracy.
    Needed,
}

/// The kernels' instruction set.
pub fn isa(machine: &MachineArgs) -> Isa {
    machine.isa.unwrap_or_else(Isa::best)
}

impl Session {
    /// Opens a model and what `args` name, and reads the calibration images.
    pub fn open(model: &Path, args: &DataArgs) -> Result<Self> {
        Self::open_with(model, args, None, Labels::Unused)
    }

    /// The same for a command that uses labels, and with the calibration in a file, if there
    /// is one; its images are read again, as a control variate is fitted on them.
    pub fn open_with(
        model: &Path,
        args: &DataArgs,
        path: Option<&Path>,
        labels: Labels,
    ) -> Result<Self> {
        let file = OnnxFile::open(model)?;
        let shape = args.input_shape.as_ref().map(|shape| shape.0.as_slice());
        let graph = Arc::new(model::load(&file, shape)?);
        let mut dataset = args.labels.apply(open_inputs(&args.data, &graph)?)?;
        if labels == Labels::Dropped {
            dataset = dataset.without_labels();
        }
        // Before images are decompressed, which may take long.
        check_labels(&dataset, &graph, labels)?;
        check(&dataset, &args.preprocess, &graph)?;
        let given = path.map(|path| read_calibration(path, args, &file, &graph)).transpose()?;
        let recorded = given.as_ref().and_then(|given| given.source.as_ref());
        let images = match (path, recorded) {
            (Some(path), Some(recorded)) => {
                CalibrationSet::recorded(recorded, path, args, &dataset, &graph)?
            }
            _ => CalibrationSet::chosen(args, &dataset, &graph)?,
        };
        let CalibrationSet { name, source, inputs, evaluated } = images;
        let method = args.calibration_method;
        let (preprocess, inputs) = (args.preprocess.clone(), (name, inputs));
        let session = Self::new(file, graph, dataset, evaluated, preprocess, inputs, method)?;
        Ok(Self { calibrated_on: Some(source), given, ..session })
    }

    /// A session on a model and images that are already open.
    pub fn new(
        file: OnnxFile,
        graph: Arc<Graph>,
        dataset: Dataset,
        indices: Vec<usize>,
        preprocess: Preprocess,
        (calibration_source, calibration_inputs): (String, Vec<Vec<f32>>),
        method: Method,
    ) -> Result<Self> {
        let sampler = check(&dataset, &preprocess, &graph)?;
        dataset.load()?;
        Ok(Self {
            file: Arc::new(file),
            graph,
            dataset,
            indices,
            preprocess,
            sampler,
            calibration_source,
            calibration_inputs,
            calibrated_on: None,
            method,
            given: None,
        })
    }

    /// Calibrates on the calibration images, unless the session was opened with a calibration.
    pub fn calibrate(&self) -> Result<Calibration> {
        if let Some(given) = &self.given {
            return Ok(given.clone());
        }
        let bar = progress::bar("calibrating", self.calibration_inputs.len());
        let origin = (self.calibration_source.clone(), self.preprocess.to_string());
        let calibration = Experiment::calibrate(
            &self.file,
            &self.graph,
            &self.calibration_inputs,
            self.method,
            origin,
            &|n| {
                bar.inc(n as u64);
            },
        )
        .with_context(|| self.file.path.display().to_string())?;
        bar.finish_and_clear();
        Ok(Calibration { source: self.calibrated_on.clone(), ..calibration })
    }

    /// The experiment from which candidates are made.
    pub fn experiment(
        &mut self,
        calibration: Calibration,
        weights: WeightScheme,
        isa: Isa,
    ) -> Experiment {
        let inputs = std::mem::take(&mut self.calibration_inputs);
        Experiment::new(self.file.clone(), self.graph.clone(), inputs, calibration, weights, isa)
    }

    /// The float32 reference.
    pub fn float(&self) -> FloatModel {
        FloatModel::new(&self.graph, &[])
    }

    /// The images to evaluate, `batch` at a time.
    pub fn images(&self, batch: usize) -> Images<'_> {
        Images { dataset: &self.dataset, indices: &self.indices, sampler: &self.sampler, batch }
    }
}

/// The calibration at `path`, if it fits the model and its pixels.
fn read_calibration(
    path: &Path,
    args: &DataArgs,
    file: &OnnxFile,
    graph: &Graph,
) -> Result<Calibration> {
    let calibration = Calibration::read(path, file, graph)?;
    let (made_with, preprocess) = (&calibration.preprocess, args.preprocess.to_string());
    if *made_with != preprocess {
        bail!(
            "{}: was made with --preprocess {made_with}, not {preprocess}; give that one, or make a \
             new calibration with recoup quantize",
            path.display(),
        );
    }
    Ok(calibration)
}

/// The images of a calibration, if `dataset` has them under their numbers.
fn read_again(
    images: &CalibrationImages,
    dataset: &Dataset,
    preprocess: &Preprocess,
    graph: &Graph,
) -> Result<Option<Vec<Vec<f32>>>, DataError> {
    let numbers = images.indices();
    if numbers.iter().any(|&number| number >= dataset.len()) {
        return Ok(None);
    }
    let inputs = read_inputs(dataset, &numbers, preprocess, graph)?;
    Ok(images.are(&inputs).then_some(inputs))
}

/// The images of the data to evaluate, none of them in `taken`.
fn evaluated(args: &DataArgs, dataset: &Dataset, taken: &[usize]) -> Result<Vec<usize>> {
    let others = select_others(dataset.len(), taken, args.images, args.seed);
    others.with_context(|| dataset.name().to_string())
}

/// The images to calibrate on, and to fit control variates on; and those to evaluate.
struct CalibrationSet {
    /// Where they come from, in words.
    name: String,
    source: CalibrationImages,
    inputs: Vec<Vec<f32>>,
    evaluated: Vec<usize>,
}

impl CalibrationSet {
    /// As the command line says: of a source of their own, or held out.
    fn chosen(args: &DataArgs, dataset: &Dataset, graph: &Graph) -> Result<Self> {
        let own = args.calibration_data.as_ref().filter(|spec| !spec.same_files(&args.data));
        let wanted = args.calibration_images.unwrap_or(CALIBRATION_IMAGES);
        if let Some(spec) = own {
            let source = open_inputs(spec, graph)?;
            let wanted = args.calibration_images.unwrap_or(wanted.min(source.len()));
            let numbers = hold_out(source.len(), &[], wanted, args.seed)
                .with_context(|| source.name().to_string())?;
            let inputs = read_inputs(&source, &numbers, &args.preprocess, graph)?;
            let name = source.name().to_string();
            let source = CalibrationImages::new(spec.to_string(), &numbers, &inputs);
            // A copy, or one of the files of a folder, is the same source by another name.
            let same = matches!(read_again(&source, dataset, &args.preprocess, graph), Ok(Some(_)));
            let evaluated = evaluated(args, dataset, if same { &numbers } else { &[] })?;
            return Ok(Self { name, source, inputs, evaluated });
        }
        if args.images.is_none() && dataset.len() <= wanted {
            bail!(
                "{}: has {} images, of which {wanted} would be held out for calibration; lower \
                 --calibration-images, or give --calibration-data",
                dataset.name(),
                dataset.len()
            );
        }
        let hold_out = |taken: &[usize]| {
            hold_out(dataset.len(), taken, wanted, Some(args.seed.unwrap_or(0)))
                .with_context(|| dataset.name().to_string())
        };
        let (numbers, evaluated) = match args.images {
            // What is evaluated does not depend on how many images calibrate.
            Some(_) => {
                let evaluated = evaluated(args, dataset, &[])?;
                (hold_out(&evaluated)?, evaluated)
            }
            None => {
                let numbers = hold_out(&[])?;
                let evaluated = evaluated(args, dataset, &numbers)?;
                (numbers, evaluated)
            }
        };
        let inputs = read_inputs(dataset, &numbers, &args.preprocess, graph)?;
        Ok(Self {
            name: format!("held out from {}", dataset.name()),
            source: CalibrationImages::new(args.data.to_string(), &numbers, &inputs),
            inputs,
            evaluated,
        })
    }

    /// Those of the calibration at `path`: of the data that is evaluated, wherever they lie, or
    /// of the source that was given or recorded.
    fn recorded(
        recorded: &CalibrationImages,
        path: &Path,
        args: &DataArgs,
        dataset: &Dataset,
        graph: &Graph,
    ) -> Result<Self> {
        let count = recorded.numbers.len();
        if let Some(wanted) = args.calibration_images.filter(|&wanted| wanted != count) {
            bail!(
                "{}: was made on {count} images, and V is fitted on the same ones; leave \
                 --calibration-images {wanted} out, or make a new calibration with recoup quantize",
                path.display()
            );
        }
        let read = |source: &Dataset| read_again(recorded, source, &args.preprocess, graph);
        let found = |source: &Dataset, inputs, taken: &[usize]| -> Result<Self> {
            let evaluated = evaluated(args, dataset, taken)?;
            Ok(Self {
                name: source.name().to_string(),
                source: recorded.clone(),
                inputs,
                evaluated,
            })
        };
        if let Some(inputs) = read(dataset)? {
            return found(dataset, inputs, &recorded.indices());
        }
        let spec = match &args.calibration_data {
            Some(spec) => spec.clone(),
            None => recorded.data.parse()?,
        };
        let lost = || {
            format!(
                "{}: was made on {count} images of {}, on which V is fitted; give as \
                 --calibration-data where they are now, or make a new calibration with recoup \
                 quantize",
                path.display(),
                recorded.data
            )
        };
        let source = open_inputs(&spec, graph).with_context(lost)?;
        match read(&source).with_context(lost)? {
            Some(inputs) => found(&source, inputs, &[]),
            None => bail!("{spec} does not have them: {}", lost()),
        }
    }
}

/// Whether there are the labels and the class scores that a command needs.
fn check_labels(dataset: &Dataset, graph: &Graph, labels: Labels) -> Result<()> {
    let without_scores = graph.scores().is_none();
    if labels == Labels::Needed {
        let needs = "accuracy is what is explored, which needs labels and class scores";
        dataset.labels().context(needs)?;
        if without_scores {
            bail!(
                "{needs}: none of the model's outputs is one score per class, [1, classes]; recoup \
                 eval compares other outputs, without labels"
            );
        }
    }
    if labels == Labels::IfAny && without_scores && dataset.labels().is_ok() {
        bail!(
            "{}: has labels, but none of the model's outputs is one score per class, [1, classes]; \
             leave the labels away, or give --no-labels, and outputs are compared with those of \
             float32 and of exact 8 bits",
            dataset.name()
        );
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

fn open_inputs(spec: &DataSpec, graph: &Graph) -> Result<Dataset, DataError> {
    let names = graph.input_names().iter().map(String::as_str);
    Dataset::open_inputs(spec, &names.collect::<Vec<_>>())
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
