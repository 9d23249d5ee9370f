//! Indices and quantisation parameters against the shapes that feed them.

use super::check;

const X: &str = "3x4";

#[test]
fn constant_indices_are_in_bounds() {
    check(&[
        ("Gather(x, i) -> y", &[X, "2x2=0 2 -3 1"], "16"),
        (
            "Gather(x, i) -> y; axis=1",
            &[X, "1=4"],
            "index 4 lies outside of axis 1, which has the size 4; expected -4 to 3",
        ),
        (
            "Gather(x, i) -> y",
            &[X, "1=-4"],
            "index -4 lies outside of axis 0, which has the size 3; expected -3 to 2",
        ),
        (
            "Gather(x, i) -> y; axis=2",
            &[X, "1=0"],
            "axis 2 lies outside of its input, which has 2 dimensions; expected -2 to 1",
        ),
        ("Gather(x, i) -> y", &[X, "5"], "20"),
        ("Gather(x, i) -> y", &["0x4", "1=0"], "index 0 into axis 0, which is empty"),
        (
            "Gather(x, i) -> y",
            &["", "1=0"],
            "axis 0 of its input, which is one number without dimensions",
        ),
        ("GatherElements(x, i) -> y; axis=1", &[X, "2x5=0 0 0 0 0 3 3 3 3 -4"], "10"),
        (
            "GatherElements(x, i) -> y; axis=1",
            &[X, "4x1"],
            "its indices have the shape [4, 1]; expected as many dimensions as its data, [3, 4], and no larger sizes along axes other than 1",
        ),
        (
            "GatherElements(x, i) -> y",
            &[X, "4"],
            "its indices have the shape [4]; expected as many dimensions as its data, [3, 4], and no larger sizes along axes other than 0",
        ),
        (
            "GatherElements(x, i) -> y",
            &[X, "1x1=3"],
            "index 3 lies outside of axis 0, which has the size 3; expected -3 to 2",
        ),
        ("GatherND(x, i) -> y", &[X, "5x1"], "20"),
        ("GatherND(x, i) -> y", &[X, "1x2=2 3"], "1"),
        (
            "GatherND(x, i) -> y",
            &[X, "1x2=2 4"],
            "index 4 lies outside of axis 1, which has the size 4; expected -4 to 3",
        ),
        (
            "GatherND(x, i) -> y",
            &[X, "1x3"],
            "its indices have the shape [1, 3]: tuples of 3 for data of the shape [3, 4], of which 2 can be indexed",
        ),
        ("GatherND(x, i) -> y; batch_dims=1", &[X, "3x2x1"], "6"),
        (
            "GatherND(x, i) -> y; batch_dims=1",
            &[X, "2x2x1"],
            "its data of the shape [3, 4] and its indices of the shape [2, 2, 1] do not have 1 batch dimensions in common",
        ),
        (
            "GatherND(x, i) -> y; batch_dims=2",
            &[X, "3x4x1"],
            "its data of the shape [3, 4] and its indices of the shape [3, 4, 1] do not have 2 batch dimensions in common",
        ),
    ]);
}

#[test]
fn scattered_updates_fit_their_indices() {
    check(&[
        ("ScatterElements(x, i, u) -> y", &[X, "1x2=0 2", "1x2"], "12"),
        (
            "ScatterElements(x, i, u) -> y",
            &[X, "1x2=0 3", "1x2"],
            "index 3 lies outside of axis 0, which has the size 3; expected -3 to 2",
        ),
        (
            "ScatterElements(x, i, u) -> y",
            &[X, "1x2", "2x1"],
            "its updates have the shape [2, 1]; expected that of its indices, [1, 2]",
        ),
        (
            "ScatterElements(x, i, u) -> y",
            &[X, "1x5", "1x5"],
            "its indices have the shape [1, 5]; expected as many dimensions as its data, [3, 4], and no larger sizes along axes other than 0",
        ),
        ("ScatterND(x, i, u) -> y", &[X, "2x1=0 -1", "2x4"], "12"),
        (
            "ScatterND(x, i, u) -> y",
            &[X, "1x2=0 99", "1"],
            "index 99 lies outside of axis 1, which has the size 4; expected -4 to 3",
        ),
        (
            "ScatterND(x, i, u) -> y",
            &[X, "2x1", "2x3"],
            "its updates have the shape [2, 3]; expected [2, 4]",
        ),
        (
            "ScatterND(x, i, u) -> y",
            &[X, "", "1"],
            "the tensor of its indices has the shape []; expected at least 1 dimensions",
        ),
        (
            "ScatterND(x, i, u) -> y",
            &[X, "2x3", "2"],
            "its indices have the shape [2, 3]: tuples of 3 for data of the shape [3, 4], of which 2 can be indexed",
        ),
    ]);
}

#[test]
fn selections_are_no_larger_than_their_input() {
    check(&[
        ("TopK(x, k) -> v, i", &[X, "1=4"], "12"),
        ("TopK(x, k) -> v, i", &[X, "1=5"], "k is 5, but axis 1 has the size 4; expected 0 to 4"),
        (
            "TopK(x, k) -> v, i; axis=0",
            &[X, "1=-1"],
            "k is -1, but axis 0 has the size 3; expected 0 to 3",
        ),
        (
            "TopK(x, k) -> v, i; axis=2",
            &[X, "1=1"],
            "axis 2 lies outside of its input, which has 2 dimensions; expected -2 to 1",
        ),
        (
            "@9 TopK(x) -> v, i; axis=0; k=4",
            &[X],
            "k is 4, but axis 0 has the size 3; expected 0 to 3",
        ),
        ("NonZero(x) -> y", &[X], "24"),
        ("Compress(x, c) -> y", &[X, "12"], "12"),
        (
            "Compress(x, c) -> y; axis=0",
            &[X, "4"],
            "its condition has the shape [4]; expected one dimension of at most 3",
        ),
    ]);
}

#[test]
fn scales_are_usable_and_as_many_as_channels() {
    check(&[
        ("QuantizeLinear(x, s, z) -> y", &[X, "~0.1", ""], "12"),
        (
            "QuantizeLinear(x, s, z) -> y",
            &[X, "~1e-45", ""],
            "its scale holds 1e-45; expected finite numbers above 0 whose inverse is finite, at least 1.1754944e-38",
        ),
        (
            "QuantizeLinear(x, s, z) -> y",
            &[X, "~0", ""],
            "its scale holds 0e0; expected finite numbers above 0 whose inverse is finite, at least 1.1754944e-38",
        ),
        (
            "QuantizeLinear(x, s, z) -> y",
            &[X, "~-0.5", ""],
            "its scale holds -5e-1; expected finite numbers above 0 whose inverse is finite, at least 1.1754944e-38",
        ),
        (
            "DequantizeLinear(x, s, z) -> y",
            &[X, "~inf", ""],
            "its scale holds inf; expected finite numbers other than 0 whose inverse is finite, at least 1.1754944e-38",
        ),
        (
            "DequantizeLinear(x, s, z) -> y",
            &[X, "", "=-2000000000"],
            "its zero point holds -2000000000; expected a code of up to 16 bits, or 0 for int32",
        ),
        ("DequantizeLinear(x, s, z) -> y; axis=0", &[X, "3", "3"], "12"),
        (
            "DequantizeLinear(x, s, z) -> y",
            &[X, "3", "3"],
            "its scale has the shape [3]; expected one number, or 4 for axis 1 of [3, 4]",
        ),
        (
            "DequantizeLinear(x, s, z) -> y; axis=2",
            &[X, "3", "3"],
            "axis 2 lies outside of its input, which has 2 dimensions; expected -2 to 1",
        ),
        (
            "DequantizeLinear(x, s, z) -> y; axis=0",
            &[X, "3", "4"],
            "its zero point has the shape [4]; expected that of its scale, [3]",
        ),
        ("DequantizeLinear(x, s, z) -> y", &[X, "1~-0.5", ""], "12"),
        ("@21 DequantizeLinear(x, s, z) -> y; axis=1; block_size=2", &[X, "3x2", "3x2"], "12"),
        (
            "@21 DequantizeLinear(x, s, z) -> y; axis=1; block_size=2",
            &[X, "3x3", "3x3"],
            "its scale has the shape [3, 3] for [3, 4], in blocks of 2 along axis 1; expected one scale per block",
        ),
        (
            "com.microsoft:QLinearAdd(a, s, z, b, t, u, v, w) -> y",
            &[X, "", "", "4", "", "", "~0.5", ""],
            "12",
        ),
        (
            "com.microsoft:QLinearAdd(a, s, z, b, t, u, v, w) -> y",
            &[X, "", "", "3", "", "", "~0.5", ""],
            "shapes [3, 4] and [3] cannot be broadcast together: 4 and 3 differ, and neither is 1",
        ),
        (
            "com.microsoft:QLinearMul(a, s, z, b, t, u, v, w) -> y",
            &[X, "", "", "4", "", "", "~0", ""],
            "its scale holds 0e0; expected finite numbers above 0 whose inverse is finite, at least 1.1754944e-38",
        ),
        (
            "com.microsoft:QLinearSigmoid(x, s, z, t, u) -> y",
            &[X, "", "", "~nan", ""],
            "its scale holds NaN; expected finite numbers above 0 whose inverse is finite, at least 1.1754944e-38",
        ),
        (
            "com.microsoft:QLinearSoftmax(x, s, , t, u) -> y; axis=5; opset=13",
            &[X, "", "?", "", ""],
            "axis 5 lies outside of its input, which has 2 dimensions; expected -2 to 1",
        ),
    ]);
}
