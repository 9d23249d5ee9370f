//! Where the largest or smallest element along an axis lies. Of equal ones rten takes the last,
//! ONNX the first unless it is told otherwise.

use crate::model::tensor;

use super::builder::whole;
use super::{Builder, Known, pb};
use crate::model::attributes::int;

/// ArgMax and ArgMin.
pub(super) fn position(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
    opset: i64,
) -> bool {
    let flag = |name, default| int(node, name).unwrap_or(default) != 0;
    let axis = int(node, "axis").unwrap_or(0);
    let extreme = if node.op_type == "ArgMin" { "ReduceMin" } else { "ReduceMax" };
    let last = flag("select_last_index", 0);
    let keep = flag("keepdims", 1);
    let found = positions(builder, node, known, opset, (extreme, axis, last, keep));
    let Some(position) = found else { return false };
    builder.last(node, "Identity", &[&position], vec![], &node.output[0]);
    true
}

/// 1 where the first of the largest values along an axis lies, else 0.
pub(super) fn hardmax(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
    opset: i64,
) -> bool {
    let Some(Some(input)) = known.first() else { return false };
    let axis = int(node, "axis").unwrap_or(-1);
    let Some(classes) = size(input, axis) else { return false };
    let how = ("ReduceMax", axis, false, false);
    let Some(largest) = positions(builder, node, known, opset, how) else { return false };
    let classes = builder.constant(tensor::integers(&[], vec![classes as i32]));
    let values = builder.constant(tensor::floats(&[2], vec![0.0, 1.0]));
    let along = vec![whole("axis", axis)];
    builder.last(node, "OneHot", &[&largest, &classes, &values], along, &node.output[0]);
    true
}

/// The size of an axis, which may be counted from the end.
fn size(input: &Known, axis: i64) -> Option<usize> {
    let axis = if axis < 0 { axis + input.shape.len() as i64 } else { axis };
    input.shape.get(axis as usize).copied()
}

/// The place of the first or `last` of the elements that equal what `extreme` finds along `axis`,
/// which stays as an axis of one place if `keep`. What is no number counts as more extreme than
/// any number.
fn positions(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
    opset: i64,
    (extreme, axis, last, keep): (&str, i64, bool, bool),
) -> Option<String> {
    let input = known.first()?.as_ref()?;
    let places = size(input, axis)? as i32;
    let x = node.input[0].as_str();
    let most = builder.reduced(node, extreme, x, &[axis], true, opset);
    let mut found = builder.node(node, "Equal", &[x, &most], vec![]);
    if input.real {
        // It equals nothing, itself included.
        let no_number = builder.node(node, "IsNaN", &[x], vec![]);
        found = builder.node(node, "Or", &[&found, &no_number], vec![]);
    }
    // One number for each place, along the axis.
    let rank = input.shape.len() as i64;
    let behind = if axis < 0 { -axis - 1 } else { rank - axis - 1 };
    let mut shape = vec![1; 1 + behind as usize];
    shape[0] = places as usize;
    let numbers = builder.constant(tensor::integers(&shape, (0..places).collect()));
    let (nowhere, choice) = if last { (-1, "ReduceMax") } else { (places, "ReduceMin") };
    let nowhere = builder.constant(tensor::integers(&[], vec![nowhere]));
    let places = builder.node(node, "Where", &[&found, &numbers, &nowhere], vec![]);
    Some(builder.reduced(node, choice, &places, &[axis], keep, opset))
}
