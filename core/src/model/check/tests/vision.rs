//! Operators on images, boxes and signals: how large their outputs are.

use super::check;

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
