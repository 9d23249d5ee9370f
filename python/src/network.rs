//! Networks, evaluated and run.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, MutexGuard, PoisonError};

use numpy::{PyArrayDyn, PyReadonlyArray1};
use pyo3::prelude::*;
use recoup::data::{Method, Outputs as Seen};
use recoup::design::{WeightScheme, with_reference};
use recoup::search::EvaluationPiece;
use recoup::{Dataset, Details, Emulator as Emulated, EvaluateOptions, Power, SessionOptions};
use recoup_zoo::{Embedded, PREPROCESS, test_images};

use crate::arrays::{self, give};
use crate::data::Data;
use crate::design::Design;
use crate::errors::{known, parse, request};
use crate::layer::{self, Floats, Layer};
use crate::measure::{self, Batch, Given};
use crate::remote::on_pool;
use crate::wait::{self, Running};

/// A network.
#[pyclass(frozen, module = "recoup._recoup")]
pub struct Network {
    network: Mutex<recoup::Network>,
}

impl Network {
    /// As it is now; clones share what was made for it.
    pub fn get(&self) -> recoup::Network {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, recoup::Network> {
        self.network.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(network: recoup::Network) -> Self {
        Self { network: Mutex::new(network) }
    }

    fn coded(network: recoup::Network, weights_by_channel: bool) -> Self {
        Self::of(if weights_by_channel { network.with_weights_by_channel() } else { network })
    }
}

#[pymethods]
impl Network {
    #[staticmethod]
    fn open(
        py: Python<'_>,
        path: PathBuf,
        input_shape: Option<Vec<usize>>,
        attention: &str,
        weights_by_channel: bool,
        running: Running,
    ) -> PyResult<Self> {
        let attention = parse(py, "attention", attention)?;
        let open =
            |_: &dyn recoup::Watch| recoup::Network::open(path, input_shape.as_deref(), attention);
        Ok(Self::coded(wait::run(py, &running, open)?, weights_by_channel))
    }

    /// Of a file's content, with its path.
    #[staticmethod]
    fn of_bytes(
        py: Python<'_>,
        content: &[u8],
        path: &str,
        input_shape: Option<Vec<usize>>,
        attention: &str,
        weights_by_channel: bool,
        running: Running,
    ) -> PyResult<Self> {
        let attention = parse(py, "attention", attention)?;
        let open = |_: &dyn recoup::Watch| {
            recoup::Network::from_bytes(content, path, input_shape.as_deref(), attention)
        };
        Ok(Self::coded(wait::run(py, &running, open)?, weights_by_channel))
    }

    /// One of the networks inside this program, calibrated, and its test images.
    #[staticmethod]
    fn demo(py: Python<'_>, name: &str, running: Running) -> PyResult<(Self, Data)> {
        let Some(embedded) = Embedded::ALL.into_iter().find(|it| it.name() == name) else {
            let names: Vec<&str> = Embedded::ALL.map(Embedded::name).into();
            let text = format!("there is no network \"{name}\"; there are {}", names.join(", "));
            return Err(request(py, &text));
        };
        let network = wait::run(py, &running, |watch| embedded.network(watch))?;
        let images = known(py, test_images())?;
        let preprocess = known(py, PREPROCESS.parse().map_err(Into::into))?;
        let options = SessionOptions { preprocess, ..SessionOptions::new(images) };
        Ok((Self::of(network), Data { options }))
    }

    #[getter]
    fn path(&self) -> PathBuf {
        self.lock().path().to_owned()
    }

    /// Name and shape of each input, the batch left out.
    #[getter]
    fn inputs(&self) -> Vec<(String, Vec<usize>)> {
        let network = self.lock();
        let graph = network.graph();
        let named = graph.input_names().iter().zip(&graph.inputs);
        named.map(|(name, &value)| (name.clone(), extents(&graph.values[value].shape))).collect()
    }

    /// The same of the outputs.
    #[getter]
    fn outputs(&self) -> Vec<(String, Vec<usize>)> {
        let network = self.lock();
        let graph = network.graph();
        let values = graph.outputs.iter().map(|&output| &graph.values[output]);
        values.map(|value| (value.name.clone(), extents(&value.shape))).collect()
    }

    /// Where the images of the calibration come from and how many there are; none without one.
    #[getter]
    fn calibration(&self) -> Option<(String, usize, String)> {
        let network = self.lock();
        let calibration = network.calibration()?;
        Some((calibration.data.clone(), calibration.images, calibration.method.clone()))
    }

    fn calibrate(
        &self,
        py: Python<'_>,
        data: &Data,
        method: &str,
        running: Running,
    ) -> PyResult<()> {
        let calibration_method: Method = parse(py, "method", method)?;
        let options = SessionOptions { calibration_method, ..data.options.clone() };
        let mut network = self.get();
        let network = wait::run(py, &running, |watch| {
            network.calibrate(options, watch)?;
            Ok(network)
        })?;
        *self.lock() = network;
        Ok(())
    }

    /// The record of an evaluation, as JSON. It is done in this process, where `measure` sees all
    /// outputs, or by a pool of so many workers, whose copies of `measure` see them.
    #[expect(clippy::too_many_arguments, reason = "those of the Python function")]
    fn evaluate(
        &self,
        py: Python<'_>,
        data: &Data,
        designs: Vec<PyRef<'_, Design>>,
        weights: &str,
        details: [bool; 2],
        batch: usize,
        measure: Option<Py<PyAny>>,
        pool: Option<(Py<PyAny>, usize)>,
        running: Running,
    ) -> PyResult<String> {
        let options = evaluate_options(py, weights, details, batch)?;
        let designs: Vec<recoup::Design> = designs.iter().map(|it| it.design.clone()).collect();
        let (network, data) = (self.get(), data.options.clone());
        let record = |results: recoup::Results| {
            let results = results.on_arrays(&Power::default());
            let all: Vec<usize> = (0..results.candidates.len()).collect();
            results.record(&all)
        };
        let mut session = open_session(py, &network, data, measure.as_ref(), &designs, &running)?;
        let record = match (measure, pool) {
            (None, None) => wait::run(py, &running, |watch| {
                Ok(record(session.evaluate(&designs, options, watch)?))
            }),
            (_, Some(pool)) => wait::run(py, &running, |watch| {
                on_pool::<EvaluationPiece, _>(pool, watch, |pool, watch| {
                    Ok(record(session.evaluate_on(pool, &designs, options, watch)?))
                })
            })?,
            (Some(measure), None) => {
                let evaluate = |watch: &dyn recoup::Watch, sender: &SyncSender<Batch>| {
                    // The caller's thread takes them to the end of the work.
                    let take = |batch| sender.send(batch).map_err(io::Error::other);
                    let mut given = Given { network: network.clone(), take };
                    let outputs = Some(&mut given as &mut dyn Seen);
                    Ok(record(session.evaluate_saving(&designs, options, outputs, watch)?))
                };
                let see = |py: Python<'_>, batch| measure::see(py, &measure, batch);
                wait::run_handing(py, &running, evaluate, see)
            }
        };
        let record = serde_json::to_value(record?).expect("plain data");
        Ok(format!("{record:#}"))
    }

    /// The layers on the multipliers by their nodes, with their weights and biases, or the extents of
    /// their products.
    #[getter]
    #[expect(clippy::type_complexity, reason = "a tuple of Python's")]
    fn layers<'py>(
        &self,
        py: Python<'py>,
    ) -> Vec<(String, Option<(Floats<'py>, Floats<'py>)>, Option<(usize, usize, usize, usize)>)>
    {
        let layers = self.lock().layers().into_iter();
        layers.map(|of| layer::factors(py, of)).collect()
    }

    /// With other weights and biases.
    fn emulate_with(
        &self,
        py: Python<'_>,
        design: &Design,
        parameters: Vec<(PyReadonlyArray1<'_, f32>, PyReadonlyArray1<'_, f32>)>,
        running: Running,
    ) -> PyResult<Emulator> {
        let parameters = layer::read_parameters(parameters)?;
        let (network, made) = (self.get(), design.design.clone());
        let emulate = |watch: &dyn recoup::Watch| network.emulate_with(&made, parameters, watch);
        let emulator = wait::run(py, &running, emulate)?;
        Ok(Emulator { emulator, netlist: design.netlist.clone() })
    }

    fn emulate(&self, py: Python<'_>, design: &Design, running: Running) -> PyResult<Emulator> {
        let (network, made) = (self.get(), design.design.clone());
        let emulator = wait::run(py, &running, |watch| network.emulate(&made, watch))?;
        Ok(Emulator { emulator, netlist: design.netlist.clone() })
    }
}

/// A network on data, of which `measure`, if there is one, is told what will come.
pub fn open_session(
    py: Python<'_>,
    network: &recoup::Network,
    data: SessionOptions,
    measure: Option<&Py<PyAny>>,
    designs: &[recoup::Design],
    running: &Running,
) -> PyResult<recoup::Session> {
    let Some(measure) = measure else {
        return wait::run(py, running, |_| network.session(data));
    };
    let (session, labels) = wait::run(py, running, |_| network.session_with_targets(data))?;
    measure::begin(py, measure, &session, labels, &with_reference(designs))?;
    Ok(session)
}

/// How designs are evaluated; whether layers are looked at, and where the time goes.
pub fn evaluate_options(
    py: Python<'_>,
    weights: &str,
    [layers, profile]: [bool; 2],
    batch: usize,
) -> PyResult<EvaluateOptions> {
    let weights: WeightScheme = parse(py, "weights", weights)?;
    Ok(EvaluateOptions { weights, details: Details { layers, profile }, batch })
}

/// Without the batch.
fn extents(shape: &[usize]) -> Vec<usize> {
    shape.strip_prefix(&[1]).unwrap_or(shape).to_vec()
}

/// A network on a multiplier.
#[pyclass(frozen, module = "recoup._recoup")]
pub struct Emulator {
    /// As the library has it.
    pub emulator: Emulated,
    /// The multiplier's own circuit, if it was read from one.
    pub netlist: Option<recoup::multipliers::Netlist>,
}

/// The outputs of a network, by their names.
type Outputs<'py> = Vec<(String, Bound<'py, PyArrayDyn<f32>>)>;

#[pymethods]
impl Emulator {
    fn run<'py>(
        &self,
        py: Python<'py>,
        arrays: Vec<(String, Bound<'py, PyAny>)>,
        running: Running,
    ) -> PyResult<Outputs<'py>> {
        let arrays = arrays.into_iter().map(|(name, array)| arrays::lend(name, &array));
        let arrays = arrays.collect::<PyResult<_>>()?;
        let images = known(py, Dataset::from_arrays(arrays, None).map_err(Into::into))?;
        let outputs = wait::run(py, &running, |watch| self.emulator.run(images, watch))?;
        outputs.into_iter().map(|output| give(py, output)).collect()
    }

    #[getter]
    fn design(&self) -> Design {
        let design = self.emulator.design().design.clone();
        Design { design, netlist: self.netlist.clone() }
    }

    /// A layer by itself, counted from 0; none beyond the last.
    fn layer(&self, py: Python<'_>, index: usize) -> PyResult<Option<Layer>> {
        layer::layer_of(py, &self.emulator, index)
    }

    /// Tensors that are stored as codes, each with those that it was rearranged from, scale and zero
    /// point.
    #[getter]
    fn codes(&self) -> Vec<(Vec<String>, f32, u8)> {
        let codes = self.emulator.tensor_codes().into_iter();
        codes.map(|it| (it.tensors, it.codes.scale, it.codes.zero_point)).collect()
    }

    #[getter]
    fn kernels(&self) -> Vec<String> {
        self.emulator.design().network.kernels()
    }
}
