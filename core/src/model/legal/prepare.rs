//! What is done to a whole file before its nodes are looked at.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rten::Value;

use super::quantizers::{FourBits, widen};
use crate::model::check::has_any_number_of_outputs;
use crate::model::error::ModelErrorKind;
use crate::model::{import::node_name, pb, tensor};

/// Constants by their names.
pub(crate) type Constants = HashMap<String, Arc<Value>>;

/// Operators of ONNX Runtime's domain that are those of ONNX itself.
const SAME: &[&str] = &["QuantizeLinear", "DequantizeLinear", "Gelu"];

/// Constants become initializers; nodes that no output needs go. Graphs inside this one are done
/// likewise. Returns the constants, of which the graph keeps but the names.
///
/// # Errors
/// When a tensor's data do not fit its shape, or its type is none that Recoup reads.
pub(crate) fn prepare(graph: &mut pb::GraphProto, opset: i64) -> Result<Constants, ModelErrorKind> {
    prepare_inside(graph, opset, FourBits::new())?;
    let mut constants = Constants::with_capacity(graph.initializer.len());
    for proto in &mut graph.initializer {
        let value = decoded(proto)?;
        let name = std::mem::take(proto).name;
        constants.insert(name.clone(), Arc::new(value));
        proto.name = name;
    }
    Ok(constants)
}

/// A constant of rten's four element types.
fn decoded(proto: &pb::TensorProto) -> Result<Value, ModelErrorKind> {
    tensor::from_proto(proto)
        .map_err(|reason| ModelErrorKind::NotOnnx(format!("tensor \"{}\": {reason}", proto.name)))
}

fn prepare_inside(
    graph: &mut pb::GraphProto,
    opset: i64,
    mut four_bits: FourBits,
) -> Result<(), ModelErrorKind> {
    drop_dead(graph, opset);
    let (constants, nodes) = std::mem::take(&mut graph.node)
        .into_iter()
        .partition::<Vec<_>, _>(|node| node.op_type == "Constant");
    graph.node = nodes;
    for node in graph.node.iter_mut().filter(|node| node.domain == "com.microsoft") {
        if SAME.contains(&node.op_type.as_str()) {
            node.domain.clear();
        }
    }
    for node in constants {
        let tensor = constant(&node).ok_or_else(|| {
            ModelErrorKind::node(
                node_name(&node),
                "Constant",
                "holds no tensor, number or list of numbers",
            )
        })?;
        let name = node.output.into_iter().next().unwrap_or_default();
        graph.initializer.push(pb::TensorProto { name, ..tensor });
    }
    // Before IR version 4, initializers were inputs as well.
    let constants: HashSet<&str> =
        graph.initializer.iter().map(|proto| proto.name.as_str()).collect();
    graph.input.retain(|input| !constants.contains(input.name.as_str()));
    widen(graph, &mut four_bits);
    let attributes = graph.node.iter_mut().flat_map(|node| &mut node.attribute);
    for inner in attributes.filter_map(|attribute| attribute.g.as_mut()) {
        prepare_inside(inner, opset, four_bits.clone())?;
        inner.initializer.iter().try_for_each(|proto| decoded(proto).map(drop))?;
    }
    let outputs = graph.output.iter().map(|output| output.name.as_str());
    let read: HashSet<&str> = graph.node.iter().flat_map(reads).chain(outputs).collect();
    graph.initializer.retain(|proto| read.contains(proto.name.as_str()));
    // Shapes that a file declares may be those of another batch, or wrong.
    graph.value_info.clear();
    Ok(())
}

/// The tensors that a node reads, those of its branches included.
pub(crate) fn reads(node: &pb::NodeProto) -> Vec<&str> {
    let graphs = node.attribute.iter().flat_map(|attribute| attribute.g.iter());
    let inner = graphs.flat_map(|graph| {
        let outputs = graph.output.iter().map(|output| output.name.as_str());
        graph.node.iter().flat_map(reads).chain(outputs)
    });
    node.input.iter().map(String::as_str).chain(inner).collect()
}

/// Drops nodes whose outputs nobody reads, and the names of such outputs behind the first, without
/// which more nodes can run: leftovers of training or of an exporter. Of an operator with any number
/// of outputs, that number says what it does.
fn drop_dead(graph: &mut pb::GraphProto, opset: i64) {
    let mut needed: HashSet<String> =
        graph.output.iter().map(|output| output.name.clone()).collect();
    let mut kept = Vec::with_capacity(graph.node.len());
    for mut node in std::mem::take(&mut graph.node).into_iter().rev() {
        if !has_any_number_of_outputs(&node, opset) {
            let others = node.output.iter_mut().skip(1);
            others.filter(|output| !needed.contains(*output)).for_each(String::clear);
            while node.output.len() > 1 && node.output.last().is_some_and(String::is_empty) {
                node.output.pop();
            }
        }
        if node.output.iter().any(|output| needed.contains(output)) {
            let read = reads(&node).into_iter().filter(|name| !name.is_empty());
            needed.extend(read.map(str::to_string));
            kept.push(node);
        }
    }
    kept.reverse();
    graph.node = kept;
}

/// The tensor of a Constant node.
fn constant(node: &pb::NodeProto) -> Option<pb::TensorProto> {
    use pb::tensor_proto::DataType;
    let attribute = node.attribute.first()?;
    let whole = |dims: Vec<i64>, elements: &[i64]| pb::TensorProto {
        dims,
        data_type: DataType::Int64 as i32,
        int64_data: elements.to_vec(),
        ..Default::default()
    };
    let real = |dims: Vec<i64>, elements: &[f32]| pb::TensorProto {
        dims,
        data_type: DataType::Float as i32,
        float_data: elements.to_vec(),
        ..Default::default()
    };
    Some(match attribute.name.as_str() {
        "value" => attribute.t.clone()?,
        "value_int" => whole(vec![], &[attribute.i]),
        "value_ints" => whole(vec![attribute.ints.len() as i64], &attribute.ints),
        "value_float" => real(vec![], &[attribute.f]),
        "value_floats" => real(vec![attribute.floats.len() as i64], &attribute.floats),
        _ => return None,
    })
}
