//! Reshape, Transpose, Concat, Split and the like against the shapes that feed them.

use super::check;

const X: &str = "2x3x4";

#[test]
fn reshapes_keep_the_number_of_elements() {
    check(&[
        ("Reshape(x, s) -> y", &[X, "2=4 6"], "24"),
        ("Reshape(x, s) -> y", &[X, "3=0 -1 2"], "24"),
        ("Reshape(x, s) -> y", &[X, "3"], "24"),
        (
            "Reshape(x, s) -> y",
            &[X, "2=5 5"],
            "its input has the shape [2, 3, 4], its target is [5, 5], which needs 25 elements instead of 24",
        ),
        (
            "Reshape(x, s) -> y",
            &[X, "2=-1 5"],
            "its input has the shape [2, 3, 4], its target is [-1, 5], which needs 5 or a multiple of it elements instead of 24",
        ),
        (
            "Reshape(x, s) -> y",
            &[X, "2=-1 -1"],
            "its input has the shape [2, 3, 4], its target is [-1, -1]: more than one size is open",
        ),
        (
            "Reshape(x, s) -> y",
            &[X, "2=-2 12"],
            "its input has the shape [2, 3, 4], its target is [-2, 12]; sizes are -1 (one of them), 0 or more",
        ),
        (
            "Reshape(x, s) -> y",
            &[X, "4=2 3 4 0"],
            "its input has the shape [2, 3, 4], its target is [2, 3, 4, 0]: 0 at 3 copies a dimension that is not there",
        ),
        ("Reshape(x, s) -> y; allowzero=1", &["0x3", "2=3 0"], "0"),
        (
            "Reshape(x, s) -> y; allowzero=1",
            &["0x3", "2=-1 0"],
            "its input has the shape [0, 3], its target is [-1, 0]: more than one size is open",
        ),
        (
            "Reshape(x, s) -> y",
            &["0x3", "2=0 -1"],
            "its input has the shape [0, 3], its target is [0, -1], which needs 0 or a multiple of it elements instead of 0",
        ),
        ("Flatten(x) -> y; axis=3", &[X], "24"),
        (
            "Flatten(x) -> y; axis=4",
            &[X],
            "axis 4 lies outside of its input, which has 3 dimensions; expected -3 to 2",
        ),
    ]);
}

#[test]
fn axes_lie_within_the_input() {
    check(&[
        ("Transpose(x) -> y; perm=[2 0 1]", &[X], "24"),
        (
            "Transpose(x) -> y; perm=[1 0]",
            &[X],
            "values of perm, one per dimension of the input: found 2, expected 3",
        ),
        ("Transpose(x) -> y; perm=[1 1 0]", &[X], "perm: axis 1 is named twice in [1, 1, 0]"),
        ("Squeeze(x, a) -> y", &["1x3x1", "2=0 -1"], "3"),
        (
            "Squeeze(x, a) -> y",
            &["1x3x1", "1=1"],
            "it removes axis 1 of the shape [1, 3, 1], which has the size 3; expected 1",
        ),
        (
            "@11 Squeeze(x) -> y; axes=[3]",
            &["1x3x1"],
            "axis 3 lies outside of its input, which has 3 dimensions; expected -3 to 2",
        ),
        ("Squeeze(x, a) -> y", &["1x3x1", "2=0 -3"], "axis 0 is named twice in [0, -3]"),
        ("Unsqueeze(x, a) -> y", &[X, "2=0 4"], "24"),
        (
            "Unsqueeze(x, a) -> y",
            &[X, "1=100"],
            "axis 100 lies outside of its input, which has 4 dimensions; expected -4 to 3 (counted in the output)",
        ),
        (
            "Unsqueeze(x, a) -> y",
            &[X, "2=0 -5"],
            "axis 0 is named twice in [0, -5] (counted in the output)",
        ),
        ("DepthToSpace(x) -> y; blocksize=2", &["1x8x2x2"], "32"),
        (
            "DepthToSpace(x) -> y; blocksize=2",
            &["1x6x2x2"],
            "its input of the shape [1, 6, 2, 2] does not divide into blocks of 2",
        ),
        (
            "DepthToSpace(x) -> y; blocksize=2",
            &["8x2x2"],
            "its input has the shape [8, 2, 2]; expected at least 4 dimensions",
        ),
        (
            "SpaceToDepth(x) -> y; blocksize=2",
            &["1x6x2x3"],
            "its input of the shape [1, 6, 2, 3] does not divide into blocks of 2",
        ),
        (
            "Softmax(x) -> y; axis=3",
            &[X],
            "axis 3 lies outside of its input, which has 3 dimensions; expected -3 to 2",
        ),
        ("@11 Softmax(x) -> y", &["5"], "5"),
        (
            "ArgMax(x) -> y; axis=-4",
            &[X],
            "axis -4 lies outside of its input, which has 3 dimensions; expected -3 to 2",
        ),
        ("ArgMax(x) -> y", &["0x3"], "axis 0 of its input, [0, 3], is empty"),
        (
            "CumSum(x, a) -> y",
            &[X, "=3"],
            "axis 3 lies outside of its input, which has 3 dimensions; expected -3 to 2",
        ),
        ("Trilu(x) -> y", &["5"], "its input has the shape [5]; expected at least 2 dimensions"),
        ("ReduceSum(x, a) -> y", &[X, "2=0 2"], "24"),
        ("ReduceSum(x, a) -> y", &["0x3", "1=0"], "3"),
        (
            "ReduceSum(x, a) -> y",
            &[X, "1=3"],
            "axis 3 lies outside of its input, which has 3 dimensions; expected -3 to 2",
        ),
        ("@13 ReduceMean(x) -> y; axes=[1 -2]", &[X], "axis 1 is named twice in [1, -2]"),
    ]);
}

#[test]
fn joined_and_split_parts_fit() {
    check(&[
        ("Concat(x, a) -> y; axis=1", &[X, "2x5x4"], "64"),
        (
            "Concat(x, a) -> y; axis=1",
            &[X, "2x5x3"],
            "it joins the shapes [2, 3, 4] and [2, 5, 3] along axis 1; expected the same sizes along all other axes",
        ),
        (
            "Concat(x, a) -> y; axis=0",
            &[X, "3x4"],
            "it joins the shapes [2, 3, 4] and [3, 4] along axis 0; expected the same sizes along all other axes",
        ),
        (
            "Concat(x, a) -> y; axis=3",
            &[X, X],
            "axis 3 lies outside of its input, which has 3 dimensions; expected -3 to 2",
        ),
        ("Concat(x, a) -> y; axis=0", &[X, "?"], "unknown"),
        (
            "com.microsoft:QLinearConcat(s, z, x, t, u, a, v, w) -> y; axis=0",
            &["", "", X, "", "", "1x3x4", "", ""],
            "36",
        ),
        ("Split(x) -> a, b; axis=2", &[X], "24"),
        (
            "@13 Split(x) -> a, b; axis=1",
            &[X],
            "it splits 3 along axis 1 into 2 equal parts; give the sizes",
        ),
        ("Split(x) -> a, b; axis=1; num_outputs=2", &[X], "24"),
        (
            "Split(x) -> a, b, c, d; axis=0; num_outputs=4",
            &[X],
            "it splits 2 along axis 0 into 4 equal parts; give the sizes",
        ),
        ("Split(x, s) -> a, b; axis=2", &[X, "2=1 3"], "24"),
        (
            "Split(x, s) -> a, b; axis=2",
            &[X, "2"],
            "the size of its output depends on data: split is not constant; export the model with fixed sizes",
        ),
        (
            "Split(x, s) -> a, b; axis=2",
            &[X, "2=1 4"],
            "it splits 4 along axis 2 into [1, 4]; expected 2 sizes, one per output, that add up to 4",
        ),
        (
            "Split(x, s) -> a, b; axis=2",
            &[X, "3=1 1 2"],
            "it splits 4 along axis 2 into [1, 1, 2]; expected 2 sizes, one per output, that add up to 4",
        ),
        (
            "Split(x, s) -> a, b; axis=2",
            &[X, "2=5 -1"],
            "it splits 4 along axis 2 into [5, -1]; expected 2 sizes, one per output, that add up to 4",
        ),
        (
            "Split(x, s) -> a, b; axis=3",
            &[X, "2=1 1"],
            "axis 3 lies outside of its input, which has 3 dimensions; expected -3 to 2",
        ),
    ]);
}
