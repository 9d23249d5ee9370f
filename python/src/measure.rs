//! Outputs of an evaluation, for an object of Python's: `recoup._metric.Measure`.

use std::io;

use numpy::PyArray1;
use pyo3::prelude::*;
use recoup::data::{Output, Outputs};
use recoup::{Network, Session};

use crate::arrays::give;

/// What a network made of some images.
pub struct Batch {
    candidate: Option<usize>,
    first: usize,
    outputs: Vec<Output>,
}

/// Gives them away, one after the other.
pub struct Given<F> {
    pub network: Network,
    pub take: F,
}

impl<F: FnMut(Batch) -> io::Result<()>> Outputs for Given<F> {
    fn save(
        &mut self,
        candidate: Option<usize>,
        first: usize,
        outputs: &[Vec<f32>],
    ) -> io::Result<()> {
        let outputs = Output::of(self.network.graph(), outputs);
        (self.take)(Batch { candidate, first, outputs })
    }
}

/// Tells which images will come: the numbers that they have in the data, which has so many; the
/// labels of all of it; and the texts of the designs.
pub fn begin(
    py: Python<'_>,
    measure: &Py<PyAny>,
    session: &Session,
    labels: Option<Vec<u32>>,
    designs: &[recoup::Design],
) -> PyResult<()> {
    let evaluated = PyArray1::from_iter(py, session.indices.iter().map(|&index| index as i64));
    let labels = labels.map(|labels| PyArray1::from_iter(py, labels.into_iter().map(i64::from)));
    let designs: Vec<String> = designs.iter().map(ToString::to_string).collect();
    let arguments = (evaluated, session.dataset.len(), labels, designs);
    measure.call_method1(py, "begin", arguments).map(drop)
}

/// Shows what a network made of some images.
pub fn see(py: Python<'_>, measure: &Py<PyAny>, batch: Batch) -> PyResult<()> {
    let Batch { candidate, first, outputs } = batch;
    let outputs = outputs.into_iter().map(|output| give(py, output));
    let outputs = outputs.collect::<PyResult<Vec<_>>>()?;
    measure.call_method1(py, "see", (candidate, first, outputs)).map(drop)
}
