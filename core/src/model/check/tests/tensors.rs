//! Tensors that a file holds or declares.

use super::pb;
use super::pb::tensor_proto::DataType;
use super::{graph, model, refusal, value, zeros};

/// What a model with this initializer is refused with; "" where it is not.
fn of(tensor: pb::TensorProto) -> String {
    let mut model = model(&["Relu(x) -> y"]);
    graph(&mut model).initializer = vec![pb::TensorProto { name: "w".into(), ..tensor }];
    super::super::model(&model).err().map_or(String::new(), |problem| problem.to_string())
}

fn typed(data_type: DataType, dims: &[i64]) -> pb::TensorProto {
    pb::TensorProto { dims: dims.to_vec(), data_type: data_type as i32, ..Default::default() }
}

fn raw(data_type: DataType, dims: &[i64], bytes: usize) -> pb::TensorProto {
    pb::TensorProto { raw_data: vec![0; bytes], ..typed(data_type, dims) }
}

fn int32s(data_type: DataType, dims: &[i64], values: &[i32]) -> pb::TensorProto {
    pb::TensorProto { int32_data: values.to_vec(), ..typed(data_type, dims) }
}

#[test]
fn raw_data_is_as_long_as_the_shape_says() {
    use DataType as T;
    let cases = [
        (T::Float, 12),
        (T::Double, 24),
        (T::Int64, 24),
        (T::Uint64, 24),
        (T::Int32, 12),
        (T::Uint32, 12),
        (T::Int16, 6),
        (T::Uint16, 6),
        (T::Float16, 6),
        (T::Bfloat16, 6),
        (T::Int8, 3),
        (T::Uint8, 3),
        (T::Bool, 3),
        (T::Float8e4m3fn, 3),
        (T::Int4, 2),
        (T::Uint4, 2),
        (T::Float4e2m1, 2),
        (T::Int2, 1),
    ];
    for (data_type, bytes) in cases {
        assert_eq!(of(raw(data_type, &[3, 1], bytes)), "", "{data_type:?}");
        let wrong = of(raw(data_type, &[3, 1], bytes + 1));
        let expected = format!(
            "tensor \"w\": it has {} bytes of data where {} of the shape [3, 1] needs {bytes}; the \
             file is damaged: export it again",
            bytes + 1,
            data_type.as_str_name()
        );
        assert_eq!(wrong, expected);
    }
    assert_eq!(of(raw(T::Float, &[], 4)), "");
    assert_eq!(of(raw(T::Float, &[0, 5], 0)), "");
    assert_eq!(
        of(typed(T::Float, &[1])),
        "tensor \"w\": it has 0 bytes of data where FLOAT of the shape [1] needs 4; the file is damaged: export it again"
    );
}

#[test]
fn typed_data_is_as_long_as_the_shape_says() {
    use DataType as T;
    let float = pb::TensorProto { float_data: vec![0.0; 3], ..typed(T::Float, &[3]) };
    let double = pb::TensorProto { double_data: vec![0.0; 3], ..typed(T::Double, &[3]) };
    let long = pb::TensorProto { int64_data: vec![0; 3], ..typed(T::Int64, &[3]) };
    let unsigned =
        pb::TensorProto { uint64_data: vec![u32::MAX.into(); 3], ..typed(T::Uint32, &[3]) };
    for sound in [&float, &double, &long, &unsigned] {
        assert_eq!(of(sound.clone()), "");
    }
    for sound in [T::Int32, T::Int8, T::Uint16, T::Float16, T::Bool] {
        assert_eq!(of(int32s(sound, &[3], &[0, 1, 1])), "", "{sound:?}");
    }
    assert_eq!(of(int32s(T::Int4, &[3], &[0x17, 1])), "");
    assert_eq!(
        of(int32s(T::Int4, &[3], &[1, 1, 1])),
        "tensor \"w\": it has 3 values where INT4 of the shape [3] needs 2; the file is damaged: export it again"
    );
    assert_eq!(
        of(int32s(T::Int8, &[3], &[1, 1])),
        "tensor \"w\": it has 2 values where INT8 of the shape [3] needs 3; the file is damaged: export it again"
    );
    assert_eq!(
        of(pb::TensorProto { dims: vec![4], ..float.clone() }),
        "tensor \"w\": it has 3 values where FLOAT of the shape [4] needs 4; the file is damaged: export it again"
    );
    assert_eq!(
        of(pb::TensorProto { data_type: T::Int32 as i32, ..float.clone() }),
        "tensor \"w\": it has 0 values where INT32 of the shape [3] needs 3; the file is damaged: export it again"
    );
    assert_eq!(
        of(pb::TensorProto { raw_data: vec![0; 12], ..float.clone() }),
        "tensor \"w\": its data is given twice, in two fields"
    );
    assert_eq!(
        of(pb::TensorProto { int64_data: vec![0; 3], ..float.clone() }),
        "tensor \"w\": its data is given twice, in two fields"
    );
    let segment = Some(pb::tensor_proto::Segment { begin: 0, end: 1 });
    assert_eq!(
        of(pb::TensorProto { segment, ..float }),
        "tensor \"w\": it is a segment of a larger tensor; save the model with whole ones"
    );
}

#[test]
fn typed_data_is_of_its_type() {
    use DataType as T;
    assert_eq!(of(int32s(T::Bool, &[1], &[2])), "tensor \"w\": it holds 2, which is no BOOL");
    assert_eq!(of(int32s(T::Int8, &[1], &[-129])), "tensor \"w\": it holds -129, which is no INT8");
    assert_eq!(of(int32s(T::Uint8, &[1], &[-1])), "tensor \"w\": it holds -1, which is no UINT8");
    assert_eq!(
        of(int32s(T::Float16, &[1], &[0x10000])),
        "tensor \"w\": it holds 65536, which is no FLOAT16"
    );
    let large = pb::TensorProto { uint64_data: vec![1 << 32], ..typed(T::Uint32, &[1]) };
    assert_eq!(of(large), "tensor \"w\": it holds 4294967296, which is no UINT32");
}

#[test]
fn types_and_sizes_are_usable() {
    use DataType as T;
    assert_eq!(
        of(typed(T::Undefined, &[0])),
        "tensor \"w\": it holds UNDEFINED; expected real numbers, integers or bool"
    );
    assert_eq!(
        of(typed(T::String, &[0])),
        "tensor \"w\": it holds STRING; expected real numbers, integers or bool"
    );
    assert_eq!(
        of(raw(T::Complex64, &[1], 8)),
        "tensor \"w\": it holds COMPLEX64; expected real numbers, integers or bool"
    );
    assert_eq!(
        of(pb::TensorProto { data_type: 99, ..typed(T::Float, &[0]) }),
        "tensor \"w\": it has the unknown data type 99"
    );
    assert_eq!(of(typed(T::Float, &[-1])), "tensor \"w\": its shape [-1] has a negative size");
    assert_eq!(
        of(typed(T::Float, &[1 << 40, 1 << 40])),
        "tensor \"w\": its shape [1099511627776, 1099511627776] is too large; at most 64 dimensions and 2147483648 elements are possible"
    );
    assert_eq!(
        of(typed(T::Float, &[0, 1 << 40])),
        "tensor \"w\": its shape [0, 1099511627776] is too large; at most 64 dimensions and 2147483648 elements are possible"
    );
    assert_eq!(
        of(typed(T::Float, &[1; 65])),
        "tensor \"w\": its shape [1, 1, 1, 1, 1, 1, 1, 1, ... 65 in all] is too large; at most 64 dimensions and 2147483648 elements are possible"
    );
}

#[test]
fn external_data_lies_beside_the_model() {
    let external = |entries: &[(&str, &str)]| {
        let entry = |&(key, value): &(&str, &str)| pb::StringStringEntryProto {
            key: key.into(),
            value: value.into(),
        };
        of(pb::TensorProto {
            data_location: pb::tensor_proto::DataLocation::External as i32,
            external_data: entries.iter().map(entry).collect(),
            ..typed(DataType::Float, &[3])
        })
    };
    assert_eq!(external(&[("location", "w.bin"), ("offset", "4096"), ("length", "12")]), "");
    assert_eq!(external(&[("location", "weights/w..bin")]), "");
    let place = |name: &str| {
        format!(
            "tensor \"w\": its data is kept in \"{name}\"; expected a file in the model's own \
             folder: a relative path without \"..\""
        )
    };
    for outside in ["", "/etc/passwd", "../w.bin", "a/../../w.bin", "..\\w.bin", "C:\\w.bin"] {
        assert_eq!(external(&[("location", outside)]), place(outside));
    }
    assert_eq!(
        external(&[("location", "w"), ("location", "v")]),
        "tensor \"w\": the location of its external data is given twice"
    );
    assert_eq!(
        external(&[("location", "w"), ("offset", "-1")]),
        "tensor \"w\": the offset of its external data is \"-1\"; expected bytes"
    );
    assert_eq!(
        external(&[("location", "w"), ("length", "13")]),
        "tensor \"w\": 13 bytes of external data where its shape [3] needs 12"
    );
    let elsewhere = pb::TensorProto { data_location: 7, ..typed(DataType::Float, &[0]) };
    assert_eq!(of(elsewhere), "tensor \"w\": its data is in the unknown place 7");
}

/// What a model with this input is refused with.
fn input(kind: Option<pb::type_proto::Value>) -> String {
    let mut model = model(&["Relu(x) -> y"]);
    graph(&mut model).input[0].r#type = Some(pb::TypeProto { value: kind, ..Default::default() });
    refusal(&model)
}

#[test]
fn inputs_are_tensors_of_numbers() {
    use pb::type_proto::Value as Kind;
    assert_eq!(input(None), "input \"x\": it has no type; expected a tensor");
    assert_eq!(
        input(Some(Kind::SequenceType(Default::default()))),
        "input \"x\": it is a sequence; expected a tensor"
    );
    assert_eq!(
        input(Some(Kind::MapType(Default::default()))),
        "input \"x\": it is a map; expected a tensor"
    );
    assert_eq!(
        input(Some(Kind::OptionalType(Default::default()))),
        "input \"x\": it is optional; expected a tensor"
    );
    assert_eq!(
        input(Some(Kind::SparseTensorType(Default::default()))),
        "input \"x\": it is a sparse tensor; expected a dense one"
    );
    assert_eq!(
        input(Some(Kind::OpaqueType(Default::default()))),
        "input \"x\": its type is opaque; expected a tensor"
    );
    let of_type = |elem_type: i32| {
        Some(Kind::TensorType(pb::type_proto::Tensor { elem_type, ..Default::default() }))
    };
    assert_eq!(
        input(of_type(0)),
        "input \"x\": it holds UNDEFINED; expected real numbers, integers or bool"
    );
    assert_eq!(
        input(of_type(DataType::String as i32)),
        "input \"x\": it holds STRING; expected real numbers, integers or bool"
    );
    assert_eq!(input(of_type(99)), "input \"x\": it has the unknown data type 99");
}

#[test]
fn declared_sizes_are_possible() {
    let declared = |place: usize, dims: &[i64]| {
        let mut model = model(&["Relu(x) -> y"]);
        let info = value(["x", "y", "z"][place], dims);
        match place {
            0 => graph(&mut model).input = vec![info],
            1 => graph(&mut model).output = vec![info],
            _ => graph(&mut model).value_info = vec![info],
        }
        super::super::model(&model).err().map_or(String::new(), |problem| problem.to_string())
    };
    assert_eq!(declared(0, &[-1, 3, 0, 8]), "");
    assert_eq!(declared(0, &[1, -2]), "input \"x\": its shape [1, -2] has a negative size");
    assert_eq!(
        declared(0, &[1 << 62, 1 << 62]),
        "input \"x\": its shape [4611686018427387904, 4611686018427387904] is too large; at most 64 dimensions and 2147483648 elements are possible"
    );
    assert_eq!(
        declared(1, &[1 << 32]),
        "tensor \"y\": its shape [4294967296] is too large; at most 64 dimensions and 2147483648 elements are possible"
    );
    assert_eq!(
        declared(2, &[1 << 32]),
        "tensor \"z\": its shape [4294967296] is too large; at most 64 dimensions and 2147483648 elements are possible"
    );
}

#[test]
fn sparse_initializers_are_refused() {
    let mut model = model(&["Relu(x) -> y"]);
    graph(&mut model).sparse_initializer =
        vec![pb::SparseTensorProto { values: Some(zeros("w", &[1])), ..Default::default() }];
    assert_eq!(
        refusal(&model),
        "tensor \"w\" is sparse; Recoup reads dense ones: save it as an initializer"
    );
}
