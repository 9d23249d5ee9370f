//! Rows as Arrow columns.

use std::sync::Arc;

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, RecordBatchIterator,
    StringArray,
};
use arrow_schema::{ArrowError, Field, Schema};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use recoup::{Column, ColumnKind, design_columns, exploration_columns};
use serde_json::Value;

use crate::errors::request;

/// Rows, which are a JSON list of objects, as a stream of the Arrow C data interface: designs that
/// were explored, or evaluated.
#[pyfunction]
pub fn arrow_stream<'py>(
    py: Python<'py>,
    rows: &str,
    explored: bool,
) -> PyResult<Bound<'py, PyCapsule>> {
    let stream = stream(rows, &of(explored)).map_err(|error| request(py, &error))?;
    PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
}

/// The columns: name, type, the field of a row, and the place in the field where it is a list.
#[pyfunction]
pub fn columns(explored: bool) -> Vec<(&'static str, &'static str, &'static str, Option<usize>)> {
    let columns = of(explored).into_iter();
    columns.map(|it| (it.name, kind_name(it.kind), it.field, it.place)).collect()
}

fn of(explored: bool) -> Vec<Column> {
    if explored { exploration_columns() } else { design_columns() }
}

fn kind_name(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Text => "text",
        ColumnKind::Integer => "integer",
        ColumnKind::Real => "real",
        ColumnKind::Boolean => "boolean",
    }
}

fn stream(rows: &str, columns: &[Column]) -> Result<FFI_ArrowArrayStream, String> {
    let rows: Vec<Value> =
        serde_json::from_str(rows).map_err(|error| format!("no rows: {error}"))?;
    let batch = batch(&rows, columns).map_err(|error| error.to_string())?;
    let schema = batch.schema();
    let batches = RecordBatchIterator::new([Ok(batch)], schema);
    Ok(FFI_ArrowArrayStream::new(Box::new(batches)))
}

fn batch(rows: &[Value], columns: &[Column]) -> Result<RecordBatch, ArrowError> {
    let made = columns.iter().map(|column| {
        let values = rows.iter().map(|row| match column.place {
            Some(place) => &row[column.field][place],
            None => &row[column.field],
        });
        let values = array(column.kind, values);
        (Field::new(column.name, values.data_type().clone(), true), values)
    });
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = made.unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}

fn array<'v>(kind: ColumnKind, values: impl Iterator<Item = &'v Value>) -> ArrayRef {
    match kind {
        ColumnKind::Text => Arc::new(values.map(Value::as_str).collect::<StringArray>()),
        ColumnKind::Integer => Arc::new(values.map(Value::as_i64).collect::<Int64Array>()),
        ColumnKind::Real => Arc::new(values.map(Value::as_f64).collect::<Float64Array>()),
        ColumnKind::Boolean => Arc::new(values.map(Value::as_bool).collect::<BooleanArray>()),
    }
}
