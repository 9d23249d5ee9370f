//! Images, or other arrays.

use std::path::PathBuf;

use pyo3::prelude::*;
use recoup::data::{Data as Source, Labels, Preprocess};
use recoup::{DataSpec, Dataset, SessionOptions};

use crate::arrays;
use crate::errors::{known, raise};
use crate::wait::{self, Running};

/// Data, or some images of it.
#[pyclass(frozen, module = "recoup._recoup")]
pub struct Data {
    /// All but what is asked of the network.
    pub options: SessionOptions,
}

#[pymethods]
impl Data {
    /// Of files.
    #[staticmethod]
    fn open(
        py: Python<'_>,
        spec: &str,
        preprocess: &str,
        labels: bool,
        classes: Option<PathBuf>,
        label_offset: i64,
        running: Running,
    ) -> PyResult<Self> {
        let spec: DataSpec =
            spec.parse().map_err(|error| raise(py, &recoup::Error::from(error)))?;
        let data = wait::run(py, &running, |_| Source::open_files(spec))?;
        let options = options(py, data, preprocess, labels)?;
        Ok(Self { options: SessionOptions { classes, label_offset, ..options } })
    }

    /// Of arrays by the names of a model's inputs.
    #[staticmethod]
    fn of_arrays(
        py: Python<'_>,
        arrays: Vec<(String, Bound<'_, PyAny>)>,
        labels: Option<Vec<u32>>,
        preprocess: &str,
        label_offset: i64,
    ) -> PyResult<Self> {
        let arrays = arrays.into_iter().map(|(name, array)| arrays::lend(name, &array));
        let arrays = arrays.collect::<PyResult<_>>()?;
        let data = known(py, Dataset::from_arrays(arrays, labels).map_err(Into::into))?;
        let options = options(py, data.into(), preprocess, true)?;
        Ok(Self { options: SessionOptions { label_offset, ..options } })
    }

    /// Some of the images: the first, or drawn with a seed.
    fn some(&self, images: usize, seed: Option<u64>) -> Self {
        Self { options: SessionOptions { images: Some(images), seed, ..self.options.clone() } }
    }

    /// As it is called in results.
    #[getter]
    fn name(&self) -> String {
        self.options.data.name()
    }

    /// From pixels to the model's input.
    #[getter]
    fn preprocess(&self) -> String {
        self.options.preprocess.to_string()
    }

    /// How many images; none where that takes a model to know.
    #[getter]
    fn images(&self) -> Option<usize> {
        self.options.images.or_else(|| self.options.data.images())
    }
}

fn options(
    py: Python<'_>,
    data: Source,
    preprocess: &str,
    labels: bool,
) -> PyResult<SessionOptions> {
    let preprocess: Preprocess =
        preprocess.parse().map_err(|error| raise(py, &recoup::Error::from(error)))?;
    let labels = if labels { Labels::IfAny } else { Labels::Dropped };
    Ok(SessionOptions { preprocess, labels, ..SessionOptions::new(data) })
}
