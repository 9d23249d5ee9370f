//! The order of the steps, and where what they make lies.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use recoup_kernels::{FloatConv, FloatConvSpec, FloatImage, Isa};

use super::super::float::FloatGraph;
use super::super::pb;
use super::super::tensor::numbers;
use super::parts::{Convolution, Part};
use super::{Input, Residual, Stage, Stages};

/// A step with the names of what it reads and makes.
enum Step<'a> {
    Model { nodes: &'a [&'a pb::NodeProto], inputs: Vec<&'a str>, outputs: Vec<&'a str> },
    Pack(&'a str),
    Unpack(&'a str),
    Convolution(&'a Convolution<'a>),
}

/// What is known by a name, as a tensor of rten's or as an image in blocks.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Form<'a> {
    Tensor(&'a str),
    Image(&'a str),
}

impl<'a> Step<'a> {
    fn reads(&self) -> Vec<Form<'a>> {
        match self {
            Step::Model { inputs, .. } => inputs.iter().map(|name| Form::Tensor(name)).collect(),
            Step::Pack(name) => vec![Form::Tensor(name)],
            Step::Unpack(name) => vec![Form::Image(name)],
            Step::Convolution(it) => {
                std::iter::once(it.input).chain(it.residual).map(Form::Image).collect()
            }
        }
    }
}

/// The steps for these parts.
///
/// # Errors
/// With rten's reason.
pub fn plan(
    graph: &FloatGraph,
    parts: &[Part],
    wanted: &[&str],
    optimise: bool,
) -> Result<Stages, String> {
    let images = images(parts);
    let steps = steps(graph, parts, wanted);
    let mut tensors = Numbers::default();
    graph.inputs.iter().for_each(|name| {
        tensors.of(name);
    });
    let mut buffers = Buffers::default();
    let mut stages = Vec::new();
    let wanted_tensors = wanted.iter().map(|name| Form::Tensor(name));
    for (step, later) in steps.iter().zip(read_later(&steps, Step::reads, wanted_tensors)) {
        let mut input =
            |name| Input { tensor: tensors.of(name), last: !later.contains(&Form::Tensor(name)) };
        stages.push(match step {
            Step::Model { nodes, inputs, outputs } => Stage::Model {
                runtime: graph.runtime(nodes, inputs, outputs, optimise)?,
                inputs: inputs.iter().map(|name| input(name)).collect(),
                outputs: outputs.iter().map(|name| tensors.of(name)).collect(),
            },
            Step::Pack(name) => {
                Stage::Pack { input: input(name), image: images[name], output: buffers.take(name) }
            }
            Step::Unpack(name) => Stage::Unpack {
                input: buffers.of[name],
                image: images[name],
                output: tensors.of(name),
            },
            Step::Convolution(it) => {
                let (from, to) = (images[it.input], images[it.output]);
                let residual = |name| Residual { image: images[name], buffer: buffers.of[name] };
                // One layer's at a time: those of all are as large as the model.
                let weights = numbers(it.weights).ok_or("weights that are no numbers")?;
                let spec = FloatConvSpec { weights, ..it.spec.clone() };
                Stage::Convolution {
                    layer: FloatConv::new(Isa::best(), &spec, from, to)
                        .map_err(|error| error.to_string())?,
                    input: buffers.of[it.input],
                    residual: it.residual.map(residual),
                    output: buffers.take(it.output),
                }
            }
        });
        for form in step.reads() {
            if let Form::Image(name) = form
                && !later.contains(&form)
            {
                buffers.give_back(name);
            }
        }
    }
    Ok(Stages {
        stages,
        outputs: wanted.iter().map(|name| tensors.of(name)).collect(),
        tensors: tensors.0.len(),
        buffers: buffers.count,
        spare: Default::default(),
    })
}

/// How the images lie that convolutions read and make: with the pads that their readers want.
fn images<'a>(parts: &[Part<'a>]) -> HashMap<&'a str, FloatImage> {
    let convolutions = || {
        parts.iter().filter_map(|part| match part {
            Part::Convolution(it) => Some(it),
            Part::Nodes(_) => None,
        })
    };
    let mut images: HashMap<&str, FloatImage> = HashMap::new();
    let mut borders: HashMap<&str, [usize; 4]> = HashMap::new();
    let mut in_blocks: HashSet<&str> = HashSet::new();
    for it in convolutions() {
        let shape = &it.spec.shape;
        let pads = [shape.pad_top, shape.pad_left, shape.pad_bottom, shape.pad_right];
        let border = borders.entry(it.input).or_default();
        border.iter_mut().zip(pads).for_each(|(border, pad)| *border = pad.max(*border));
        images.insert(it.input, FloatImage::new(shape.channels, shape.height, shape.width));
        for name in it.residual.into_iter().chain([it.output]) {
            let (height, width) = (shape.out_height(), shape.out_width());
            images.insert(name, FloatImage::new(shape.filters, height, width));
            in_blocks.insert(name);
        }
        if shape.groups > 1 {
            in_blocks.insert(it.input);
        }
    }
    for (name, image) in &mut images {
        let lanes = if in_blocks.contains(name) { *image } else { image.dense() };
        *image = lanes.with_border(borders.get(name).copied().unwrap_or_default());
    }
    images
}

fn steps<'a>(graph: &FloatGraph, parts: &'a [Part<'a>], wanted: &[&'a str]) -> Vec<Step<'a>> {
    let read_later = read_later(parts, |part| part.reads(), wanted.iter().copied());
    let mut steps = Vec::new();
    let mut made: HashSet<Form> =
        graph.inputs.iter().map(|name| Form::Tensor(name.as_str())).collect();
    let is_constant = |name: &str| graph.constants.contains_key(name) || name.is_empty();
    for (part, later) in parts.iter().zip(read_later) {
        match part {
            Part::Convolution(it) => {
                for name in part.reads() {
                    if made.insert(Form::Image(name)) {
                        steps.push(Step::Pack(name));
                    }
                }
                steps.push(Step::Convolution(it));
                made.insert(Form::Image(it.output));
            }
            Part::Nodes(nodes) => {
                let own: HashSet<&str> = part.makes().collect();
                let mut inputs: Vec<&str> = Vec::new();
                for name in part.reads() {
                    if !own.contains(name) && !is_constant(name) && !inputs.contains(&name) {
                        inputs.push(name);
                        if made.insert(Form::Tensor(name)) {
                            steps.push(Step::Unpack(name));
                        }
                    }
                }
                let outputs: Vec<&str> = part.makes().filter(|name| later.contains(name)).collect();
                made.extend(outputs.iter().map(|name| Form::Tensor(name)));
                steps.push(Step::Model { nodes, inputs, outputs });
            }
        }
    }
    for name in wanted {
        if made.contains(&Form::Image(name)) && made.insert(Form::Tensor(name)) {
            steps.push(Step::Unpack(name));
        }
    }
    steps
}

/// What is read after each of the `items`, in the end what is wanted.
fn read_later<'t, T, R: IntoIterator>(
    items: &'t [T],
    reads: impl Fn(&'t T) -> R,
    wanted: impl Iterator<Item = R::Item>,
) -> Vec<HashSet<R::Item>>
where
    R::Item: Clone + Eq + Hash,
{
    let mut later: HashSet<R::Item> = wanted.collect();
    let mut after = Vec::new();
    for item in items.iter().rev() {
        after.push(later.clone());
        later.extend(reads(item));
    }
    after.reverse();
    after
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

/// Buffers of the images that are alive, and those that are free, the last one first.
#[derive(Default)]
struct Buffers<'a> {
    of: HashMap<&'a str, usize>,
    free: Vec<usize>,
    count: usize,
}

impl<'a> Buffers<'a> {
    fn take(&mut self, name: &'a str) -> usize {
        let buffer = self.free.pop().unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        });
        self.of.insert(name, buffer);
        buffer
    }

    fn give_back(&mut self, name: &str) {
        self.free.extend(self.of.remove(name));
    }
}
