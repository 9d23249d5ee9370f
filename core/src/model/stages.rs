//! A float model taken apart at its depthwise convolutions.
//!
//! rten runs these in a plain loop that takes more than half of the time of a MobileNet, so they
//! run in a kernel of ours, with the Clip or Relu that follows, and what lies between in rten.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use recoup_kernels::{ConvShape, FloatDepthwise, Isa};
use rten::{Value, ValueOrView};
use rten_tensor::{AsView, Layout};

use super::attributes::{attribute, ints};
use super::float::FloatGraph;
use super::pb;
use super::runtime::Runtime;
use super::tensor::{self, numbers, scalar};

/// A step of a float model. Tensors have numbers.
enum Stage {
    Model { runtime: Runtime, inputs: Vec<Input>, outputs: Vec<usize> },
    Depthwise { layer: FloatDepthwise, low: f32, high: f32, input: Input, output: usize },
}

/// A tensor that a stage reads.
struct Input {
    tensor: usize,
    /// Whether nobody reads it after this stage.
    last: bool,
}

/// Steps from a model's inputs to its outputs.
pub(super) struct Stages {
    stages: Vec<Stage>,
    tensors: usize,
    outputs: Vec<usize>,
    isa: Isa,
}

impl Stages {
    /// The way from the inputs of `graph` to the tensors `wanted`, with or without rten's fusions.
    ///
    /// # Errors
    /// With rten's reason.
    pub fn new(graph: &FloatGraph, wanted: &[&str], optimise: bool) -> Result<Self, String> {
        let mut numbers = Numbers::default();
        graph.inputs.iter().for_each(|name| {
            numbers.of(name);
        });
        let parts = parts(graph, wanted);
        let is_constant = |name: &str| graph.constants.contains_key(name) || name.is_empty();
        // What is read after each part.
        let mut later: HashSet<&str> = wanted.iter().copied().collect();
        let mut read_later = Vec::new();
        for part in parts.iter().rev() {
            read_later.push(later.clone());
            later.extend(part.reads());
        }
        read_later.reverse();
        let mut stages = Vec::new();
        for (part, later) in parts.iter().zip(&read_later) {
            let made: HashSet<&str> = part.makes().collect();
            let mut inputs: Vec<&str> = Vec::new();
            for name in part.reads() {
                if !made.contains(name) && !is_constant(name) && !inputs.contains(&name) {
                    inputs.push(name);
                }
            }
            let input =
                |name: &&str| Input { tensor: numbers.of(name), last: !later.contains(name) };
            let read: Vec<Input> = inputs.iter().map(input).collect();
            stages.push(match part {
                Part::Depthwise { layer, low, high, output, .. } => Stage::Depthwise {
                    layer: layer.clone(),
                    low: *low,
                    high: *high,
                    input: read.into_iter().next().expect("a convolution reads a tensor"),
                    output: numbers.of(output),
                },
                Part::Nodes(nodes) => {
                    let outputs: Vec<&str> =
                        part.makes().filter(|name| later.contains(name)).collect();
                    let runtime = graph.runtime(nodes, &inputs, &outputs, optimise)?;
                    let outputs = outputs.iter().map(|name| numbers.of(name)).collect();
                    Stage::Model { runtime, inputs: read, outputs }
                }
            });
        }
        let outputs = wanted.iter().map(|name| numbers.of(name)).collect();
        Ok(Self { stages, outputs, tensors: numbers.0.len(), isa: Isa::best() })
    }

    /// The tensors wanted, for these inputs.
    ///
    /// # Errors
    /// With rten's reason.
    pub fn run(&self, inputs: Vec<Value>) -> Result<Vec<Value>, String> {
        let mut tensors: Vec<Option<Value>> = inputs.into_iter().map(Some).collect();
        tensors.resize(self.tensors.max(tensors.len()), None);
        for stage in &self.stages {
            match stage {
                Stage::Model { runtime, inputs, outputs } => {
                    let (mut own, mut taken) = (Vec::new(), inputs.iter().map(|input| input.last));
                    for input in inputs.iter().filter(|_| taken.next() == Some(true)) {
                        own.push(tensors[input.tensor].take().expect("made before it is read"));
                    }
                    let mut own = own.into_iter();
                    let values = inputs.iter().map(|input| match input.last {
                        true => ValueOrView::from(own.next().expect("taken above")),
                        false => {
                            let value = tensors[input.tensor].as_ref();
                            ValueOrView::from(value.expect("made before it is read"))
                        }
                    });
                    let made = runtime.run(values.collect())?;
                    for (&output, value) in outputs.iter().zip(made) {
                        tensors[output] = Some(value);
                    }
                }
                Stage::Depthwise { layer, low, high, input, output } => {
                    let value = tensors[input.tensor].take().expect("made before it is read");
                    tensors[*output] = Some(self.depthwise(layer, (*low, *high), &value));
                    if !input.last {
                        tensors[input.tensor] = Some(value);
                    }
                }
            }
        }
        let wanted = self.outputs.iter().map(|&output| tensors[output].clone());
        Ok(wanted.map(|value| value.expect("made by some stage")).collect())
    }

    fn depthwise(&self, layer: &FloatDepthwise, (low, high): (f32, f32), input: &Value) -> Value {
        let Value::FloatTensor(input) = input else { unreachable!("a convolution of floats") };
        let elements = input.data().map_or_else(|| Cow::Owned(input.to_vec()), Cow::Borrowed);
        let mut output = vec![0.0; layer.output_len()];
        layer.run(self.isa, &elements, &mut output);
        if (low, high) != (f32::NEG_INFINITY, f32::INFINITY) {
            output.iter_mut().for_each(|value| *value = value.max(low).min(high));
        }
        tensor::floats(&layer.output_shape(), output)
    }
}

/// Tensors by their names.
#[derive(Default)]
struct Numbers(HashMap<String, usize>);

impl Numbers {
    fn of(&mut self, name: &str) -> usize {
        let next = self.0.len();
        *self.0.entry(name.to_string()).or_insert(next)
    }
}

enum Part<'a> {
    Nodes(Vec<&'a pb::NodeProto>),
    Depthwise {
        node: &'a pb::NodeProto,
        layer: FloatDepthwise,
        low: f32,
        high: f32,
        output: &'a str,
    },
}

impl<'a> Part<'a> {
    fn reads(&self) -> Box<dyn Iterator<Item = &'a str> + '_> {
        match self {
            Part::Nodes(nodes) => {
                Box::new(nodes.iter().flat_map(|node| node.input.iter().map(String::as_str)))
            }
            Part::Depthwise { node, .. } => Box::new(std::iter::once(node.input[0].as_str())),
        }
    }

    fn makes(&self) -> Box<dyn Iterator<Item = &'a str> + '_> {
        match self {
            Part::Nodes(nodes) => {
                let made = nodes.iter().flat_map(|node| node.output.iter().map(String::as_str));
                Box::new(made.filter(|name| !name.is_empty()))
            }
            Part::Depthwise { output, .. } => Box::new(std::iter::once(*output)),
        }
    }
}

/// The depthwise convolutions, and between them what does not need a later one.
fn parts<'a>(graph: &'a FloatGraph, wanted: &[&str]) -> Vec<Part<'a>> {
    let mut uses: HashMap<&str, usize> = HashMap::new();
    let read = graph.nodes.iter().flat_map(|(node, _)| node.input.iter().map(String::as_str));
    read.chain(wanted.iter().copied()).for_each(|name| *uses.entry(name).or_default() += 1);
    // A tensor's level is the largest number of depthwise convolutions on the way to it.
    let mut level: HashMap<&str, usize> = HashMap::new();
    let mut levels: Vec<(Vec<&pb::NodeProto>, Vec<Part>)> = vec![Default::default()];
    let mut fused: HashSet<*const pb::NodeProto> = HashSet::new();
    for (index, (node, input_shape)) in graph.nodes.iter().enumerate() {
        if fused.contains(&std::ptr::from_ref(node)) {
            continue;
        }
        let own = node.input.iter().filter_map(|name| level.get(name.as_str())).max();
        let own = own.copied().unwrap_or(0);
        let Some(layer) = depthwise(graph, node, input_shape) else {
            level.extend(node.output.iter().map(|name| (name.as_str(), own)));
            levels[own].0.push(node);
            continue;
        };
        let mut output = node.output[0].as_str();
        let (mut low, mut high) = (f32::NEG_INFINITY, f32::INFINITY);
        let reader = graph.nodes[index + 1..]
            .iter()
            .find(|(next, _)| next.input.iter().any(|name| name == output));
        if let Some((next, _)) = reader
            && uses.get(output) == Some(&1)
            && let Some(bounds) = bounds(graph, next)
        {
            (low, high) = bounds;
            output = &next.output[0];
            fused.insert(std::ptr::from_ref(next));
        }
        level.insert(output, own + 1);
        levels[own].1.push(Part::Depthwise { node, layer, low, high, output });
        if levels.len() == own + 1 {
            levels.push(Default::default());
        }
    }
    let parts = levels.into_iter().flat_map(|(nodes, depthwise)| {
        let nodes = (!nodes.is_empty()).then_some(Part::Nodes(nodes));
        nodes.into_iter().chain(depthwise)
    });
    parts.collect()
}

/// The layer of a node, if it is a depthwise convolution of an image.
fn depthwise(
    graph: &FloatGraph,
    node: &pb::NodeProto,
    input_shape: &[usize],
) -> Option<FloatDepthwise> {
    let constant = |index: usize| graph.constants.get(node.input.get(index)?);
    let weights = (node.op_type == "Conv").then(|| constant(1)).flatten()?;
    let group = attribute(node, "group").map_or(1, |group| group.i) as usize;
    let (&[1, channels, height, width], &[filters, 1, kernel_height, kernel_width]) =
        (input_shape, &weights.shape()[..])
    else {
        return None;
    };
    if channels != group || channels < 2 {
        return None;
    }
    let (strides, dilations) = (ints(node, "strides")?, ints(node, "dilations")?);
    let pads = ints(node, "pads")?;
    let (&[stride_height, stride_width], &[dilation_height, dilation_width]) = (strides, dilations)
    else {
        return None;
    };
    let &[pad_top, pad_left, pad_bottom, pad_right] = pads else { return None };
    let shape = ConvShape {
        channels,
        height,
        width,
        filters,
        kernel_height,
        kernel_width,
        stride_height: stride_height as usize,
        stride_width: stride_width as usize,
        dilation_height: dilation_height as usize,
        dilation_width: dilation_width as usize,
        pad_top: pad_top as usize,
        pad_left: pad_left as usize,
        pad_bottom: pad_bottom as usize,
        pad_right: pad_right as usize,
        groups: group,
    };
    let bias = match node.input.get(2).filter(|name| !name.is_empty()) {
        None => vec![0.0; filters],
        Some(_) => numbers(constant(2)?)?,
    };
    FloatDepthwise::new(shape, numbers(weights)?, bias).ok()
}

/// The bounds of a Clip or Relu.
fn bounds(graph: &FloatGraph, node: &pb::NodeProto) -> Option<(f32, f32)> {
    if node.op_type == "Relu" {
        return Some((0.0, f32::INFINITY));
    }
    if node.op_type != "Clip" {
        return None;
    }
    let bound = |index: usize, name: &str, none: f32| match node.input.get(index) {
        Some(input) if !input.is_empty() => scalar(graph.constants.get(input)?),
        _ => Some(attribute(node, name).map_or(none, |attribute| attribute.f)),
    };
    Some((bound(1, "min", f32::NEG_INFINITY)?, bound(2, "max", f32::INFINITY)?))
}
