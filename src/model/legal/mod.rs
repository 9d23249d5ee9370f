//! The model in operators that rten has.
//!
//! Both the float reference and the import read what this makes of a node, so they see the same
//! network. Each rewriting is exact in real numbers.

mod builder;
mod defaults;
mod norms;
mod pools;
mod prepare;

use std::sync::Arc;

use rten::Value;

use super::pb;

pub(crate) use builder::{Builder, whole};
pub(super) use prepare::prepare;

/// What is known of an input of a node before it runs.
pub(crate) struct Known {
    pub shape: Vec<usize>,
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
    match node.op_type.as_str() {
        "Dropout" => norms::dropout(builder, node),
        "Softmax" | "LogSoftmax" if opset < 13 => Ok(norms::flat_softmax(builder, node, known)),
        "LRN" => norms::local_response(builder, node, known),
        "LpPool" => pools::lp(builder, node),
        "GlobalLpPool" => pools::global_lp(builder, node, known),
        "Conv" | "ConvTranspose" => defaults::convolution(builder, node, known),
        "MaxPool" | "AveragePool" => pools::pool(builder, node, known),
        "Pad" => defaults::pad(builder, node, known),
        _ => Ok(false),
    }
}
