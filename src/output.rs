//! What networks give.

use recoup_core::model::Graph;

/// One of the outputs of a network, for all images.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Its name in the model.
    pub name: String,
    /// Images, and the extents of the output of one.
    pub shape: Vec<usize>,
    /// The last axis fastest.
    pub values: Vec<f32>,
}

impl Output {
    /// The outputs of a model for images, of each of which `all` has the elements of all outputs, one
    /// after the other.
    pub fn of(graph: &Graph, all: &[Vec<f32>]) -> Vec<Self> {
        let mut outputs = Self::of_no_images(graph);
        Self::add(&mut outputs, graph, all);
        outputs
    }

    /// The outputs, without values.
    pub(crate) fn of_no_images(graph: &Graph) -> Vec<Self> {
        let outputs = graph.outputs.iter().map(|&output| {
            let value = &graph.values[output];
            // A sample has a batch of its own.
            let extents = value.shape.strip_prefix(&[1]).unwrap_or(&value.shape);
            Self { name: value.name.clone(), shape: [&[0], extents].concat(), values: Vec::new() }
        });
        outputs.collect()
    }

    /// Adds what the model makes of more images.
    pub(crate) fn add(outputs: &mut [Self], graph: &Graph, all: &[Vec<f32>]) {
        for (output, range) in outputs.iter_mut().zip(graph.output_ranges()) {
            output.shape[0] += all.len();
            for elements in all {
                output.values.extend_from_slice(&elements[range.clone()]);
            }
        }
    }
}
