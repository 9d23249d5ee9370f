//! Means over the windows of an image of codes, eq. (4.12).

use recoup_kernels::{Coded, PoolShape, mean_pool};

use crate::model::{NodeKind, ValueId, Window};
use crate::quantize::Quantized;

use super::operations::{Size, Stored, pool};
use super::prepared::Prepared;
use super::workspace::Workspace;

/// An AveragePool.
#[derive(Debug)]
pub(super) struct Average {
    pub node: usize,
    pub input: ValueId,
    pub output: ValueId,
    shape: PoolShape,
    /// Whether padding counts as zeros.
    with_padding: bool,
}

impl Average {
    /// Runs it on an image.
    pub fn run(&self, prepared: &Prepared, workspace: &mut Workspace) {
        let mut values = std::mem::take(&mut workspace.values);
        values.resize(prepared.plan.place(self.output).length, 0.0);
        let Stored::Codes(codes, quantization) = workspace.stored(&prepared.plan, self.input)
        else {
            unreachable!("only means of codes are taken");
        };
        let from = Coded { codes, scale: quantization.scale, zero_point: quantization.zero_point };
        mean_pool(prepared.isa, &self.shape, from, self.with_padding, &mut values);
        workspace.put(prepared, self.output, &values);
        workspace.values = values;
    }
}

/// The means of windows of codes in a network, of nodes that are not `taken`; takes theirs.
pub(super) fn averages(network: &Quantized, taken: &mut [bool]) -> Vec<Average> {
    let nodes = (0..network.graph.nodes.len()).filter(|&node| !taken[node]);
    let found: Vec<_> = nodes.filter_map(|node| average(network, node)).collect();
    found.iter().for_each(|it| taken[it.node] = true);
    found
}

fn average(network: &Quantized, index: usize) -> Option<Average> {
    let node = &network.graph.nodes[index];
    let source = node.source.as_ref().filter(|it| it.operator() == "AveragePool")?;
    let (&[input], &[output], NodeKind::Operator { .. }) =
        (&node.inputs[..], &node.outputs[..], &node.kind)
    else {
        return None;
    };
    network.activations[input]?;
    let [from, to] = [input, output].map(|value| &network.graph.values[value].shape);
    if from.len() != 4 || from[0] != 1 || source.int("ceil_mode").unwrap_or(0) != 0 {
        return None;
    }
    let list = |name: &str| -> Option<Vec<usize>> {
        source.ints(name)?.iter().map(|&number| number.try_into().ok()).collect()
    };
    let (kernel, strides, pads) = (list("kernel_shape")?, list("strides")?, list("pads")?);
    let (
        &[kernel_height, kernel_width],
        &[stride_height, stride_width],
        &[top, left, bottom, right],
    ) = (&kernel[..], &strides[..], &pads[..])
    else {
        return None;
    };
    // Every window has something of the image, and nothing beyond its padding.
    let is_inside = |axis: usize, pads: [usize; 2], kernel: usize, stride: usize| {
        let room = (from[axis] + pads[0] + pads[1]).checked_sub(kernel);
        pads.iter().all(|&pad| pad < kernel)
            && stride > 0
            && room.is_some_and(|room| room / stride + 1 == to[axis])
    };
    let fits = is_inside(2, [top, bottom], kernel_height, stride_height)
        && is_inside(3, [left, right], kernel_width, stride_width);
    let window = Window {
        kernel: [kernel_height, kernel_width],
        stride: [stride_height, stride_width],
        pad_begin: [top, left],
    };
    fits.then(|| Average {
        node: index,
        input,
        output,
        shape: pool(&window, Size::of(from), Size::of(to)),
        with_padding: source.int("count_include_pad").unwrap_or(0) != 0,
    })
}
