//! Constants of a model. rten's four element types are ours, too: float32, int32, int8, uint8.
//! int64 and bool are int32 there, float64 and float16 are float32.

use rten::Value;
use rten_tensor::{AsView, Layout};

use super::pb;
use super::pb::tensor_proto::DataType;

/// A number that elements can be read as.
pub(crate) trait Number: Sized {
    fn from_f32(value: f32) -> Self;
    fn from_i32(value: i32) -> Self;
}

macro_rules! number {
    ($($kind:ty),*) => {$(
        impl Number for $kind {
            fn from_f32(value: f32) -> Self {
                value as $kind
            }
            fn from_i32(value: i32) -> Self {
                value as $kind
            }
        }
    )*};
}
number!(f32, f64, i16, i32, i64);

/// A tensor's elements, last axis fastest, as numbers of one type; `None` for a sequence.
pub(crate) fn numbers<T: Number>(tensor: &Value) -> Option<Vec<T>> {
    Some(match tensor {
        Value::FloatTensor(tensor) => tensor.iter().map(|&value| T::from_f32(value)).collect(),
        Value::Int32Tensor(tensor) => tensor.iter().map(|&value| T::from_i32(value)).collect(),
        Value::Int8Tensor(tensor) => {
            tensor.iter().map(|&value| T::from_i32(value.into())).collect()
        }
        Value::UInt8Tensor(tensor) => {
            tensor.iter().map(|&value| T::from_i32(value.into())).collect()
        }
        _ => return None,
    })
}

/// The only element of a tensor of any rank.
pub(crate) fn scalar<T: Number>(tensor: &Value) -> Option<T> {
    if tensor.len() != 1 {
        return None;
    }
    numbers(tensor)?.pop()
}

/// A constant of float32.
pub(crate) fn floats(shape: &[usize], elements: Vec<f32>) -> Value {
    Value::from_shape(shape, elements).expect("as many elements as the shape has")
}

/// A constant of int32.
pub(crate) fn integers(shape: &[usize], elements: Vec<i32>) -> Value {
    Value::from_shape(shape, elements).expect("as many elements as the shape has")
}

/// Whole numbers as int8 or uint8.
///
/// # Errors
/// When one of them is no such code.
pub(crate) fn codes(tensor: &Value, signed: bool) -> Result<Value, String> {
    let numbers = numbers::<i32>(tensor).ok_or("makes no tensor")?;
    let none = |_| "makes numbers that are no 8-bit codes".to_string();
    let shape = tensor.shape();
    Ok(match signed {
        true => {
            let codes = numbers.into_iter().map(i8::try_from).collect::<Result<Vec<_>, _>>();
            Value::from_shape(&shape, codes.map_err(none)?).expect("as many elements")
        }
        false => {
            let codes = numbers.into_iter().map(u8::try_from).collect::<Result<Vec<_>, _>>();
            Value::from_shape(&shape, codes.map_err(none)?).expect("as many elements")
        }
    })
}

/// As a tensor of an ONNX file.
pub(crate) fn to_proto(name: &str, tensor: &Value) -> pb::TensorProto {
    let (data_type, raw_data) = match tensor {
        Value::FloatTensor(tensor) => {
            (DataType::Float, tensor.iter().flat_map(|value| value.to_le_bytes()).collect())
        }
        Value::Int32Tensor(tensor) => {
            (DataType::Int32, tensor.iter().flat_map(|value| value.to_le_bytes()).collect())
        }
        Value::Int8Tensor(tensor) => {
            (DataType::Int8, tensor.iter().map(|&value| value as u8).collect())
        }
        Value::UInt8Tensor(tensor) => (DataType::Uint8, tensor.to_vec()),
        _ => unreachable!("constants are tensors"),
    };
    pb::TensorProto {
        name: name.into(),
        dims: tensor.shape().iter().map(|&dim| dim as i64).collect(),
        data_type: data_type as i32,
        raw_data,
        ..Default::default()
    }
}

/// Bits of one element in `raw_data`; `None` for types that no network for images uses.
pub(crate) fn element_bits(data_type: DataType) -> Option<usize> {
    Some(match data_type {
        DataType::Int4 | DataType::Uint4 => 4,
        DataType::Bool | DataType::Uint8 | DataType::Int8 => 8,
        DataType::Float16 | DataType::Bfloat16 | DataType::Uint16 | DataType::Int16 => 16,
        DataType::Float | DataType::Int32 | DataType::Uint32 => 32,
        DataType::Double | DataType::Int64 | DataType::Uint64 => 64,
        _ => return None,
    })
}

/// Decodes a tensor whose data lies in the message itself, in `raw_data` or a typed field.
pub(crate) fn from_proto(proto: &pb::TensorProto) -> Result<Value, String> {
    let data_type = DataType::try_from(proto.data_type)
        .map_err(|_| format!("unknown data type {}", proto.data_type))?;
    let bits = element_bits(data_type)
        .ok_or_else(|| format!("data type {} is not supported", data_type.as_str_name()))?;
    let impossible = || format!("its shape {:?} is impossible", proto.dims);
    let shape: Vec<usize> = proto
        .dims
        .iter()
        .map(|&dim| usize::try_from(dim).map_err(|_| impossible()))
        .collect::<Result<_, _>>()?;
    let volume = shape.iter().try_fold(1usize, |volume, &dim| volume.checked_mul(dim));
    let volume = volume.filter(|volume| volume.checked_mul(8).is_some()).ok_or_else(impossible)?;
    let bytes = (volume * bits).div_ceil(8);
    let raw = &proto.raw_data;
    if !raw.is_empty() && raw.len() != bytes {
        return Err(format!(
            "{} bytes of data where its shape {:?} needs {bytes}",
            raw.len(),
            proto.dims
        ));
    }
    let counted = |count: usize| {
        (count == volume).then_some(()).ok_or_else(|| {
            format!("{count} elements of data where its shape {:?} needs {volume}", proto.dims)
        })
    };
    let value = match data_type {
        DataType::Float | DataType::Double | DataType::Float16 | DataType::Bfloat16 => {
            let elements = match (data_type, raw.is_empty()) {
                (DataType::Float, true) => proto.float_data.clone(),
                (DataType::Double, true) => {
                    proto.double_data.iter().map(|&value| value as f32).collect()
                }
                (_, true) => {
                    proto.int32_data.iter().map(|&bits| half(bits as u16, data_type)).collect()
                }
                (DataType::Float, false) => words(raw, f32::from_le_bytes),
                (DataType::Double, false) => words(raw, |word| f64::from_le_bytes(word) as f32),
                (_, false) => words(raw, |word| half(u16::from_le_bytes(word), data_type)),
            };
            counted(elements.len())?;
            floats(&shape, elements)
        }
        DataType::Int8 | DataType::Int4 => {
            let elements: Vec<i8> = match (data_type, raw.is_empty()) {
                (DataType::Int8, true) => {
                    proto.int32_data.iter().map(|&value| value as i8).collect()
                }
                (DataType::Int8, false) => raw.iter().map(|&byte| byte as i8).collect(),
                _ => nibbles(proto, volume).map(|nibble| (nibble << 4) as i8 >> 4).collect(),
            };
            counted(elements.len())?;
            Value::from_shape(&shape, elements).expect("counted")
        }
        DataType::Uint8 | DataType::Uint4 => {
            let elements: Vec<u8> = match (data_type, raw.is_empty()) {
                (DataType::Uint8, true) => {
                    proto.int32_data.iter().map(|&value| value as u8).collect()
                }
                (DataType::Uint8, false) => raw.clone(),
                _ => nibbles(proto, volume).collect(),
            };
            counted(elements.len())?;
            Value::from_shape(&shape, elements).expect("counted")
        }
        _ => {
            let elements = whole_numbers(proto, data_type);
            counted(elements.len())?;
            // Ends of slices are often the largest number there is.
            let narrow = |value: i64| value.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
            integers(&shape, elements.into_iter().map(narrow).collect())
        }
    };
    Ok(value)
}

fn words<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.chunks_exact(N).map(|word| read(word.try_into().expect("N bytes"))).collect()
}

/// The first `volume` of the elements of 4 bits, low half first.
fn nibbles(proto: &pb::TensorProto, volume: usize) -> impl Iterator<Item = u8> {
    let bytes: Vec<u8> = match proto.raw_data.is_empty() {
        true => proto.int32_data.iter().map(|&value| value as u8).collect(),
        false => proto.raw_data.clone(),
    };
    bytes.into_iter().flat_map(|byte| [byte & 15, byte >> 4]).take(volume)
}

fn whole_numbers(proto: &pb::TensorProto, data_type: DataType) -> Vec<i64> {
    let raw = &proto.raw_data;
    let wide = |value: u64| value.min(i64::MAX as u64) as i64;
    match (data_type, raw.is_empty()) {
        (DataType::Int64, true) => proto.int64_data.clone(),
        (DataType::Int64, false) => words(raw, i64::from_le_bytes),
        (DataType::Uint64 | DataType::Uint32, true) => {
            proto.uint64_data.iter().map(|&value| wide(value)).collect()
        }
        (DataType::Uint64, false) => words(raw, |word| wide(u64::from_le_bytes(word))),
        (DataType::Uint32, false) => words(raw, |word| u32::from_le_bytes(word).into()),
        (_, true) => proto.int32_data.iter().map(|&value| value.into()).collect(),
        (DataType::Int32, false) => words(raw, |word| i32::from_le_bytes(word).into()),
        (DataType::Int16, false) => words(raw, |word| i16::from_le_bytes(word).into()),
        (DataType::Uint16, false) => words(raw, |word| u16::from_le_bytes(word).into()),
        (_, false) => raw.iter().map(|&byte| byte.into()).collect(),
    }
}

/// float16 or bfloat16.
fn half(bits: u16, data_type: DataType) -> f32 {
    if data_type == DataType::Bfloat16 {
        return f32::from_bits(u32::from(bits) << 16);
    }
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f32.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn float16_and_bfloat16_by_hand() {
        let half = |bits| super::half(bits, DataType::Float16);
        assert_eq!([half(0x3c00), half(0xc500), half(0x0001)], [1.0, -5.0, 2f32.powi(-24)]);
        assert_eq!([half(0x7bff), half(0x7c00)], [65504.0, f32::INFINITY]);
        assert_eq!(super::half(0x3fc0, DataType::Bfloat16), 1.5);
    }

    #[test]
    fn four_bits_are_packed_low_half_first() {
        let mut proto = pb::TensorProto {
            dims: vec![3],
            data_type: DataType::Int4 as i32,
            raw_data: vec![0x8f, 0x07],
            ..Default::default()
        };
        assert_eq!(numbers(&from_proto(&proto).unwrap()), Some(vec![-1, -8, 7]));
        proto.data_type = DataType::Uint4 as i32;
        assert_eq!(numbers(&from_proto(&proto).unwrap()), Some(vec![15, 8, 7]));
    }

    #[test]
    fn what_is_written_reads_the_same() {
        for value in [floats(&[1, 2], vec![0.5, -3.0]), integers(&[2], vec![7, -9])] {
            assert_eq!(from_proto(&to_proto("t", &value)).unwrap(), value);
        }
    }
}
