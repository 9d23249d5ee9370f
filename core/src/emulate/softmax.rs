//! Softmax over the last axis.

use recoup_kernels::softmax_rows;

use crate::model::{NodeKind, ValueId};
use crate::quantize::Quantized;

use super::prepared::Prepared;
use super::workspace::Workspace;

/// A softmax row by row.
#[derive(Debug)]
pub(super) struct Softmax {
    pub node: usize,
    pub input: ValueId,
    pub output: ValueId,
    columns: usize,
}

impl Softmax {
    /// Runs it on an image.
    pub fn run(&self, prepared: &Prepared, workspace: &mut Workspace) {
        let (plan, input) = (&prepared.plan, [self.input]);
        let decoded = workspace.take_decoded(plan, &input);
        let mut values = std::mem::take(&mut workspace.values);
        let mut scratch = std::mem::take(&mut workspace.scores);
        let rows = workspace.real_values(plan, &input, &decoded)[0];
        values.resize(rows.len(), 0.0);
        softmax_rows(prepared.isa, rows, self.columns, &mut values, &mut scratch);
        workspace.put(prepared, self.output, &values);
        (workspace.decoded, workspace.values, workspace.scores) = (decoded, values, scratch);
    }
}

/// Those of a network, of nodes that are not `taken`; takes theirs.
pub(super) fn softmaxes(network: &Quantized, taken: &mut [bool]) -> Vec<Softmax> {
    let nodes = (0..network.graph.nodes.len()).filter(|&node| !taken[node]);
    let found: Vec<_> = nodes.filter_map(|node| softmax(network, node)).collect();
    found.iter().for_each(|it| taken[it.node] = true);
    found
}

fn softmax(network: &Quantized, index: usize) -> Option<Softmax> {
    let node = &network.graph.nodes[index];
    let source = node.source.as_ref().filter(|it| it.operator() == "Softmax")?;
    let (&[input], &[output], NodeKind::Operator { .. }) =
        (&node.inputs[..], &node.outputs[..], &node.kind)
    else {
        return None;
    };
    let shape = &network.graph.values[input].shape;
    let &columns = shape.last().filter(|&&columns| columns > 0)?;
    let axis = source.int("axis").unwrap_or(-1);
    // Images are stored channels last: their last axis is no row.
    let of_rows = shape.len() != 4 && (axis == -1 || axis == shape.len() as i64 - 1);
    of_rows.then_some(Softmax { node: index, input, output, columns })
}
