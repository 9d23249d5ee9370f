//! Depthwise convolution of float32, for the reference that emulated networks are compared with.
//!
//! A plane of each channel at a time, row by row: the inner loop runs along a row of the output and
//! of the input, so that the compiler can make vectors of it.

use crate::dispatch::multiversion;
use crate::{ConvShape, Isa, KernelError};

/// A depthwise convolution, where every filter reads one channel.
#[derive(Clone, Debug)]
pub struct FloatDepthwise {
    shape: ConvShape,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl FloatDepthwise {
    /// With `weights` as `[filter][kernel row][kernel column]` and one `bias` per filter.
    ///
    /// # Errors
    /// [`KernelError`] when the shape is impossible.
    ///
    /// # Panics
    /// When a group has more than one channel, or the slices do not fit the shape.
    pub fn new(shape: ConvShape, weights: Vec<f32>, bias: Vec<f32>) -> Result<Self, KernelError> {
        shape.validate()?;
        assert_eq!(shape.groups, shape.channels, "a group for each channel");
        let taps = shape.kernel_height * shape.kernel_width;
        assert_eq!(weights.len(), shape.filters * taps, "weights of all filters");
        assert_eq!(bias.len(), shape.filters, "biases of all filters");
        Ok(Self { shape, weights, bias })
    }

    /// The output's shape: batch, filters, rows, columns.
    pub fn output_shape(&self) -> [usize; 4] {
        [1, self.shape.filters, self.shape.out_height(), self.shape.out_width()]
    }

    /// Elements of the output, `[filter][row][column]`.
    pub fn output_len(&self) -> usize {
        self.shape.filters * self.shape.positions()
    }

    /// Convolves `input`, `[channel][row][column]`. Padding is zero.
    ///
    /// # Panics
    /// When the slices do not fit the shape.
    pub fn run(&self, isa: Isa, input: &[f32], output: &mut [f32]) {
        let shape = &self.shape;
        let plane = shape.height * shape.width;
        assert_eq!(input.len(), shape.channels * plane, "elements of the input");
        assert_eq!(output.len(), self.output_len(), "elements of the output");
        let mut columns = Vec::new();
        let filters = shape.filters / shape.channels;
        let taps = shape.kernel_height * shape.kernel_width;
        for (filter, output) in output.chunks_exact_mut(shape.positions()).enumerate() {
            let channel = filter / filters;
            let input = &input[channel * plane..][..plane];
            // Elements that neighbouring outputs read lie side by side.
            if filter % filters == 0 {
                by_phase(shape, input, &mut columns);
            }
            let weights = &self.weights[filter * taps..][..taps];
            convolve(isa, shape, &columns, weights, self.bias[filter], output);
        }
    }
}

/// The rows of a plane, in each of them the columns of each phase of the stride together: 0, s, 2 s
/// and so on, then 1, 1 + s, ...; phases are as long as the longest.
fn by_phase(shape: &ConvShape, input: &[f32], columns: &mut Vec<f32>) {
    let (width, stride) = (shape.width, shape.stride_width);
    columns.clear();
    if stride == 1 {
        columns.extend_from_slice(input);
        return;
    }
    let length = width.div_ceil(stride);
    for row in input.chunks_exact(width) {
        for phase in 0..stride {
            let start = columns.len();
            columns.extend(row.iter().skip(phase).step_by(stride));
            columns.resize(start + length, 0.0);
        }
    }
}

multiversion! {
    fn convolve(isa, shape: &ConvShape, columns: &[f32], weights: &[f32], bias: f32, output: &mut [f32]) =
        convolve_body;
}

#[inline(always)]
fn convolve_body(
    shape: &ConvShape,
    columns: &[f32],
    weights: &[f32],
    bias: f32,
    output: &mut [f32],
) {
    let (stride, out_width) = (shape.stride_width, shape.out_width());
    let length = shape.width.div_ceil(stride);
    for (y, output) in output.chunks_exact_mut(out_width).enumerate() {
        output.fill(bias);
        for ky in 0..shape.kernel_height {
            let row = y * shape.stride_height + ky * shape.dilation_height;
            let Some(row) = row.checked_sub(shape.pad_top).filter(|row| *row < shape.height) else {
                continue;
            };
            let row = &columns[row * stride * length..][..stride * length];
            for kx in 0..shape.kernel_width {
                let weight = weights[ky * shape.kernel_width + kx];
                let offset = kx * shape.dilation_width;
                // The first output whose input is no padding, and the columns from its input on.
                let first = shape.pad_left.saturating_sub(offset).div_ceil(stride);
                let column = first * stride + offset - shape.pad_left;
                if column >= shape.width || first >= out_width {
                    continue;
                }
                let count = (shape.width - column).div_ceil(stride).min(out_width - first);
                let input = &row[column % stride * length + column / stride..][..count];
                let output = &mut output[first..first + count];
                output.iter_mut().zip(input).for_each(|(sum, value)| *sum += weight * value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(shape: &ConvShape, weights: &[f32], bias: &[f32], input: &[f32]) -> Vec<f32> {
        let filters = shape.filters / shape.channels;
        let mut output = Vec::new();
        for (filter, &bias) in bias.iter().enumerate() {
            for y in 0..shape.out_height() {
                for x in 0..shape.out_width() {
                    let mut sum = bias;
                    for ky in 0..shape.kernel_height {
                        for kx in 0..shape.kernel_width {
                            let row = (y * shape.stride_height + ky * shape.dilation_height)
                                .wrapping_sub(shape.pad_top);
                            let column = (x * shape.stride_width + kx * shape.dilation_width)
                                .wrapping_sub(shape.pad_left);
                            if row < shape.height && column < shape.width {
                                let channel = filter / filters;
                                let tap = (filter * shape.kernel_height + ky) * shape.kernel_width;
                                sum += weights[tap + kx]
                                    * input[(channel * shape.height + row) * shape.width + column];
                            }
                        }
                    }
                    output.push(sum);
                }
            }
        }
        output
    }

    #[test]
    fn it_is_the_obvious_loop() {
        let mut cases = 0;
        // Widths below and above a vector; windows beyond the image; strides that leave a rest.
        for (width, kernel, stride, dilation, pads) in [
            (1, 1, 1, 1, [0, 0]),
            (7, 3, 1, 1, [1, 1]),
            (33, 3, 2, 1, [1, 1]),
            (32, 3, 2, 1, [0, 1]),
            (17, 5, 3, 1, [2, 2]),
            (19, 3, 1, 4, [4, 4]),
            (5, 3, 2, 3, [3, 2]),
            (2, 5, 1, 1, [4, 4]),
            (40, 4, 5, 2, [0, 3]),
        ] {
            for filters in [3, 6] {
                let shape = ConvShape {
                    channels: 3,
                    height: width.min(9),
                    width,
                    filters,
                    kernel_height: kernel.min(3),
                    kernel_width: kernel,
                    stride_height: stride,
                    stride_width: stride,
                    dilation_height: 1,
                    dilation_width: dilation,
                    pad_top: 1,
                    pad_bottom: 1,
                    pad_left: pads[0],
                    pad_right: pads[1],
                    groups: 3,
                };
                // Whole numbers: sums are exact in any order.
                let number = |i: usize| ((i * 7 + 3) % 11) as f32 - 5.0;
                let weights: Vec<f32> =
                    (0..filters * shape.kernel_height * kernel).map(number).collect();
                let bias: Vec<f32> = (0..filters).map(number).collect();
                let input: Vec<f32> = (0..3 * shape.height * width).map(number).collect();
                let expected = naive(&shape, &weights, &bias, &input);
                let layer = FloatDepthwise::new(shape, weights, bias).unwrap();
                for isa in Isa::available() {
                    let mut found = vec![f32::NAN; layer.output_len()];
                    layer.run(isa, &input, &mut found);
                    assert_eq!(found, expected, "{shape:?} on {}", isa.name());
                    cases += 1;
                }
            }
        }
        assert!(cases >= 18);
    }
}
