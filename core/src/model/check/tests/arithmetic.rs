//! Element by element, normalisations, and recurrent cells against the shapes that feed them.

use super::check;

#[test]
fn shapes_are_broadcast_together() {
    check(&[
        ("Add(x, a) -> y", &["2x3x4", "3x1"], "24"),
        ("Add(x, a) -> y", &["4x1", "1x5"], "20"),
        (
            "Mul(x, a) -> y",
            &["2x3x4", "3"],
            "shapes [2, 3, 4] and [3] cannot be broadcast together: 4 and 3 differ, and neither is 1",
        ),
        ("Where(c, a, b) -> y", &["3x1", "1x4", "2x3x4"], "24"),
        (
            "Where(c, a, b) -> y",
            &["2", "3", ""],
            "shapes [2] and [3] and [] cannot be broadcast together: 2 and 3 differ, and neither is 1",
        ),
        (
            "Max(x, a, b) -> y",
            &["2", "2x1", "3"],
            "shapes [2] and [2, 1] and [3] cannot be broadcast together: 2 and 3 differ, and neither is 1",
        ),
        ("Add(x, a) -> y", &["?", "2"], "unknown"),
        ("Relu(x) -> y", &["2x3x4"], "24"),
        ("CastLike(x, a) -> y", &["7x1", "0"], "7"),
        ("PRelu(x, s) -> y", &["2x3x4", "3x1"], "24"),
        (
            "PRelu(x, s) -> y",
            &["3x1", "3x4"],
            "its slope has the shape [3, 4], which cannot be broadcast to its input's [3, 1]",
        ),
        // Operators that no check knows.
        ("DynamicQuantizeLinear(x) -> y, s, z", &["0"], "1"),
        ("NegativeLogLikelihoodLoss(x, t) -> y", &["3x5", "3"], "18"),
    ]);
}

#[test]
fn numbers_are_possible() {
    check(&[
        ("Mod(x, m) -> y", &["1", "1=0"], "it divides integers by a constant 0"),
        ("Div(x, m) -> y", &["1", "2=3 0"], "it divides integers by a constant 0"),
        ("Div(x, m) -> y", &["1", "1~0"], "1"),
        (
            "Div(x, m) -> y",
            &["2=7 -2147483648", "2=3 -1"],
            "it divides the least integer by -1, which is no integer",
        ),
        ("Div(x, m) -> y", &["2=7 -2147483647", "2=3 -1"], "2"),
        ("Clip(x, a, b) -> y", &["2x3", "~0", "~6"], "6"),
        ("Clip(x, a, b) -> y", &["2x3", "~2", "~1"], "6"),
        ("Clip(x, a) -> y", &["2x3", "2"], "its min has the shape [2]; expected one number"),
        ("Clip(x, , b) -> y", &["2x3", "?", "~nan"], "its max is no number"),
        (
            "Dropout(x, r, t) -> y",
            &["2x3", "~0.5", "=1"],
            "its training_mode is true; export the model after model.eval()",
        ),
        ("Dropout(x, r, t) -> y", &["2x3", "~0.5", "=0"], "6"),
    ]);
}

#[test]
fn normalisations_have_one_parameter_per_channel() {
    check(&[
        ("BatchNormalization(x, s, b, m, v) -> y", &["1x4x8", "4", "4", "4", "4"], "32"),
        (
            "BatchNormalization(x, s, b, m, v) -> y",
            &["0x4x8", "4", "4", "4", "4"],
            "its input has the shape [0, 4, 8]: it is empty",
        ),
        (
            "LayerNormalization(x, s) -> y",
            &["1x0x8", "8"],
            "its input has the shape [1, 0, 8]: it is empty",
        ),
        // Rounding leaves a variance of nothing just below 0; epsilon is larger.
        ("BatchNormalization(x, s, b, m, v) -> y", &["1x1x8", "1", "1", "1", "1~-1e-9"], "8"),
        (
            "BatchNormalization(x, s, b, m, v) -> y",
            &["1x4x8", "4", "4", "2", "4"],
            "its mean has the shape [2]; expected [4], one value per channel",
        ),
        (
            "BatchNormalization(x, s, b, m, v) -> y",
            &["1x4x8", "4", "4", "4", "4~1 1 -1 1"],
            "its variance holds -1; expected finite numbers, 0 or more; the model was probably saved after training diverged",
        ),
        (
            "BatchNormalization(x, s, b, m, v) -> y",
            &["", "4", "4", "4", "4"],
            "its input has the shape []; expected at least 1 dimensions",
        ),
        (
            "InstanceNormalization(x, s, b) -> y",
            &["1x4x8", "4", "1x4"],
            "its bias has the shape [1, 4]; expected [4], one value per channel",
        ),
        (
            "InstanceNormalization(x, s, b) -> y",
            &["1x4", "4", "4"],
            "its input has the shape [1, 4]; expected at least 3 dimensions",
        ),
        ("LayerNormalization(x, s, b) -> y", &["1x4x8", "8", "8"], "32"),
        (
            "LayerNormalization(x, s) -> y",
            &["1x4x8", "4"],
            "its scale has the shape [4]; expected [8], the sizes from axis 2 on",
        ),
        ("LayerNormalization(x, s) -> y; axis=1", &["1x4x8", "8"], "32"),
        (
            "LayerNormalization(x, s) -> y; axis=3",
            &["1x4x8", "8"],
            "axis 3 lies outside of its input, which has 3 dimensions; expected -3 to 2",
        ),
        ("@21 GroupNormalization(x, s, b) -> y; num_groups=2", &["1x4x8", "4", "4"], "32"),
        (
            "@21 GroupNormalization(x, s, b) -> y; num_groups=3",
            &["1x4x8", "4", "4"],
            "its 4 channels do not divide into 3 groups",
        ),
        (
            "@21 GroupNormalization(x, s, b) -> y; num_groups=2",
            &["1x4x8", "2", "4"],
            "its scale has the shape [2]; expected [4], one value per channel",
        ),
        (
            "LRN(x) -> y; size=3",
            &["1x4"],
            "its input has the shape [1, 4]; expected at least 3 dimensions",
        ),
    ]);
}

#[test]
fn recurrent_cells_have_fitting_weights() {
    let lstm = "LSTM(x, w, r) -> y; hidden_size=6";
    check(&[
        (lstm, &["5x1x3", "1x24x3", "1x24x6"], "30"),
        (
            lstm,
            &["5x1x3", "1x18x3", "1x24x6"],
            "its W has the shape [1, 18, 3]; expected [1, 24, 3]",
        ),
        (
            lstm,
            &["5x1x3", "1x24x3", "1x18x6"],
            "its R has the shape [1, 18, 6]; expected [1, 24, 6]",
        ),
        (
            lstm,
            &["5x1x3", "1x24x3", "1x28x7"],
            "its hidden_size is 6, but R has the shape [1, 28, 7]",
        ),
        (lstm, &["5x1", "1x24x3", "1x24x6"], "dimensions of its input: found 2, expected 3"),
        (
            "GRU(x, w, r, b) -> y",
            &["5x1x3", "1x18x3", "1x18x6", "1x18"],
            "its B has the shape [1, 18]; expected [1, 36]",
        ),
        ("RNN(x, w, r) -> y; direction=bidirectional", &["5x1x3", "2x6x3", "2x6x6"], "60"),
        (
            "RNN(x, w, r, , l) -> y",
            &["5x1x3", "1x6x3", "1x6x6", "?", "1=6"],
            "its sequence_lens holds 6; expected 0 to 5",
        ),
        (
            "RNN(x, w, r, , l) -> y",
            &["5x1x3", "1x6x3", "1x6x6", "?", "2=1 1"],
            "its sequence_lens has the shape [2]; expected [1]",
        ),
        (
            "RNN(x, w, r, , , h) -> y",
            &["5x1x3", "1x6x3", "1x6x6", "?", "?", "1x1x5"],
            "its initial_h has the shape [1, 1, 5]; expected [1, 1, 6]",
        ),
        (
            "LSTM(x, w, r, , , , c, p) -> y; layout=1",
            &["1x5x3", "1x24x3", "1x24x6", "?", "?", "?", "1x1x6", "1x12"],
            "its P has the shape [1, 12]; expected [1, 18]",
        ),
    ]);
}
