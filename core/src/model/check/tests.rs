//! Every check refuses what it is for, with its message, and lets pass what is sound.
//!
//! Nodes are written as text, `@9 Conv(x, w) -> y; group=2; pads=[1 1]; mode=linear; alpha=0.5`:
//! the operator set (18 if left out), the operator with its domain, inputs, outputs, attributes.

mod arithmetic;
mod attributes;
mod graph;
mod indexing;
mod layout;
mod names;
mod nodes;
mod products;
mod sizes;
mod slicing;
mod tensors;
mod vision;
mod windows;

use super::pb;
use super::pb::attribute_proto::AttributeType;
use super::pb::tensor_proto::DataType;
use super::shapes::{self, Known};

/// The operator set of a node's text, and the node.
fn node(text: &str) -> (i64, pb::NodeProto) {
    let (opset, text) = match text.strip_prefix('@') {
        Some(rest) => {
            let (opset, text) = rest.split_once(' ').expect("a blank after the operator set");
            (opset.parse().expect("a number"), text)
        }
        None => (18, text),
    };
    let (call, rest) = text.split_once(" -> ").expect("an arrow");
    let (operator, inputs) = call.trim_end_matches(')').split_once('(').expect("a bracket");
    let (domain, operator) = operator.split_once(':').unwrap_or(("", operator));
    let mut parts = rest.split(';').map(str::trim);
    let names = |text: &str| match text {
        "" => Vec::new(),
        _ => text.split(',').map(|name| name.trim().to_string()).collect(),
    };
    let node = pb::NodeProto {
        domain: domain.into(),
        op_type: operator.into(),
        input: names(inputs),
        output: names(parts.next().expect("outputs")),
        attribute: parts.map(attribute).collect(),
        ..Default::default()
    };
    (opset, node)
}

fn attribute(text: &str) -> pb::AttributeProto {
    let (name, value) = text.split_once('=').expect("a value");
    let mut attribute = pb::AttributeProto { name: name.into(), ..Default::default() };
    let kind = if let Some(list) = value.strip_prefix('[') {
        let mut words = list.trim_end_matches(']').split_whitespace();
        if list.contains('.') {
            attribute.floats = words.map(|word| word.parse().expect("a float")).collect();
            AttributeType::Floats
        } else {
            attribute.ints = words.by_ref().map(|word| word.parse().expect("an int")).collect();
            AttributeType::Ints
        }
    } else if let Ok(int) = value.parse() {
        attribute.i = int;
        AttributeType::Int
    } else if let Ok(float) = value.parse() {
        attribute.f = float;
        AttributeType::Float
    } else {
        attribute.s = value.into();
        AttributeType::String
    };
    attribute.r#type = kind as i32;
    attribute
}

/// A model of these nodes, whose input is `x` and whose output is the last node's first one; all
/// nodes are of the first one's operator set.
fn model(nodes: &[&str]) -> pb::ModelProto {
    let parsed: Vec<_> = nodes.iter().map(|text| node(text)).collect();
    let output = parsed.last().and_then(|(_, node)| node.output.first()).cloned();
    let graph = pb::GraphProto {
        input: vec![value("x", &[1, 3, 8, 8])],
        output: vec![value(&output.unwrap_or_default(), &[])],
        node: parsed.iter().map(|(_, node)| node.clone()).collect(),
        ..Default::default()
    };
    let opset_import = vec![opset_import("", parsed.first().map_or(18, |(opset, _)| *opset))];
    pb::ModelProto { opset_import, graph: Some(graph), ..Default::default() }
}

fn opset_import(domain: &str, version: i64) -> pb::OperatorSetIdProto {
    pb::OperatorSetIdProto { domain: domain.into(), version }
}

/// The graph of a model, to be changed.
fn graph(model: &mut pb::ModelProto) -> &mut pb::GraphProto {
    model.graph.as_mut().expect("built with one")
}

/// A declared float tensor; its rank is unknown where `dims` is empty.
fn value(name: &str, dims: &[i64]) -> pb::ValueInfoProto {
    use pb::tensor_shape_proto::{Dimension, dimension::Value};
    let dim = |&dim: &i64| Dimension { value: Some(Value::DimValue(dim)), ..Default::default() };
    let shape =
        (!dims.is_empty()).then(|| pb::TensorShapeProto { dim: dims.iter().map(dim).collect() });
    let tensor = pb::type_proto::Tensor { elem_type: DataType::Float as i32, shape };
    let kind = pb::type_proto::Value::TensorType(tensor);
    let r#type = Some(pb::TypeProto { value: Some(kind), ..Default::default() });
    pb::ValueInfoProto { name: name.into(), r#type, ..Default::default() }
}

/// A tensor of float zeros.
fn zeros(name: &str, dims: &[i64]) -> pb::TensorProto {
    pb::TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: DataType::Float as i32,
        raw_data: vec![0; 4 * dims.iter().product::<i64>().max(0) as usize],
        ..Default::default()
    }
}

fn refusal(model: &pb::ModelProto) -> String {
    super::model(model).expect_err("is refused").to_string()
}

/// What is known of an input: `2x3` a shape, `2=5 6` integers with their shape, `2~0.5 1` floats,
/// `=5` a lone number, `?` nothing.
struct Input {
    shape: Option<Vec<usize>>,
    integers: Option<Vec<i64>>,
    floats: Option<Vec<f32>>,
}

impl Input {
    fn new(text: &str) -> Self {
        let (shape, rest) = text.split_at(text.find(['=', '~']).unwrap_or(text.len()));
        let sizes = |text: &str| match text {
            "" => Vec::new(),
            _ => text.split('x').map(|size| size.parse().expect("a size")).collect(),
        };
        fn numbers<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> Vec<T> {
            text.split_whitespace().map(|word| word.parse().expect("a number")).collect()
        }
        Self {
            shape: (shape != "?").then(|| sizes(shape)),
            integers: rest.strip_prefix('=').map(numbers),
            floats: rest.strip_prefix('~').map(numbers),
        }
    }

    fn known(&self) -> Option<Known<'_>> {
        let shape = self.shape.as_deref()?;
        Some(Known { shape, integers: self.integers.clone(), floats: self.floats.clone() })
    }
}

/// What is found of a node with these inputs: an error of the check or of the size, the number of
/// elements, or "unknown".
fn found(text: &str, inputs: &[&str]) -> String {
    let (opset, node) = node(text);
    assert_eq!(node.input.len(), inputs.len(), "{text}");
    let inputs: Vec<_> = inputs.iter().map(|text| Input::new(text)).collect();
    let known: Vec<_> = inputs.iter().map(Input::known).collect();
    if let Err(reason) = shapes::most_output_elements(&node, opset, &known) {
        return reason;
    }
    match shapes::most_output_elements(&node, opset, &known) {
        Err(reason) => reason,
        Ok(None) => "unknown".into(),
        Ok(Some(elements)) => elements.to_string(),
    }
}

/// Compares all of `cases` (node, inputs, what is found), which are also nodes as their operator's
/// schema says.
fn check(cases: &[(&str, &[&str], &str)]) {
    assert!(!cases.is_empty());
    let mut wrong = String::new();
    for (text, inputs, expected) in cases {
        let found = found(text, inputs);
        if found != *expected {
            wrong.push_str(&format!(
                "{text} {inputs:?}\n  found    {found}\n  expected {expected}\n"
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Compares what each of `cases` (node, message) is refused with, in a model of its own in which
/// every input exists; "" is a node that is not refused.
fn check_nodes(cases: &[(&str, &str)]) {
    assert!(!cases.is_empty());
    let mut wrong = String::new();
    for (text, expected) in cases {
        let mut model = model(&[text]);
        let node = graph(&mut model).node[0].clone();
        let mut names = node.input;
        names.retain(|name| !name.is_empty() && name != "x");
        names.sort();
        names.dedup();
        graph(&mut model).initializer = names.iter().map(|name| zeros(name, &[1])).collect();
        graph(&mut model).output = vec![value("x", &[])];
        let found = super::model(&model).err().map_or(String::new(), |problem| problem.reason);
        if found != *expected {
            wrong.push_str(&format!("{text}\n  found    {found}\n  expected {expected}\n"));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}
