//! Layers by themselves.

use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;
use recoup::layers::{Factors, LayerCodes, LoneLayer, Parameters, WeightCodes};

use crate::errors::known;
use crate::wait::{self, Running};

/// A layer on a multiplier, by itself.
#[pyclass(frozen, module = "recoup._recoup")]
pub struct Layer {
    pub layer: LoneLayer,
    pub codes: LayerCodes,
}

/// Vectors of float32.
pub type Floats<'py> = Bound<'py, PyArray1<f32>>;
/// Weights and biases of a layer.
type Pair<'py> = (Floats<'py>, Floats<'py>);
/// Codes with their scales and zero points.
type Codes<'py> = (Bound<'py, PyArray1<i16>>, Floats<'py>, Bound<'py, PyArray1<i32>>);
/// Matrices, rows, depth and columns.
type Extents = (usize, usize, usize, usize);

#[pymethods]
impl Layer {
    /// What it sees of its input and of what is loaded, and what it makes of them.
    fn run<'py>(
        &self,
        py: Python<'py>,
        inputs: PyReadonlyArray1<'_, f32>,
        loaded: PyReadonlyArray1<'_, f32>,
        running: Running,
    ) -> PyResult<(Floats<'py>, Floats<'py>, Floats<'py>)> {
        let (inputs, loaded) = (inputs.to_vec()?, loaded.to_vec()?);
        let made = wait::run(py, &running, |_| Ok(self.layer.run(&inputs, &loaded)?))?;
        let array = |values| PyArray1::from_vec(py, values);
        Ok((array(made.inputs), array(made.loaded), array(made.outputs)))
    }

    /// What it reads: the tensor and those that it was rearranged from, scale, zero point and dropped
    /// bits.
    #[getter]
    fn inputs(&self) -> Vec<(Vec<String>, f32, u8, u32)> {
        let inputs = self.codes.inputs.iter();
        inputs
            .map(|it| (it.tensors.clone(), it.codes.scale, it.codes.zero_point, it.dropped_bits))
            .collect()
    }

    /// What its results are multiplied by.
    #[getter]
    fn factor(&self) -> f32 {
        self.codes.factor
    }

    /// Whether the weights are int8; uint8 otherwise.
    #[getter]
    fn signed(&self) -> bool {
        self.codes.weights.as_ref().is_some_and(|weights| weights.signed)
    }

    /// Weight codes, with the scale and zero point of each filter.
    #[getter]
    fn weights<'py>(&self, py: Python<'py>) -> Option<Codes<'py>> {
        let WeightCodes { codes, scales, zero_points, .. } = self.codes.weights.as_ref()?;
        let scales = PyArray1::from_slice(py, scales);
        Some((PyArray1::from_slice(py, codes), scales, PyArray1::from_slice(py, zero_points)))
    }
}

/// A layer by its node: its weights and biases, or the extents of its products.
pub fn factors<'py>(
    py: Python<'py>,
    (node, factors): (String, Factors),
) -> (String, Option<Pair<'py>>, Option<Extents>) {
    match factors {
        Factors::Parameters(of) => {
            let pair = (PyArray1::from_slice(py, &of.weights), PyArray1::from_slice(py, &of.bias));
            (node, Some(pair), None)
        }
        Factors::Product { matrices, rows, depth, columns } => {
            (node, None, Some((matrices, rows, depth, columns)))
        }
    }
}

/// Weights and biases of layers, from arrays.
pub fn read_parameters(
    arrays: Vec<(PyReadonlyArray1<'_, f32>, PyReadonlyArray1<'_, f32>)>,
) -> PyResult<Vec<Parameters>> {
    let layers = arrays
        .iter()
        .map(|(weights, bias)| Ok(Parameters { weights: weights.to_vec()?, bias: bias.to_vec()? }));
    layers.collect()
}

/// A layer of an emulator; none beyond the last.
pub fn layer_of(
    py: Python<'_>,
    emulator: &recoup::Emulator,
    index: usize,
) -> PyResult<Option<Layer>> {
    let layer = known(py, emulator.layer(index))?;
    let codes = emulator.layer_codes(index);
    Ok(layer.zip(codes).map(|(layer, codes)| Layer { layer, codes }))
}
