//! Nodes that convolve, and what can be done along with them.

use recoup_kernels::{ConvShape, FloatConv, FloatConvSpec};
use rten::Value;
use rten_tensor::Layout;

use super::super::attributes::{attribute, ints, text};
use super::super::float::FloatGraph;
use super::super::pb;
use super::super::tensor::{numbers, scalar};

/// A convolution with constant weights of an image, if it is one for our kernels; all of it but the
/// weights, which are large, and the weights.
pub fn convolution<'g>(
    graph: &'g FloatGraph,
    node: &pb::NodeProto,
    input_shape: &[usize],
) -> Option<(FloatConvSpec, &'g Value)> {
    let constant = |index: usize| graph.constants.get(node.input.get(index)?);
    let weights = (node.op_type == "Conv").then(|| constant(1)).flatten()?;
    let groups = attribute(node, "group").map_or(1, |group| group.i) as usize;
    let (&[1, channels, height, width], &[filters, depth, kernel_height, kernel_width]) =
        (input_shape, &weights.shape()[..])
    else {
        return None;
    };
    let (strides, dilations) = (ints(node, "strides")?, ints(node, "dilations")?);
    let pads = ints(node, "pads")?;
    let (&[stride_height, stride_width], &[dilation_height, dilation_width]) = (strides, dilations)
    else {
        return None;
    };
    let &[pad_top, pad_left, pad_bottom, pad_right] = pads else { return None };
    let shape = ConvShape {
        channels,
        height,
        width,
        filters,
        kernel_height,
        kernel_width,
        stride_height: stride_height as usize,
        stride_width: stride_width as usize,
        dilation_height: dilation_height as usize,
        dilation_width: dilation_width as usize,
        pad_top: pad_top as usize,
        pad_left: pad_left as usize,
        pad_bottom: pad_bottom as usize,
        pad_right: pad_right as usize,
        groups,
    };
    if depth * groups != channels {
        return None;
    }
    let bias = match node.input.get(2).filter(|name| !name.is_empty()) {
        None => vec![0.0; filters],
        Some(_) => numbers(constant(2)?)?,
    };
    let (low, high) = (f32::NEG_INFINITY, f32::INFINITY);
    FloatConv::pays(&shape).then_some(())?;
    Some((FloatConvSpec { shape, weights: Vec::new(), bias, low, high }, weights))
}

/// The geometry of a convolution that takes over the zeros which a Pad puts around its image.
pub fn with_pad(
    graph: &FloatGraph,
    pad: &pb::NodeProto,
    input_shape: &[usize],
    shape: &ConvShape,
) -> Option<ConvShape> {
    let constant = |index: usize| graph.constants.get(pad.input.get(index)?);
    let zero = match pad.input.get(2).filter(|name| !name.is_empty()) {
        None => true,
        Some(_) => scalar::<f32>(constant(2)?)? == 0.0,
    };
    let plain = text(pad, "mode").is_none_or(|mode| mode == "constant");
    if pad.op_type != "Pad" || !zero || !plain {
        return None;
    }
    let pads: Vec<i64> = numbers(constant(1)?)?;
    let pads: Option<Vec<usize>> = pads.into_iter().map(|pad| pad.try_into().ok()).collect();
    let &[0, 0, top, left, 0, 0, bottom, right] = &pads?[..] else { return None };
    let &[1, _, height, width] = input_shape else { return None };
    let shape = ConvShape {
        height,
        width,
        pad_top: shape.pad_top + top,
        pad_left: shape.pad_left + left,
        pad_bottom: shape.pad_bottom + bottom,
        pad_right: shape.pad_right + right,
        ..*shape
    };
    FloatConv::pays(&shape).then_some(shape)
}

/// The bounds of a Clip or Relu.
pub fn bounds(graph: &FloatGraph, node: &pb::NodeProto) -> Option<(f32, f32)> {
    if node.op_type == "Relu" {
        return Some((0.0, f32::INFINITY));
    }
    if node.op_type != "Clip" {
        return None;
    }
    let bound = |index: usize, name: &str, none: f32| match node.input.get(index) {
        Some(input) if !input.is_empty() => scalar(graph.constants.get(input)?),
        _ => Some(attribute(node, name).map_or(none, |attribute| attribute.f)),
    };
    Some((bound(1, "min", f32::NEG_INFINITY)?, bound(2, "max", f32::INFINITY)?))
}
