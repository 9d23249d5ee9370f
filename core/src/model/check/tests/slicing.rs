//! Slice, Pad and CenterCropPad against the shapes that feed them.

use super::check;

const X: &str = "2x3x4";

#[test]
fn slices_have_steps_and_axes() {
    check(&[
        ("Slice(x, s, e, a, t) -> y", &[X, "1=3", "1=-9", "1=2", "1=-1"], "24"),
        (
            "Slice(x, s, e, a, t) -> y",
            &[X, "1=0", "1=9", "1=2", "1=0"],
            "one of its steps is 0; expected another number",
        ),
        (
            "Slice(x, s, e, a) -> y",
            &[X, "1=0", "1=9", "1=3"],
            "axis 3 lies outside of its input, which has 3 dimensions; expected -3 to 2",
        ),
        (
            "Slice(x, s, e, a) -> y",
            &[X, "2=0 0", "2=1 1", "2=1 -2"],
            "axis 1 is named twice in [1, -2]",
        ),
        (
            "Slice(x, s, e) -> y",
            &[X, "1=0", "2=1 1"],
            "its starts, ends, axes and steps have different lengths: [0] and [1, 1]",
        ),
        (
            "Slice(x, s, e) -> y",
            &[X, "4=0 0 0 0", "4=1 1 1 1"],
            "it slices 4 axes of the shape [2, 3, 4]",
        ),
        (
            "@9 Slice(x) -> y; starts=[0]; ends=[1]; axes=[5]",
            &[X],
            "axis 5 lies outside of its input, which has 3 dimensions; expected -3 to 2",
        ),
    ]);
}

#[test]
fn pads_fit_the_axes() {
    check(&[
        ("Pad(x, p) -> y", &[X, "6=0 1 0 0 0 2"], "48"),
        ("Pad(x, p) -> y", &[X, "6=0 -1 0 0 -1 0"], "8"),
        (
            "Pad(x, p) -> y",
            &[X, "6"],
            "the size of its output depends on data: pads is not constant; export the model with fixed sizes",
        ),
        ("Pad(x, p) -> y", &[X, "4=0 1 0 0"], "number of pads, two per axis: found 4, expected 6"),
        ("Pad(x, p, , a) -> y", &[X, "2=5 5", "?", "1=-1"], "84"),
        (
            "Pad(x, p, , a) -> y",
            &[X, "2=5 5", "?", "1"],
            "the size of its output depends on data: axes is not constant; export the model with fixed sizes",
        ),
        (
            "Pad(x, p, , a) -> y",
            &[X, "2=5 5", "?", "1=3"],
            "axis 3 lies outside of its input, which has 3 dimensions; expected -3 to 2",
        ),
        (
            "Pad(x, p) -> y",
            &[X, "6=0 -2 0 0 -2 0"],
            "it pads axis 1, of the size 3, by -2 and -2, which cuts off more than there is",
        ),
        (
            "Pad(x, p) -> y",
            &[X, "6=0 -4 0 0 9 0"],
            "it pads axis 1, of the size 3, by -4 and 9, which cuts off more than there is",
        ),
        ("Pad(x, p) -> y; mode=reflect", &[X, "6=0 2 0 0 0 0"], "40"),
        (
            "Pad(x, p) -> y; mode=reflect",
            &[X, "6=0 3 0 0 0 0"],
            "it pads axis 1, of the size 3, by 3 and 0; mode reflect can add at most one less than the size",
        ),
        (
            "Pad(x, p) -> y; mode=edge",
            &["0x3", "4=1 0 0 0"],
            "it pads axis 0, of the size 0, by 1 and 0; mode edge has nothing to repeat",
        ),
        ("@10 Pad(x) -> y; pads=[0 0 1 1]", &["3x4"], "20"),
        (
            "@10 Pad(x) -> y; pads=[0 0 1]",
            &["3x4"],
            "number of pads, two per axis: found 3, expected 4",
        ),
        ("CenterCropPad(x, s) -> y; axes=[1]", &[X, "1=10"], "80"),
        (
            "CenterCropPad(x, s) -> y; axes=[1]",
            &[X, "2=10 10"],
            "sizes of shape, one per axis: found 2, expected 1",
        ),
        (
            "CenterCropPad(x, s) -> y",
            &[X, "3=1 -1 1"],
            "its shape is [1, -1, 1]; expected 0 or more",
        ),
        (
            "CenterCropPad(x, s) -> y",
            &[X, "3"],
            "the size of its output depends on data: shape is not constant; export the model with fixed sizes",
        ),
    ]);
}
