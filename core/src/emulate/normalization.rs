//! LayerNormalization over the last axis.

use recoup_kernels::normalize_rows;

use crate::model::ValueId;
use crate::quantize::Quantized;

use super::prepared::Prepared;
use super::single::{operator, row_length};
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

/// The one that a node is.
pub(super) fn normalization(network: &Quantized, node: usize) -> Option<Normalization> {
    let (source, input, output) = operator(network, node, "LayerNormalization")?;
    let length = row_length(network, source, input)?;
    let scale = source.numbers(1).filter(|scale| scale.len() == length)?;
    let bias = match source.has(2) {
        false => vec![0.0; length],
        true => source.numbers(2).filter(|bias| bias.len() == length)?,
    };
    let epsilon = source.float("epsilon").unwrap_or(1e-5);
    Some(Normalization { node, input, output, epsilon, scale, bias })
}
