//! Changes to a sound model, driven by bytes.
//!
//! Each change takes some bytes: which kind, where, and with what. Bytes that are missing are zeros,
//! so every input is a model, and a longer input is one with more changes. Values are mostly those
//! that checks and loops stumble over: 0, -1, one too many, as large as a type holds.

mod attributes;
mod bytes;
mod graph;
mod nodes;
mod tensors;

use crate::pb;
use bytes::Bytes;

/// Most changes to one model; more make nothing but models that are refused at once.
const MOST_CHANGES: usize = 8;

/// One kind of change.
type Change = fn(&mut pb::ModelProto, &mut Bytes);

/// All of them. What keeps a model sound more often stands here more than once, so that changes
/// reach what comes after the first checks.
const CHANGES: &[Change] = &[
    attributes::change_value,
    attributes::change_value,
    attributes::change_type,
    attributes::add,
    attributes::remove,
    tensors::change_values,
    tensors::change_values,
    tensors::change_shape,
    tensors::resize,
    tensors::resize,
    tensors::change_type,
    nodes::insert,
    nodes::insert,
    nodes::insert,
    nodes::change_operator,
    nodes::change_domain,
    nodes::remove,
    nodes::change_inputs,
    nodes::change_outputs,
    nodes::rewire,
    graph::change_opset,
    graph::change_input_shape,
    graph::change_order,
    graph::change_outputs,
];

/// Changes `model` as `bytes` say.
pub fn mutate(model: &mut pb::ModelProto, bytes: &[u8]) {
    let mut bytes = Bytes::new(bytes);
    for _ in 0..MOST_CHANGES {
        if bytes.is_empty() {
            return;
        }
        let change = *bytes.pick(CHANGES);
        change(model, &mut bytes);
    }
}

/// The graph, which every seed has.
fn graph(model: &mut pb::ModelProto) -> &mut pb::GraphProto {
    model.graph.get_or_insert_default()
}
