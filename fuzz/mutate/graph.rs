//! Changes to the graph around its nodes.

use super::bytes::Bytes;
use super::graph;
use crate::pb::tensor_shape_proto::dimension::Value;
use crate::pb::type_proto::Value as Kind;
use crate::pb::{ModelProto, ValueInfoProto};

pub fn change_opset(model: &mut ModelProto, bytes: &mut Bytes) {
    if let Some(import) = bytes.pick_mut(&mut model.opset_import) {
        let version = bytes.byte();
        import.version = if version < 0x80 { i64::from(version % 29) } else { bytes.int() };
    }
}

/// Another size, an open one, or one more dimension of an input.
pub fn change_input_shape(model: &mut ModelProto, bytes: &mut Bytes) {
    let Some(input) = bytes.pick_mut(&mut graph(model).input) else { return };
    let kind = input.r#type.as_mut().and_then(|kind| kind.value.as_mut());
    let Some(Kind::TensorType(tensor)) = kind else { return };
    if bytes.below(16) == 0 {
        tensor.elem_type = i32::from(bytes.byte() % 30);
    }
    let dims = &mut tensor.shape.get_or_insert_default().dim;
    match bytes.byte() % 4 {
        0 => dims.push(Default::default()),
        1 => drop(dims.pop()),
        _ => {
            if let Some(dim) = bytes.pick_mut(dims) {
                dim.value = Some(Value::DimValue(bytes.int()));
            }
        }
    }
}

pub fn change_order(model: &mut ModelProto, bytes: &mut Bytes) {
    let nodes = &mut graph(model).node;
    if !nodes.is_empty() {
        let (first, second) = (bytes.below(nodes.len()), bytes.below(nodes.len()));
        nodes.swap(first, second);
    }
}

/// Another tensor as an output, or one output more.
pub fn change_outputs(model: &mut ModelProto, bytes: &mut Bytes) {
    let graph = graph(model);
    let names: Vec<_> = graph.node.iter().flat_map(|node| node.output.clone()).collect();
    if names.is_empty() {
        return;
    }
    let name = bytes.pick(&names).clone();
    match bytes.pick_mut(&mut graph.output) {
        Some(output) if bytes.below(2) == 0 => output.name = name,
        _ => graph.output.push(ValueInfoProto { name, ..Default::default() }),
    }
}
