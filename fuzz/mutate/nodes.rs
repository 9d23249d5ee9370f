//! Changes to nodes.

use super::bytes::Bytes;
use super::graph;
use crate::pb::attribute_proto::AttributeType;
use crate::pb::tensor_proto::DataType;
use crate::pb::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto};

/// What a node can be turned into.
const OPERATORS: &[&str] = &[
    "Relu",
    "Add",
    "Mul",
    "Mod",
    "Conv",
    "ConvTranspose",
    "Gemm",
    "MatMul",
    "MaxPool",
    "AveragePool",
    "LpPool",
    "GlobalAveragePool",
    "Softmax",
    "Concat",
    "Split",
    "Reshape",
    "Transpose",
    "Flatten",
    "Gather",
    "GatherND",
    "ScatterND",
    "Shape",
    "Slice",
    "Pad",
    "Expand",
    "Tile",
    "Squeeze",
    "Unsqueeze",
    "BatchNormalization",
    "LayerNormalization",
    "QuantizeLinear",
    "DequantizeLinear",
    "Resize",
    "TopK",
    "OneHot",
    "Einsum",
    "Loop",
    "Identity",
    "Cast",
    "ReduceMean",
    "ConstantOfShape",
    "Range",
    "LRN",
    "Where",
    "Clip",
    "CumSum",
    "ArgMax",
    "NonZero",
    "Constant",
    "LSTM",
];

/// What an inserted node needs beside its input.
enum Extra {
    /// A constant list of integers, of so many of them.
    Ints(usize),
    /// A constant float number.
    Float,
    /// An attribute that is a list of integers, of so many of them.
    Attribute(&'static str, usize),
    /// An attribute that is an integer.
    Number(&'static str),
}

/// Nodes to insert: an operator, and what it needs.
const INSERTED: &[(&str, &[Extra])] = &[
    ("Expand", &[Extra::Ints(4)]),
    ("Tile", &[Extra::Ints(4)]),
    ("Pad", &[Extra::Ints(8)]),
    ("Reshape", &[Extra::Ints(2)]),
    ("Reshape", &[Extra::Ints(4)]),
    ("Transpose", &[Extra::Attribute("perm", 4)]),
    ("Slice", &[Extra::Ints(1), Extra::Ints(1), Extra::Ints(1), Extra::Ints(1)]),
    ("MaxPool", &[Extra::Attribute("kernel_shape", 2), Extra::Attribute("pads", 4)]),
    ("MaxPool", &[Extra::Attribute("kernel_shape", 2), Extra::Number("ceil_mode")]),
    ("AveragePool", &[Extra::Attribute("kernel_shape", 2), Extra::Attribute("pads", 4)]),
    ("AveragePool", &[Extra::Attribute("kernel_shape", 2), Extra::Attribute("strides", 2)]),
    ("Gather", &[Extra::Ints(2), Extra::Number("axis")]),
    ("Squeeze", &[Extra::Ints(1)]),
    ("Unsqueeze", &[Extra::Ints(1)]),
    ("Softmax", &[Extra::Number("axis")]),
    ("Flatten", &[Extra::Number("axis")]),
    ("ReduceMean", &[Extra::Attribute("axes", 1)]),
    ("DepthToSpace", &[Extra::Number("blocksize")]),
    ("SpaceToDepth", &[Extra::Number("blocksize")]),
    ("Clip", &[Extra::Float, Extra::Float]),
    ("Div", &[Extra::Float]),
    ("Mul", &[Extra::Float]),
    ("Pow", &[Extra::Float]),
    ("QuantizeLinear", &[Extra::Float]),
    ("LeakyRelu", &[]),
    ("GlobalAveragePool", &[]),
    ("Shape", &[]),
    ("NonZero", &[]),
    ("TopK", &[Extra::Ints(1)]),
    ("LRN", &[Extra::Number("size")]),
    ("CumSum", &[Extra::Ints(1)]),
    ("ConstantOfShape", &[]),
];

/// A node between a tensor and those who read it.
pub fn insert(model: &mut ModelProto, bytes: &mut Bytes) {
    let graph = graph(model);
    let Some((place, tensor)) = tensor(graph, bytes) else { return };
    let (operator, extras) = bytes.pick(INSERTED);
    let name = format!("inserted{}", graph.node.len() + graph.initializer.len());
    let mut node = NodeProto {
        op_type: (*operator).into(),
        input: vec![tensor.clone()],
        output: vec![name.clone()],
        ..Default::default()
    };
    for (index, extra) in extras.iter().enumerate() {
        let constant = format!("{name}/{index}");
        match extra {
            Extra::Ints(length) => {
                let values = (0..*length).flat_map(|_| bytes.int().to_le_bytes()).collect();
                let dims = vec![*length as i64];
                graph.initializer.push(raw(&constant, DataType::Int64, dims, values));
                node.input.push(constant);
            }
            Extra::Float => {
                let value = bytes.float().to_le_bytes().to_vec();
                graph.initializer.push(raw(&constant, DataType::Float, vec![], value));
                node.input.push(constant);
            }
            Extra::Attribute(name, length) => node.attribute.push(AttributeProto {
                name: (*name).into(),
                r#type: AttributeType::Ints as i32,
                ints: (0..*length).map(|_| bytes.int()).collect(),
                ..Default::default()
            }),
            Extra::Number(name) => node.attribute.push(AttributeProto {
                name: (*name).into(),
                r#type: AttributeType::Int as i32,
                i: bytes.int(),
                ..Default::default()
            }),
        }
    }
    let readers = graph.node[place..].iter_mut().flat_map(|node| &mut node.input);
    readers.filter(|input| **input == tensor).for_each(|input| input.clone_from(&name));
    graph.node.insert(place, node);
}

fn raw(name: &str, data_type: DataType, dims: Vec<i64>, raw_data: Vec<u8>) -> TensorProto {
    let data_type = data_type as i32;
    TensorProto { name: name.into(), data_type, dims, raw_data, ..Default::default() }
}

/// A tensor, and the place of the first node that may read it.
fn tensor(graph: &GraphProto, bytes: &mut Bytes) -> Option<(usize, String)> {
    let inputs = graph.input.iter().map(|input| (0, input.name.clone()));
    let outputs = graph.node.iter().enumerate().flat_map(|(index, node)| {
        node.output.iter().map(move |output| (index + 1, output.clone()))
    });
    let all: Vec<_> = inputs.chain(outputs).collect();
    if all.is_empty() { None } else { Some(bytes.pick(&all).clone()) }
}

pub fn change_operator(model: &mut ModelProto, bytes: &mut Bytes) {
    if let Some(node) = bytes.pick_mut(&mut graph(model).node) {
        node.op_type = (*bytes.pick(OPERATORS)).into();
    }
}

pub fn change_domain(model: &mut ModelProto, bytes: &mut Bytes) {
    if let Some(node) = bytes.pick_mut(&mut graph(model).node) {
        node.domain = (*bytes.pick(&["com.microsoft", "ai.onnx", "foreign", "ai.onnx.ml"])).into();
    }
}

/// Takes a node out; its first input stands for its first output.
pub fn remove(model: &mut ModelProto, bytes: &mut Bytes) {
    let graph = graph(model);
    if graph.node.is_empty() {
        return;
    }
    let index = bytes.below(graph.node.len());
    let node = graph.node.remove(index);
    let (Some(input), Some(output)) = (node.input.first(), node.output.first()) else { return };
    let readers = graph.node.iter_mut().flat_map(|node| &mut node.input);
    readers.filter(|name| *name == output).for_each(|name| name.clone_from(input));
}

/// Drops, doubles, empties or swaps names of a list.
fn change_names(names: &mut Vec<String>, bytes: &mut Bytes) {
    let kind = bytes.byte() % 5;
    if names.is_empty() {
        return;
    }
    let index = bytes.below(names.len());
    match kind {
        0 => drop(names.remove(index)),
        1 => names.push(names[index].clone()),
        2 => names[index].clear(),
        3 => names.swap(0, index),
        _ => names[index] = "nowhere".into(),
    }
}

pub fn change_inputs(model: &mut ModelProto, bytes: &mut Bytes) {
    if let Some(node) = bytes.pick_mut(&mut graph(model).node) {
        change_names(&mut node.input, bytes);
    }
}

pub fn change_outputs(model: &mut ModelProto, bytes: &mut Bytes) {
    if let Some(node) = bytes.pick_mut(&mut graph(model).node) {
        change_names(&mut node.output, bytes);
    }
}

/// Another tensor for an input, mostly one that is made before.
pub fn rewire(model: &mut ModelProto, bytes: &mut Bytes) {
    let graph = graph(model);
    let constants = graph.initializer.iter().map(|constant| constant.name.clone());
    let outputs = graph.node.iter().flat_map(|node| node.output.clone());
    let names: Vec<_> = constants.chain(outputs).collect();
    if names.is_empty() {
        return;
    }
    let name = bytes.pick(&names).clone();
    if let Some(node) = bytes.pick_mut(&mut graph.node)
        && let Some(input) = bytes.pick_mut(&mut node.input)
    {
        *input = name;
    }
}
