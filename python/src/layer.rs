//! Layers by themselves.

use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;
use recoup::layers::{LayerCodes, LoneLayer, Parameters};

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

#[pymethods]
impl Layer {
    /// What it sees, and what it makes of it.
    fn run<'py>(
        &self,
        py: Python<'py>,
        inputs: PyReadonlyArray1<'_, f32>,
        running: Running,
    ) -> PyResult<(Floats<'py>, Floats<'py>)> {
        let inputs = inputs.to_vec()?;
        let made = wait::run(py, &running, |_| Ok(self.layer.run(&inputs)?))?;
        Ok((PyArray1::from_vec(py, made.inputs), PyArray1::from_vec(py, made.outputs)))
    }

    /// The tensor of the file that it reads.
    #[getter]
    fn tensor(&self) -> &str {
        &self.codes.tensor
    }

    /// Scale, zero point and dropped bits of that tensor.
    #[getter]
    fn input(&self) -> (f32, u8, u32) {
        (self.codes.input.scale, self.codes.input.zero_point, self.codes.dropped_bits)
    }

    /// Whether the weights are int8; uint8 otherwise.
    #[getter]
    fn signed(&self) -> bool {
        self.codes.signed
    }

    /// Weight codes, with the scale and zero point of each filter.
    #[getter]
    fn weights<'py>(
        &self,
        py: Python<'py>,
    ) -> (Bound<'py, PyArray1<i16>>, Floats<'py>, Bound<'py, PyArray1<i32>>) {
        let LayerCodes { weights, scales, zero_points, .. } = &self.codes;
        let scales = PyArray1::from_slice(py, scales);
        (PyArray1::from_slice(py, weights), scales, PyArray1::from_slice(py, zero_points))
    }
}

/// Weights and biases of a layer, as arrays.
pub fn parameters<'py>(py: Python<'py>, of: &Parameters) -> (Floats<'py>, Floats<'py>) {
    (PyArray1::from_slice(py, &of.weights), PyArray1::from_slice(py, &of.bias))
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
