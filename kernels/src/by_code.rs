//! Sums over patches by the code that a patch has at one position, for 16 filters side by side:
//! what a choice of weight codes spends its time on.
//!
//! A lane is a filter, and each adds up alone and in order: every instruction set, and every
//! grouping of filters, gives the same numbers.

use crate::{dispatch::multiversion, output::blocks::LANES};

/// One number of each filter.
pub type Lanes<T> = [T; LANES];

multiversion! {
    /// `sums[a]` is the sum of the `rows` whose code is a, of all 256.
    ///
    /// # Panics
    /// If there are not as many codes as rows.
    pub fn sum_by_code(isa, codes: &[u8], rows: &[Lanes<f32>], sums: &mut [Lanes<f32>; 256]) = sum;
}

multiversion! {
    /// Adds to each of the `rows` that of `table` for its code.
    ///
    /// # Panics
    /// If there are not as many codes as rows, or a code is beyond the table.
    pub fn add_by_code(isa, codes: &[u8], table: &[Lanes<f32>], rows: &mut [Lanes<f32>]) = add;
}

multiversion! {
    /// `products[m] += sum over i of matrix[m][i] lanes[i]`, for rows of as many numbers as there are
    /// `lanes`.
    ///
    /// # Panics
    /// If the matrix has another size.
    pub fn times_lanes(isa, matrix: &[f64], lanes: &[Lanes<f64>], products: &mut [Lanes<f64>]) = times;
}

#[inline(always)]
fn plus(a: &Lanes<f32>, b: &Lanes<f32>) -> Lanes<f32> {
    std::array::from_fn(|lane| a[lane] + b[lane])
}

#[inline(always)]
fn sum(codes: &[u8], rows: &[Lanes<f32>], sums: &mut [Lanes<f32>; 256]) {
    assert_eq!(codes.len(), rows.len(), "a code for each row");
    sums.fill([0.0; LANES]);
    for (&code, row) in codes.iter().zip(rows) {
        let sum = &mut sums[usize::from(code)];
        *sum = plus(sum, row);
    }
}

#[inline(always)]
fn add(codes: &[u8], table: &[Lanes<f32>], rows: &mut [Lanes<f32>]) {
    assert_eq!(codes.len(), rows.len(), "a code for each row");
    for (&code, row) in codes.iter().zip(rows) {
        // The check of the place keeps compilers from gathering from several rows, which is slower.
        *row = plus(row, &table[usize::from(code)]);
    }
}

#[inline(always)]
fn times(matrix: &[f64], lanes: &[Lanes<f64>], products: &mut [Lanes<f64>]) {
    assert_eq!(matrix.len(), lanes.len() * products.len(), "a matrix of rows and lanes");
    for (row, product) in matrix.chunks_exact(lanes.len().max(1)).zip(products) {
        let mut sum = *product;
        for (&factor, own) in row.iter().zip(lanes) {
            for lane in 0..LANES {
                sum[lane] += factor * own[lane];
            }
        }
        *product = sum;
    }
}
