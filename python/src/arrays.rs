//! The memory of NumPy's arrays, in and out.

use std::slice;

use numpy::{Element, PyArray, PyArray1, PyArrayDyn, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::prelude::*;
use recoup::data::{ElementKind, Elements, MemoryArray, Output};

use crate::errors;

/// Memory that a Python object keeps.
struct Lent {
    /// Never read: the memory is there as long as this is.
    _owner: Py<PyAny>,
    start: *const u8,
    bytes: usize,
}

// SAFETY: the memory is only read, and `_owner` is only dropped, which pyo3 allows on any thread.
#[expect(unsafe_code, reason = "memory of another program")]
unsafe impl Send for Lent {}
// SAFETY: as above.
#[expect(unsafe_code, reason = "memory of another program")]
unsafe impl Sync for Lent {}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: `lend` took start and length from one contiguous array, which `_owner` keeps from
        // being freed or moved: NumPy resizes no array that somebody refers to. Any bits are a u8.
        // Who writes to an array that Recoup reads gets results of old and new elements; the
        // documentation asks not to.
        #[expect(unsafe_code, reason = "memory of another program")]
        unsafe {
            slice::from_raw_parts(self.start, self.bytes)
        }
    }
}

/// An array as the model's input `name`, which is contiguous and of one of the types below.
pub fn lend(name: String, array: &Bound<'_, PyAny>) -> PyResult<MemoryArray> {
    let typed = lend_as::<u8>(array, ElementKind::U8)
        .or_else(|| lend_as::<i8>(array, ElementKind::I8))
        .or_else(|| lend_as::<f32>(array, ElementKind::F32))
        .or_else(|| lend_as::<i32>(array, ElementKind::I32))
        .or_else(|| lend_as::<i64>(array, ElementKind::I64));
    let (shape, elements) = typed.ok_or_else(|| {
        errors::request(array.py(), &format!("{name}: no contiguous array of a known type"))
    })?;
    Ok(MemoryArray { name, shape, elements })
}

fn lend_as<T: Element>(
    array: &Bound<'_, PyAny>,
    kind: ElementKind,
) -> Option<(Vec<usize>, Elements)> {
    let array = array.cast::<PyArrayDyn<T>>().ok().filter(|array| array.is_c_contiguous())?;
    let lent = Lent {
        _owner: array.as_any().clone().unbind(),
        start: array.data().cast(),
        bytes: array.len() * size_of::<T>(),
    };
    // An empty array may have no memory at all.
    let elements = match lent.bytes {
        0 => Elements::lent(kind, []),
        _ => Elements::lent(kind, lent),
    };
    Some((array.shape().to_vec(), elements))
}

/// A table of 256 x 256.
pub fn square(py: Python<'_>, values: Vec<i32>) -> PyResult<Bound<'_, PyArrayDyn<i32>>> {
    PyArray1::from_vec(py, values).reshape(vec![256, 256])
}

/// An output of a network, with its name.
pub fn give(py: Python<'_>, output: Output) -> PyResult<(String, Bound<'_, PyArrayDyn<f32>>)> {
    let values = PyArray::from_vec(py, output.values);
    Ok((output.name, values.reshape(output.shape)?))
}
