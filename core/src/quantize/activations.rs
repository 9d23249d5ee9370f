//! Which tensors become codes.

use crate::model::{ActivationQuantization, Graph, Node, NodeKind};

use super::{Calibration, CalibrationError};

/// Scale and zero point per value. A tensor that feeds a multiplier becomes codes; so do tensors
/// that the model itself quantises. Data movements and MaxPool hand codes through unchanged, so
/// the codes are made as early, and kept as long, as that changes no result.
pub(super) fn assign(
    graph: &Graph,
    calibration: &Calibration,
) -> Result<Vec<Option<ActivationQuantization>>, CalibrationError> {
    let mut assigned: Vec<_> = graph.values.iter().map(|value| value.quantization).collect();
    for (node, _) in graph.macs() {
        let input = node.inputs[0];
        if assigned[input].is_none() {
            assigned[input] = Some(calibration.quantization(&graph.values[input].tensor)?);
        }
    }
    let uses = graph.use_counts();
    for node in graph.nodes.iter().rev().filter(|node| hands_through(node)) {
        if let Some(quantization) = assigned[node.outputs[0]] {
            for &input in node.inputs.iter().filter(|&&input| uses[input] == 1) {
                assigned[input].get_or_insert(quantization);
            }
        }
    }
    for node in graph.nodes.iter().filter(|node| hands_through(node)) {
        let first = assigned[node.inputs[0]];
        if node.inputs.iter().all(|&input| assigned[input] == first)
            && assigned[node.outputs[0]].is_none()
        {
            assigned[node.outputs[0]] = first;
        }
    }
    Ok(assigned)
}

fn hands_through(node: &Node) -> bool {
    matches!(node.kind, NodeKind::Movement(_) | NodeKind::MaxPool(_))
}

/// Per value: whether only the first or the last layer on the multipliers multiplies its codes,
/// directly or as they are handed through.
pub(super) fn of_the_ends(graph: &Graph) -> Vec<bool> {
    let (mut at_the_ends, mut between) =
        (vec![false; graph.values.len()], vec![false; graph.values.len()]);
    let last = graph.macs().count().saturating_sub(1);
    let mut layer = last + 1;
    for node in graph.nodes.iter().rev() {
        if let NodeKind::Mac(_) = node.kind {
            layer -= 1;
            let readers = if layer == 0 || layer == last { &mut at_the_ends } else { &mut between };
            readers[node.inputs[0]] = true;
        } else if hands_through(node) {
            for &input in &node.inputs {
                at_the_ends[input] |= at_the_ends[node.outputs[0]];
                between[input] |= between[node.outputs[0]];
            }
        }
    }
    at_the_ends.iter().zip(between).map(|(&ends, between)| ends && !between).collect()
}

/// The nearest multiple of 2^dropped (ties to even multiples) that is a code.
pub fn drop_low_bits(code: i32, dropped: u32) -> u8 {
    let step = 1 << dropped;
    let rounded = crate::numeric::round_half_even_shift(i64::from(code), dropped) * step;
    rounded.clamp(0, 256 - step) as u8
}

#[cfg(test)]
mod tests {
    use super::drop_low_bits;

    #[test]
    fn dropping_bits_rounds_and_stays_a_code() {
        assert_eq!(drop_low_bits(137, 0), 137);
        assert_eq!(drop_low_bits(137, 4), 144);
        assert_eq!(drop_low_bits(136, 4), 128); // a tie, to the even multiple
        assert_eq!(drop_low_bits(255, 4), 240);
        assert_eq!(drop_low_bits(255, 1), 254);
    }
}
