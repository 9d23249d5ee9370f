//! The operations that run exactly: on codes where that changes nothing, else in float32.

use recoup_kernels::{Isa, PoolShape, channel_sums};

use crate::model::{ActivationQuantization, Run, Window};

/// A tensor as it is stored.
#[derive(Clone, Copy)]
pub(super) enum Stored<'a> {
    Codes(&'a [u8], ActivationQuantization),
    Floats(&'a [f32]),
}

impl Stored<'_> {
    /// The real values, through `buffer` if they have to be computed.
    pub fn to_floats(self, buffer: &mut Vec<f32>) {
        buffer.clear();
        match self {
            Stored::Floats(values) => buffer.extend_from_slice(values),
            Stored::Codes(codes, quantization) => {
                buffer.extend(codes.iter().map(|&code| real(code, quantization)));
            }
        }
    }
}

/// scale (code - zero point).
pub(super) fn real(code: u8, quantization: ActivationQuantization) -> f32 {
    (i32::from(code) - i32::from(quantization.zero_point)) as f32 * quantization.scale
}

/// Pieces of so many elements, `[image][first][second]`, as `[image][second][first]`. What is no whole
/// number of images stays, to be refused.
pub(super) fn turned<T: Copy>(values: &[T], [first, second]: [usize; 2], length: usize) -> Vec<T> {
    let image = first * second * length;
    if image == 0 || !values.len().is_multiple_of(image) {
        return values.to_vec();
    }
    let turn = |image: &[T]| -> Vec<T> {
        let starts =
            (0..second).flat_map(|two| (0..first).map(move |one| (one * second + two) * length));
        starts.flat_map(|start| image[start..start + length].iter().copied()).collect()
    };
    values.chunks_exact(image).flat_map(turn).collect()
}

/// Copies runs from `inputs`; padding becomes `zero`.
pub(super) fn movement<T: Copy>(runs: &[Run], inputs: &[&[T]], zero: T, output: &mut [T]) {
    let mut at = 0;
    for run in runs {
        let length = run.length as usize;
        let target = &mut output[at..at + length];
        match run.input {
            Some(input) => {
                let start = run.start as usize;
                target.copy_from_slice(&inputs[input as usize][start..start + length]);
            }
            None => target.fill(zero),
        }
        at += length;
    }
}

/// Height, width and channels of a channels-last image.
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
}

impl Size {
    /// Of a logical shape `[1, C, H, W]`.
    pub fn of(shape: &[usize]) -> Self {
        match *shape {
            [1, channels, height, width] => Self { height, width, channels },
            _ => panic!("pooling is imported for images only, not for {shape:?}"),
        }
    }
}

/// A window over an image of one size that gives one of another.
pub(super) fn pool(window: &Window, from: Size, to: Size) -> PoolShape {
    PoolShape {
        height: from.height,
        width: from.width,
        channels: from.channels,
        out_height: to.height,
        out_width: to.width,
        kernel: window.kernel,
        stride: window.stride,
        pad_begin: window.pad_begin,
    }
}

/// The mean of each channel. Codes are summed as integers, so their mean is rounded once. // eq. (4.12)
pub(super) fn global_average(isa: Isa, size: Size, input: Stored, output: &mut [f32]) {
    let pixels = (size.height * size.width) as f32;
    match input {
        Stored::Codes(codes, quantization) => {
            let mut sums = vec![0i32; size.channels];
            channel_sums(isa, codes, &mut sums);
            let zero = (size.height * size.width) as i32 * i32::from(quantization.zero_point);
            let factor = quantization.scale / pixels;
            output
                .iter_mut()
                .zip(sums)
                .for_each(|(mean, sum)| *mean = (sum - zero) as f32 * factor);
        }
        Stored::Floats(values) => {
            output.fill(0.0);
            for pixel in values.chunks_exact(size.channels) {
                output.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += value);
            }
            output.iter_mut().for_each(|sum| *sum /= pixels);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_of_codes_and_of_their_values_agree() {
        let size = Size { height: 2, width: 2, channels: 2 };
        let quantization = ActivationQuantization { scale: 0.5, zero_point: 10 };
        let codes = Stored::Codes(&[10, 12, 14, 12, 10, 8, 10, 4], quantization);
        let (mut from_codes, mut from_floats, mut floats) = ([0.0; 2], [0.0; 2], Vec::new());
        global_average(Isa::best(), size, codes, &mut from_codes);
        codes.to_floats(&mut floats);
        global_average(Isa::best(), size, Stored::Floats(&floats), &mut from_floats);
        assert_eq!(from_codes, [0.5, -0.5]);
        assert_eq!(from_codes, from_floats);
    }

    #[test]
    fn movements_pad_with_the_zero_they_are_given() {
        let runs = [
            Run { input: Some(1), start: 1, length: 2 },
            Run { input: None, start: 0, length: 1 },
            Run { input: Some(0), start: 0, length: 1 },
        ];
        let mut output = [0; 4];
        movement(&runs, &[&[5, 6], &[7, 8, 9]], 3, &mut output);
        assert_eq!(output, [8, 9, 3, 5]);
    }
}
