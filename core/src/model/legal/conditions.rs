//! Operators that ask of each element what it is. rten takes the sign bit of 0 for its sign, and
//! stores a truth value as the whole number that it is cast from.

use super::{Builder, Known, pb};
use crate::model::attributes::int;
use crate::model::pb::tensor_proto::DataType;
use crate::model::tensor;

/// 1 above zero, -1 below, else the element itself, be it 0 or no number.
pub(super) fn sign(builder: &mut Builder, node: &pb::NodeProto, known: &[Option<Known>]) -> bool {
    let Some(Some(input)) = known.first() else { return false };
    if !input.real {
        return false;
    }
    let [minus, zero, one] = [-1.0, 0.0, 1.0].map(|number| builder.float(number));
    let x = node.input[0].as_str();
    let below = builder.node(node, "Less", &[x, &zero], vec![]);
    let lower = builder.node(node, "Where", &[&below, &minus, x], vec![]);
    let above = builder.node(node, "Greater", &[x, &zero], vec![]);
    builder.last(node, "Where", &[&above, &one, &lower], vec![], &node.output[0]);
    true
}

/// A Cast to bool: whether the element is other than 0.
pub(super) fn cast(builder: &mut Builder, node: &pb::NodeProto, known: &[Option<Known>]) -> bool {
    let Some(Some(input)) = known.first() else { return false };
    if int(node, "to") != Some(DataType::Bool as i64) {
        return false;
    }
    let zero = match input.real {
        true => builder.float(0.0),
        false => builder.constant(tensor::integers(&[], vec![0])),
    };
    let none = builder.node(node, "Equal", &[&node.input[0], &zero], vec![]);
    builder.last(node, "Not", &[&none], vec![], &node.output[0]);
    true
}
