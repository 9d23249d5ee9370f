//! Matrix products, Einsum and Attention against the shapes that feed them.

use super::check;

#[test]
fn inner_sizes_are_equal() {
    check(&[
        ("MatMul(a, b) -> y", &["7x2x3", "3x4"], "56"),
        ("MatMul(a, b) -> y", &["3", "3"], "1"),
        ("MatMul(a, b) -> y", &["5x1x2x3", "7x3x4"], "280"),
        (
            "MatMul(a, b) -> y",
            &["2x3", "4x3"],
            "it multiplies the shapes [2, 3] and [4, 3], whose inner sizes 3 and 4 differ",
        ),
        (
            "MatMul(a, b) -> y",
            &["2x2x3", "5x3x4"],
            "shapes [2] and [5] cannot be broadcast together: 2 and 5 differ, and neither is 1",
        ),
        (
            "MatMul(a, b) -> y",
            &["", "3x4"],
            "its first input has the shape []; expected at least 1 dimensions",
        ),
        (
            "MatMulInteger(a, b) -> y",
            &["2x3", "4x3"],
            "it multiplies the shapes [2, 3] and [4, 3], whose inner sizes 3 and 4 differ",
        ),
        (
            "QLinearMatMul(a, s, z, b, t, u, v, w) -> y",
            &["2x3", "", "", "4x3", "", "", "", ""],
            "it multiplies the shapes [2, 3] and [4, 3], whose inner sizes 3 and 4 differ",
        ),
        ("com.microsoft:FusedMatMul(a, b) -> y; transB=1", &["2x3", "4x3"], "8"),
        ("com.microsoft:FusedMatMul(a, b) -> y; transBatchA=1", &["2x5x3", "5x3x4"], "40"),
        ("Gemm(a, b, c) -> y; transB=1", &["2x3", "4x3", "4"], "8"),
        ("Gemm(a, b, c) -> y; transA=1", &["3x2", "3x4", "2x1"], "8"),
        (
            "Gemm(a, b) -> y",
            &["2x3", "4x3"],
            "it multiplies the shapes [2, 3] and [4, 3], whose inner sizes 3 and 4 differ",
        ),
        (
            "Gemm(a, b) -> y",
            &["1x2x3", "3x4"],
            "dimensions of its first input: found 3, expected 2",
        ),
        (
            "Gemm(a, b, c) -> y",
            &["2x3", "3x4", "2"],
            "its C has the shape [2], which cannot be broadcast to its output's [2, 4]",
        ),
        (
            "Gemm(a, b, c) -> y",
            &["2x3", "3x4", "1x2x4"],
            "its C has the shape [1, 2, 4], which cannot be broadcast to its output's [2, 4]",
        ),
        (
            "com.microsoft:QGemm(a, s, z, b, t, u, c) -> y; transB=1",
            &["2x3", "", "", "4x3", "", "", "3"],
            "its C has the shape [3], which cannot be broadcast to its output's [2, 4]",
        ),
    ]);
}

#[test]
fn equations_fit_their_inputs() {
    check(&[
        ("Einsum(a, b) -> y; equation=bij, bjk -> bik", &["5x2x3", "5x3x4"], "40"),
        ("Einsum(a, b) -> y; equation=...ij,jk->...ik", &["5x7x2x3", "3x4"], "280"),
        ("Einsum(a, b) -> y; equation=ij,jk", &["2x3", "3x4"], "8"),
        ("Einsum(a) -> y; equation=ii->i", &["3x3"], "3"),
        ("Einsum(a, b) -> y; equation=i,j->ij", &["100000", "100000"], "10000000000"),
        ("Einsum(a, b) -> y; equation=ij,jk->ik", &["?", "3x4"], "unknown"),
        (
            "Einsum(a) -> y; equation=ij,jk->ik",
            &["2x3"],
            "its equation \"ij,jk->ik\": 2 terms for 1 input",
        ),
        (
            "Einsum(a, b) -> y; equation=ij,jk->il",
            &["2x3", "3x4"],
            "its equation \"ij,jk->il\": its output names l, which is in no term, or twice in the output",
        ),
        (
            "Einsum(a, b) -> y; equation=ij,jk->ii",
            &["2x3", "3x4"],
            "its equation \"ij,jk->ii\": its output names i, which is in no term, or twice in the output",
        ),
        (
            "Einsum(a, b) -> y; equation=ij,jk->ik",
            &["2x3", "4x4"],
            "its equation \"ij,jk->ik\": letter j stands for the sizes 3 and 4",
        ),
        (
            "Einsum(a) -> y; equation=ijk->i",
            &["2x3"],
            "its equation \"ijk->i\": a term of 3 letters for the shape [2, 3]",
        ),
        (
            "Einsum(a) -> y; equation=i1->i",
            &["2x3"],
            "its equation \"i1->i\": a term holds \"1\"; expected letters and at most one \"...\"",
        ),
        (
            "Einsum(a) -> y; equation=...ijk->i",
            &["2x3"],
            "its equation \"...ijk->i\": a term of 3 letters for the shape [2, 3]",
        ),
    ]);
}

#[test]
fn attention_has_fitting_heads() {
    let two = "@23 Attention(q, k, v) -> y; q_num_heads=2; kv_num_heads=2";
    check(&[
        ("@23 Attention(q, k, v) -> y", &["1x2x5x4", "1x2x7x4", "1x2x7x3"], "70"),
        (two, &["1x5x8", "1x7x8", "1x7x6"], "70"),
        (
            two,
            &["1x5x8", "1x7x8", "1x6x6"],
            "its query, key and value have the shapes [1, 5, 8], [1, 7, 8] and [1, 6, 6], which do not go together",
        ),
        (
            two,
            &["1x5x7", "1x7x8", "1x7x6"],
            "q_num_heads is 2; expected a divisor of 7, the last size of [1, 5, 7]",
        ),
        (
            two,
            &["5x8", "1x7x8", "1x7x6"],
            "dimensions of an input of three or four: found 2, expected 3",
        ),
        (
            "@23 Attention(q, k, v) -> y",
            &["1x5x8", "1x7x8", "1x7x6"],
            "q_num_heads is 0; expected a divisor of 8, the last size of [1, 5, 8]",
        ),
        (
            "@23 Attention(q, k, v, , p, r) -> y",
            &["1x2x5x4", "1x2x7x4", "1x2x7x3", "?", "1x2x93x4", "1x2x93x3"],
            "1000",
        ),
    ]);
}
