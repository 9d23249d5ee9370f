//! Changes to initializers and to tensors in attributes.

use super::bytes::Bytes;
use super::graph;
use crate::pb::tensor_proto::DataType;
use crate::pb::{ModelProto, TensorProto};

/// Most elements that a tensor is given.
const MOST_ELEMENTS: usize = 1 << 12;

fn initializer<'a>(model: &'a mut ModelProto, bytes: &mut Bytes) -> Option<&'a mut TensorProto> {
    bytes.pick_mut(&mut graph(model).initializer)
}

/// Bytes of an element of the types that models use.
fn width(tensor: &TensorProto) -> usize {
    match DataType::try_from(tensor.data_type).unwrap_or_default() {
        DataType::Int64 | DataType::Double | DataType::Uint64 => 8,
        DataType::Float16 | DataType::Bfloat16 | DataType::Int16 | DataType::Uint16 => 2,
        DataType::Uint8 | DataType::Int8 | DataType::Bool => 1,
        _ => 4,
    }
}

/// Another value of an element; of its type where that is a usual one.
pub fn change_values(model: &mut ModelProto, bytes: &mut Bytes) {
    if let Some(tensor) = initializer(model, bytes) {
        change(tensor, bytes);
    }
}

pub fn change(tensor: &mut TensorProto, bytes: &mut Bytes) {
    let width = width(tensor);
    let elements = tensor.raw_data.len() / width;
    if elements == 0 {
        if let Some(value) = bytes.pick_mut(&mut tensor.int64_data) {
            *value = bytes.int();
        }
        return;
    }
    let index = bytes.below(elements);
    let place = &mut tensor.raw_data[index * width..][..width];
    if tensor.data_type == DataType::Float as i32 {
        place.copy_from_slice(&bytes.float().to_le_bytes());
    } else {
        place.copy_from_slice(&bytes.int().to_le_bytes()[..width]);
    }
}

/// A shape that does not go with the data.
pub fn change_shape(model: &mut ModelProto, bytes: &mut Bytes) {
    let Some(tensor) = initializer(model, bytes) else { return };
    match bytes.byte() % 4 {
        0 => tensor.dims.push(bytes.int()),
        1 => drop(tensor.dims.pop()),
        2 => tensor.dims.reverse(),
        _ => {
            if let Some(dim) = bytes.pick_mut(&mut tensor.dims) {
                *dim = bytes.int();
            }
        }
    }
}

/// Another shape, with as much data: the elements over again.
pub fn resize(model: &mut ModelProto, bytes: &mut Bytes) {
    let Some(tensor) = initializer(model, bytes) else { return };
    if tensor.raw_data.is_empty() {
        return;
    }
    let small = i64::from(bytes.byte() % 9);
    match bytes.byte() % 4 {
        0 => tensor.dims.push(small),
        1 => drop(tensor.dims.pop()),
        _ => {
            if let Some(dim) = bytes.pick_mut(&mut tensor.dims) {
                *dim = small;
            }
        }
    }
    let product = |elements: usize, &dim: &i64| elements.saturating_mul(dim.max(0) as usize);
    let elements = tensor.dims.iter().fold(1, product).min(MOST_ELEMENTS);
    let data = tensor.raw_data.iter().copied().cycle().take(elements * width(tensor));
    tensor.raw_data = data.collect();
}

/// Another data type, with the same bytes.
pub fn change_type(model: &mut ModelProto, bytes: &mut Bytes) {
    let Some(tensor) = initializer(model, bytes) else { return };
    tensor.data_type = i32::from(bytes.byte() % 30);
}
