//! Attention and normalisation, row by row, for what runs in float32 between the layers.
//!
//! Plain loops over [`LANES`] sums side by side: every instruction set adds in the same order, and
//! gives the same floats.

use crate::{Isa, dispatch::multiversion, output::blocks::LANES};

/// Rows that are multiplied together.
const ROWS: usize = 8;

/// The sizes of an attention; all of its heads have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttentionShape {
    /// Matrices that have nothing to do with each other.
    pub heads: usize,
    /// Rows of q.
    pub queries: usize,
    /// Columns of k, rows of v.
    pub keys: usize,
    /// Columns of q, rows of k.
    pub depth: usize,
    /// Columns of v.
    pub value_depth: usize,
}

/// For each head softmax(factor q k) v, the softmax over keys. q is `[head][query][depth]`, k
/// `[head][depth][key]`, v `[head][key][value_depth]`, output `[head][query][value_depth]`; `scratch`
/// is memory to be used again.
///
/// # Panics
/// If one of them has another length.
pub fn attention(
    isa: Isa,
    shape: &AttentionShape,
    factor: f32,
    [q, k, v]: [&[f32]; 3],
    output: &mut [f32],
    scratch: &mut Vec<f32>,
) {
    let AttentionShape { heads, queries, keys, depth, value_depth } = *shape;
    assert_eq!(q.len(), heads * queries * depth, "length of q");
    assert_eq!(k.len(), heads * depth * keys, "length of k");
    assert_eq!(v.len(), heads * keys * value_depth, "length of v");
    assert_eq!(output.len(), heads * queries * value_depth, "length of the output");
    attend(isa, shape, factor, [q, k, v], output, scratch);
}

/// Each row less its mean, over its standard deviation, times `scale` and plus `bias`; `epsilon` is
/// added to the variance.
///
/// # Panics
/// If a row is not whole, or there is not a bias for each scale and an output for each element.
pub fn normalize_rows(
    isa: Isa,
    rows: &[f32],
    epsilon: f32,
    scale: &[f32],
    bias: &[f32],
    output: &mut [f32],
) {
    assert_eq!(rows.len() % scale.len().max(1), 0, "length of the rows");
    assert_eq!((bias.len(), output.len()), (scale.len(), rows.len()), "lengths of bias and output");
    normalize(isa, rows, epsilon, scale, bias, output);
}

/// The softmax of each row of so many columns; `scratch` is memory to be used again.
///
/// # Panics
/// If a row is not whole, or there is not an output for each element.
pub fn softmax_rows(
    isa: Isa,
    rows: &[f32],
    columns: usize,
    output: &mut [f32],
    scratch: &mut Vec<f32>,
) {
    assert_eq!(rows.len() % columns.max(1), 0, "length of the rows");
    assert_eq!(output.len(), rows.len(), "length of the output");
    scratch.clear();
    scratch.resize(columns.next_multiple_of(LANES), 0.0);
    each_softmax(isa, rows, columns, output, scratch);
}

multiversion! {
    fn each_softmax(
        isa,
        rows: &[f32],
        columns: usize,
        output: &mut [f32],
        scratch: &mut [f32],
    ) = each_softmax_body;
}

multiversion! {
    fn attend(
        isa,
        shape: &AttentionShape,
        factor: f32,
        operands: [&[f32]; 3],
        output: &mut [f32],
        scratch: &mut Vec<f32>,
    ) = attend_body;
}

multiversion! {
    fn normalize(
        isa,
        rows: &[f32],
        epsilon: f32,
        scale: &[f32],
        bias: &[f32],
        output: &mut [f32],
    ) = normalize_body;
}

#[inline(always)]
fn attend_body(
    shape: &AttentionShape,
    factor: f32,
    [q, k, v]: [&[f32]; 3],
    output: &mut [f32],
    scratch: &mut Vec<f32>,
) {
    let AttentionShape { heads, queries, keys, depth, value_depth } = *shape;
    let (key_lanes, value_lanes) =
        (keys.next_multiple_of(LANES), value_depth.next_multiple_of(LANES));
    let sizes = [depth * key_lanes, keys * value_lanes, queries * key_lanes, queries * value_lanes];
    scratch.clear();
    scratch.resize(sizes.iter().sum(), 0.0);
    let (k_panels, rest) = scratch.split_at_mut(sizes[0]);
    let (v_panels, rest) = rest.split_at_mut(sizes[1]);
    let (scores, sums) = rest.split_at_mut(sizes[2]);
    for head in 0..heads {
        let own = |size: usize| head * size..(head + 1) * size;
        pack(&k[own(depth * keys)], keys, k_panels);
        pack(&v[own(keys * value_depth)], value_depth, v_panels);
        multiply(&q[own(queries * depth)], depth, depth, k_panels, scores, key_lanes);
        for row in scores.chunks_exact_mut(key_lanes) {
            softmax(row, keys, factor);
        }
        multiply(scores, key_lanes, keys, v_panels, sums, value_lanes);
        let output = &mut output[own(queries * value_depth)];
        for (row, sums) in output.chunks_exact_mut(value_depth).zip(sums.chunks_exact(value_lanes))
        {
            row.copy_from_slice(&sums[..value_depth]);
        }
    }
}

#[inline(always)]
fn each_softmax_body(rows: &[f32], columns: usize, output: &mut [f32], scratch: &mut [f32]) {
    for (row, output) in rows.chunks_exact(columns).zip(output.chunks_exact_mut(columns)) {
        scratch[..columns].copy_from_slice(row);
        softmax(scratch, columns, 1.0);
        output.copy_from_slice(&scratch[..columns]);
    }
}

/// A matrix in panels of as many columns as there are lanes; the columns that are missing in the
/// last one stay what they are.
#[inline(always)]
fn pack(matrix: &[f32], columns: usize, panels: &mut [f32]) {
    let rows = matrix.len() / columns;
    for (panel, first) in panels.chunks_exact_mut(rows * LANES).zip((0..columns).step_by(LANES)) {
        let width = LANES.min(columns - first);
        for (line, row) in panel.chunks_exact_mut(LANES).zip(matrix.chunks_exact(columns)) {
            line[..width].copy_from_slice(&row[first..first + width]);
        }
    }
}

/// Rows of `left`, `pitch` floats from one to the next, times `panels` of `depth` rows.
#[inline(always)]
fn multiply(
    left: &[f32],
    pitch: usize,
    depth: usize,
    panels: &[f32],
    product: &mut [f32],
    columns: usize,
) {
    let rows = product.len() / columns;
    for (panel, column) in panels.chunks_exact(depth * LANES).zip((0..columns).step_by(LANES)) {
        let mut row = 0;
        while row + ROWS <= rows {
            tile::<ROWS>(
                &left[row * pitch..],
                pitch,
                panel,
                &mut product[row * columns + column..],
                columns,
            );
            row += ROWS;
        }
        for row in row..rows {
            tile::<1>(
                &left[row * pitch..],
                pitch,
                panel,
                &mut product[row * columns + column..],
                columns,
            );
        }
    }
}

#[inline(always)]
fn tile<const R: usize>(
    left: &[f32],
    pitch: usize,
    panel: &[f32],
    product: &mut [f32],
    columns: usize,
) {
    let (lines, _) = panel.as_chunks::<LANES>();
    let rows: [&[f32]; R] = std::array::from_fn(|row| &left[row * pitch..][..lines.len()]);
    let mut sums = [[0.0; LANES]; R];
    for (at, line) in lines.iter().enumerate() {
        for row in 0..R {
            let element = rows[row][at];
            sums[row] = std::array::from_fn(|lane| sums[row][lane] + element * line[lane]);
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        product[row * columns..][..LANES].copy_from_slice(sums);
    }
}

/// What is left of all lanes, two of which at a time become one.
#[inline(always)]
fn reduce(mut lanes: [f32; LANES], two: impl Fn(f32, f32) -> f32) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] = two(lanes[lane], lanes[lane + half]);
        }
        half /= 2;
    }
    lanes[0]
}

/// The sum of what is made of each value.
#[inline(always)]
fn sum(values: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        lanes = std::array::from_fn(|lane| lanes[lane] + of(chunk[lane]));
    }
    lanes.iter_mut().zip(rest).for_each(|(sum, &value)| *sum += of(value));
    reduce(lanes, |left, right| left + right)
}

/// Of the first `keys` of a row of whole vectors, times a factor. What is no number stays none.
#[inline(always)]
pub(crate) fn softmax(row: &mut [f32], keys: usize, factor: f32) {
    let larger = |left: f32, right: f32| if right > left { right } else { left };
    row.iter_mut().for_each(|value| *value *= factor);
    // Too little to count.
    row[keys..].fill(f32::NEG_INFINITY);
    let (chunks, _) = row.as_chunks_mut::<LANES>();
    let mut largest = [f32::NEG_INFINITY; LANES];
    for chunk in &*chunks {
        largest = std::array::from_fn(|lane| larger(largest[lane], chunk[lane]));
    }
    let most = reduce(largest, larger);
    for chunk in &mut *chunks {
        *chunk = std::array::from_fn(|lane| exp(chunk[lane] - most));
    }
    let all = 1.0 / sum(row, |value| value);
    row.iter_mut().for_each(|value| *value *= all);
}

/// What smaller exponents are taken for.
pub(crate) const LOWEST: f32 = -87.0;
/// Adding it rounds to a whole number, which is then in the lowest bits.
pub(crate) const ROUNDER: f32 = 12_582_912.0;
/// ln 2 in two parts, of which the first has few enough bits for exact products.
pub(crate) const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
/// Taylor's series, whose next term is 1.2e-7 of the last one kept at most.
pub(crate) const POWERS: [f32; 7] =
    [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];

/// e^x for x up to 0, within 2 units of the last place; below -87, where less than 2e-38 is left,
/// that of -87.
#[inline(always)]
fn exp(x: f32) -> f32 {
    let x = if x < LOWEST { LOWEST } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUNDER;
    let n = shifted - ROUNDER;
    let r = (x - n * LN_2[0]) - n * LN_2[1];
    let power = POWERS.iter().fold(0.0, |sum, term| sum * r + term);
    let exponent = shifted.to_bits().wrapping_sub(ROUNDER.to_bits()).wrapping_add(127) << 23;
    power * f32::from_bits(exponent)
}

#[inline(always)]
fn normalize_body(rows: &[f32], epsilon: f32, scale: &[f32], bias: &[f32], output: &mut [f32]) {
    let length = scale.len();
    for (row, output) in rows.chunks_exact(length).zip(output.chunks_exact_mut(length)) {
        let mean = sum(row, |value| value) / length as f32;
        let variance = sum(row, |value| (value - mean) * (value - mean)) / length as f32;
        let inv_deviation = 1.0 / (variance + epsilon).sqrt();
        let scaled = row.iter().zip(scale).zip(bias);
        for (output, ((&value, &scale), &bias)) in output.iter_mut().zip(scaled) {
            *output = (value - mean) * inv_deviation * scale + bias;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 37 + seed * 101) as f32 * 12.9898).sin()).collect()
    }

    /// The obvious loops in double precision.
    fn obvious(shape: &AttentionShape, factor: f64, [q, k, v]: [&[f32]; 3]) -> Vec<f64> {
        let AttentionShape { heads, queries, keys, depth, value_depth } = *shape;
        let mut output = Vec::new();
        for (head, query) in (0..heads).flat_map(|head| (0..queries).map(move |it| (head, it))) {
            let score = |key: usize| -> f64 {
                let products = (0..depth).map(|d| {
                    let q = f64::from(q[(head * queries + query) * depth + d]);
                    q * f64::from(k[(head * depth + d) * keys + key])
                });
                factor * products.sum::<f64>()
            };
            let most = (0..keys).map(score).fold(f64::NEG_INFINITY, f64::max);
            let powers: Vec<f64> = (0..keys).map(|key| (score(key) - most).exp()).collect();
            let all: f64 = powers.iter().sum();
            output.extend((0..value_depth).map(|d| {
                let of_key = |key: usize| f64::from(v[(head * keys + key) * value_depth + d]);
                (0..keys).map(|key| powers[key] / all * of_key(key)).sum::<f64>()
            }));
        }
        output
    }

    #[test]
    fn attention_is_the_obvious_loop_on_every_instruction_set() {
        // Around a vector of keys and of values, and around the rows of a tile.
        let sizes = [(1, 1, 1, 1, 1), (2, 7, 15, 3, 16), (3, 8, 16, 24, 17), (4, 17, 49, 24, 24)];
        let mut compared = 0;
        for (heads, queries, keys, depth, value_depth) in sizes {
            let shape = AttentionShape { heads, queries, keys, depth, value_depth };
            let q = numbers(heads * queries * depth, 1);
            let k = numbers(heads * depth * keys, 2);
            let v = numbers(heads * keys * value_depth, 3);
            // Of -40 to 40 and more: most keys of a row count for nothing.
            for factor in [0.2, 8.0] {
                let expected = obvious(&shape, factor, [&q, &k, &v]);
                let mut first: Option<Vec<f32>> = None;
                for isa in Isa::available() {
                    let mut output = vec![f32::NAN; expected.len()];
                    let mut scratch = vec![f32::NAN; 5];
                    attention(isa, &shape, factor as f32, [&q, &k, &v], &mut output, &mut scratch);
                    for (&found, &expected) in output.iter().zip(&expected) {
                        let error = (f64::from(found) - expected).abs();
                        assert!(error < 1e-5, "{shape:?}: {found}, not {expected}");
                        compared += 1;
                    }
                    let first = first.get_or_insert_with(|| output.clone());
                    assert_eq!(output, *first, "{shape:?} on {}", isa.name());
                }
            }
        }
        assert_eq!(
            compared,
            2 * (1 + 2 * 7 * 16 + 3 * 8 * 17 + 4 * 17 * 24) * Isa::available().len()
        );
    }

    #[test]
    fn powers_of_e_are_precise() {
        for step in 0..=87_000 {
            let x = step as f32 / -1000.0;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp(x)) - exact).abs() / exact;
            assert!(error < 2.5e-7, "{x}: {error}");
        }
        assert_eq!((exp(0.0), exp(f32::NEG_INFINITY)), (1.0, exp(-87.0)));
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn what_is_no_number_does_not_get_lost() {
        let shape = AttentionShape { heads: 1, queries: 2, keys: 3, depth: 1, value_depth: 1 };
        let (k, v) = ([1.0, -1.0, 0.5], [1.0, 2.0, 3.0]);
        for isa in Isa::available() {
            for wrong in [f32::NAN, f32::INFINITY] {
                let mut output = [0.0; 2];
                attention(isa, &shape, 1.0, [&[wrong, 1.0], &k, &v], &mut output, &mut Vec::new());
                assert!(output[0].is_nan() && output[1].is_finite(), "{output:?}");
            }
        }
    }

    #[test]
    fn rows_are_normalized_as_by_the_obvious_loop() {
        for length in [1, 15, 16, 17, 96] {
            let (rows, scale, bias) =
                (numbers(3 * length, 1), numbers(length, 2), numbers(length, 3));
            let expected: Vec<f64> = rows
                .chunks_exact(length)
                .flat_map(|row| {
                    let real = row.iter().map(|&value| f64::from(value));
                    let mean = real.clone().sum::<f64>() / length as f64;
                    let squares = real.clone().map(|value| (value - mean).powi(2));
                    let deviation = (squares.sum::<f64>() / length as f64 + 1e-5).sqrt();
                    let units = real.zip(scale.iter().zip(&bias));
                    units
                        .map(move |(value, (&scale, &bias))| {
                            (value - mean) / deviation * f64::from(scale) + f64::from(bias)
                        })
                        .collect::<Vec<_>>()
                })
                .collect();
            let mut first: Option<Vec<f32>> = None;
            for isa in Isa::available() {
                let mut output = vec![f32::NAN; rows.len()];
                normalize_rows(isa, &rows, 1e-5, &scale, &bias, &mut output);
                for (&found, &expected) in output.iter().zip(&expected) {
                    let error = (f64::from(found) - expected).abs();
                    assert!(error < 1e-5, "{length}: {found}, not {expected}");
                }
                let first = first.get_or_insert_with(|| output.clone());
                assert_eq!(output, *first, "{length} on {}", isa.name());
            }
        }
    }
}
