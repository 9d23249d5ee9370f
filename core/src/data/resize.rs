//! Scaling and cropping.

use super::pixels::{Image, ImageShape, Layout, Pixels};

/// Height and width of an image whose shorter side is scaled to `pixels`; the longer side is
/// rounded down, as torchvision does.
pub(super) fn shorter_side_to(shape: ImageShape, pixels: usize) -> [usize; 2] {
    let (height, width) = (shape.height, shape.width);
    match height <= width {
        true => [pixels, pixels * width / height],
        false => [pixels * height / width, pixels],
    }
}

/// Height and width, in the proportion of the image, that just cover those wanted.
pub(super) fn cover(shape: ImageShape, [height, width]: [usize; 2]) -> [usize; 2] {
    // height / shape.height >= width / shape.width
    if height * shape.width >= width * shape.height {
        [height, (height * shape.width / shape.height).max(width)]
    } else {
        [(width * shape.height / shape.width).max(height), width]
    }
}

/// Resamples with a triangle filter, widened when shrinking so that every pixel counts
/// ("bilinear with antialiasing"): columns first, then rows, 8-bit images rounded after either
/// pass. Pillow, and with it torchvision, computes the same in fixed point, which decides some
/// ties differently: by one step, in fewer than one value in a thousand.
pub(super) fn resample(image: &Image, [height, width]: [usize; 2]) -> Image {
    let ImageShape { channels, height: old_height, width: old_width } = image.shape;
    let eight_bit = matches!(image.pixels, Pixels::U8(_));
    let planes = to_planes(image);
    let planes = resample_axis(&planes, [channels * old_height, old_width, 1], width, eight_bit);
    let planes = resample_axis(&planes, [channels, old_height, width], height, eight_bit);
    Image {
        shape: ImageShape { channels, height, width },
        layout: Layout::Chw,
        pixels: match eight_bit {
            true => Pixels::U8(planes.into_iter().map(|value| value as u8).collect()),
            false => Pixels::F32(planes),
        },
    }
}

/// The values in channel, row, column order.
fn to_planes(image: &Image) -> Vec<f32> {
    let shape = image.shape;
    let [channel_stride, row_stride, column_stride] = image.layout.strides(shape);
    let mut planes = Vec::with_capacity(shape.elements());
    for channel in 0..shape.channels {
        for row in 0..shape.height {
            for column in 0..shape.width {
                let at = channel * channel_stride + row * row_stride + column * column_stride;
                planes.push(match &image.pixels {
                    Pixels::U8(values) => values[at].into(),
                    Pixels::F32(values) => values[at],
                });
            }
        }
    }
    planes
}

/// Resamples the middle axis of an `outer x length x inner` array to `new_length`.
fn resample_axis(
    values: &[f32],
    [outer, length, inner]: [usize; 3],
    new_length: usize,
    eight_bit: bool,
) -> Vec<f32> {
    if length == new_length {
        return values.to_vec();
    }
    let filters: Vec<Filter> =
        (0..new_length).map(|position| Filter::new(position, length, new_length)).collect();
    let mut resampled = Vec::with_capacity(outer * new_length * inner);
    let mut sums = vec![0.0; inner];
    for block in values.chunks_exact(length * inner).take(outer) {
        for filter in &filters {
            sums.fill(0.0);
            let lines = block[filter.first * inner..].chunks_exact(inner);
            for (line, &weight) in lines.zip(&filter.weights) {
                for (sum, &value) in sums.iter_mut().zip(line) {
                    *sum += weight * f64::from(value);
                }
            }
            resampled.extend(sums.iter().map(|&sum| match eight_bit {
                true => (sum + 0.5).floor() as f32,
                false => sum as f32,
            }));
        }
    }
    resampled
}

/// The weights, of sum 1, of the old positions from `first` on that make up a new one.
struct Filter {
    first: usize,
    weights: Vec<f64>,
}

impl Filter {
    fn new(position: usize, length: usize, new_length: usize) -> Filter {
        let step = length as f64 / new_length as f64;
        // Half the width of the triangle, in old pixels.
        let reach = step.max(1.0);
        let centre = (position as f64 + 0.5) * step;
        let first = (centre - reach + 0.5).max(0.0) as usize;
        let end = ((centre + reach + 0.5) as usize).min(length);
        let mut weights: Vec<f64> = (first..end)
            .map(|old| (1.0 - ((old as f64 + 0.5 - centre) / reach).abs()).max(0.0))
            .collect();
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);
        Filter { first, weights }
    }
}

/// Cuts the centre; a half pixel of margin goes to the even side, as in torchvision.
///
/// The image must have at least the height and width asked for.
pub(super) fn crop_centre(image: &Image, [height, width]: [usize; 2]) -> Image {
    let shape = ImageShape { height, width, ..image.shape };
    let margin = |old: usize, new: usize| ((old - new) as f64 / 2.0).round_ties_even() as usize;
    let top = margin(image.shape.height, height);
    let left = margin(image.shape.width, width);
    let strides = image.layout.strides(image.shape);
    let pixels = match &image.pixels {
        Pixels::U8(values) => Pixels::U8(cut(values, strides, shape, top, left)),
        Pixels::F32(values) => Pixels::F32(cut(values, strides, shape, top, left)),
    };
    Image { shape, layout: Layout::Chw, pixels }
}

fn cut<T: Copy>(
    values: &[T],
    [channel_stride, row_stride, column_stride]: [usize; 3],
    shape: ImageShape,
    top: usize,
    left: usize,
) -> Vec<T> {
    let mut kept = Vec::with_capacity(shape.elements());
    for channel in 0..shape.channels {
        for row in top..top + shape.height {
            for column in left..left + shape.width {
                kept.push(
                    values[channel * channel_stride + row * row_stride + column * column_stride],
                );
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests;
