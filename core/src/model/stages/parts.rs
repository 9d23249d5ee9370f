//! Which nodes run together: convolutions with what follows them, and stretches of the rest.

use std::collections::{HashMap, HashSet};

use recoup_kernels::FloatConvSpec;
use rten::Value;

use super::super::float::FloatGraph;
use super::super::pb;
use super::convolution::{bounds, convolution, with_pad};

/// Nodes that run together.
pub enum Part<'a> {
    /// In rten.
    Nodes(Vec<&'a pb::NodeProto>),
    /// In a kernel of ours.
    Convolution(Box<Convolution<'a>>),
}

/// A convolution with the Pad before it and the Add, Clip or Relu after it.
pub struct Convolution<'a> {
    /// All but the weights.
    pub spec: FloatConvSpec,
    pub weights: &'a Value,
    pub input: &'a str,
    /// What is added to it.
    pub residual: Option<&'a str>,
    pub output: &'a str,
}

impl<'a> Part<'a> {
    pub fn reads(&self) -> Box<dyn Iterator<Item = &'a str> + '_> {
        match self {
            Part::Nodes(nodes) => {
                Box::new(nodes.iter().flat_map(|node| node.input.iter().map(String::as_str)))
            }
            Part::Convolution(it) => Box::new(std::iter::once(it.input).chain(it.residual)),
        }
    }

    pub fn makes(&self) -> Box<dyn Iterator<Item = &'a str> + '_> {
        match self {
            Part::Nodes(nodes) => {
                let made = nodes.iter().flat_map(|node| node.output.iter().map(String::as_str));
                Box::new(made.filter(|name| !name.is_empty()))
            }
            Part::Convolution(it) => Box::new(std::iter::once(it.output)),
        }
    }
}

/// The convolutions, and between them what does not need a later one.
pub fn parts<'a>(graph: &'a FloatGraph, wanted: &[&str]) -> Vec<Part<'a>> {
    let mut fused = Fused::new(graph, wanted);
    // A tensor's level is the largest number of convolutions on the way to it.
    let mut level: HashMap<&str, usize> = HashMap::new();
    let mut levels: Vec<(Vec<&pb::NodeProto>, Vec<Part>)> = vec![Default::default()];
    for (index, (node, _)) in graph.nodes.iter().enumerate() {
        let found = fused.convolutions.remove(&index).map(|it| Part::Convolution(Box::new(it)));
        if found.is_none() && fused.absorbed.contains(&index) {
            continue;
        }
        let part = found.unwrap_or_else(|| Part::Nodes(vec![node]));
        let own = part.reads().filter_map(|name| level.get(name)).max().copied().unwrap_or(0);
        let made = own + usize::from(matches!(part, Part::Convolution(_)));
        level.extend(part.makes().map(|name| (name, made)));
        match part {
            Part::Nodes(nodes) => levels[own].0.extend(nodes),
            convolution => levels[own].1.push(convolution),
        }
        levels.resize_with(levels.len().max(made + 1), Default::default);
    }
    let parts = levels.into_iter().flat_map(|(nodes, convolutions)| {
        let nodes = (!nodes.is_empty()).then_some(Part::Nodes(nodes));
        nodes.into_iter().chain(convolutions)
    });
    parts.collect()
}

/// The convolutions by the place of the last node that each takes in, and the places of all of
/// those.
struct Fused<'a> {
    graph: &'a FloatGraph,
    /// Where each tensor is read; wanted ones at the end, too.
    readers: HashMap<&'a str, Vec<usize>>,
    makers: HashMap<&'a str, usize>,
    convolutions: HashMap<usize, Convolution<'a>>,
    absorbed: HashSet<usize>,
}

impl<'a> Fused<'a> {
    fn new(graph: &'a FloatGraph, wanted: &[&str]) -> Self {
        let mut readers: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut makers = HashMap::new();
        for (index, (node, _)) in graph.nodes.iter().enumerate() {
            for name in &node.input {
                readers.entry(name).or_default().push(index);
            }
            makers.extend(node.output.iter().map(|name| (name.as_str(), index)));
        }
        for name in graph.nodes.iter().flat_map(|(node, _)| &node.output) {
            if wanted.contains(&name.as_str()) {
                readers.entry(name).or_default().push(graph.nodes.len());
            }
        }
        let (convolutions, absorbed) = Default::default();
        let mut fused = Self { graph, readers, makers, convolutions, absorbed };
        (0..graph.nodes.len()).for_each(|index| fused.add(index));
        fused
    }

    /// Adds the node in this place if it convolves.
    fn add(&mut self, index: usize) {
        let (node, shapes) = &self.graph.nodes[index];
        let first = shapes.first().map_or(&[][..], Vec::as_slice);
        let Some((mut spec, weights)) = convolution(self.graph, node, first) else { return };
        let mut input = node.input[0].as_str();
        if let Some(&maker) = self.makers.get(input)
            && let (pad, shapes) = &self.graph.nodes[maker]
            && let Some(shape) = with_pad(self.graph, pad, &shapes[0], &spec.shape)
        {
            let readers = self.readers.get_mut(input).expect("the convolution reads it");
            readers.retain(|reader| *reader != index);
            if readers.is_empty() {
                self.absorbed.insert(maker);
            }
            (spec.shape, input) = (shape, &pad.input[0]);
        }
        let (mut last, mut output, mut residual) = (index, node.output[0].as_str(), None);
        if let Some(reader) = self.only_reader(output)
            && let (add, shapes) = &self.graph.nodes[reader]
            && add.op_type == "Add"
            && shapes[0] == shapes[1]
        {
            let other = add.input.iter().find(|name| *name != output);
            residual = other.filter(|name| !self.graph.constants.contains_key(*name));
            if residual.is_some() {
                self.absorbed.insert(last);
                (last, output) = (reader, &add.output[0]);
            }
        }
        if let Some(reader) = self.only_reader(output)
            && let Some(bounds) = bounds(self.graph, &self.graph.nodes[reader].0)
        {
            self.absorbed.insert(last);
            (spec.low, spec.high) = bounds;
            (last, output) = (reader, &self.graph.nodes[reader].0.output[0]);
        }
        self.absorbed.insert(last);
        let residual = residual.map(String::as_str);
        self.convolutions.insert(last, Convolution { spec, weights, input, residual, output });
    }

    /// The only reader of a tensor that is not wanted, if no convolution has it yet.
    fn only_reader(&self, name: &str) -> Option<usize> {
        let [reader] = self.readers.get(name)?[..] else { return None };
        (reader < self.graph.nodes.len() && !self.absorbed.contains(&reader)).then_some(reader)
    }
}
