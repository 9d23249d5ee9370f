//! A float model taken apart at its convolutions.
//!
//! rten convolves slowly, so convolutions with constant weights run in a kernel of ours, along with
//! what is cheap to do at once (`parts.rs`), and what lies between in rten. An image stays in the
//! kernels' layout until rten needs it (`plan.rs`).

mod convolution;
mod parts;
mod plan;

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

use recoup_kernels::{FloatBuffer, FloatConv, FloatImage};
use rten::{Value, ValueOrView};
use rten_tensor::AsView;

use super::float::FloatGraph;
use super::runtime::Runtime;
use super::tensor;

/// A step of a float model. Tensors of rten's have numbers, as have the buffers of images.
enum Stage {
    Model { runtime: Runtime, inputs: Vec<Input>, outputs: Vec<usize> },
    Pack { input: Input, image: FloatImage, output: usize },
    Unpack { input: usize, image: FloatImage, output: usize },
    Convolution { layer: FloatConv, input: usize, residual: Option<Residual>, output: usize },
}

/// A tensor that a stage reads.
struct Input {
    tensor: usize,
    /// Whether nobody reads it after this stage.
    last: bool,
}

/// An image that is added to a convolution.
struct Residual {
    image: FloatImage,
    buffer: usize,
}

/// Steps from a model's inputs to its outputs.
pub(super) struct Stages {
    stages: Vec<Stage>,
    tensors: usize,
    buffers: usize,
    outputs: Vec<usize>,
    /// Memory of samples that were run before.
    spare: Mutex<Vec<Memory>>,
}

/// The memory that the kernels need for one sample.
#[derive(Default)]
struct Memory {
    buffers: Vec<FloatBuffer>,
    scratch: FloatBuffer,
}

impl Stages {
    /// The way from the inputs of `graph` to the tensors `wanted`, with or without rten's fusions.
    ///
    /// # Errors
    /// With rten's reason.
    pub fn new(graph: &FloatGraph, wanted: &[&str], optimise: bool) -> Result<Self, String> {
        plan::plan(graph, &parts::parts(graph, wanted), wanted, optimise)
    }

    /// The tensors wanted, for these inputs.
    ///
    /// # Errors
    /// With rten's reason.
    pub fn run(&self, inputs: Vec<Value>) -> Result<Vec<Value>, String> {
        let spare = || self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        let mut memory = spare().pop().unwrap_or_default();
        memory.buffers.resize_with(self.buffers, FloatBuffer::default);
        let mut tensors: Vec<Option<Value>> = inputs.into_iter().map(Some).collect();
        tensors.resize(self.tensors.max(tensors.len()), None);
        for stage in &self.stages {
            stage.run(&mut tensors, &mut memory)?;
        }
        spare().push(memory);
        let wanted = self.outputs.iter().enumerate().map(|(index, output)| {
            let again = self.outputs[index + 1..].contains(output);
            let value = &mut tensors[*output];
            if again { value.clone() } else { value.take() }
        });
        Ok(wanted.map(|value| value.expect("made by some stage")).collect())
    }
}

impl Stage {
    fn run(&self, tensors: &mut [Option<Value>], memory: &mut Memory) -> Result<(), String> {
        let Memory { buffers, scratch } = memory;
        match self {
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
            Stage::Pack { input, image, output } => {
                let value = tensors[input.tensor].as_ref().expect("made before it is read");
                let Value::FloatTensor(value) = value else { unreachable!("an image of floats") };
                let planes = value.data().map_or_else(|| Cow::Owned(value.to_vec()), Cow::Borrowed);
                image.pack(&planes, &mut buffers[*output]);
                if input.last {
                    tensors[input.tensor] = None;
                }
            }
            Stage::Unpack { input, image, output } => {
                let planes = image.unpack(&buffers[*input]);
                tensors[*output] = Some(tensor::floats(&image.shape(), planes));
            }
            Stage::Convolution { layer, input, residual, output } => {
                let mut made = std::mem::take(&mut buffers[*output]);
                let residual =
                    residual.as_ref().map(|added| (&added.image, &buffers[added.buffer]));
                layer.run(&buffers[*input], residual, &mut made, scratch);
                buffers[*output] = made;
            }
        }
        Ok(())
    }
}
