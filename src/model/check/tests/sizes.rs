//! Outputs whose size is in numbers: how large they are, before anything is allocated.

use super::check;

#[test]
fn filled_tensors_are_as_large_as_numbers_say() {
    check(&[
        ("Expand(x, s) -> y", &["4x1", "3=2 1 5"], "40"),
        ("Expand(x, s) -> y", &["1x4", "2=100000 4"], "400000"),
        (
            "Expand(x, s) -> y",
            &["4", "1=3"],
            "shapes [4] and [3] cannot be broadcast together: 4 and 3 differ, and neither is 1",
        ),
        ("Expand(x, s) -> y", &["4", "1=-1"], "shape is [-1]; expected 0 or more"),
        (
            "Expand(x, s) -> y",
            &["4", "1"],
            "the size of its output depends on data: shape is not constant; export the model with fixed sizes",
        ),
        ("Tile(x, r) -> y", &["1x4x32x32", "4=1 1 20000 20000"], "1638400000000"),
        (
            "Tile(x, r) -> y",
            &["2x3", "1=2"],
            "number of repeats, one per dimension: found 1, expected 2",
        ),
        ("Tile(x, r) -> y", &["2x3", "2=2 -1"], "repeats is [2, -1]; expected 0 or more"),
        (
            "Tile(x, r) -> y",
            &["2x3", "2"],
            "the size of its output depends on data: repeats is not constant; export the model with fixed sizes",
        ),
        ("Range(a, b, d) -> y", &["=0", "=10", "=3"], "5"),
        ("Range(a, b, d) -> y", &["~0", "~1e12", "~1"], "999999995905"),
        ("Range(a, b, d) -> y", &["=9", "=0", "=3"], "0"),
        (
            "Range(a, b, d) -> y",
            &["=0", "=9", "=0"],
            "its delta is 0 or no number, so that it never ends",
        ),
        (
            "Range(a, b, d) -> y",
            &["~0", "~inf", "~1"],
            "it goes from 0 to inf; expected finite numbers",
        ),
        (
            "Range(a, b, d) -> y",
            &["~0", "~1", "~nan"],
            "its delta is 0 or no number, so that it never ends",
        ),
        (
            "Range(a, b, d) -> y",
            &["=0", "", "=1"],
            "the size of its output depends on data: start, limit or delta is not constant; export the model with fixed sizes",
        ),
        ("ConstantOfShape(s) -> y", &["2=3 4"], "12"),
        ("ConstantOfShape(s) -> y", &["0="], "1"),
        ("ConstantOfShape(s) -> y", &["1=-5"], "its shape is [-5]; expected 0 or more"),
        (
            "ConstantOfShape(s) -> y",
            &["2"],
            "the size of its output depends on data: its shape is not constant; export the model with fixed sizes",
        ),
        (
            "ConstantOfShape(s) -> y",
            &["3=9000000000000000000 9000000000000000000 9000000000000000000"],
            "340282366920938463463374607431768211455",
        ),
        ("RandomUniform() -> y; shape=[2 3]", &[], "6"),
        ("Multinomial(x) -> y; sample_size=10", &["3x4"], "30"),
        ("Multinomial(x) -> y", &["3"], "dimensions of its input: found 1, expected 2"),
        ("EyeLike(x) -> y", &["3x4"], "12"),
        ("EyeLike(x) -> y", &["3"], "dimensions of its input: found 1, expected 2"),
        ("OneHot(i, d, v) -> y", &["2x3", "=10", "2"], "60"),
        ("OneHot(i, d, v) -> y", &["2x3", "~1e9", "2"], "6000000000"),
        ("OneHot(i, d, v) -> y", &["2x3", "=0", "2"], "its depth is 0; expected 1 or more"),
        ("OneHot(i, d, v) -> y", &["2x3", "2=1 2", "2"], "its depth is not one number"),
        (
            "OneHot(i, d, v) -> y; axis=3",
            &["2x3", "=1", "2"],
            "axis 3 lies outside of its input, which has 3 dimensions; expected -3 to 2",
        ),
        (
            "OneHot(i, d, v) -> y",
            &["2x3", "=1", "3"],
            "its values have the shape [3]; expected [2]",
        ),
        (
            "OneHot(i, d, v) -> y",
            &["2x3", "", "2"],
            "the size of its output depends on data: depth is not constant; export the model with fixed sizes",
        ),
        ("Constant() -> y; value_ints=[1 2 3]", &[], "3"),
        ("Shape(x) -> y", &["2x3x4"], "3"),
        ("Size(x) -> y", &["2x3x4"], "1"),
        ("If(c) -> y", &[""], "unknown"),
    ]);
}

#[test]
fn resized_images_are_as_large_as_numbers_say() {
    check(&[
        ("Resize(x, , s) -> y", &["1x3x8x8", "?", "4~1 1 2.5 2.5"], "1200"),
        ("Resize(x, , , s) -> y", &["1x3x8x8", "?", "?", "4=1 3 16 4"], "192"),
        ("Resize(x, r, s, t) -> y", &["1x3x8x8", "0", "0", "4=1 3 16 4"], "192"),
        ("Resize(x, , , s) -> y; axes=[2 3]", &["1x3x8x8", "?", "?", "2=16 4"], "192"),
        (
            "Resize(x, , , s) -> y; axes=[2 3]; keep_aspect_ratio_policy=not_smaller",
            &["1x3x8x8", "?", "?", "2=16 4"],
            "768",
        ),
        ("@9 Upsample(x, s) -> y", &["1x3x8x8", "4~1 1 2 2"], "768"),
        ("@8 Upsample(x) -> y; scales=[1.0 1.0 2.0 2.0]", &["1x3x8x8"], "768"),
        ("@10 Resize(x, s) -> y", &["1x3x8x8", "4~1 1 2 2"], "768"),
        (
            "Resize(x, , s) -> y",
            &["1x3x8x8", "?", "4~1 1 0.1 1"],
            "its scale 0.1 leaves nothing of axis 2, which has the size 8",
        ),
        (
            "Resize(x, , s) -> y",
            &["1x3x8x8", "?", "4~1 1 -1 1"],
            "its scales are [1, 1, -1, 1]; expected finite numbers above 0",
        ),
        (
            "Resize(x, , s) -> y",
            &["1x3x8x8", "?", "2~1 1"],
            "number of scales for 4 axes: found 2, expected 4",
        ),
        (
            "Resize(x, , , s) -> y",
            &["1x3x8x8", "?", "?", "4=1 3 0 4"],
            "its sizes are [1, 3, 0, 4] for the shape [1, 3, 8, 8]; expected 1 or more of each, and something to take them from",
        ),
        (
            "Resize(x, , , s) -> y",
            &["1x3x0x8", "?", "?", "4=1 3 4 4"],
            "its sizes are [1, 3, 4, 4] for the shape [1, 3, 0, 8]; expected 1 or more of each, and something to take them from",
        ),
        (
            "Resize(x, , s, t) -> y",
            &["1x3x8x8", "?", "4~1 1 1 1", "4=1 3 8 8"],
            "it has both scales and sizes; expected one of them",
        ),
        ("Resize(x) -> y", &["1x3x8x8"], "it has neither scales nor sizes; expected one of them"),
        (
            "Resize(x, , , s) -> y",
            &["1x3x8x8", "?", "?", "4"],
            "the size of its output depends on data: sizes is not constant; export the model with fixed sizes",
        ),
        (
            "Resize(x, , s) -> y",
            &["1x3x8x8", "?", "4"],
            "the size of its output depends on data: scales is not constant; export the model with fixed sizes",
        ),
        (
            "Resize(x, , s) -> y; axes=[4]",
            &["1x3x8x8", "?", "1~2"],
            "axis 4 lies outside of its input, which has 4 dimensions; expected -4 to 3",
        ),
        (
            "Resize(x, , s) -> y; coordinate_transformation_mode=tf_crop_and_resize",
            &["1x3x8x8", "?", "4~1 1 1 1"],
            "its mode tf_crop_and_resize needs roi, which is left out",
        ),
        (
            "Resize(x, r, s) -> y; coordinate_transformation_mode=tf_crop_and_resize",
            &["1x3x8x8", "4", "4~1 1 1 1"],
            "values of roi, two per axis: found 4, expected 8",
        ),
    ]);
}

#[test]
fn operators_on_images_and_boxes_are_bounded() {
    check(&[
        ("GridSample(x, g) -> y", &["1x3x8x8", "1x5x6x2"], "90"),
        (
            "GridSample(x, g) -> y",
            &["1x3x8x8", "1x5x6x3"],
            "its grid has the shape [1, 5, 6, 3] for the input [1, 3, 8, 8]; expected the same batch, and 2 coordinates",
        ),
        (
            "GridSample(x, g) -> y",
            &["1x3x8x8", "5x6x2"],
            "dimensions of its grid: found 3, expected 4",
        ),
        ("@20 AffineGrid(t, s) -> y", &["1x2x3", "4=1 3 5 6"], "60"),
        (
            "@20 AffineGrid(t, s) -> y",
            &["1x3x4", "4=1 3 5 6"],
            "its theta has the shape [1, 3, 4]; expected the batch, 2 and 3",
        ),
        (
            "@20 AffineGrid(t, s) -> y",
            &["1x2x3", "2=5 6"],
            "its size is [5, 6]; expected 4 or 5 numbers",
        ),
        (
            "@20 AffineGrid(t, s) -> y",
            &["1x2x3", "4"],
            "the size of its output depends on data: size is not constant; export the model with fixed sizes",
        ),
        ("RoiAlign(x, r, b) -> y; output_height=2; output_width=3", &["1x3x8x8", "5x4", "5"], "90"),
        (
            "RoiAlign(x, r, b) -> y",
            &["1x3x8x8", "5x3", "5"],
            "numbers per region: found 3, expected 4",
        ),
        (
            "RoiAlign(x, r, b) -> y",
            &["1x3x8x8", "1x4", "1=1"],
            "its batch_indices hold 1; expected 0 to 0",
        ),
        ("MaxRoiPool(x, r) -> y; pooled_shape=[2 3]", &["1x3x8x8", "5x5"], "90"),
        (
            "MaxRoiPool(x, r) -> y; pooled_shape=[2]",
            &["1x3x8x8", "5x5"],
            "pooled_shape is [2]; expected two",
        ),
        ("NonMaxSuppression(b, s) -> y", &["1x100x4", "1x2x100"], "600"),
        ("NonMaxSuppression(b, s, m) -> y", &["1x100x4", "1x2x100", "1=3"], "18"),
        (
            "NonMaxSuppression(b, s) -> y",
            &["1x100x4", "1x2x99"],
            "its boxes have the shape [1, 100, 4] and its scores [1, 2, 99]; expected [batch, boxes, 4] and [batch, classes, boxes]",
        ),
        ("Col2Im(x, i, b) -> y", &["1x10x4", "2=4 5", "2=2 5"], "20"),
        (
            "Col2Im(x, i, b) -> y",
            &["1x9x4", "2=4 5", "2=2 5"],
            "its input of the shape [1, 9, 4] does not divide into blocks of 10 elements",
        ),
        (
            "Col2Im(x, i, b) -> y",
            &["1x10x4", "2=4 5", "1=5"],
            "sizes of its block, one per axis of the image: found 1, expected 2",
        ),
        (
            "Col2Im(x, i, b) -> y",
            &["1x10x4", "2", "2=2 5"],
            "the size of its output depends on data: image_shape is not constant; export the model with fixed sizes",
        ),
        (
            "Col2Im(x, i, b) -> y",
            &["1x10x4", "2=4 5", "2"],
            "the size of its output depends on data: block_shape is not constant; export the model with fixed sizes",
        ),
        (
            "@20 ImageDecoder(x) -> y",
            &["100"],
            "the size of its output depends on data: the image in its input is not constant; export the model with fixed sizes",
        ),
    ]);
}

#[test]
fn windows_and_spectra_are_bounded() {
    check(&[
        ("HannWindow(n) -> y", &["=10"], "10"),
        ("HannWindow(n) -> y", &["=0"], "its size is 0; expected 1 or more"),
        (
            "HannWindow(n) -> y",
            &[""],
            "the size of its output depends on data: size is not constant; export the model with fixed sizes",
        ),
        ("MelWeightMatrix(m, n, r, l, h) -> y", &["=8", "=16", "=8000", "~0", "~4000"], "72"),
        (
            "MelWeightMatrix(m, n, r, l, h) -> y",
            &["=8", "", "=8000", "~0", "~4000"],
            "the size of its output depends on data: dft_length is not constant; export the model with fixed sizes",
        ),
        ("DFT(x) -> y", &["1x16x1"], "32"),
        ("DFT(x, n) -> y", &["1x16x1", "=64"], "128"),
        ("DFT(x, n) -> y", &["1x16x1", "=0"], "its dft_length is 0; expected 1 or more"),
        (
            "DFT(x, n) -> y",
            &["1x16x1", ""],
            "the size of its output depends on data: dft_length is not constant; export the model with fixed sizes",
        ),
        (
            "DFT(x) -> y; axis=5",
            &["1x16x1"],
            "axis 5 lies outside of its input, which has 3 dimensions; expected -3 to 2",
        ),
        ("STFT(x, s, w) -> y", &["1x16x1", "=4", "8"], "48"),
        ("STFT(x, s, w) -> y", &["1x16x1", "=0", "8"], "its frame_step is 0; expected 1 or more"),
        (
            "STFT(x, s, , l) -> y",
            &["1x16x1", "=4", "?", "=17"],
            "its frames of 17 are longer than its signal of 16",
        ),
        (
            "STFT(x, s, , l) -> y",
            &["1x16x1", "=4", "?", ""],
            "the size of its output depends on data: frame_length is not constant; export the model with fixed sizes",
        ),
        (
            "STFT(x, s) -> y",
            &["1x16x1", "=4"],
            "the size of its output depends on data: frame_length is not constant; export the model with fixed sizes",
        ),
    ]);
}
