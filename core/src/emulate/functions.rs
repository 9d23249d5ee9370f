//! Functions of one tensor from codes to codes: an entry for each code, whatever operators they are
//! made of.

use std::collections::HashMap;
use std::sync::Arc;

use recoup_kernels::Isa;

use crate::model::{ActivationQuantization, Graph, NodeKind, Stretch, ValueId};
use crate::quantize::Quantized;

use super::operations::real;
use super::prepared::encode;

/// A function of codes. // eq. (4.9)
#[derive(Debug)]
pub(super) struct Function {
    pub input: ValueId,
    pub output: ValueId,
    /// That lead from one to the other, in execution order.
    pub nodes: Vec<usize>,
    pub entries: Arc<[u8; 256]>,
}

/// The functions of a network, and which nodes they make superfluous.
pub(super) struct Functions {
    pub all: Vec<Function>,
    pub replaced: Vec<bool>,
}

impl Functions {
    /// Nodes are taken from the last one on: of a chain, one function is left, and what is between
    /// its codes and its results is only computed where others read it.
    pub fn new(network: &Quantized) -> Self {
        let graph = &network.graph;
        let finder = Finder::new(network);
        let mut functions = Self { all: Vec::new(), replaced: vec![false; graph.nodes.len()] };
        let mut needed = vec![false; graph.values.len()];
        graph.outputs.iter().for_each(|&output| needed[output] = true);
        for (index, node) in graph.nodes.iter().enumerate().rev() {
            if !node.outputs.iter().any(|&output| needed[output]) {
                functions.replaced[index] = true;
            } else if let Some(function) = finder.function(node.outputs[0]) {
                needed[function.input] = true;
                functions.replaced[index] = true;
                functions.all.push(function);
            } else {
                node.inputs.iter().for_each(|&input| needed[input] = true);
            }
        }
        functions
    }

    /// The function that alone reads a value, if one does.
    pub fn only_reader(&self, graph: &Graph, value: ValueId) -> Option<usize> {
        let mut readers = graph.nodes.iter().zip(&self.replaced);
        let is_read = readers.any(|(node, replaced)| !replaced && node.inputs.contains(&value));
        let mut of_value = (0..self.all.len()).filter(|&index| self.all[index].input == value);
        let first = of_value.next()?;
        let is_only = !is_read && of_value.next().is_none() && !graph.outputs.contains(&value);
        is_only.then_some(first)
    }
}

/// Which values are functions of codes.
struct Finder<'a> {
    network: &'a Quantized,
    /// Per value: the codes that it is a function of.
    roots: Vec<Option<ValueId>>,
    /// The node that makes each value.
    makers: HashMap<ValueId, usize>,
}

impl<'a> Finder<'a> {
    fn new(network: &'a Quantized) -> Self {
        let graph = &network.graph;
        let mut finder =
            Self { network, roots: vec![None; graph.values.len()], makers: HashMap::new() };
        for (index, node) in graph.nodes.iter().enumerate() {
            let function = graph.function_of(node, |value| {
                finder.roots[value].or(network.activations[value].map(|_| value))
            });
            for &output in &node.outputs {
                finder.roots[output] = function;
                finder.makers.insert(output, index);
            }
        }
        finder
    }

    /// How codes are made of others, if they are a function of them.
    fn function(&self, output: ValueId) -> Option<Function> {
        let quantization = self.network.activations[output]?;
        let input = self.roots[output]?;
        let codes = self.codes(output, input, quantization)?;
        let entries = Arc::new(codes.try_into().expect("a code for each"));
        Some(Function { input, output, nodes: self.nodes(output, input), entries })
    }

    /// All nodes from the codes of `root` to a value.
    fn nodes(&self, value: ValueId, root: ValueId) -> Vec<usize> {
        let (mut nodes, mut waiting) = (Vec::new(), vec![value]);
        while let Some(next) = waiting.pop() {
            if next != root && !nodes.contains(&self.makers[&next]) {
                nodes.push(self.makers[&next]);
                waiting.extend(&self.network.graph.nodes[self.makers[&next]].inputs);
            }
        }
        nodes.sort_unstable();
        nodes
    }

    /// The codes of a value for every code of `root`; none if an operator does not take one of them.
    fn codes(
        &self,
        value: ValueId,
        root: ValueId,
        quantization: ActivationQuantization,
    ) -> Option<Vec<u8>> {
        if value == root {
            return Some((0..=255).collect());
        }
        let values = self.values(value, root)?;
        let mut codes = vec![0; values.len()];
        encode(self.network, Isa::SCALAR, &values, value, quantization, &mut codes);
        Some(codes)
    }

    /// What the operators from the codes before a value on make of them, in float. // eq. (4.9)
    fn values(&self, value: ValueId, root: ValueId) -> Option<Vec<f32>> {
        let graph = &self.network.graph;
        let maker = &graph.nodes[self.makers[&value]];
        let (mut nodes, mut inputs) = (Vec::new(), Vec::new());
        let mut waiting = match maker.kind {
            NodeKind::Quantize => vec![maker.inputs[0]],
            _ => {
                nodes.push(self.makers[&value]);
                maker.inputs.clone()
            }
        };
        let output = if nodes.is_empty() { maker.inputs[0] } else { value };
        while let Some(next) = waiting.pop() {
            if self.network.activations[next].is_some() {
                if !inputs.contains(&next) {
                    inputs.push(next);
                }
            } else if !nodes.contains(&self.makers[&next]) {
                nodes.push(self.makers[&next]);
                waiting.extend(&graph.nodes[self.makers[&next]].inputs);
            }
        }
        nodes.sort_unstable();
        let of_inputs = inputs.iter().map(|&input| {
            let quantization = self.network.activations[input]?;
            let codes = self.codes(input, root, quantization)?;
            Some(codes.into_iter().map(|code| real(code, quantization)).collect::<Vec<f32>>())
        });
        let of_inputs = of_inputs.collect::<Option<Vec<_>>>()?;
        if nodes.is_empty() {
            return of_inputs.into_iter().next();
        }
        let operators = Stretch::of_elements(graph, &nodes, &inputs, output, 256);
        let of_inputs: Vec<&[f32]> = of_inputs.iter().map(Vec::as_slice).collect();
        operators.run(&of_inputs).ok()?.pop().filter(|values| values.len() == 256)
    }
}
