//! Softmax over the last axis.

use recoup_kernels::softmax_rows;

use crate::model::ValueId;
use crate::quantize::Quantized;

use super::prepared::Prepared;
use super::single::{operator, row_length};
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

/// The one that a node is.
pub(super) fn softmax(network: &Quantized, node: usize) -> Option<Softmax> {
    let (source, input, output) = operator(network, node, "Softmax")?;
    let columns = row_length(network, source, input)?;
    Some(Softmax { node, input, output, columns })
}
