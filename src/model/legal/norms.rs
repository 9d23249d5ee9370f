//! Dropout, the old Softmax, and local response normalisation.

use super::builder::{float, int, list, whole};
use super::{Builder, Known, pb};

/// At inference it hands its input on.
pub(super) fn dropout(builder: &mut Builder, node: &pb::NodeProto) -> Result<bool, String> {
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
    let axis = if axis < 0 { axis + rank } else { axis };
    if int(node, "axis") == Some(-1) {
        return false;
    }
    let last = vec![whole("axis", -1)];
    if axis == rank - 1 {
        builder.last(node, &node.op_type, &[&node.input[0]], last, &node.output[0]);
        return true;
    }
    let flat = builder.node(node, "Flatten", &[&node.input[0]], vec![whole("axis", axis)]);
    let soft = builder.node(node, &node.op_type, &[&flat], last);
    let shape = builder.shape(&input.shape);
    builder.last(node, "Reshape", &[&soft, &shape], vec![], &node.output[0]);
    true
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
