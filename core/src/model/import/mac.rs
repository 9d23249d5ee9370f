//! Conv, Gemm and MatMul with constant weights.
//!
//! All become convolutions over channels-last rows. A 1-D convolution is a 2-D one of height 1,
//! Gemm and MatMul are 1 x 1 convolutions over a row per vector.

use recoup_kernels::ConvShape;
use rten::Value as Tensor;
use rten_tensor::Layout;

use crate::numeric::transposed;

use super::super::attributes::{attribute, ints};
use super::super::tensor::numbers;
use super::super::{Mac, NodeKind, Operand, ValueId, Weights, pb};
use super::{Binding, Importer, ModelErrorKind, QuantizedConstant, node_name};

type Result<T> = std::result::Result<T, ModelErrorKind>;

/// What a layer multiplies and adds.
struct Operands<'a> {
    input: ValueId,
    /// The weights, already real.
    tensor: &'a Tensor,
    /// What they came from, if they are the model's own.
    codes: Option<&'a QuantizedConstant>,
    bias: Option<&'a [f32]>,
}

/// A matrix of constant weights, already real, with the codes it came from.
struct Matrix<'a> {
    tensor: &'a Tensor,
    quantized: Option<&'a QuantizedConstant>,
    /// Whether rows are filters (`[filters, depth]`), or columns are.
    filters_first: bool,
}

/// Imports the node when its weights are constant; returns false when they are not, or when the
/// node has a form (3-D convolution, stack of matrices) that is not emulated.
pub(super) fn import(
    importer: &mut Importer,
    proto: &pb::NodeProto,
    inputs: &[Option<Binding>],
) -> Result<bool> {
    match (proto.op_type.as_str(), inputs) {
        (
            operator @ ("Conv" | "Gemm"),
            [Some(Binding::Value(input)), Some(Binding::Constant(weights, codes)), bias @ ..],
        ) => {
            let bias = constant_bias(proto, bias)?;
            let layer = if operator == "Conv" { conv } else { gemm };
            let codes = codes.as_deref();
            let bias = bias.as_deref();
            layer(importer, proto, Operands { input: *input, tensor: weights, codes, bias })
        }
        ("MatMul", [Some(Binding::Value(input)), Some(Binding::Constant(weights, codes))])
            if weights.ndim() == 2 =>
        {
            let matrix =
                Matrix { tensor: weights, quantized: codes.as_deref(), filters_first: false };
            let mut shape = importer.value(*input).shape.clone();
            let rows = rows_of(importer, proto, *input)?;
            let (output, node) = linear(importer, proto, rows, matrix, 1.0, None)?;
            if let Some(last) = shape.last_mut() {
                *last = importer.value(output).shape[1];
            }
            finish_rows(importer, proto, output, node, shape)?;
            Ok(true)
        }
        ("MatMul", [Some(Binding::Constant(weights, codes)), Some(Binding::Value(input))])
            if weights.ndim() == 2 && leading_ones(&importer.value(*input).shape) =>
        {
            // W x = (x' W')': the constant on the left is run with its operands turned.
            let matrix =
                Matrix { tensor: weights, quantized: codes.as_deref(), filters_first: true };
            let shape = importer.value(*input).shape.clone();
            let rank = shape.len();
            let mut turned: Vec<usize> = (0..rank).collect();
            turned.swap(rank - 1, rank - 2);
            let (depth, columns) = (shape[rank - 2], shape[rank - 1]);
            let rows = importer.rearranged(proto, *input, &turned, vec![columns, depth])?;
            let (output, _) = linear(importer, proto, rows, matrix, 1.0, None)?;
            let mut shape = shape;
            shape[rank - 2] = importer.value(output).shape[1];
            let result = importer.rearranged(proto, output, &[1, 0], shape)?;
            importer.bind(proto, result);
            Ok(true)
        }
        _ => Ok(false),
    }
}

fn leading_ones(shape: &[usize]) -> bool {
    shape.len() >= 2 && shape[..shape.len() - 2].iter().all(|&dim| dim == 1)
}

fn constant_bias(proto: &pb::NodeProto, bias: &[Option<Binding>]) -> Result<Option<Vec<f32>>> {
    match bias {
        [] | [None] => Ok(None),
        [Some(Binding::Constant(bias, _))] => Ok(numbers::<f32>(bias)),
        _ => Err(ModelErrorKind::node(
            node_name(proto),
            &proto.op_type,
            "has a bias that is not constant",
        )),
    }
}

fn conv(
    importer: &mut Importer,
    proto: &pb::NodeProto,
    Operands { input, tensor, codes, bias }: Operands,
) -> Result<bool> {
    let fail = |reason: String| ModelErrorKind::node(node_name(proto), "Conv", reason);
    let shape = importer.value(input).shape.clone();
    // A 1-D convolution is a 2-D one over an image of height 1.
    let (size, kernel) = match (&shape[..], tensor.shape().as_ref()) {
        (&[1, _, height, width], &[_, _, rows, columns]) => ([height, width], [rows, columns]),
        (&[1, _, width], &[_, _, columns]) => ([1, width], [1, columns]),
        (input, weights) => {
            return Err(fail(format!("cannot convolve {input:?} with weights {weights:?}")));
        }
    };
    let one_dimensional = shape.len() == 3;
    let (channels, filters) = (shape[1], tensor.shape()[0]);
    let pair = |name: &str| -> Result<[usize; 2]> {
        match ints(proto, name) {
            None => Ok([1, 1]),
            Some(&[value]) if one_dimensional && value > 0 => Ok([1, value as usize]),
            Some(&[first, second]) if !one_dimensional && first > 0 && second > 0 => {
                Ok([first as usize, second as usize])
            }
            Some(values) => Err(fail(format!("{name} = {values:?} does not fit its input"))),
        }
    };
    let (stride, dilation) = (pair("strides")?, pair("dilations")?);
    let groups = attribute(proto, "group").map_or(1, |group| group.i).max(1) as usize;
    if channels % groups != 0 || filters % groups != 0 || tensor.shape()[1] * groups != channels {
        return Err(fail(format!(
            "{channels} channels, {filters} filters and weights {:?} do not divide into {groups} groups",
            tensor.shape()
        )));
    }
    let [begin, end] = padding(proto, one_dimensional).map_err(fail)?;
    let geometry = ConvShape {
        channels,
        height: size[0],
        width: size[1],
        filters,
        kernel_height: kernel[0],
        kernel_width: kernel[1],
        stride_height: stride[0],
        stride_width: stride[1],
        dilation_height: dilation[0],
        dilation_width: dilation[1],
        pad_top: begin[0],
        pad_left: begin[1],
        pad_bottom: end[0],
        pad_right: end[1],
        groups,
    };
    geometry.validate().map_err(|error| fail(error.to_string()))?;
    let (inner, taps) = (channels / groups, kernel[0] * kernel[1]);
    let order = |codes: &[i16]| channels_last(codes, inner, taps);
    let weights = match codes.and_then(|codes| codes.to_weights(filters, order)) {
        Some(weights) => Weights::Quantized(weights),
        None => Weights::Float(channels_last(&finite(proto, tensor)?, inner, taps)),
    };
    let bias = filter_bias(proto, bias, filters)?;
    let mac = Mac { shape: geometry, loaded: Operand::Constant(weights), bias };
    if one_dimensional {
        let rows = importer.rearranged(proto, input, &[0, 2, 1], vec![shape[2], channels])?;
        let tensor = &proto.output[0];
        let output = importer.add_value(
            &format!("{tensor}/rows"),
            tensor,
            vec![mac.shape.out_width(), filters],
        );
        let final_shape = vec![1, filters, mac.shape.out_width()];
        let node = add_mac(importer, proto, mac, vec![rows], output)?;
        let result = importer.rearranged(proto, output, &[1, 0], final_shape)?;
        importer.bind(proto, result);
        importer.set_mac_of(result, node);
    } else {
        let output = importer
            .new_output(proto, vec![1, filters, geometry.out_height(), geometry.out_width()]);
        let node = add_mac(importer, proto, mac, vec![input], output)?;
        importer.set_mac_of(output, node);
    }
    Ok(true)
}

/// Padding before and after; `legal` has said it, whatever `auto_pad` was.
fn padding(
    proto: &pb::NodeProto,
    one_dimensional: bool,
) -> std::result::Result<[[usize; 2]; 2], String> {
    match ints(proto, "pads") {
        None => Ok([[0; 2]; 2]),
        Some(&[left, right]) if one_dimensional && left.min(right) >= 0 => {
            Ok([[0, left as usize], [0, right as usize]])
        }
        Some(&[top, left, bottom, right])
            if !one_dimensional && top.min(left).min(bottom).min(right) >= 0 =>
        {
            Ok([[top as usize, left as usize], [bottom as usize, right as usize]])
        }
        Some(pads) => Err(format!("pads = {pads:?} does not fit its input")),
    }
}

/// `[filter][channel][tap]` to `[filter][tap][channel]`.
fn channels_last<T: Copy>(weights: &[T], channels: usize, taps: usize) -> Vec<T> {
    let mut ordered = Vec::with_capacity(weights.len());
    for filter in weights.chunks_exact(channels * taps) {
        for tap in 0..taps {
            ordered.extend((0..channels).map(|c| filter[c * taps + tap]));
        }
    }
    ordered
}

fn gemm(
    importer: &mut Importer,
    proto: &pb::NodeProto,
    Operands { input, tensor, codes, bias }: Operands,
) -> Result<bool> {
    let flag = |name| attribute(proto, name).is_some_and(|attribute| attribute.i != 0);
    let factor = |name| attribute(proto, name).map_or(1.0, |attribute| attribute.f);
    let shape = importer.value(input).shape.clone();
    let (&[rows, depth], 2) = (&shape[..], tensor.ndim()) else {
        return Err(ModelErrorKind::node(
            node_name(proto),
            "Gemm",
            format!("needs matrices, got {shape:?} and {:?}", tensor.shape()),
        ));
    };
    let input = match flag("transA") {
        true => importer.rearranged(proto, input, &[1, 0], vec![depth, rows])?,
        false => input,
    };
    let matrix = Matrix { tensor, quantized: codes, filters_first: flag("transB") };
    let beta = factor("beta");
    let bias: Option<Vec<f32>> = bias.map(|bias| bias.iter().map(|value| value * beta).collect());
    let (output, node) = linear(importer, proto, input, matrix, factor("alpha"), bias.as_deref())?;
    let shape = importer.value(output).shape.clone();
    finish_rows(importer, proto, output, node, shape)?;
    Ok(true)
}

/// A value of any rank as rows of its last axis, `[rows, depth]`.
fn rows_of(importer: &mut Importer, proto: &pb::NodeProto, input: ValueId) -> Result<ValueId> {
    let shape = importer.value(input).shape.clone();
    let depth = *shape.last().unwrap_or(&1);
    if shape.len() == 4 {
        // Rank 4 is stored channels-last; the last axis has to become the innermost.
        let rows = shape.iter().product::<usize>() / depth.max(1);
        return importer.rearranged(proto, input, &[0, 1, 2, 3], vec![rows, depth]);
    }
    Ok(input)
}

/// Gives the rows that came out of a product their ONNX shape and name.
fn finish_rows(
    importer: &mut Importer,
    proto: &pb::NodeProto,
    output: ValueId,
    node: usize,
    shape: Vec<usize>,
) -> Result<()> {
    let result = if shape.len() == 4 {
        importer.rearranged(proto, output, &[0, 1], shape)?
    } else {
        importer.reshape(output, shape);
        output
    };
    importer.bind(proto, result);
    importer.set_mac_of(result, node);
    Ok(())
}

/// rows x matrix (x alpha) + bias; returns the value `[rows, filters]` and its node.
fn linear(
    importer: &mut Importer,
    proto: &pb::NodeProto,
    input: ValueId,
    matrix: Matrix,
    alpha: f32,
    bias: Option<&[f32]>,
) -> Result<(ValueId, usize)> {
    let fail = |reason: String| ModelErrorKind::node(node_name(proto), &proto.op_type, reason);
    let shape = importer.value(input).shape.clone();
    let depth = *shape.last().unwrap_or(&0);
    let rows = shape.iter().product::<usize>() / depth.max(1);
    let filters = match (matrix.tensor.shape().as_ref(), matrix.filters_first) {
        (&[filters, inner], true) if inner == depth => filters,
        (&[inner, filters], false) if inner == depth => filters,
        (weights, _) => {
            return Err(fail(format!("cannot multiply {shape:?} by weights {weights:?}")));
        }
    };
    let turned = !matrix.filters_first;
    let order = |codes: &[i16]| if turned { transposed(codes, depth) } else { codes.to_vec() };
    let weights = match matrix.quantized.and_then(|codes| codes.to_weights(filters, order)) {
        Some(mut weights) => {
            weights.scales.iter_mut().for_each(|scale| *scale *= alpha);
            Weights::Quantized(weights)
        }
        None => {
            let mut weights = finite(proto, matrix.tensor)?;
            weights.iter_mut().for_each(|weight| *weight *= alpha);
            Weights::Float(if turned { transposed(&weights, depth) } else { weights })
        }
    };
    let geometry = ConvShape::linear(rows, depth, filters);
    geometry.validate().map_err(|error| fail(error.to_string()))?;
    let bias = filter_bias(proto, bias, filters)?;
    let tensor = &proto.output[0];
    let output = importer.add_value(tensor, tensor, vec![rows, filters]);
    let mac = Mac { shape: geometry, loaded: Operand::Constant(weights), bias };
    let node = add_mac(importer, proto, mac, vec![input], output)?;
    Ok((output, node))
}

/// One bias per filter.
fn filter_bias(proto: &pb::NodeProto, bias: Option<&[f32]>, filters: usize) -> Result<Vec<f32>> {
    let bias = match bias {
        None => vec![0.0; filters],
        Some(&[single]) => vec![single; filters],
        Some(bias) if bias.len() == filters => bias.to_vec(),
        Some(bias) => {
            return Err(ModelErrorKind::node(
                node_name(proto),
                &proto.op_type,
                format!("has {} biases for {filters} filters", bias.len()),
            ));
        }
    };
    if let Some(filter) = bias.iter().position(|value| !value.is_finite()) {
        return Err(ModelErrorKind::node(
            node_name(proto),
            &proto.op_type,
            format!(
                "the bias of filter {filter} is {}; the model was probably saved after training \
                 diverged",
                bias[filter]
            ),
        ));
    }
    Ok(bias)
}

/// The weights as float32, all finite.
fn finite(proto: &pb::NodeProto, tensor: &Tensor) -> Result<Vec<f32>> {
    let fail = |reason: String| ModelErrorKind::node(node_name(proto), &proto.op_type, reason);
    let weights =
        numbers::<f32>(tensor).ok_or_else(|| fail("has weights that are no numbers".into()))?;
    match weights.iter().position(|weight| !weight.is_finite()) {
        Some(index) => Err(fail(format!(
            "weight {index} is {}; the model was probably saved after training diverged",
            weights[index]
        ))),
        None => Ok(weights),
    }
}

pub(super) fn add_mac(
    importer: &mut Importer,
    proto: &pb::NodeProto,
    mac: Mac,
    inputs: Vec<ValueId>,
    output: ValueId,
) -> Result<usize> {
    let depth = mac.shape.depth();
    if depth > MOST_DEPTH {
        return Err(ModelErrorKind::node(
            node_name(proto),
            &proto.op_type,
            format!(
                "sums {depth} products per output; a 32-bit accumulator holds at most {MOST_DEPTH} \
                 products of 255 x 255"
            ),
        ));
    }
    Ok(importer.add_node(
        node_name(proto),
        &proto.op_type,
        NodeKind::Mac(Box::new(mac)),
        inputs,
        output,
    ))
}

/// The deepest sum of unsigned 8-bit products that fits i32: floor((2^31 - 1) / 255^2).
pub(super) const MOST_DEPTH: usize = (i32::MAX / (255 * 255)) as usize;
