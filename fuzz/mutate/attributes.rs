//! Changes to attributes.

use super::bytes::Bytes;
use super::graph;
use crate::pb::attribute_proto::AttributeType;
use crate::pb::{AttributeProto, ModelProto, NodeProto};

/// Names of attributes that many operators have.
const NAMES: &[&str] = &[
    "axis",
    "axes",
    "perm",
    "pads",
    "strides",
    "dilations",
    "kernel_shape",
    "group",
    "auto_pad",
    "ceil_mode",
    "mode",
    "keepdims",
    "epsilon",
    "alpha",
    "beta",
    "transA",
    "transB",
    "to",
    "allowzero",
    "split",
    "num_outputs",
    "output_shape",
    "blocksize",
    "block_size",
    "equation",
    "output_dtype",
    "count_include_pad",
    "start",
    "end",
    "storage_order",
];

/// Words that some attribute may have, and one that none has.
const WORDS: &[&str] = &[
    "SAME_UPPER",
    "SAME_LOWER",
    "VALID",
    "NOTSET",
    "reflect",
    "edge",
    "constant",
    "wrap",
    "nearest",
    "linear",
    "cubic",
    "CRD",
    "ij,jk->ik",
    "...i->...",
    "odd\u{1b}[2J",
    "",
];

fn node<'a>(model: &'a mut ModelProto, bytes: &mut Bytes) -> Option<&'a mut NodeProto> {
    bytes.pick_mut(&mut graph(model).node)
}

fn attribute<'a>(model: &'a mut ModelProto, bytes: &mut Bytes) -> Option<&'a mut AttributeProto> {
    let with_any = graph(model).node.iter_mut().filter(|node| !node.attribute.is_empty());
    let mut nodes: Vec<_> = with_any.collect();
    let index = if nodes.is_empty() { return None } else { bytes.below(nodes.len()) };
    bytes.pick_mut(&mut nodes.swap_remove(index).attribute)
}

/// Another value of the same type.
pub fn change_value(model: &mut ModelProto, bytes: &mut Bytes) {
    let Some(attribute) = attribute(model, bytes) else { return };
    set(attribute, bytes);
}

fn set(attribute: &mut AttributeProto, bytes: &mut Bytes) {
    match AttributeType::try_from(attribute.r#type).unwrap_or_default() {
        AttributeType::Int => attribute.i = bytes.int(),
        AttributeType::Float => attribute.f = bytes.float(),
        AttributeType::String => attribute.s = bytes.pick(WORDS).as_bytes().to_vec(),
        AttributeType::Ints => list(&mut attribute.ints, bytes, |bytes| bytes.int()),
        AttributeType::Floats => list(&mut attribute.floats, bytes, |bytes| bytes.float()),
        AttributeType::Tensor => {
            super::tensors::change(attribute.t.get_or_insert_default(), bytes);
        }
        _ => {}
    }
}

/// Changes, adds or removes one element of a list.
fn list<T>(values: &mut Vec<T>, bytes: &mut Bytes, value: fn(&mut Bytes) -> T) {
    match bytes.byte() % 4 {
        0 => values.push(value(bytes)),
        1 => drop(values.pop()),
        _ => {
            if let Some(place) = bytes.pick_mut(values) {
                *place = value(bytes);
            }
        }
    }
}

/// A type that does not go with the value.
pub fn change_type(model: &mut ModelProto, bytes: &mut Bytes) {
    let Some(attribute) = attribute(model, bytes) else { return };
    attribute.r#type = i32::from(bytes.byte() % 16);
}

/// One more attribute, or one that is there already.
pub fn add(model: &mut ModelProto, bytes: &mut Bytes) {
    let Some(node) = node(model, bytes) else { return };
    let mut attribute = AttributeProto {
        name: (*bytes.pick(NAMES)).into(),
        r#type: *bytes.pick(&[
            AttributeType::Int as i32,
            AttributeType::Ints as i32,
            AttributeType::String as i32,
            AttributeType::Float as i32,
        ]),
        ..Default::default()
    };
    let length = if attribute.r#type == AttributeType::Ints as i32 { bytes.byte() % 5 } else { 1 };
    attribute.ints = (1..length).map(|_| bytes.int()).collect();
    set(&mut attribute, bytes);
    node.attribute.push(attribute);
}

pub fn remove(model: &mut ModelProto, bytes: &mut Bytes) {
    let Some(node) = node(model, bytes) else { return };
    if !node.attribute.is_empty() {
        let index = bytes.below(node.attribute.len());
        node.attribute.remove(index);
    }
}
