//! Dropout, the old Softmax, and normalisations that rten lacks.

use crate::model::tensor;

use super::builder::{list, real, whole};
use super::{Builder, Known, pb};
use crate::model::attributes::{float, int, ints};

/// At inference it hands its input on.
pub(super) fn dropout(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
) -> Result<bool, String> {
    if let Some(Some(Known { constant: None, .. })) = known.get(2) {
        return Err("has a training_mode that depends on data; expected false: export the model \
                    after model.eval()"
            .into());
    }
    if node.output.iter().skip(1).any(|output| !output.is_empty()) {
        // A mask of all that is kept, which inference has no use for.
        let shape = builder.node(node, "Shape", &[&node.input[0]], vec![]);
        let one = builder.integers(&[1]);
        builder.last(node, "Expand", &[&one, &shape], vec![], &node.output[1]);
    }
    builder.last(node, "Identity", &[&node.input[0]], vec![], &node.output[0]);
    Ok(true)
}

/// Before operator set 13, all axes from `axis` on were normalised together.
pub(super) fn flat_softmax(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
) -> bool {
    let Some(Some(input)) = known.first() else { return false };
    let rank = input.shape.len() as i64;
    let axis = int(node, "axis").unwrap_or(1);
    if int(node, "axis") == Some(-1) {
        return false;
    }
    if axis == rank - 1 {
        let last = vec![whole("axis", -1)];
        builder.last(node, &node.op_type, &[&node.input[0]], last, &node.output[0]);
        return true;
    }
    let (soft, shape) = flattened(builder, node, &node.op_type, &node.input[0], &input.shape, axis);
    builder.last(node, "Reshape", &[&soft, &shape], vec![], &node.output[0]);
    true
}

/// `operator` over all axes from `axis` on together; what it makes, and the shape to give it.
pub(super) fn flattened(
    builder: &mut Builder,
    node: &pb::NodeProto,
    operator: &str,
    x: &str,
    shape: &[usize],
    axis: i64,
) -> (String, String) {
    let axis = if axis < 0 { axis + shape.len() as i64 } else { axis };
    let flat = builder.node(node, "Flatten", &[x], vec![whole("axis", axis)]);
    let soft = builder.node(node, operator, &[&flat], vec![whole("axis", -1)]);
    (soft, builder.shape(shape))
}

/// x / (bias + alpha / size sum x^2)^beta, the sum over `size` neighbouring channels: a mean over a
/// window of channels that counts padding.
pub(super) fn local_response(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
) -> Result<bool, String> {
    let Some(Some(input)) = known.first() else { return Ok(false) };
    let &[batch, channels, ref sides @ ..] = &input.shape[..] else {
        return Err(format!("needs channels, got the shape {:?}", input.shape));
    };
    let number = |name, default| float(node, name).unwrap_or(default);
    let (alpha, beta, bias) = (number("alpha", 1e-4), number("beta", 0.75), number("bias", 1.0));
    let size = int(node, "size").unwrap_or(1).max(1);
    let x = &node.input[0];
    let square = builder.node(node, "Mul", &[x, x], vec![]);
    // Channels as the rows of an image, pixels as its columns.
    let image = builder.shape(&[batch, 1, channels, sides.iter().product()]);
    let image = builder.node(node, "Reshape", &[&square, &image], vec![]);
    let (before, after) = ((size - 1) / 2, size / 2);
    let window = vec![
        list("kernel_shape", &[size, 1]),
        list("pads", &[before, 0, after, 0]),
        whole("count_include_pad", 1),
    ];
    let mean = builder.node(node, "AveragePool", &[&image], window);
    let shape = builder.shape(&input.shape);
    let mean = builder.node(node, "Reshape", &[&mean, &shape], vec![]);
    let (alpha, beta, bias) = (builder.float(alpha), builder.float(beta), builder.float(bias));
    let scaled = builder.node(node, "Mul", &[&mean, &alpha], vec![]);
    let shifted = builder.node(node, "Add", &[&scaled, &bias], vec![]);
    let power = builder.node(node, "Pow", &[&shifted, &beta], vec![]);
    builder.last(node, "Div", &[x, &power], vec![], &node.output[0]);
    Ok(true)
}

/// Each group of channels normalised by itself, then scale and bias per channel.
pub(super) fn group(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
) -> Result<bool, String> {
    let Some(Some(input)) = known.first() else { return Ok(false) };
    let groups = int(node, "num_groups").unwrap_or(1).max(1) as usize;
    let &[batch, channels, ref sides @ ..] = &input.shape[..] else {
        return Err(format!("needs channels, got the shape {:?}", input.shape));
    };
    if channels % groups != 0 {
        return Err(format!("{channels} channels do not divide into {groups} groups"));
    }
    let size = channels / groups * sides.iter().product::<usize>();
    let rows = builder.shape(&[batch, groups, size]);
    let rows = builder.node(node, "Reshape", &[&node.input[0], &rows], vec![]);
    let ones = builder.constant(tensor::floats(&[groups], vec![1.0; groups]));
    let zeros = builder.constant(tensor::floats(&[groups], vec![0.0; groups]));
    let epsilon = vec![real("epsilon", float(node, "epsilon").unwrap_or(1e-5))];
    let rows = builder.node(node, "InstanceNormalization", &[&rows, &ones, &zeros], epsilon);
    let shape = builder.shape(&input.shape);
    let normal = builder.node(node, "Reshape", &[&rows, &shape], vec![]);
    let mut per_channel = vec![channels];
    per_channel.extend(sides.iter().map(|_| 1));
    let per_channel = builder.shape(&per_channel);
    let scale = builder.node(node, "Reshape", &[&node.input[1], &per_channel], vec![]);
    let bias = builder.node(node, "Reshape", &[&node.input[2], &per_channel], vec![]);
    let scaled = builder.node(node, "Mul", &[&normal, &scale], vec![]);
    builder.last(node, "Add", &[&scaled, &bias], vec![], &node.output[0]);
    Ok(true)
}

/// (x - mean) / (deviation + 1e-9) over some axes; the batch, where it is one of them, is 1.
pub(super) fn mean_variance(builder: &mut Builder, node: &pb::NodeProto, opset: i64) {
    let axes = ints(node, "axes").unwrap_or(&[0, 2, 3]);
    let mean =
        |builder: &mut Builder, x: &str| builder.reduced(node, "ReduceMean", x, axes, true, opset);
    let average = mean(builder, &node.input[0]);
    let centred = builder.node(node, "Sub", &[&node.input[0], &average], vec![]);
    let square = builder.node(node, "Mul", &[&centred, &centred], vec![]);
    let variance = mean(builder, &square);
    let deviation = builder.node(node, "Sqrt", &[&variance], vec![]);
    let least = builder.float(1e-9);
    let divisor = builder.node(node, "Add", &[&deviation, &least], vec![]);
    builder.last(node, "Div", &[&centred, &divisor], vec![], &node.output[0]);
}
