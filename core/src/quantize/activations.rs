//! Which tensors become codes.

use crate::model::{ActivationQuantization, Graph, Mac, Node, NodeKind, ValueId};

use super::{Calibration, CalibrationError};

/// Which tensors are codes.
pub(super) struct Assigned {
    /// Scale and zero point per value.
    pub codes: Vec<Option<ActivationQuantization>>,
    /// Values that no multiplier reads: between layers, for a function or a product.
    pub between: Vec<bool>,
}

/// A tensor that feeds a multiplier becomes codes; so do tensors that the model itself quantises, and
/// [`between_layers`]. Data movements and MaxPool hand codes through unchanged, so the codes are
/// made as early, and kept as long, as that changes no result.
pub(super) fn assign(
    graph: &Graph,
    calibration: &Calibration,
) -> Result<Assigned, CalibrationError> {
    let mut assigned: Vec<_> = graph.values.iter().map(|value| value.quantization).collect();
    hand_on(graph, &mut assigned);
    for &input in graph.macs().flat_map(|(node, _)| &node.inputs) {
        if assigned[input].is_none() {
            assigned[input] = Some(calibration.quantization(&graph.values[input].tensor)?);
        }
    }
    let values = between_layers(graph);
    let ranges = values.iter().map(|&value| calibration.quantization(&graph.values[value].tensor));
    // Files of older versions lack them: there they stay in float.
    if let Ok(ranges) = ranges.collect::<Result<Vec<_>, _>>() {
        values.iter().zip(ranges).for_each(|(&value, range)| assigned[value] = Some(range));
    }
    let uses = graph.use_counts();
    for node in graph.nodes.iter().rev().filter(|node| hands_through(node)) {
        let output = node.outputs[0];
        if let Some(quantization) = assigned[output] {
            for &input in node.inputs.iter().filter(|&&input| uses[input] == 1) {
                assigned[input].get_or_insert(quantization);
            }
        }
    }
    hand_on(graph, &mut assigned);
    let read = read_by_layers(graph);
    let between = assigned.iter().zip(read).map(|(codes, read)| codes.is_some() && !read).collect();
    Ok(Assigned { codes: assigned, between })
}

/// Per value: whether a layer on the multipliers reads it, perhaps in another place.
fn read_by_layers(graph: &Graph) -> Vec<bool> {
    let mut read = vec![false; graph.values.len()];
    graph.macs().flat_map(|(node, _)| &node.inputs).for_each(|&input| read[input] = true);
    for node in graph.nodes.iter().rev().filter(|node| hands_through(node)) {
        let is_read = read[node.outputs[0]];
        node.inputs.iter().for_each(|&input| read[input] |= is_read);
    }
    read
}

/// What is made of codes alone, by taking them elsewhere, is these codes.
fn hand_on(graph: &Graph, assigned: &mut [Option<ActivationQuantization>]) {
    for node in graph.nodes.iter().filter(|node| hands_through(node)) {
        let first = assigned[node.inputs[0]];
        if node.inputs.iter().all(|&input| assigned[input] == first)
            && assigned[node.outputs[0]].is_none()
        {
            assigned[node.outputs[0]] = first;
        }
    }
}

/// The tensors that have to be codes of their own so that what leads from codes to codes does not
/// pass through real values: those that a function is of whose results are codes, and those that
/// products, sums and means take in that such functions or products make. What a layer takes along,
/// a clip or an addition, stays within it.
pub(super) fn between_layers(graph: &Graph) -> Vec<ValueId> {
    codes_between(graph).0
}

/// Per node: whether it is an operator that runs from codes to codes, alone or in a chain of them,
/// where the calibration has ranges for its tensors.
pub fn operators_on_codes(graph: &Graph) -> Vec<bool> {
    codes_between(graph).1
}

fn codes_between(graph: &Graph) -> (Vec<ValueId>, Vec<bool>) {
    let mut codes: Vec<bool> = graph.values.iter().map(|it| it.quantization.is_some()).collect();
    graph.macs().flat_map(|(node, _)| &node.inputs).for_each(|&input| codes[input] = true);
    let makers = Makers::new(graph, &codes);
    let uses = graph.use_counts();
    let (mut between, mut on_codes) = (Vec::new(), vec![false; graph.nodes.len()]);
    // Real values within a function.
    let mut inner = vec![false; graph.values.len()];
    for (index, node) in graph.nodes.iter().enumerate().rev() {
        if !node.outputs.iter().all(|&output| codes[output]) {
            on_codes[index] = node.outputs.iter().any(|&output| inner[output]);
            if on_codes[index] {
                node.inputs.iter().for_each(|&input| inner[input] |= !codes[input]);
            }
            continue;
        }
        let mut wanted = match makers.of_node[index] {
            Maker::Function(of) => vec![of],
            Maker::Product(factors) => factors.to_vec(),
            _ if hands_through(node) => {
                let alone = node.inputs.iter().filter(|&&input| uses[input] == 1);
                alone.for_each(|&input| codes[input] = true);
                makers.computed(&node.inputs)
            }
            _ if matches!(node.kind, NodeKind::Add | NodeKind::GlobalAveragePool) => {
                makers.computed(&node.inputs)
            }
            // A product takes along the quantiser of its output.
            _ if matches!(node.kind, NodeKind::Quantize) => {
                codes[node.inputs[0]] |= makers.by_operator[node.inputs[0]];
                continue;
            }
            _ => continue,
        };
        wanted.retain(|&value| !codes[value]);
        if wanted.iter().all(|&value| makers.on_codes[value]) {
            wanted.iter().for_each(|&value| codes[value] = true);
            between.extend(wanted);
            on_codes[index] = !matches!(makers.of_node[index], Maker::Other);
            if let Maker::Function(_) = makers.of_node[index] {
                node.inputs.iter().for_each(|&input| inner[input] |= !codes[input]);
            }
        }
    }
    (between, on_codes)
}

/// How tensors are made, as far as that can be on codes.
struct Makers {
    of_node: Vec<Maker>,
    /// Per value: whether it can be made without real values, or by a layer on the multipliers.
    on_codes: Vec<bool>,
    /// Per value: whether a function or a product makes it.
    by_operator: Vec<bool>,
}

#[derive(Clone, Copy)]
enum Maker {
    /// A function of one tensor, with an operator that no layer takes along.
    Function(ValueId),
    /// A product of two.
    Product([ValueId; 2]),
    Other,
}

impl Makers {
    /// `codes` tells which values are codes whatever makes them.
    fn new(graph: &Graph, codes: &[bool]) -> Self {
        let mut makers = Self {
            of_node: Vec::with_capacity(graph.nodes.len()),
            on_codes: codes.to_vec(),
            by_operator: vec![false; codes.len()],
        };
        let uses = graph.use_counts();
        // The tensor that each value is a function of; itself, if of none.
        let mut roots: Vec<ValueId> = (0..graph.values.len()).collect();
        for node in &graph.nodes {
            let is_taken_along = match node.kind {
                NodeKind::Clip { .. } => {
                    !makers.by_operator[node.inputs[0]] && uses[node.inputs[0]] == 1
                }
                NodeKind::Quantize => roots[node.inputs[0]] == node.inputs[0],
                _ => false,
            };
            let by_operator = match node.kind {
                NodeKind::Clip { .. } => makers.by_operator[node.inputs[0]],
                _ => true,
            };
            let root = |value: ValueId| Some(if codes[value] { value } else { roots[value] });
            let function = graph.function_of(node, root).filter(|_| !is_taken_along);
            let maker = match (function, graph.factors(node)) {
                (Some(root), _) if by_operator => Maker::Function(root),
                (None, Some(factors)) => Maker::Product(factors),
                _ => Maker::Other,
            };
            let on_codes = match maker {
                Maker::Function(of) => makers.on_codes[of],
                Maker::Product(factors) => factors.iter().all(|&value| makers.on_codes[value]),
                Maker::Other => !matches!(node.kind, NodeKind::Operator { .. }),
            };
            for &output in &node.outputs {
                makers.on_codes[output] |= on_codes;
                makers.by_operator[output] = on_codes && !matches!(maker, Maker::Other);
                roots[output] = function.unwrap_or(output);
            }
            makers.of_node.push(maker);
        }
        makers
    }

    /// Those of `values` that a function or a product makes.
    fn computed(&self, values: &[ValueId]) -> Vec<ValueId> {
        values.iter().copied().filter(|&value| self.by_operator[value]).collect()
    }
}

fn hands_through(node: &Node) -> bool {
    matches!(node.kind, NodeKind::Movement(_) | NodeKind::MaxPool(_))
}

/// Per value: whether only layers that are exact multiply its codes, directly or as they are handed
/// through.
pub(super) fn of_exact_layers(graph: &Graph, is_exact: impl Fn(usize, &Mac) -> bool) -> Vec<bool> {
    let (mut exact, mut others) =
        (vec![false; graph.values.len()], vec![false; graph.values.len()]);
    let mut layer = graph.macs().count();
    for node in graph.nodes.iter().rev() {
        if let NodeKind::Mac(mac) = &node.kind {
            layer -= 1;
            let readers = if is_exact(layer, mac) { &mut exact } else { &mut others };
            node.inputs.iter().for_each(|&input| readers[input] = true);
        } else if hands_through(node) {
            for &input in &node.inputs {
                exact[input] |= exact[node.outputs[0]];
                others[input] |= others[node.outputs[0]];
            }
        }
    }
    exact.iter().zip(others).map(|(&exact, others)| exact && !others).collect()
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
