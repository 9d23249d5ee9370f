//! Nodes of one operator that have a step of their own in float32.

use crate::model::{NodeKind, Source, ValueId};
use crate::quantize::Quantized;

/// What `find` makes of nodes that are not `taken`; takes theirs.
pub(super) fn found<T>(
    network: &Quantized,
    taken: &mut [bool],
    find: impl Fn(&Quantized, usize) -> Option<T>,
) -> Vec<T> {
    let free = taken.iter_mut().enumerate().filter(|(_, taken)| !**taken);
    let found = free.filter_map(|(node, taken)| {
        let found = find(network, node)?;
        *taken = true;
        Some(found)
    });
    found.collect()
}

/// The node of the file, input and output, if a node is this operator of one tensor.
pub(super) fn operator<'n>(
    network: &'n Quantized,
    node: usize,
    name: &str,
) -> Option<(&'n Source, ValueId, ValueId)> {
    let node = &network.graph.nodes[node];
    let source = node.source.as_deref().filter(|source| source.operator() == name)?;
    match (&node.inputs[..], &node.outputs[..], &node.kind) {
        (&[input], &[output], NodeKind::Operator { .. }) => Some((source, input, output)),
        _ => None,
    }
}

/// The length of the rows that an operator over one axis works on, if that is the last one.
pub(super) fn row_length(network: &Quantized, source: &Source, input: ValueId) -> Option<usize> {
    let shape = &network.graph.values[input].shape;
    let axis = source.int("axis").unwrap_or(-1);
    let axis = if axis < 0 { axis + shape.len() as i64 } else { axis };
    let (&length, behind) = shape.get(usize::try_from(axis).ok()?..)?.split_first()?;
    // Images are stored channels last: their last axis is no row.
    let is_last = behind.iter().all(|&length| length == 1);
    (shape.len() != 4 && is_last && length > 0).then_some(length)
}
