//! How long a node takes that is run to know its shape, before it is run.

use super::super::attributes::ints;
use super::super::pb;
use super::{Binding, Importer};

/// Most products and comparisons of one node: a minute or less.
const MOST_STEPS: u128 = 1 << 36;

impl Importer<'_> {
    /// Checks how much work a node is that is run in float, given the elements of its largest output.
    pub(super) fn check_work(
        &self,
        proto: &pb::NodeProto,
        inputs: &[Option<Binding>],
        elements: u128,
    ) -> std::result::Result<(), String> {
        let shape = |index: usize| match inputs.get(index) {
            Some(Some(binding)) => self.shape_of_binding(binding),
            _ => Vec::new(),
        };
        let product = |sizes: &[usize]| {
            sizes.iter().fold(1, |all: u128, &size| all.saturating_mul(size as u128))
        };
        let for_each = match proto.op_type.as_str() {
            "MatMul" | "FusedMatMul" => shape(0).last().map_or(1, |&depth| depth as u128),
            "Gemm" => shape(0).iter().max().map_or(1, |&depth| depth as u128),
            "Conv" | "ConvTranspose" => shape(1).get(1..).map_or(1, product),
            "MaxPool" | "AveragePool" => {
                let kernel = ints(proto, "kernel_shape").unwrap_or_default();
                product(&kernel.iter().map(|&side| side as usize).collect::<Vec<_>>())
            }
            _ => return Ok(()),
        };
        let steps = elements.saturating_mul(for_each);
        if steps > MOST_STEPS {
            return Err(format!(
                "takes {steps} steps, {for_each} for each element of its output; a node that is \
                 not emulated may take up to {MOST_STEPS}"
            ));
        }
        Ok(())
    }
}
