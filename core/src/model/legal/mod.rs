//! The model in operators that rten has.
//!
//! Both the float reference and the import read what this makes of a node, so they see the same
//! network. Each rewriting is exact in real numbers.

mod activations;
mod attention;
mod builder;
mod conditions;
mod defaults;
mod extremes;
mod functions;
mod fused;
mod gemm;
mod images;
mod inline;
mod norms;
mod pools;
mod prepare;
mod product;
mod qoperator;
mod quantizers;
mod recurrent;
mod spatial;

use std::sync::Arc;

use rten::Value;

use super::check::is_onnx;
use super::pb;

pub(crate) use builder::{Builder, whole};
pub(super) use functions::write_out;
pub(super) use prepare::{Constants, prepare, reads};
pub(super) use recurrent::kept_because;
pub(super) use spatial::takes_nearest;

/// What is known of an input of a node before it runs.
pub(crate) struct Known {
    pub shape: Vec<usize>,
    /// Whether it is codes of int8.
    pub signed: bool,
    /// Whether rten has it as real numbers.
    pub real: bool,
    pub constant: Option<Arc<Value>>,
}

/// The nodes to take in place of `node`, added to `builder`; false when it is fine as it is. Inputs
/// that are left out are `None`.
///
/// # Errors
/// With the reason why the node cannot be run.
pub(crate) fn rewrite(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
    opset: i64,
) -> Result<bool, String> {
    let on_codes = node.op_type.starts_with("QLinear") || node.op_type == "QGemm";
    if !is_onnx(&node.domain) && !on_codes {
        return fused::microsoft(builder, node, known);
    }
    match node.op_type.as_str() {
        "Dropout" => norms::dropout(builder, node, known),
        "Softmax" | "LogSoftmax" if opset < 13 => Ok(norms::flat_softmax(builder, node, known)),
        "Hardmax" => {
            let flattens = opset < 13 && norms::flat_softmax(builder, node, known);
            Ok(flattens || extremes::hardmax(builder, node, known, opset))
        }
        "ArgMax" | "ArgMin" => Ok(extremes::position(builder, node, known, opset)),
        "Sign" => Ok(conditions::sign(builder, node, known)),
        "Cast" => Ok(conditions::cast(builder, node, known)),
        "GroupNormalization" => norms::group(builder, node, known),
        "MeanVarianceNormalization" => {
            norms::mean_variance(builder, node, opset);
            Ok(true)
        }
        "Celu" | "Selu" | "Mish" | "Softplus" | "ThresholdedRelu" => {
            activations::rewrite(builder, node);
            Ok(true)
        }
        "QuantizeLinear" => quantizers::completed(builder, node, known),
        "If" => inline::branch(builder, node, known),
        "SpaceToDepth" => spatial::space_to_depth(builder, node, known),
        "Resize" => spatial::resize(builder, node, known, opset),
        "Attention" => attention::attention(builder, node, known),
        "Einsum" => Ok(product::einsum(builder, node, known).is_some()),
        "MatMul" => Ok(product::matmul(builder, node, known).is_some()),
        "LSTM" | "GRU" | "RNN" => recurrent::unrolled(builder, node, known),
        "Gemm" => gemm::gemm(builder, node, known),
        "MatMulInteger" | "ConvInteger" => qoperator::integer(builder, node, known),
        "DynamicQuantizeLinear" => Err("computes the scale of its input for every image; Recoup \
             runs scales that are constant: quantise the model with quantize_static"
            .into()),
        "LRN" => norms::local_response(builder, node, known),
        "LpPool" => pools::lp(builder, node),
        "GlobalLpPool" => pools::global_lp(builder, node, known),
        "Conv" | "ConvTranspose" => defaults::convolution(builder, node, known),
        "MaxPool" | "AveragePool" => pools::pool(builder, node, known),
        "Pad" => defaults::pad(builder, node, known),
        "Squeeze" | "Unsqueeze" => Ok(defaults::lone_axis(builder, node, known)),
        _ if on_codes => qoperator::rewrite(builder, node, known, opset),
        _ => Ok(false),
    }
}
