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
    length_of_last(&network.graph.values[input].shape, source.int("axis").unwrap_or(-1))
}

/// The length of an axis behind which there is nothing but axes of one element.
fn length_of_last(shape: &[usize], axis: i64) -> Option<usize> {
    let axis = if axis < 0 { axis + shape.len() as i64 } else { axis };
    let (&length, behind) = shape.get(usize::try_from(axis).ok()?..)?.split_first()?;
    let is_last = behind.iter().all(|&length| length == 1);
    // Images are stored channels last: their last axis is no row.
    (shape.len() != 4 && is_last && length > 0).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_end_where_nothing_follows() {
        let tokens = [2, 49, 1];
        assert_eq!([1, -2].map(|axis| length_of_last(&tokens, axis)), [Some(49); 2]);
        assert_eq!([2, -1].map(|axis| length_of_last(&tokens, axis)), [Some(1); 2]);
        // Another axis, an image, nothing at all, and axes that are not there.
        let none =
            [(&tokens[..], 0), (&[1, 3, 1, 1], 1), (&[2, 0], 1), (&tokens, 3), (&tokens, -4)];
        assert_eq!(none.map(|(shape, axis)| length_of_last(shape, axis)), [None; 5]);
    }
}
