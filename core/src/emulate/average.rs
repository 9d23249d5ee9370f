//! Means over the windows of an image of codes, eq. (4.12).

use recoup_kernels::{Coded, PoolShape, mean_pool};

use crate::model::{ValueId, Window};
use crate::quantize::Quantized;

use super::operations::{Size, Stored, pool};
use super::prepared::Prepared;
use super::single::operator;
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

/// The one of codes that a node is.
pub(super) fn average(network: &Quantized, node: usize) -> Option<Average> {
    let (source, input, output) = operator(network, node, "AveragePool")?;
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
        node,
        input,
        output,
        shape: pool(&window, Size::of(from), Size::of(to)),
        with_padding: source.int("count_include_pad").unwrap_or(0) != 0,
    })
}
