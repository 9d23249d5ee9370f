//! Checks of an ONNX model before anything of it runs.
//!
//! A runtime trusts much of what a file says, and a damaged or hostile one makes it panic, fill
//! the memory or never end. So [`model`] checks all that can be told without shapes, and
//! [`shapes`] one node against the shapes and constants that feed it. The signatures of operators
//! are data (`operators.txt`), made from the schemas of the onnx package by
//! `reference/make_operator_table.py`.

mod attributes;
mod graph;
mod operators;
mod ranges;
pub(crate) mod shapes;
mod tensor;
pub(crate) mod text;
mod words;

#[cfg(test)]
mod tests;

use super::pb;
use text::shown;

/// The operator sets of ai.onnx that are read; `operators.txt` holds the same ones.
pub(crate) const OPSETS: std::ops::RangeInclusive<i64> = 7..=25;

/// Most elements of one tensor that a file may declare or hold: 8 GiB of float32.
pub(crate) const MOST_ELEMENTS: u128 = 1 << 31;

/// The largest size, in elements, that an attribute (kernel, stride, pad, group) may give.
const MOST_EXTENT: i64 = 1 << 20;

/// The largest rank of a tensor.
const MOST_AXES: usize = 64;

/// What is wrong with a model.
#[derive(Debug)]
pub(crate) struct Problem {
    /// The node's name (or its first output's) and its operator, fit to be printed.
    pub node: Option<(String, String)>,
    /// What was found, what was expected, and what to do.
    pub reason: String,
}

impl From<String> for Problem {
    fn from(reason: String) -> Self {
        Problem { node: None, reason }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some((name, operator)) = &self.node {
            write!(formatter, "node \"{name}\" ({operator}): ")?;
        }
        formatter.write_str(&self.reason)
    }
}

/// Checks all of a model that can be told without knowing shapes.
///
/// The cost is linear in the size of the file, and nothing that a file says makes it panic.
///
/// # Errors
/// With the first problem found, in the order of the file.
pub(crate) fn model(proto: &pb::ModelProto) -> Result<(), Problem> {
    let graph = proto.graph.as_ref().ok_or_else(|| {
        "is not an ONNX model: it holds no graph; expected a model as written by torch.onnx.export or onnx.save"
            .to_string()
    })?;
    if graph.node.is_empty() {
        return Err("its graph has no nodes; export the model again".to_string().into());
    }
    if graph.output.is_empty() {
        return Err("its graph has no outputs; export the model again".to_string().into());
    }
    graph::check(graph, opset(proto)?)
}

/// The operator set of ai.onnx that the model imports.
///
/// # Errors
/// When it imports none, two different ones, or one outside [`OPSETS`].
pub(crate) fn opset(proto: &pb::ModelProto) -> Result<i64, String> {
    let mut imports = proto.opset_import.iter().filter(|import| is_onnx(&import.domain));
    let advice = "export the model again with opset_version=17";
    let version = imports
        .next()
        .ok_or_else(|| format!("it names no operator set of ai.onnx; {advice}"))?
        .version;
    if let Some(other) = imports.find(|import| import.version != version) {
        return Err(format!(
            "it names two operator sets of ai.onnx, {version} and {}; {advice}",
            other.version
        ));
    }
    if !OPSETS.contains(&version) {
        return Err(format!(
            "uses ONNX operator set {version}; Recoup reads {} to {}; {advice}",
            OPSETS.start(),
            OPSETS.end()
        ));
    }
    Ok(version)
}

/// Whether a domain is the standard's own, which is written in two ways.
pub(crate) fn is_onnx(domain: &str) -> bool {
    domain.is_empty() || domain == "ai.onnx"
}

/// Whether a node's operator may have any number of outputs. [`model`] knows the operator.
pub(crate) fn has_any_number_of_outputs(node: &pb::NodeProto, opset: i64) -> bool {
    let signature = operators::find(&node.domain, &node.op_type, opset);
    signature.is_ok_and(|signature| signature.outputs.most().is_none())
}

/// A node's name, or its first output's when the file gives it none, fit to be printed.
fn node_name(node: &pb::NodeProto) -> String {
    match node.output.first() {
        Some(output) if node.name.is_empty() => shown(output),
        _ => shown(&node.name),
    }
}
