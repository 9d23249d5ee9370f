//! What a node leaves to be inferred, said in its attributes.

use crate::model::tensor::{numbers, scalar};

use super::builder::{list, with};
use super::{Builder, Known, images, pb};
use crate::model::attributes::{attribute, ints};

/// Kernel, strides, dilations and pads of a convolution, which follow from its weights.
pub(super) fn convolution(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
) -> Result<bool, String> {
    let [Some(Some(input)), Some(Some(weights))] = [known.first(), known.get(1)] else {
        return Ok(false);
    };
    let (Some(sizes), Some(kernel)) = (input.shape.get(2..), weights.shape.get(2..)) else {
        return Ok(false);
    };
    if sizes.len() != kernel.len() {
        return Ok(false);
    }
    if sizes.len() > 2 {
        return Err(format!(
            "convolves along {} axes; Recoup runs 1-D and 2-D convolutions",
            sizes.len()
        ));
    }
    if node.op_type == "ConvTranspose" {
        return transposed(builder, node, kernel);
    }
    if windowed(builder, node, sizes, kernel)? {
        return Ok(true);
    }
    let several = input.shape[0] != 1 && weights.constant.is_some() && input.constant.is_none();
    if several {
        images::stacked(builder, node, &input.shape, &weights.shape);
    }
    Ok(several)
}

fn transposed(
    builder: &mut Builder,
    node: &pb::NodeProto,
    kernel: &[usize],
) -> Result<bool, String> {
    if attribute(node, "output_shape").is_some() || is_same(node) {
        return Err(
            "pads by the shape of its output; export it with pads and output_padding".into()
        );
    }
    if attribute(node, "kernel_shape").is_some() {
        return Ok(false);
    }
    let kernel: Vec<i64> = kernel.iter().map(|&side| side as i64).collect();
    builder.push(with(node, &[], vec![list("kernel_shape", &kernel)]));
    Ok(true)
}

/// A list of axes that is a single number, which PyTorch's exporter writes and ONNX Runtime takes.
pub(super) fn lone_axis(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
) -> bool {
    let Some(Some(axes)) = known.get(1) else { return false };
    let lone = axes.constant.as_ref().filter(|_| axes.shape.is_empty());
    let Some(axis) = lone.and_then(|it| scalar::<i32>(it)) else { return false };
    let axes = builder.integers(&[axis]);
    let mut listed = node.clone();
    listed.input[1] = axes;
    builder.push(listed);
    true
}

fn is_same(node: &pb::NodeProto) -> bool {
    attribute(node, "auto_pad").is_some_and(|pad| pad.s.starts_with(b"SAME"))
}

/// Adds to `node` what its window over an image of `sizes` leaves to be inferred.
pub(super) fn windowed(
    builder: &mut Builder,
    node: &pb::NodeProto,
    sizes: &[usize],
    kernel: &[usize],
) -> Result<bool, String> {
    let said = ["kernel_shape", "strides", "dilations", "pads"];
    let complete = said.iter().all(|name| attribute(node, name).is_some());
    if complete && attribute(node, "auto_pad").is_none() {
        return Ok(false);
    }
    let axes = kernel.len();
    let per_axis = |name: &str| -> Result<Vec<i64>, String> {
        match ints(node, name) {
            None => Ok(vec![1; axes]),
            Some(values) if values.len() == axes && values.iter().all(|&value| value > 0) => {
                Ok(values.to_vec())
            }
            Some(values) => Err(format!("{name} = {values:?} does not fit its input")),
        }
    };
    let (strides, dilations) = (per_axis("strides")?, per_axis("dilations")?);
    let kernel: Vec<i64> = kernel.iter().map(|&side| side as i64).collect();
    let pads = if is_same(node) {
        let upper = attribute(node, "auto_pad").is_some_and(|pad| pad.s == b"SAME_UPPER");
        same_pads(sizes, &kernel, &strides, &dilations, upper)
    } else if attribute(node, "auto_pad").is_some_and(|pad| pad.s == b"VALID") {
        vec![0; 2 * axes]
    } else {
        let pads = ints(node, "pads").map_or(vec![0; 2 * axes], <[i64]>::to_vec);
        if pads.len() != 2 * axes || pads.iter().any(|&pad| pad < 0) {
            return Err(format!("pads = {pads:?} does not fit its input"));
        }
        pads
    };
    let attributes = vec![
        list("kernel_shape", &kernel),
        list("strides", &strides),
        list("dilations", &dilations),
        list("pads", &pads),
    ];
    builder.push(with(node, &["auto_pad"], attributes));
    Ok(true)
}

/// Pads such that there are ceil(size / stride) windows; an odd one goes to the end, or the
/// beginning.
fn same_pads(
    sizes: &[usize],
    kernel: &[i64],
    strides: &[i64],
    dilations: &[i64],
    upper: bool,
) -> Vec<i64> {
    let totals = (0..kernel.len()).map(|axis| {
        let (size, stride) = (sizes[axis] as i64, strides[axis]);
        let extent = (kernel[axis] - 1) * dilations[axis] + 1;
        let windows = (size + stride - 1) / stride;
        ((windows - 1) * stride + extent - size).max(0)
    });
    let totals: Vec<i64> = totals.collect();
    let (less, more) = (totals.iter().map(|total| total / 2), totals.iter().map(|t| t - t / 2));
    if upper { less.chain(more).collect() } else { more.chain(less).collect() }
}

/// Pads of all axes, none of them negative: what is cut off is sliced off.
pub(super) fn pad(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
) -> Result<bool, String> {
    let Some(Some(input)) = known.first() else { return Ok(false) };
    let rank = input.shape.len();
    let constant = |index: usize| {
        let known = known.get(index)?.as_ref()?;
        numbers::<i64>(known.constant.as_deref()?)
    };
    let pads = match ints(node, "pads") {
        Some(pads) => pads.to_vec(),
        None => constant(1).ok_or("has pads that are not constant")?,
    };
    let axes = match known.get(3) {
        Some(Some(_)) => constant(3).ok_or("has axes that are not constant")?,
        _ => (0..rank as i64).collect(),
    };
    if pads.len() != 2 * axes.len() {
        return Err(format!("has {} pads for {} axes; expected two each", pads.len(), axes.len()));
    }
    let given_for_all = matches!(known.get(3), None | Some(None));
    if given_for_all && pads.iter().all(|&pad| pad >= 0) {
        return Ok(false);
    }
    let mut full = vec![0i32; 2 * rank];
    for (index, &axis) in axes.iter().enumerate() {
        let axis = if axis < 0 { axis + rank as i64 } else { axis };
        if !(0..rank as i64).contains(&axis) {
            return Err(format!("pads axis {axis} of a tensor of rank {rank}"));
        }
        full[axis as usize] = pads[index] as i32;
        full[axis as usize + rank] = pads[index + axes.len()] as i32;
    }
    let grown: Vec<i32> = full.iter().map(|&pad| pad.max(0)).collect();
    let cut = full.iter().any(|&pad| pad < 0);
    let sizes = builder.integers(&grown);
    let mut inputs = vec![node.input[0].clone(), sizes];
    inputs.extend(node.input.get(2).cloned());
    let padded = pb::NodeProto { input: inputs, ..with(node, &["pads"], vec![]) };
    if !cut {
        builder.push(padded);
        return Ok(true);
    }
    let inputs: Vec<&str> = padded.input.iter().map(String::as_str).collect();
    let whole = builder.node(node, "Pad", &inputs, padded.attribute);
    let starts: Vec<i32> = full[..rank].iter().map(|&pad| (-pad).max(0)).collect();
    let ends: Vec<i32> =
        full[rank..].iter().map(|&pad| if pad < 0 { pad } else { i32::MAX }).collect();
    let (starts, ends) = (builder.integers(&starts), builder.integers(&ends));
    builder.last(node, "Slice", &[&whole, &starts, &ends], vec![], &node.output[0]);
    Ok(true)
}
