//! ONNX models built in memory.

#![allow(dead_code, reason = "not every test needs all of it")]

use prost::Message;
use recoup_core::model::pb::attribute_proto::AttributeType;
use recoup_core::model::pb::tensor_proto::DataType;
use recoup_core::model::pb::tensor_shape_proto::{Dimension, dimension};
use recoup_core::model::pb::*;

/// A model of operator set 13 from `input` of this shape to `output`.
pub fn model_of(
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
    input: &[Option<i64>],
) -> ModelProto {
    let graph = GraphProto {
        name: "net".into(),
        node: nodes,
        initializer: initializers,
        output: vec![float_tensor("output", None)],
        ..Default::default()
    };
    let mut model = ModelProto {
        ir_version: 8,
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 13 }],
        graph: Some(graph),
        ..Default::default()
    };
    set_input(&mut model, input);
    model
}

/// Gives the model's input another shape; `None` is a dynamic dimension.
pub fn set_input(model: &mut ModelProto, shape: &[Option<i64>]) {
    model.graph.as_mut().unwrap().input = vec![float_tensor("input", Some(shape))];
}

pub fn node(operator: &str, name: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: operator.into(),
        name: name.into(),
        input: inputs.iter().map(|input| input.to_string()).collect(),
        output: vec![output.into()],
        ..Default::default()
    }
}

pub fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Ints as i32,
        ints: values.to_vec(),
        ..Default::default()
    }
}

pub fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Int as i32,
        i: value,
        ..Default::default()
    }
}

pub fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Float as i32,
        f: value,
        ..Default::default()
    }
}

pub fn tensor(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: DataType::Float as i32,
        float_data: values.to_vec(),
        ..Default::default()
    }
}

/// A tensor of whole numbers.
pub fn whole(name: &str, dims: &[i64], values: &[i64]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: DataType::Int64 as i32,
        int64_data: values.to_vec(),
        ..Default::default()
    }
}

pub fn encode(model: &ModelProto) -> Vec<u8> {
    model.encode_to_vec()
}

fn float_tensor(name: &str, shape: Option<&[Option<i64>]>) -> ValueInfoProto {
    let dimension = |dim: &Option<i64>| Dimension {
        value: Some(match dim {
            Some(size) => dimension::Value::DimValue(*size),
            None => dimension::Value::DimParam("size".into()),
        }),
        ..Default::default()
    };
    let shape = shape.map(|shape| TensorShapeProto { dim: shape.iter().map(dimension).collect() });
    ValueInfoProto {
        name: name.into(),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(type_proto::Tensor {
                elem_type: DataType::Float as i32,
                shape,
            })),
            ..Default::default()
        }),
        ..Default::default()
    }
}
