//! Several images in one Conv, such as the frames of a film, which are no batch of the model's.

use super::builder::{list, with};
use super::{Builder, pb};
use crate::model::attributes::ints;

/// The convolution of a single image that has the others below each other, with so many rows of
/// padding between them that no window which counts reaches into the next one. `node` says all of
/// its attributes.
pub(super) fn stacked(
    builder: &mut Builder,
    node: &pb::NodeProto,
    input: &[usize],
    weights: &[usize],
) {
    let said = |name: &str| -> Vec<usize> {
        let values = ints(node, name).expect("said by windowed");
        values.iter().map(|&value| value as usize).collect()
    };
    let (strides, dilations, pads) = (said("strides"), said("dilations"), said("pads"));
    let [images, channels, ref sizes @ ..] = *input else { unreachable!("an image") };
    let (filters, kernel) = (weights[0], &weights[2..]);
    let axes = sizes.len();
    let extent = |axis: usize| (kernel[axis] - 1) * dilations[axis] + 1;
    let padded = |axis: usize| sizes[axis] + pads[axis] + pads[axis + axes];
    let outputs = |axis: usize| (padded(axis) - extent(axis)) / strides[axis] + 1;
    // The rows of an image and its padding: a whole number of steps.
    let rows = padded(0).next_multiple_of(strides[0]);
    let last = extent(0).saturating_sub(strides[0]);
    let turned: Vec<i64> = [1, 0].into_iter().chain(2..2 + axes as i64).collect();
    let turned = || vec![list("perm", &turned)];

    let x = builder.node(node, "Transpose", &[&node.input[0]], turned());
    let mut amounts = vec![0; 2 * (2 + axes)];
    amounts[2] = pads[0];
    amounts[4 + axes] = rows - sizes[0] - pads[0];
    let amounts = builder.shape(&amounts);
    let x = builder.node(node, "Pad", &[&x, &amounts], vec![]);
    let stack = [&[1, channels, images * rows], &sizes[1..]].concat();
    let stack = builder.shape(&stack);
    let x = builder.node(node, "Reshape", &[&x, &stack], vec![]);
    let mut inputs = node.input.clone();
    inputs[0] = x;
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let mut pads: Vec<i64> = pads.iter().map(|&pad| pad as i64).collect();
    (pads[0], pads[axes]) = (0, last as i64);
    let attributes = with(node, &[], vec![list("pads", &pads)]).attribute;
    let y = builder.node(node, "Conv", &inputs, attributes);
    let mut shape = vec![filters, images, rows / strides[0]];
    shape.extend((1..axes).map(outputs));
    let shape = builder.shape(&shape);
    let y = builder.node(node, "Reshape", &[&y, &shape], vec![]);
    let [start, end, axis] = [0, outputs(0) as i32, 2].map(|number| builder.integers(&[number]));
    let y = builder.node(node, "Slice", &[&y, &start, &end, &axis], vec![]);
    builder.last(node, "Transpose", &[&y], turned(), &node.output[0]);
}
