//! Tensors that a file holds or declares: types, sizes, and as much data as the size says.

use super::pb;
use super::pb::tensor_proto::{DataLocation, DataType};
use super::text::{list, shown};
use super::{MOST_AXES, MOST_ELEMENTS};

/// Checks a tensor with data.
pub(super) fn check(tensor: &pb::TensorProto) -> Result<(), String> {
    let elements = elements(&tensor.dims)?;
    let data_type = DataType::try_from(tensor.data_type)
        .map_err(|_| format!("it has the unknown data type {}", tensor.data_type))?;
    let bits = bits(data_type).ok_or_else(|| unusable(data_type))?;
    let bytes = (elements * bits).div_ceil(8);
    if tensor.segment.is_some() {
        return Err("it is a segment of a larger tensor; save the model with whole ones".into());
    }
    match DataLocation::try_from(tensor.data_location) {
        Ok(DataLocation::Default) => {}
        Ok(DataLocation::External) => return external(tensor, bytes),
        Err(_) => {
            return Err(format!("its data is in the unknown place {}", tensor.data_location));
        }
    }
    let typed = [
        tensor.float_data.len(),
        tensor.int32_data.len(),
        tensor.string_data.len(),
        tensor.int64_data.len(),
        tensor.double_data.len(),
        tensor.uint64_data.len(),
    ];
    let fields = typed.iter().filter(|&&length| length > 0).count();
    let shape = list(&tensor.dims);
    let kind = data_type.as_str_name();
    if fields + usize::from(!tensor.raw_data.is_empty()) > 1 {
        return Err("its data is given twice, in two fields".into());
    }
    if fields == 0 {
        let found = tensor.raw_data.len();
        if found as u128 != bytes {
            return Err(format!(
                "it has {found} bytes of data where {kind} of the shape {shape} needs {bytes}; \
                 the file is damaged: export it again"
            ));
        }
        return Ok(());
    }
    let (found, needed) = match data_type {
        DataType::Float => (tensor.float_data.len(), elements),
        DataType::Double => (tensor.double_data.len(), elements),
        DataType::Int64 => (tensor.int64_data.len(), elements),
        DataType::Uint32 | DataType::Uint64 => (tensor.uint64_data.len(), elements),
        // Types of less than a byte are packed, one byte in each number.
        _ if bits < 8 => (tensor.int32_data.len(), bytes),
        _ => (tensor.int32_data.len(), elements),
    };
    if found as u128 != needed {
        return Err(format!(
            "it has {found} values where {kind} of the shape {shape} needs {needed}; the file is \
             damaged: export it again"
        ));
    }
    typed_range(tensor, data_type)
}

/// Values must be of their type: a runtime may cut others off without a word.
fn typed_range(tensor: &pb::TensorProto, data_type: DataType) -> Result<(), String> {
    let range = match data_type {
        DataType::Int32 => return Ok(()),
        DataType::Bool => 0..=1,
        DataType::Int8 => -128..=127,
        DataType::Int16 => -32768..=32767,
        DataType::Uint16 | DataType::Float16 | DataType::Bfloat16 => 0..=0xffff,
        // What is packed may be written as a signed byte.
        DataType::Int4 | DataType::Uint4 | DataType::Int2 | DataType::Uint2 => -128..=255,
        _ => 0..=255,
    };
    if let Some(value) = tensor.int32_data.iter().find(|value| !range.contains(*value)) {
        return Err(format!("it holds {value}, which is no {}", data_type.as_str_name()));
    }
    let most = if data_type == DataType::Uint32 { u64::from(u32::MAX) } else { u64::MAX };
    match tensor.uint64_data.iter().find(|&&value| value > most) {
        Some(value) => Err(format!("it holds {value}, which is no {}", data_type.as_str_name())),
        None => Ok(()),
    }
}

/// Data in another file: only what the message itself says; the file is the reader's business.
fn external(tensor: &pb::TensorProto, bytes: u128) -> Result<(), String> {
    let entry = |key: &str| {
        let mut entries = tensor.external_data.iter().filter(|entry| entry.key == key);
        (entries.next().map(|entry| entry.value.as_str()), entries.next().is_some())
    };
    for key in ["location", "offset", "length"] {
        if entry(key).1 {
            return Err(format!("the {key} of its external data is given twice"));
        }
    }
    let location = entry("location").0.unwrap_or_default();
    let leaves = location.split(['/', '\\']).any(|part| part == "..");
    if location.is_empty() || location.starts_with(['/', '\\']) || location.contains(':') || leaves
    {
        return Err(format!(
            "its data is kept in \"{}\"; expected a file in the model's own folder: a relative \
             path without \"..\"",
            shown(location)
        ));
    }
    for key in ["offset", "length"] {
        let Some(text) = entry(key).0 else { continue };
        let number: u64 = text.parse().map_err(|_| {
            format!("the {key} of its external data is \"{}\"; expected bytes", shown(text))
        })?;
        if key == "length" && u128::from(number) != bytes {
            return Err(format!(
                "{number} bytes of external data where its shape {} needs {bytes}",
                list(&tensor.dims)
            ));
        }
    }
    Ok(())
}

/// Number of elements of a shape without unknown dimensions.
pub(super) fn elements(dims: &[i64]) -> Result<u128, String> {
    let mut product: u128 = 1;
    for &dim in dims {
        let size = u128::try_from(dim)
            .map_err(|_| format!("its shape {} has a negative size", list(dims)))?;
        // An empty tensor may not have absurd sizes either: strides are made of them.
        product = product.saturating_mul(size.max(1));
    }
    if dims.len() > MOST_AXES || product > MOST_ELEMENTS {
        return Err(format!(
            "its shape {} is too large; at most {MOST_AXES} dimensions and {MOST_ELEMENTS} \
             elements are possible",
            list(dims)
        ));
    }
    Ok(if dims.contains(&0) { 0 } else { product })
}

/// Checks what an input, an output or an inner tensor is declared to be: a tensor of a possible
/// size. A declaration may be absent, but for a graph's inputs.
pub(super) fn declared(info: &pb::ValueInfoProto, input: bool) -> Result<(), String> {
    use pb::tensor_shape_proto::dimension::Value as Size;
    use pb::type_proto::Value as Kind;
    let kind = info.r#type.as_ref().and_then(|kind| kind.value.as_ref());
    let tensor = match kind {
        Some(Kind::TensorType(tensor)) => tensor,
        None if !input => return Ok(()),
        None => return Err("it has no type; expected a tensor".into()),
        Some(Kind::SequenceType(_)) => return Err("it is a sequence; expected a tensor".into()),
        Some(Kind::MapType(_)) => return Err("it is a map; expected a tensor".into()),
        Some(Kind::OptionalType(_)) => return Err("it is optional; expected a tensor".into()),
        Some(Kind::SparseTensorType(_)) => {
            return Err("it is a sparse tensor; expected a dense one".into());
        }
        Some(Kind::OpaqueType(_)) => return Err("its type is opaque; expected a tensor".into()),
    };
    match DataType::try_from(tensor.elem_type) {
        // Exporters may leave the type of what is not an input open.
        Ok(DataType::Undefined) if !input => {}
        Ok(data_type) => bits(data_type).map(|_| ()).ok_or_else(|| unusable(data_type))?,
        Err(_) => return Err(format!("it has the unknown data type {}", tensor.elem_type)),
    }
    let mut fixed = Vec::new();
    for dim in tensor.shape.iter().flat_map(|shape| &shape.dim) {
        match dim.value {
            // Some exporters write -1 for a size that is not fixed.
            Some(Size::DimValue(-1)) | Some(Size::DimParam(_)) | None => fixed.push(1),
            Some(Size::DimValue(size)) => fixed.push(size),
        }
    }
    elements(&fixed).map(|_| ())
}

/// Bits of one element of the types that can be computed with.
fn bits(data_type: DataType) -> Option<u128> {
    use DataType as T;
    Some(match data_type {
        T::Undefined | T::String | T::Complex64 | T::Complex128 | T::Float6e2m3 | T::Float6e3m2 => {
            return None;
        }
        T::Uint2 | T::Int2 => 2,
        T::Uint4 | T::Int4 | T::Float4e2m1 => 4,
        T::Bool | T::Uint8 | T::Int8 => 8,
        T::Float8e4m3fn | T::Float8e4m3fnuz | T::Float8e5m2 | T::Float8e5m2fnuz => 8,
        T::Float8e8m0 => 8,
        T::Float16 | T::Bfloat16 | T::Uint16 | T::Int16 => 16,
        T::Float | T::Int32 | T::Uint32 => 32,
        T::Double | T::Int64 | T::Uint64 => 64,
    })
}

fn unusable(data_type: DataType) -> String {
    format!("it holds {}; expected real numbers, integers or bool", data_type.as_str_name())
}

/// Checks an attribute that names a data type; 0 stands for "not given" where `open` says so.
pub(super) fn named_type(value: i64, open: bool) -> Result<(), String> {
    let data_type = i32::try_from(value).ok().and_then(|value| DataType::try_from(value).ok());
    match data_type {
        Some(DataType::Undefined) if open => Ok(()),
        Some(data_type) if bits(data_type).is_some() => Ok(()),
        Some(data_type) => Err(format!(
            "is the data type {}; expected real numbers, integers or bool",
            data_type.as_str_name()
        )),
        None => Err(format!("is {value}, which is no data type of ONNX")),
    }
}
