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
