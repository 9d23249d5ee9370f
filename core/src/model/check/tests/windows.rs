//! Convolutions and pools against the shapes that feed them.

use super::check;

const X: &str = "1x4x8x8";

#[test]
fn weights_fit_the_channels() {
    check(&[
        ("Conv(x, w) -> y", &[X, "6x4x3x3"], "216"),
        ("Conv(x, w, b) -> y; group=2", &[X, "6x2x3x3", "6"], "216"),
        ("Conv(x, w) -> y", &["?", "6x4x3x3"], "unknown"),
        (
            "Conv(x, w) -> y",
            &["4x8", "6x4x3x3"],
            "its input has the shape [4, 8]; expected at least 3 dimensions",
        ),
        (
            "Conv(x, w) -> y",
            &[X, "6x4x3"],
            "dimensions of the weights, as many as of the input: found 3, expected 4",
        ),
        (
            "Conv(x, w) -> y",
            &[X, "6x3x3x3"],
            "its input has 4 channels; weights of the shape [6, 3, 3, 3] in 1 groups need 3",
        ),
        ("Conv(x, w) -> y; group=4", &[X, "6x1x3x3"], "its 6 filters do not divide into 4 groups"),
        ("Conv(x, w) -> y", &[X, "0x4x3x3"], "its 0 filters do not divide into 1 groups"),
        (
            "Conv(x, w, b) -> y",
            &[X, "6x4x3x3", "5"],
            "its bias has the shape [5]; expected [6], one per filter",
        ),
        (
            "Conv(x, w, b) -> y",
            &[X, "6x4x3x3", "1x6"],
            "its bias has the shape [1, 6]; expected [6], one per filter",
        ),
        (
            "Conv(x, w) -> y; kernel_shape=[3 5]",
            &[X, "6x4x3x3"],
            "its kernel_shape is [3, 5], but its weights have the shape [6, 4, 3, 3]",
        ),
        ("ConvInteger(x, w, z) -> y", &[X, "6x4x3x3", ""], "216"),
        (
            "ConvInteger(x, w) -> y",
            &[X, "6x3x3x3"],
            "its input has 4 channels; weights of the shape [6, 3, 3, 3] in 1 groups need 3",
        ),
        (
            "QLinearConv(x, s, z, w, t, u, r, q, b) -> y",
            &[X, "", "", "6x4x3x3", "", "", "", "", "6"],
            "216",
        ),
        (
            "QLinearConv(x, s, z, w, t, u, r, q, b) -> y",
            &[X, "", "", "6x4x3x3", "", "", "", "", "7"],
            "its bias has the shape [7]; expected [6], one per filter",
        ),
        (
            "QLinearConv(x, s, z, w, t, u, r, q) -> y",
            &[X, "", "", "6x4x3x3", "1~0.0", "", "", ""],
            "its scale holds 0e0; expected finite numbers above 0 whose inverse is finite, at least 1.1754944e-38",
        ),
        ("@19 DeformConv(x, w, o) -> y", &[X, "6x4x3x3", "1x18x6x6"], "216"),
    ]);
}

#[test]
fn a_kernel_fits_the_padded_input() {
    check(&[
        ("Conv(x, w) -> y; strides=[2 2]; pads=[1 1 1 1]", &[X, "6x4x3x3"], "96"),
        ("Conv(x, w) -> y; dilations=[3 3]", &[X, "6x4x3x3"], "24"),
        ("Conv(x, w) -> y; auto_pad=SAME_UPPER; strides=[3 3]", &[X, "6x4x3x3"], "54"),
        ("Conv(x, w) -> y; auto_pad=VALID", &[X, "6x4x3x3"], "216"),
        (
            "Conv(x, w) -> y; dilations=[4 4]",
            &[X, "6x4x3x3"],
            "its kernel spans 9 along spatial axis 0, more than the 8 of its input with padding 0 and 0",
        ),
        (
            "Conv(x, w) -> y",
            &[X, "6x4x9x3"],
            "its kernel spans 9 along spatial axis 0, more than the 8 of its input with padding 0 and 0",
        ),
        (
            "Conv(x, w) -> y",
            &[X, "6x4x0x3"],
            "its kernel is [0, 3], its strides [1, 1] and dilations [1, 1]; expected 1 or more",
        ),
        (
            "Conv(x, w) -> y; strides=[1]",
            &[X, "6x4x3x3"],
            "number of strides for 2 spatial axes: found 1, expected 2",
        ),
        (
            "Conv(x, w) -> y; pads=[1 1]",
            &[X, "6x4x3x3"],
            "number of pads for 2 spatial axes: found 2, expected 4",
        ),
        (
            "MaxPool(x) -> y; kernel_shape=[2]",
            &[X],
            "values of kernel_shape, one per spatial axis: found 1, expected 2",
        ),
        (
            "MaxPool(x) -> y; kernel_shape=[9 9]",
            &[X],
            "its kernel spans 9 along spatial axis 0, more than the 8 of its input with padding 0 and 0",
        ),
        ("AveragePool(x) -> y; kernel_shape=[2 2]; strides=[2 2]", &[X], "64"),
        ("AveragePool(x) -> y; kernel_shape=[3 3]; strides=[2 2]", &[X], "36"),
        ("AveragePool(x) -> y; kernel_shape=[3 3]; strides=[2 2]; ceil_mode=1", &[X], "64"),
        (
            "com.microsoft:QLinearAveragePool(x, s, , t) -> y; kernel_shape=[2 2]; channels_last=1",
            &["1x8x8x4", "", "?", ""],
            "196",
        ),
        (
            "GlobalAveragePool(x) -> y",
            &["1x4"],
            "its input has the shape [1, 4]; expected at least 3 dimensions",
        ),
        (
            "GlobalMaxPool(x) -> y",
            &["1x4x0x8"],
            "its input has the shape [1, 4, 0, 8]: it is empty",
        ),
        ("GlobalMaxPool(x) -> y", &[X], "256"),
        (
            "MaxPool(x) -> y; kernel_shape=[2 2]; pads=[1 1 1 1]",
            &["0x4x8x8"],
            "its input has the shape [0, 4, 8, 8]: it is empty",
        ),
        (
            "Conv(x, w) -> y; auto_pad=SAME_UPPER",
            &["1x4x8x0", "6x4x3x3"],
            "its input has the shape [1, 4, 8, 0]: it is empty",
        ),
    ]);
}

#[test]
fn every_window_of_a_pool_holds_something() {
    check(&[
        ("MaxPool(x) -> y; kernel_shape=[2 2]; pads=[1 1 1 1]", &[X], "324"),
        (
            "MaxPool(x) -> y; kernel_shape=[2 2]; pads=[2 0 0 0]",
            &[X],
            "its padding 2 and 0 along spatial axis 0 is as long as a window; expected every window, which spans 2, to hold a part of the input's 8",
        ),
        (
            "AveragePool(x) -> y; kernel_shape=[2 2]; pads=[0 0 0 50000]",
            &[X],
            "its padding 0 and 50000 along spatial axis 1 is as long as a window; expected every window, which spans 2, to hold a part of the input's 8",
        ),
        ("@19 LpPool(x) -> y; kernel_shape=[2 2]; dilations=[3 3]; pads=[3 3 3 3]", &[X], "484"),
        // Two elements three apart, from two before a single element on: at -2 and 1.
        (
            "MaxPool(x) -> y; kernel_shape=[2]; dilations=[3]; pads=[2 2]",
            &["1x1x1"],
            "its padding 2 and 2 along spatial axis 0 leaves a window without input; expected every window, which spans 4, to hold a part of the input's 1",
        ),
    ]);
}

#[test]
fn transposed_convolutions_grow() {
    check(&[
        ("ConvTranspose(x, w) -> y; strides=[2 2]", &[X, "4x6x3x3"], "1734"),
        ("ConvTranspose(x, w) -> y; strides=[2 2]; pads=[1 1 1 1]", &[X, "4x6x3x3"], "1734"),
        ("ConvTranspose(x, w) -> y; output_padding=[1 1]; group=2", &[X, "4x3x3x3"], "726"),
        ("ConvTranspose(x, w) -> y; output_shape=[100 10]", &[X, "4x1x3x3"], "1000"),
        ("ConvTranspose(x, w) -> y; auto_pad=SAME_UPPER; strides=[4 4]", &[X, "4x1x3x3"], "1024"),
        ("ConvTranspose(x, w) -> y; strides=[1048576 1048576]", &[X, "4x1x1x1"], "53876084441089"),
        (
            "ConvTranspose(x, w) -> y",
            &[X, "3x6x3x3"],
            "input channels of the weights: found 3, expected 4",
        ),
        (
            "ConvTranspose(x, w) -> y; group=3",
            &[X, "4x6x3x3"],
            "its 4 channels do not divide into 3 groups",
        ),
        (
            "ConvTranspose(x, w, b) -> y",
            &[X, "4x6x3x3", "4"],
            "its bias has the shape [4]; expected [6], one per filter",
        ),
        (
            "ConvTranspose(x, w) -> y; pads=[5 5 5 5]",
            &[X, "4x6x3x3"],
            "its output along spatial axis 0 has the size 0",
        ),
        (
            "ConvTranspose(x, w) -> y; output_shape=[9]",
            &[X, "4x6x3x3"],
            "spatial axes of output_shape or output_padding: found 1, expected 2",
        ),
        (
            "ConvTranspose(x, w) -> y",
            &["1x4x0x8", "4x6x3x3"],
            "its input has the shape [1, 4, 0, 8]: it is empty",
        ),
        ("MaxUnpool(x, i) -> y; kernel_shape=[2 2]; strides=[2 2]", &[X, X], "1024"),
        (
            "MaxUnpool(x, i) -> y; kernel_shape=[2 2]",
            &[X, "1x4x8x7"],
            "its indices have the shape [1, 4, 8, 7], its input [1, 4, 8, 8]",
        ),
        (
            "MaxUnpool(x, i, s) -> y; kernel_shape=[2 2]",
            &[X, X, "4"],
            "the size of its output depends on data: output_shape is not constant; export the model with fixed sizes",
        ),
        ("MaxUnpool(x, i, s) -> y; kernel_shape=[2 2]", &[X, X, "4=1 4 20 20"], "1600"),
        (
            "MaxUnpool(x, i, s) -> y; kernel_shape=[2 2]",
            &[X, X, "3=4 20 20"],
            "length of output_shape: found 3, expected 4",
        ),
    ]);
}
