//! LayerNormalization over the last axis.

use recoup_kernels::normalize_rows;

use crate::model::{NodeKind, ValueId};
use crate::quantize::Quantized;

use super::prepared::Prepared;
use super::workspace::Workspace;

/// A LayerNormalization with its constants.
#[derive(Debug)]
pub(super) struct Normalization {
    pub node: usize,
    pub input: ValueId,
    pub output: ValueId,
    pub epsilon: f32,
    pub scale: Vec<f32>,
    pub bias: Vec<f32>,
}

impl Normalization {
    /// Runs it on an image.
    pub fn run(&self, prepared: &Prepared, workspace: &mut Workspace) {
        let (plan, input) = (&prepared.plan, [self.input]);
        let decoded = workspace.take_decoded(plan, &input);
        let mut values = std::mem::take(&mut workspace.values);
        let rows = workspace.real_values(plan, &input, &decoded)[0];
        values.resize(rows.len(), 0.0);
        normalize_rows(prepared.isa, rows, self.epsilon, &self.scale, &self.bias, &mut values);
        workspace.put(prepared, self.output, &values);
        (workspace.decoded, workspace.values) = (decoded, values);
    }
}

/// The normalisations of a network, of nodes that are not `taken`; takes theirs.
pub(super) fn normalizations(network: &Quantized, taken: &mut [bool]) -> Vec<Normalization> {
    let nodes = (0..network.graph.nodes.len()).filter(|&node| !taken[node]);
    let found: Vec<_> = nodes.filter_map(|node| normalization(network, node)).collect();
    found.iter().for_each(|it| taken[it.node] = true);
    found
}

fn normalization(network: &Quantized, index: usize) -> Option<Normalization> {
    let node = &network.graph.nodes[index];
    let source = node.source.as_ref().filter(|it| it.operator() == "LayerNormalization")?;
    let (&[input], &[output], NodeKind::Operator { .. }) =
        (&node.inputs[..], &node.outputs[..], &node.kind)
    else {
        return None;
    };
    let shape = &network.graph.values[input].shape;
    let &length = shape.last().filter(|&&length| length > 0)?;
    let axis = source.int("axis").unwrap_or(-1);
    // Images are stored channels last: their last axis is no row.
    if shape.len() == 4 || (axis != -1 && axis != shape.len() as i64 - 1) {
        return None;
    }
    let scale = source.numbers(1).filter(|scale| scale.len() == length)?;
    let bias = match source.has(2) {
        false => vec![0.0; length],
        true => source.numbers(2).filter(|bias| bias.len() == length)?,
    };
    let epsilon = source.float("epsilon").unwrap_or(1e-5);
    Some(Normalization { node: index, input, output, epsilon, scale, bias })
}
