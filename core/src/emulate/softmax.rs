//! Softmax over the last axis.

use recoup_kernels::{Encoded, softmax_codes, softmax_rows};

use crate::model::ValueId;
use crate::quantize::Quantized;

use super::plan::Format;
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
        let mut scratch = std::mem::take(&mut workspace.scores);
        let place = plan.place(self.output);
        match place.format {
            Format::Codes(quantization) => {
                let mut output = std::mem::take(&mut workspace.codes[place.buffer]);
                let rows = workspace.real_values(plan, &input, &decoded)[0];
                let mut to = Encoded {
                    codes: &mut output[..place.length],
                    inv_scale: 1.0 / quantization.scale,
                    zero_point: quantization.zero_point,
                    dropped_bits: prepared.quantized.dropped_bits(self.output),
                };
                softmax_codes(prepared.isa, rows, self.columns, &mut to, &mut scratch)
                    .expect("scales were checked when the network was quantised");
                workspace.codes[place.buffer] = output;
            }
            Format::Floats => {
                let mut output = std::mem::take(&mut workspace.floats[place.buffer]);
                let rows = workspace.real_values(plan, &input, &decoded)[0];
                let values = &mut output[..place.length];
                softmax_rows(prepared.isa, rows, self.columns, values, &mut scratch);
                workspace.floats[place.buffer] = output;
            }
        }
        (workspace.decoded, workspace.scores) = (decoded, scratch);
    }
}

/// The one that a node is.
pub(super) fn softmax(network: &Quantized, node: usize) -> Option<Softmax> {
    let (source, input, output) = operator(network, node, "Softmax")?;
    let columns = row_length(network, source, input)?;
    Some(Softmax { node, input, output, columns })
}
