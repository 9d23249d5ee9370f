//! Orders of stored elements: movements of one tensor as they run, and several of them as one.

use std::ops::Range;

use crate::model::{Graph, NodeKind, Run, ValueId, storage_order};
use crate::quantize::Quantized;

/// For each element, in order, its place among others.
pub(super) type Places = Vec<u32>;

/// How elements are taken from their places.
#[derive(Debug)]
pub(super) enum Order {
    /// Several at a time: first place and number.
    Runs(Vec<Range<u32>>),
    /// One by one.
    Each(Places),
}

impl Order {
    /// Runs, where they are long enough to pay.
    pub fn new(places: Places) -> Self {
        const LEAST: usize = 8;
        let mut runs: Vec<Range<u32>> = Vec::new();
        for &place in &places {
            match runs.last_mut() {
                Some(last) if last.end == place => last.end += 1,
                _ => runs.push(place..place + 1),
            }
        }
        if runs.len() * LEAST <= places.len() { Self::Runs(runs) } else { Self::Each(places) }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::Each(places) => places.len(),
            Self::Runs(runs) => runs.iter().map(|run| run.len()).sum(),
        }
    }

    /// Takes as many elements as there are places.
    pub fn take<T: Copy>(&self, from: &[T], to: &mut [T]) {
        match self {
            Self::Each(places) => {
                to.iter_mut().zip(places).for_each(|(to, &place)| *to = from[place as usize]);
            }
            Self::Runs(runs) => {
                let mut rest = to;
                for run in runs {
                    let run = run.start as usize..run.end as usize;
                    let (own, others) = rest.split_at_mut(run.len());
                    own.copy_from_slice(&from[run]);
                    rest = others;
                }
            }
        }
    }
}

/// Where a movement takes its elements from, if it is one of a single tensor without padding.
pub(super) fn movement(graph: &Graph, node: usize) -> Option<(ValueId, Places)> {
    let node = &graph.nodes[node];
    let (NodeKind::Movement(runs), &[input]) = (&node.kind, &node.inputs[..]) else { return None };
    let places = |run: &Run| run.input.map(|_| run.start..run.start + run.length);
    let runs = runs.iter().map(places).collect::<Option<Vec<_>>>()?;
    Some((input, runs.into_iter().flatten().collect()))
}

/// What is at `outer` of what is at `inner`.
pub(super) fn composed(outer: &[u32], inner: &[u32]) -> Places {
    outer.iter().map(|&place| inner[place as usize]).collect()
}

/// For each element in ONNX order, where it is stored.
pub(super) fn stored_places(shape: &[usize]) -> Places {
    let mut places = vec![0; shape.iter().product()];
    for (place, index) in storage_order(shape).enumerate() {
        places[index] = place as u32;
    }
    places
}

/// Several movements as one.
pub(super) struct Movements {
    /// Those that nobody else reads, in execution order.
    pub nodes: Vec<usize>,
    /// Those before them whose results other movements read as well.
    pub through: Vec<usize>,
    /// What they read, and in which order.
    pub input: ValueId,
    pub places: Places,
}

/// What reads and makes the values of a network, and which of its nodes others have taken along.
pub(super) struct Wires<'a> {
    pub network: &'a Quantized,
    /// The nodes that read each value; once for each time.
    pub readers: Vec<Vec<usize>>,
    /// The node that makes each value, if one does.
    pub makers: Vec<Option<usize>>,
}

impl<'a> Wires<'a> {
    pub fn new(network: &'a Quantized) -> Self {
        let graph = &network.graph;
        let mut wires = Self {
            network,
            readers: vec![Vec::new(); graph.values.len()],
            makers: vec![None; graph.values.len()],
        };
        for (index, node) in graph.nodes.iter().enumerate() {
            node.inputs.iter().for_each(|&input| wires.readers[input].push(index));
            node.outputs.iter().for_each(|&output| wires.makers[output] = Some(index));
        }
        wires
    }

    /// The only node that reads a value, which is no output.
    pub fn only_reader(&self, value: ValueId) -> Option<usize> {
        let [reader] = self.readers[value][..] else { return None };
        (!self.network.graph.outputs.contains(&value)).then_some(reader)
    }

    /// Whether two values stand for the same real numbers in the same form.
    pub fn same_form(&self, left: ValueId, right: ValueId) -> bool {
        self.network.activations[left] == self.network.activations[right]
    }

    /// The movement that ends in this node, with those before it.
    pub fn movements(&self, node: usize, taken: &[bool]) -> Option<Movements> {
        let graph = &self.network.graph;
        let (mut input, mut places) = movement(graph, node)?;
        let (mut nodes, mut through) = (vec![node], Vec::new());
        // Real numbers become codes one by one, in whatever order.
        let output = graph.nodes[node].outputs[0];
        let is_coded_alike = |before: ValueId, value: ValueId| {
            self.network.activations[before].is_none()
                && self.network.dropped_bits(value) == self.network.dropped_bits(output)
        };
        while let Some(maker) = self.makers[input].filter(|&maker| !taken[maker])
            && let Some((before, of_before)) = movement(graph, maker)
            && (self.same_form(before, input) || is_coded_alike(before, input))
        {
            if through.is_empty() && self.only_reader(input).is_some() {
                nodes.insert(0, maker);
            } else if self.are_moved(&self.readers[input]) {
                through.push(maker);
            } else {
                break;
            }
            places = composed(&places, &of_before);
            input = before;
        }
        Some(Movements { nodes, through, input, places })
    }

    /// Whether these nodes are movements of one tensor.
    fn are_moved(&self, nodes: &[usize]) -> bool {
        nodes.iter().all(|&node| movement(&self.network.graph, node).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_short_runs_take_the_same() {
        let from: Vec<u8> = (0..40).collect();
        let long: Places = (10..30).chain(0..20).collect();
        let short: Places = (0..40).rev().collect();
        assert!(matches!(Order::new(long.clone()), Order::Runs(runs) if runs.len() == 2));
        assert!(matches!(Order::new(short.clone()), Order::Each(_)));
        for places in [long, short] {
            let mut to = vec![0; 40];
            Order::new(places.clone()).take(&from, &mut to);
            let expected: Vec<u8> = places.iter().map(|&place| place as u8).collect();
            assert_eq!(to, expected);
        }
    }

    #[test]
    fn images_are_stored_channels_last() {
        assert_eq!(stored_places(&[1, 2, 1, 3]), [0, 2, 4, 1, 3, 5]);
        assert_eq!(stored_places(&[2, 3]), [0, 1, 2, 3, 4, 5]);
        assert_eq!(composed(&[2, 0], &[7, 8, 9]), [9, 7]);
    }
}
