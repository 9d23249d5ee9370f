//! Multipliers.

use std::path::PathBuf;

use numpy::PyArrayDyn;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use recoup::design::WeightCoding;
use recoup::multipliers::{ImportOptions, Imported, Operands, PortNames, ProductTable};

use crate::arrays::square;
use crate::errors::{known, parse};

/// A multiplier, with its own circuit if it was read from one.
#[pyclass(frozen, module = "recoup._recoup")]
pub struct Multiplier {
    /// As the library reads it.
    pub imported: Imported,
}

#[pymethods]
impl Multiplier {
    /// By its name, or a file.
    #[staticmethod]
    #[pyo3(signature = (text, cells, ports, operands, swap))]
    fn read(
        py: Python<'_>,
        text: &str,
        cells: Vec<PathBuf>,
        ports: Option<[String; 3]>,
        operands: Option<&str>,
        swap: bool,
    ) -> PyResult<Self> {
        let mut options = ImportOptions::default();
        let operands =
            operands.map(|operands| parse::<Operands>(py, "operands", operands)).transpose()?;
        options.table.operands = operands;
        options.verilog.operands = operands;
        options.verilog.cells = cells;
        options.verilog.swap = swap;
        options.verilog.ports = ports.map(|[a, b, out]| PortNames { a, b, out });
        let imported = py.detach(|| recoup::multipliers::multiplier(text, &options));
        Ok(Self { imported: known(py, imported)? })
    }

    /// Of 65,536 products, by the bytes of weight and activation.
    #[staticmethod]
    fn of_products(
        py: Python<'_>,
        name: &str,
        products: Vec<i32>,
        operands: &str,
    ) -> PyResult<Self> {
        let operands = parse(py, "operands", operands)?;
        let table = ProductTable::new(operands, products);
        let multiplier = recoup::Multiplier::from_table(name, &table);
        let warnings = Vec::new();
        Ok(Self { imported: Imported { multiplier, table: Some(table), netlist: None, warnings } })
    }

    #[getter]
    fn name(&self) -> String {
        self.imported.multiplier.to_string()
    }

    /// What is odd about the file.
    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.imported.warnings.clone()
    }

    #[getter]
    fn mask(&self) -> Option<u64> {
        self.imported.multiplier.mask()
    }

    #[getter]
    fn is_exact(&self) -> bool {
        self.imported.multiplier.is_exact()
    }

    #[getter]
    fn weights_signed(&self) -> bool {
        self.coding() == WeightCoding::Signed
    }

    #[getter]
    fn identity(&self) -> String {
        self.imported.multiplier.identity(self.coding())
    }

    #[getter]
    fn table<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArrayDyn<i32>>> {
        square(py, self.imported.multiplier.table(self.coding()))
    }

    #[getter]
    fn errors<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArrayDyn<i32>>> {
        square(py, self.imported.multiplier.errors(self.coding()))
    }

    #[getter]
    fn metrics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let metrics = self.imported.multiplier.metrics(self.coding());
        let dict = PyDict::new(py);
        dict.set_item("mae", metrics.mae)?;
        dict.set_item("wce", metrics.wce)?;
        dict.set_item("ep", metrics.ep)?;
        dict.set_item("mre", metrics.mre)?;
        dict.set_item("mse", metrics.mse)?;
        dict.set_item("mean_error", metrics.mean_error)?;
        Ok(dict)
    }
}

impl Multiplier {
    /// That of the weights that it is for; unsigned, if it is for both.
    fn coding(&self) -> WeightCoding {
        self.imported.multiplier.coding().unwrap_or(WeightCoding::Unsigned)
    }
}
