//! Maxima and means of windows of an image, channels last.

use crate::{Coded, Isa, dispatch::multiversion};

/// Windows over an image, and where they lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolShape {
    /// Of the image.
    pub height: usize,
    /// Of the image.
    pub width: usize,
    /// Of image and output.
    pub channels: usize,
    /// Of the output.
    pub out_height: usize,
    /// Of the output.
    pub out_width: usize,
    /// Height and width of a window.
    pub kernel: [usize; 2],
    /// Rows and columns from one window to the next.
    pub stride: [usize; 2],
    /// Rows above and columns left of the image; they never win.
    pub pad_begin: [usize; 2],
}

impl PoolShape {
    /// The part of the image that window number `at` of an axis covers.
    #[inline(always)]
    fn span(&self, at: usize, axis: usize, size: usize) -> std::ops::Range<usize> {
        let start = at * self.stride[axis];
        let end = (start + self.kernel[axis]).saturating_sub(self.pad_begin[axis]).min(size);
        start.saturating_sub(self.pad_begin[axis])..end
    }

    fn check(&self, input: usize, output: usize) {
        assert_eq!(input, self.height * self.width * self.channels, "length of the input");
        assert_eq!(
            output,
            self.out_height * self.out_width * self.channels,
            "length of the output"
        );
    }
}

/// The maximum of every window of codes; where a window lies outside of the image, the output stays
/// as it is.
///
/// # Panics
/// If input or output have another length.
pub fn max_pool_codes(isa: Isa, shape: &PoolShape, input: &[u8], output: &mut [u8]) {
    shape.check(input.len(), output.len());
    of_codes(isa, shape, input, output);
}

/// The same of real numbers.
///
/// # Panics
/// If input or output have another length.
pub fn max_pool_floats(isa: Isa, shape: &PoolShape, input: &[f32], output: &mut [f32]) {
    shape.check(input.len(), output.len());
    of_floats(isa, shape, input, output);
}

/// The mean of what every window of codes stands for: codes are summed as whole numbers, so that it is
/// rounded once. Padding counts as zeros, or not at all. // eq. (4.12)
///
/// # Panics
/// If codes or output have another length.
pub fn mean_pool(
    isa: Isa,
    shape: &PoolShape,
    from: Coded<'_>,
    with_padding: bool,
    output: &mut [f32],
) {
    shape.check(from.codes.len(), output.len());
    means(isa, shape, from, with_padding, output);
}

multiversion! {
    fn means(
        isa,
        shape: &PoolShape,
        from: Coded<'_>,
        with_padding: bool,
        output: &mut [f32],
    ) = means_body;
}

/// Rows first, as for maxima.
#[inline(always)]
fn means_body(shape: &PoolShape, from: Coded<'_>, with_padding: bool, output: &mut [f32]) {
    let channels = shape.channels.max(1);
    let length = shape.width * channels;
    let (mut line, mut sums) = (vec![0i32; length], vec![0i32; channels]);
    let mut pixels = output.chunks_exact_mut(channels);
    for y in 0..shape.out_height {
        let rows = shape.span(y, 0, shape.height);
        line.fill(0);
        for row in rows.clone() {
            let codes = &from.codes[row * length..][..length];
            line.iter_mut().zip(codes).for_each(|(sum, &code)| *sum += i32::from(code));
        }
        for (x, means) in (0..shape.out_width).zip(&mut pixels) {
            let columns = shape.span(x, 1, shape.width);
            sums.fill(0);
            for pixel in columns.clone() {
                let pixel = &line[pixel * channels..][..channels];
                sums.iter_mut().zip(pixel).for_each(|(sum, &more)| *sum += more);
            }
            let inside = rows.len() * columns.len();
            let count = if with_padding { shape.kernel[0] * shape.kernel[1] } else { inside };
            let zero = inside as i32 * i32::from(from.zero_point);
            let factor = from.scale / count as f32;
            for (mean, sum) in means.iter_mut().zip(&sums) {
                *mean = (sum - zero) as f32 * factor;
            }
        }
    }
}

multiversion! {
    fn of_codes(isa, shape: &PoolShape, input: &[u8], output: &mut [u8]) = max_pool;
}

multiversion! {
    fn of_floats(isa, shape: &PoolShape, input: &[f32], output: &mut [f32]) = max_pool;
}

/// Rows first, which are long, then the few columns of each window.
#[inline(always)]
fn max_pool<T: Copy + PartialOrd>(shape: &PoolShape, input: &[T], output: &mut [T]) {
    let channels = shape.channels.max(1);
    let length = shape.width * channels;
    let mut line = Vec::with_capacity(length);
    let mut pixels = output.chunks_exact_mut(channels);
    for y in 0..shape.out_height {
        let mut rows = shape.span(y, 0, shape.height).map(|row| &input[row * length..][..length]);
        line.clear();
        line.extend_from_slice(rows.next().unwrap_or_default());
        rows.for_each(|row| larger(&mut line, row));
        for (x, best) in (0..shape.out_width).zip(&mut pixels) {
            let columns = shape.span(x, 1, shape.width);
            let covered = line.get(columns.start * channels..columns.end * channels);
            let mut covered = covered.unwrap_or_default().chunks_exact(channels);
            if let Some(first) = covered.next() {
                best.copy_from_slice(first);
            }
            covered.for_each(|pixel| larger(best, pixel));
        }
    }
}

#[inline(always)]
fn larger<T: Copy + PartialOrd>(best: &mut [T], values: &[T]) {
    for (best, &value) in best.iter_mut().zip(values) {
        *best = if value > *best { value } else { *best };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kernel, stride and padding: windows that overlap, leave gaps, and reach over the edges.
    type Windows = ([usize; 2], [usize; 2], [usize; 2]);
    const WINDOWS: [Windows; 3] =
        [([3, 3], [2, 2], [1, 1]), ([2, 3], [2, 1], [0, 2]), ([1, 2], [3, 2], [0, 0])];

    /// An image of 9 x 11 pixels for windows, and its codes.
    fn image((kernel, stride, pad_begin): Windows, channels: usize) -> (PoolShape, Vec<u8>) {
        let (height, width) = (9, 11);
        let outputs = |size: usize, axis: usize| {
            (size + 2 * pad_begin[axis] - kernel[axis]) / stride[axis] + 1
        };
        let (out_height, out_width) = (outputs(height, 0), outputs(width, 1));
        let codes = (0..height * width * channels).map(|i| (i * i % 251) as u8).collect();
        let shape =
            PoolShape { height, width, channels, out_height, out_width, kernel, stride, pad_begin };
        (shape, codes)
    }

    #[test]
    fn what_lies_outside_never_wins() {
        let shape = PoolShape {
            height: 3,
            width: 3,
            channels: 1,
            out_height: 2,
            out_width: 2,
            kernel: [3, 3],
            stride: [2, 2],
            pad_begin: [1, 1],
        };
        let input = [-9.0, -8.0, -1.0, -7.0, -6.0, -2.0, -5.0, -4.0, -3.0];
        for isa in Isa::available() {
            let mut output = [0.0; 4];
            max_pool_floats(isa, &shape, &input, &mut output);
            assert_eq!(output, [-6.0, -1.0, -4.0, -2.0]);
        }
    }

    #[test]
    fn means_are_those_of_the_obvious_loop() {
        let (scale, zero_point) = (0.037, 13);
        let mut compared = 0;
        for window @ (kernel, stride, pad_begin) in WINDOWS {
            for (channels, with_padding) in [(1, true), (31, false), (64, true), (65, false)] {
                let (shape, codes) = image(window, channels);
                let PoolShape { height, width, out_height, out_width, .. } = shape;
                let real = |y: usize, x: usize, channel: usize| {
                    let (y, x) = (y.checked_sub(pad_begin[0])?, x.checked_sub(pad_begin[1])?);
                    let code = || f64::from(codes[(y * width + x) * channels + channel]);
                    (y < height && x < width).then(|| f64::from(scale) * (code() - 13.0))
                };
                for isa in Isa::available() {
                    let mut found = vec![f32::NAN; out_height * out_width * channels];
                    let from = Coded { codes: &codes, scale, zero_point };
                    mean_pool(isa, &shape, from, with_padding, &mut found);
                    for (i, &found) in found.iter().enumerate() {
                        let (pixel, channel) = (i / channels, i % channels);
                        let (y, x) = (pixel / out_width * stride[0], pixel % out_width * stride[1]);
                        let taps = (0..kernel[0])
                            .flat_map(|row| (0..kernel[1]).map(move |column| (row, column)));
                        let inside: Vec<f64> = taps
                            .filter_map(|(row, column)| real(y + row, x + column, channel))
                            .collect();
                        let count = if with_padding { kernel[0] * kernel[1] } else { inside.len() };
                        let mean = inside.iter().sum::<f64>() / count as f64;
                        assert!(
                            (f64::from(found) - mean).abs() < 1e-5,
                            "{shape:?}: {found}, {mean}"
                        );
                        compared += 1;
                    }
                }
            }
        }
        assert!(compared > 10_000, "{compared}");
    }

    /// Channels around a vector.
    #[test]
    fn codes_and_floats_are_those_of_the_obvious_loop() {
        let mut compared = 0;
        for window @ (kernel, stride, pad_begin) in WINDOWS {
            for channels in [1, 31, 64, 65] {
                let (shape, codes) = image(window, channels);
                let PoolShape { height, width, out_height, out_width, .. } = shape;
                let floats: Vec<f32> = codes.iter().map(|&code| f32::from(code) - 99.5).collect();
                let obvious = |y: usize, x: usize, channel: usize| {
                    let inside = |at: usize, axis: usize, size: usize| {
                        let taps = (0..kernel[axis]).map(move |tap| at * stride[axis] + tap);
                        taps.filter_map(move |at| at.checked_sub(pad_begin[axis]))
                            .filter(move |&at| at < size)
                    };
                    let places = inside(y, 0, height)
                        .flat_map(|row| inside(x, 1, width).map(move |column| (row, column)));
                    places
                        .map(|(row, column)| codes[(row * width + column) * channels + channel])
                        .max()
                        .unwrap()
                };
                for isa in Isa::available() {
                    let mut of_codes = vec![0; out_height * out_width * channels];
                    let mut of_floats = vec![0.0; of_codes.len()];
                    max_pool_codes(isa, &shape, &codes, &mut of_codes);
                    max_pool_floats(isa, &shape, &floats, &mut of_floats);
                    for (i, (&code, &float)) in of_codes.iter().zip(&of_floats).enumerate() {
                        let (pixel, channel) = (i / channels, i % channels);
                        let expected = obvious(pixel / out_width, pixel % out_width, channel);
                        assert_eq!((code, float), (expected, f32::from(expected) - 99.5));
                        compared += 1;
                    }
                }
            }
        }
        assert!(compared > 10_000, "{compared}");
    }
}
