//! Checks of one node against the shapes and constants that feed it, and how large its outputs
//! become, both from one function per kind of operator: what computes the size of an output sees
//! what makes it impossible.
//!
//! An operator that no file here names is not checked; its outputs are taken to be no larger than
//! its inputs broadcast together, or than all of them side by side.

mod arithmetic;
mod attention;
mod einsum;
mod fill;
mod indexing;
mod join;
mod layout;
mod matrices;
mod normalization;
mod quantization;
mod recurrent;
mod resize;
mod signal;
mod slicing;
mod vision;
mod windows;

use super::text::list;
use super::{is_onnx, pb};

/// What is known of a node's input.
pub(crate) struct Known<'a> {
    /// Its shape.
    pub shape: &'a [usize],
    /// Its elements, where it is a small constant of an integer type or bool.
    pub integers: Option<Vec<i64>>,
    /// Its elements, where it is a small constant of a real type.
    pub floats: Option<Vec<f32>>,
}

/// Checks a node, and gives the number of elements of its largest output, or more, computed before
/// anything is allocated; `None` where the shape of an input that decides is unknown. `inputs` are
/// in the node's order, `None` where one is left out or its shape is unknown; what is unknown is
/// not checked.
///
/// # Errors
/// With what was found and what was expected, and where the size depends on data that is only
/// known when the node runs.
pub(crate) fn most_output_elements(
    node: &pb::NodeProto,
    opset: i64,
    inputs: &[Option<Known>],
) -> Result<Option<u128>, String> {
    match size(&Node { proto: node, opset, inputs })? {
        Size::Elements(elements) => Ok(Some(elements)),
        Size::Unknown => Ok(None),
        Size::Data(what) => Err(format!(
            "the size of its output depends on data: {what} is not constant; export the model \
             with fixed sizes"
        )),
    }
}

/// How large a node's largest output is.
#[derive(Debug, PartialEq)]
enum Size {
    /// At most so many elements.
    Elements(u128),
    /// The shape of an input is unknown.
    Unknown,
    /// This input decides it, and is only known when the node runs.
    Data(&'static str),
}

impl Size {
    /// Of an output with these dimensions.
    fn of(dims: impl IntoIterator<Item = u128>) -> Self {
        Size::Elements(dims.into_iter().fold(1, u128::saturating_mul))
    }

    /// Of an output with this shape.
    fn like(shape: &[usize]) -> Self {
        Size::of(shape.iter().map(|&dim| dim as u128))
    }
}

type Checked = Result<Size, String>;

/// A node with what is known of its inputs.
struct Node<'a> {
    proto: &'a pb::NodeProto,
    opset: i64,
    inputs: &'a [Option<Known<'a>>],
}

impl<'a> Node<'a> {
    fn known(&self, index: usize) -> Option<&'a Known<'a>> {
        self.inputs.get(index).and_then(Option::as_ref)
    }

    fn shape(&self, index: usize) -> Option<&'a [usize]> {
        self.known(index).map(|known| known.shape)
    }

    fn integers(&self, index: usize) -> Option<&'a [i64]> {
        self.known(index).and_then(|known| known.integers.as_deref())
    }

    fn floats(&self, index: usize) -> Option<&'a [f32]> {
        self.known(index).and_then(|known| known.floats.as_deref())
    }

    /// Whether the node names an input there.
    fn has(&self, index: usize) -> bool {
        self.proto.input.get(index).is_some_and(|name| !name.is_empty())
    }

    /// The shapes of all inputs, if they are known.
    fn shapes(&self) -> Option<Vec<&'a [usize]>> {
        let named = (0..self.proto.input.len()).filter(|&index| self.has(index));
        named.map(|index| self.shape(index)).collect()
    }

    fn int(&self, name: &str, default: i64) -> i64 {
        crate::model::attributes::int(self.proto, name).unwrap_or(default)
    }

    fn ints(&self, name: &str) -> Option<&'a [i64]> {
        crate::model::attributes::ints(self.proto, name)
    }

    fn text(&self, name: &str, default: &'static str) -> &'a str {
        crate::model::attributes::text(self.proto, name).unwrap_or(default)
    }

    /// The attribute `axis` of an input of rank `rank`.
    fn axis(&self, default: i64, rank: usize) -> Result<usize, String> {
        axis(self.int("axis", default), rank)
    }

    /// Axes from the attribute of older sets or the input of newer ones; `None` where they are
    /// left out or not constant.
    fn axes(&self, index: usize) -> Option<&'a [i64]> {
        self.ints("axes").or_else(|| self.integers(index))
    }
}

fn size(node: &Node) -> Checked {
    quantization::scales(node)?;
    let operator = node.proto.op_type.as_str();
    match operator {
        "Conv" | "ConvInteger" | "QLinearConv" | "DeformConv" | "FusedConv" => windows::conv(node),
        "ConvTranspose" => windows::conv_transpose(node),
        "MaxPool" | "AveragePool" | "LpPool" | "QLinearAveragePool" => windows::pool(node),
        "GlobalAveragePool" | "GlobalMaxPool" | "GlobalLpPool" | "QLinearGlobalAveragePool" => {
            windows::global(node)
        }
        "MaxUnpool" => windows::unpool(node),
        "MatMul" | "MatMulInteger" | "QLinearMatMul" | "FusedMatMul" => matrices::matmul(node),
        "Gemm" | "QGemm" | "FusedGemm" => matrices::gemm(node),
        "Einsum" => einsum::einsum(node),
        "Attention" if is_onnx(&node.proto.domain) => attention::attention(node),
        // They are checked as the nodes that stand for them.
        "Attention" | "MultiHeadAttention" | "EmbedLayerNormalization" => Ok(Size::Unknown),
        "LSTM" | "GRU" | "RNN" => recurrent::recurrent(node),
        "BatchNormalization" | "InstanceNormalization" => normalization::per_channel(node),
        "LayerNormalization" | "RMSNormalization" => normalization::layer(node),
        "GroupNormalization" => normalization::group(node),
        "LRN" => normalization::lrn(node),
        "QuantizeLinear" | "DequantizeLinear" => quantization::linear(node),
        "QLinearAdd" | "QLinearMul" => quantization::binary(node),
        "QLinearSigmoid" | "QLinearLeakyRelu" | "QLinearSoftmax" => quantization::unary(node),
        "Reshape" => layout::reshape(node),
        "Flatten" => layout::flatten(node),
        "Squeeze" => layout::squeeze(node),
        "Unsqueeze" => layout::unsqueeze(node),
        "Transpose" => layout::transpose(node),
        "DepthToSpace" | "SpaceToDepth" => layout::blocks(node),
        "Concat" | "QLinearConcat" => join::concat(node),
        "Split" => join::split(node),
        "Slice" => slicing::slice(node),
        "Pad" => slicing::pad(node),
        "CenterCropPad" => slicing::center_crop_pad(node),
        "Resize" | "Upsample" => resize::resize(node),
        "Expand" => fill::expand(node),
        "Tile" => fill::tile(node),
        "Range" => fill::range(node),
        "Constant" => Ok(fill::constant(node)),
        "ConstantOfShape" => fill::constant_of_shape(node),
        "RandomNormal" | "RandomUniform" => fill::random(node),
        "Multinomial" => fill::multinomial(node),
        "EyeLike" => fill::eye_like(node),
        "OneHot" => fill::one_hot(node),
        "Gather" => indexing::gather(node),
        "GatherElements" => indexing::gather_elements(node),
        "GatherND" => indexing::gather_nd(node),
        "Scatter" | "ScatterElements" => indexing::scatter_elements(node),
        "ScatterND" => indexing::scatter_nd(node),
        "NonZero" => indexing::non_zero(node),
        "TopK" => indexing::top_k(node),
        "Compress" => indexing::compress(node),
        "GridSample" | "AffineGrid" | "RoiAlign" | "MaxRoiPool" | "NonMaxSuppression"
        | "Col2Im" | "ImageDecoder" => vision::vision(node),
        "HannWindow" | "HammingWindow" | "BlackmanWindow" | "MelWeightMatrix" | "DFT" | "STFT" => {
            signal::signal(node)
        }
        "Softmax" | "LogSoftmax" | "Hardmax" | "LpNormalization" | "ArgMax" | "ArgMin"
        | "CumSum" | "Trilu" => arithmetic::along_axis(node),
        "Shape" => Ok(node.shape(0).map_or(Size::Unknown, |x| Size::of([x.len() as u128]))),
        "Size" => Ok(Size::Elements(1)),
        "CastLike" => Ok(node.shape(0).map_or(Size::Unknown, Size::like)),
        // Its outputs are those of the graphs inside it.
        "If" => Ok(Size::Unknown),
        _ if operator.starts_with("Reduce") => arithmetic::reduce(node),
        _ => arithmetic::elementwise(node),
    }
}

/// The axis that `value` names, counted from the end where it is negative.
fn axis(value: i64, rank: usize) -> Result<usize, String> {
    let length = rank as i64;
    if (-length..length).contains(&value) {
        return Ok(value.rem_euclid(length) as usize);
    }
    if rank == 0 {
        return Err(format!("axis {value} of its input, which is one number without dimensions"));
    }
    Err(format!(
        "axis {value} lies outside of its input, which has {}; expected {} to {}",
        super::text::count(rank, "dimension"),
        -length,
        length - 1
    ))
}

/// Several axes, each once.
fn distinct_axes(values: &[i64], rank: usize) -> Result<Vec<usize>, String> {
    let mut seen = vec![false; rank];
    let mut axes = Vec::new();
    for &value in values {
        let axis = axis(value, rank)?;
        if std::mem::replace(&mut seen[axis], true) {
            return Err(format!("axis {axis} is named twice in {}", list(values)));
        }
        axes.push(axis);
    }
    Ok(axes)
}

/// The shape that `shapes` have together.
fn broadcast(shapes: &[&[usize]]) -> Result<Vec<usize>, String> {
    let rank = shapes.iter().map(|shape| shape.len()).max().unwrap_or(0);
    let mut together = vec![1; rank];
    for shape in shapes {
        for (size, &dim) in together.iter_mut().rev().zip(shape.iter().rev()) {
            if *size == 1 {
                *size = dim;
            } else if dim != 1 && dim != *size {
                let shapes: Vec<_> = shapes.iter().map(|shape| list(shape)).collect();
                return Err(format!(
                    "shapes {} cannot be broadcast together: {size} and {dim} differ, and \
                     neither is 1",
                    shapes.join(" and ")
                ));
            }
        }
    }
    Ok(together)
}

/// The number of elements of a shape.
fn elements(shape: &[usize]) -> usize {
    shape.iter().fold(1, |product, &dim| product.saturating_mul(dim))
}

/// Whether `shape` can be broadcast to `target` without making it larger.
fn broadcasts_to(shape: &[usize], target: &[usize]) -> bool {
    broadcast(&[shape, target]).is_ok_and(|together| together == target)
}

/// That an input has at least this rank.
fn at_least(shape: &[usize], rank: usize, what: &str) -> Result<(), String> {
    if shape.len() >= rank {
        return Ok(());
    }
    Err(format!("{what} has the shape {}; expected at least {rank} dimensions", list(shape)))
}

/// That an input of at least this rank holds something: runtimes divide by its sizes.
fn filled(shape: &[usize], rank: usize) -> Result<(), String> {
    at_least(shape, rank, "its input")?;
    if shape.contains(&0) {
        return Err(format!("its input has the shape {}: it is empty", list(shape)));
    }
    Ok(())
}

/// That two counts that belong together are equal.
fn equal(found: usize, expected: usize, what: &str) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}: found {found}, expected {expected}"))
}
