//! A model, its images and its calibration, opened as the command line says.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rayon::prelude::*;

use recoup::accuracy::{Experiment, Images};
use recoup::data::{DataError, Dataset, Preprocess, Preprocessor, hold_out, select};
use recoup::model::{self, FloatModel, Graph, OnnxFile};
use recoup::quantize::{Calibration, Method, WeightScheme};
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
    preprocessor: Preprocessor,
    /// Where the calibration images come from, in words.
    calibration_source: String,
    calibration_inputs: Vec<Vec<f32>>,
    method: Method,
}

/// Limits the number of threads; to be called before anything runs in parallel.
pub fn set_threads(machine: &MachineArgs) -> Result<()> {
    if let Some(threads) = machine.threads {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads.into())
            .build_global()
            .context("the threads cannot be started")?;
    }
    Ok(())
}

/// The kernels' instruction set.
pub fn isa(machine: &MachineArgs) -> Isa {
    machine.isa.unwrap_or_else(Isa::best)
}

impl Session {
    /// Opens a model and what `args` name, and reads the calibration images.
    pub fn open(model: &Path, args: &DataArgs) -> Result<Self> {
        let file = OnnxFile::open(model)?;
        let shape = args.input_shape.as_ref().map(|shape| shape.0.as_slice());
        let graph = Arc::new(model::load(&file, shape)?);
        let dataset = Dataset::open(&args.data)?;
        let own_source = match &args.calibration_data {
            Some(spec) if !spec.same_files(&args.data) => Some(Dataset::open(spec)?),
            _ => None,
        };
        let wanted = args.calibration_images.unwrap_or(CALIBRATION_IMAGES);
        let seed = args.seed.unwrap_or(0);
        let (indices, calibration) = match (&own_source, args.images) {
            (Some(source), images) => {
                let wanted = args.calibration_images.unwrap_or(wanted.min(source.len()));
                (
                    select(dataset.len(), images, args.seed).context(dataset.name().to_string())?,
                    hold_out(source.len(), &[], wanted, args.seed)
                        .context(source.name().to_string())?,
                )
            }
            (None, Some(images)) => {
                let name = || dataset.name().to_string();
                let indices = select(dataset.len(), Some(images), args.seed).with_context(name)?;
                let calibration =
                    hold_out(dataset.len(), &indices, wanted, Some(seed)).with_context(name)?;
                (indices, calibration)
            }
            (None, None) => {
                if dataset.len() <= wanted {
                    bail!(
                        "{}: has {} images, of which {wanted} would be held out for calibration; lower \
                         --calibration-images, or give --calibration-data",
                        dataset.name(),
                        dataset.len()
                    );
                }
                let calibration = hold_out(dataset.len(), &[], wanted, Some(seed))?;
                let held_out: std::collections::HashSet<_> = calibration.iter().collect();
                (
                    (0..dataset.len()).filter(|index| !held_out.contains(index)).collect(),
                    calibration,
                )
            }
        };
        let source = own_source.as_ref().unwrap_or(&dataset);
        let calibration_source = match own_source {
            Some(_) => source.name().to_string(),
            None => format!("held out from {}", source.name()),
        };
        let calibration_inputs = read_inputs(source, &calibration, &args.preprocess, &graph)?;
        Self::new(
            file,
            graph,
            dataset,
            indices,
            args.preprocess.clone(),
            (calibration_source, calibration_inputs),
            args.calibration_method,
        )
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
        let preprocessor = preprocessor(&dataset, &preprocess, &graph)?;
        dataset.check_outputs(graph.values[graph.output].volume())?;
        Ok(Self {
            file: Arc::new(file),
            graph,
            dataset,
            indices,
            preprocess,
            preprocessor,
            calibration_source,
            calibration_inputs,
            method,
        })
    }

    /// Calibrates on the calibration images.
    pub fn calibrate(&self) -> Result<Calibration> {
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
        )?;
        bar.finish_and_clear();
        Ok(calibration)
    }

    /// The calibration at `path`, or a new one.
    pub fn calibration(&self, path: Option<&Path>) -> Result<Calibration> {
        match path {
            Some(path) => {
                let calibration = Calibration::read(path, &self.file, &self.graph)?;
                let preprocess = self.preprocess.to_string();
                if calibration.preprocess != preprocess {
                    bail!(
                        "{}: was made with --preprocess {}, not {preprocess}; give that one, or make a \
                         new calibration with recoup quantize",
                        path.display(),
                        calibration.preprocess
                    );
                }
                Ok(calibration)
            }
            None => self.calibrate(),
        }
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
    pub fn float(&self) -> Result<FloatModel> {
        Ok(FloatModel::new(&self.file, &self.graph.values[self.graph.input].shape, &[])?)
    }

    /// The images to evaluate, `batch` at a time.
    pub fn images(&self, batch: usize) -> Images<'_> {
        Images {
            dataset: &self.dataset,
            indices: &self.indices,
            preprocessor: &self.preprocessor,
            batch,
        }
    }
}

fn preprocessor(
    dataset: &Dataset,
    preprocess: &Preprocess,
    graph: &Graph,
) -> Result<Preprocessor, DataError> {
    Preprocessor::new(preprocess, &dataset.image_info(), &graph.values[graph.input].shape[1..])
}

/// Reads images into input tensors.
pub fn read_inputs(
    dataset: &Dataset,
    indices: &[usize],
    preprocess: &Preprocess,
    graph: &Graph,
) -> Result<Vec<Vec<f32>>, DataError> {
    let preprocessor = preprocessor(dataset, preprocess, graph)?;
    let read = indices.par_iter().map(|&index| {
        let mut input = vec![0.0; preprocessor.elements()];
        dataset.read_input(index, &preprocessor, &mut input)?;
        Ok(input)
    });
    read.collect()
}
