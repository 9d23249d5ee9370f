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
use recoup::records::{ColumnKind, design_columns, exploration_columns};
use serde_json::Value;

use crate::errors::request;

/// A column: name, type, the field of a row, and the place in the field where it is a list.
type Column = (String, String, String, Option<usize>);

/// Rows, which are a JSON list of objects, as a stream of the Arrow C data interface.
#[pyfunction]
pub fn arrow_stream<'py>(
    py: Python<'py>,
    rows: &str,
    columns: Vec<Column>,
) -> PyResult<Bound<'py, PyCapsule>> {
    let stream = stream(rows, &columns).map_err(|error| request(py, &error))?;
    PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
}

/// The columns of designs that were explored, or evaluated.
#[pyfunction]
pub fn columns(explored: bool) -> Vec<Column> {
    let columns = if explored { exploration_columns() } else { design_columns() };
    let named = columns.into_iter().map(|it| {
        (it.name.to_owned(), kind_name(it.kind).to_owned(), it.field.to_owned(), it.place)
    });
    named.collect()
}

const KINDS: [ColumnKind; 4] =
    [ColumnKind::Text, ColumnKind::Integer, ColumnKind::Real, ColumnKind::Boolean];

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
    let made = columns.iter().map(|(name, kind, field, place)| {
        let values = rows.iter().map(|row| match place {
            Some(place) => &row[field][place],
            None => &row[field],
        });
        let kind = KINDS.into_iter().find(|&it| kind_name(it) == kind).ok_or_else(|| {
            ArrowError::SchemaError(format!("column {name}: there is no type \"{kind}\""))
        })?;
        let values = array(kind, values);
        Ok((Field::new(name, values.data_type().clone(), true), values))
    });
    let made = made.collect::<Result<Vec<(Field, ArrayRef)>, ArrowError>>()?;
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = made.into_iter().unzip();
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
