//! Every path against the obvious loop, [`naive::convolve_float`].

use super::*;
use crate::{ConvShape, Isa, KernelError, naive, tests::judged::Judged};

/// Whole numbers: sums are exact in any order.
fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7 + i / 11 + 3) % 11) as f32 - 5.0).collect()
}

/// A buffer for an image, full of what must not be read.
fn dirty(image: &FloatImage) -> FloatBuffer {
    let mut buffer = FloatBuffer::default();
    buffer.reserve(image);
    buffer.floats_mut().fill(f32::NAN);
    buffer
}

/// With a border that is wider than the pads by `border`; counts what was compared.
fn compare(
    judged: &mut Judged,
    shape: ConvShape,
    border: [usize; 4],
    bounds: (f32, f32),
    residual: bool,
) {
    let spec = FloatConvSpec {
        shape,
        weights: numbers(shape.filters * shape.depth()),
        bias: numbers(shape.filters),
        low: bounds.0,
        high: bounds.1,
    };
    let planes = numbers(shape.channels * shape.height * shape.width);
    let added = residual.then(|| numbers(shape.filters * shape.positions()));
    let expected = naive::convolve_float(&spec, &planes, added.as_deref());
    let pads = [shape.pad_top, shape.pad_left, shape.pad_bottom, shape.pad_right];
    let from = FloatImage::new(shape.channels, shape.height, shape.width);
    let from = FloatImage { border: std::array::from_fn(|side| pads[side] + border[side]), ..from };
    let to = FloatImage::new(shape.filters, shape.out_height(), shape.out_width());
    let (to, other) = (FloatImage { border, ..to }, FloatImage { border: pads, ..to });
    let inputs = match shape.groups {
        1 => vec![("bordered", from), ("dense", from.dense())],
        _ => vec![("bordered", from)],
    };
    for isa in Isa::available() {
        for (kind, from) in &inputs {
            let (mut input, mut output) = (dirty(from), dirty(&to));
            from.pack(&planes, &mut input);
            let added = added.as_ref().map(|added| {
                let mut buffer = dirty(&other);
                other.pack(added, &mut buffer);
                buffer
            });
            let added = added.as_ref().map(|buffer| (&other, buffer));
            let layer = FloatConv::new(isa, &spec, *from, to).unwrap();
            layer.run(&input, added, &mut output, &mut FloatBuffer::default());
            assert_eq!(to.unpack(&output), expected, "{shape:?} on {}", isa.name());
            judged.count(isa, kind);
        }
    }
}

const UNBOUNDED: (f32, f32) = (f32::NEG_INFINITY, f32::INFINITY);

#[test]
fn it_is_the_obvious_loop() {
    let mut judged = Judged::default();
    // Widths below and above a tile and a vector; windows beyond the image; pads larger than the
    // window; strides larger than it, that leave a rest.
    for (width, kernel, stride, dilation, pads) in [
        (1, 1, 1, 1, [0, 0]),
        (1, 1, 1, 1, [3, 2]),
        (7, 3, 1, 1, [1, 1]),
        (33, 3, 2, 1, [1, 1]),
        (32, 3, 2, 1, [0, 1]),
        (17, 5, 3, 1, [2, 2]),
        (19, 3, 1, 4, [4, 4]),
        (5, 3, 2, 3, [3, 2]),
        (2, 5, 1, 1, [4, 4]),
        (40, 4, 5, 2, [0, 3]),
    ] {
        // One and few channels, odd numbers of them, whole blocks and one more; as many blocks of
        // filters as a tile has, and more. Groups: whole blocks, depthwise with one and several
        // filters, small ones, across blocks.
        for (channels, filters, groups) in [
            (1, 1, 1),
            (3, 16, 1),
            (16, 17, 1),
            (21, 33, 1),
            (32, 80, 1),
            (32, 64, 2),
            (3, 3, 3),
            (40, 40, 40),
            (3, 6, 3),
            (18, 36, 18),
            (24, 40, 8),
            (10, 6, 2),
        ] {
            let shape = ConvShape {
                channels,
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
                groups,
            };
            compare(&mut judged, shape, [0; 4], UNBOUNDED, false);
            compare(&mut judged, shape, [1, 0, 2, 3], (-20.0, 50.0), true);
        }
    }
    judged.verdict(&[("bordered", 240), ("dense", 100)]);
}

/// A tile of rows that does not fit [`ROWS_BYTES`] with the next.
#[test]
fn rows_that_fill_the_cache() {
    let shape = ConvShape { height: 3, ..ConvShape::linear(700, 100, 20) };
    let mut judged = Judged::default();
    compare(&mut judged, shape, [0; 4], UNBOUNDED, false);
    judged.verdict(&[("bordered", 1), ("dense", 1)]);
}

#[test]
fn not_a_number_stays_so() {
    let mut judged = Judged::default();
    for (channels, groups) in [(1, 1), (2, 2)] {
        let shape = ConvShape { groups, ..ConvShape::linear(2, channels, channels) };
        let spec = FloatConvSpec {
            shape,
            weights: vec![1.0; channels],
            bias: vec![0.0; channels],
            low: 0.0,
            high: 6.0,
        };
        let image = FloatImage::new(channels, 1, 2);
        for isa in Isa::available() {
            let [mut input, mut output] = [dirty(&image), dirty(&image)];
            let row = [f32::NAN, f32::INFINITY];
            image.pack(&row.repeat(channels), &mut input);
            let layer = FloatConv::new(isa, &spec, image, image).unwrap();
            layer.run(&input, None, &mut output, &mut FloatBuffer::default());
            let found = image.unpack(&output);
            assert!(found[0].is_nan() && found[1] == 6.0, "{found:?} on {}", isa.name());
            judged.count(isa, "not a number");
        }
    }
    judged.verdict(&[("not a number", 2)]);
}

#[test]
fn images_without_end_are_refused() {
    let image = FloatImage::new(1, 1, 1);
    let wide = FloatImage { border: [0, usize::MAX, 0, usize::MAX], ..image };
    assert_eq!(wide.validate(), Err(KernelError::TooLarge));
    let empty = FloatImage::new(1, 0, 1);
    assert_eq!(empty.validate(), Err(KernelError::ZeroDimension("height")));
}

#[test]
fn what_takes_much_memory_does_not_pay() {
    let plain = ConvShape { height: 8, ..ConvShape::linear(8, 36, 36) };
    let far = ConvShape {
        kernel_width: 2,
        dilation_width: 1 << 20,
        pad_left: 1 << 19,
        pad_right: 1 << 19,
        ..plain
    };
    let never = ConvShape { kernel_width: 9, ..plain };
    for (shape, pays) in [
        (plain, true),
        (ConvShape { groups: 36, ..plain }, true),
        (ConvShape { groups: 6, ..plain }, true),
        (ConvShape { groups: 2, ..plain }, false),
        (far, false),
        (never, false),
    ] {
        assert_eq!(FloatConv::pays(&shape), pays, "{shape:?}");
    }
}
