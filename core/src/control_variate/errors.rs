//! The errors of a multiplier, and their sums over codes.

use nalgebra::DMatrix;

/// All errors of a multiplier.
pub struct Errors {
    /// `[w, a]`: what one code makes of all weights lies together.
    all: DMatrix<f64>,
    /// The same, and their squares, as what they are multiplied by.
    factors: [Factors; 2],
}

/// A matrix `[w, a]`, or two whose product it is and which take less work.
struct Factors {
    of_weight: DMatrix<f64>,
    of_code: Option<DMatrix<f64>>,
}

impl Factors {
    fn times(&self, shares: &DMatrix<f64>) -> DMatrix<f64> {
        match &self.of_code {
            Some(of_code) => &self.of_weight * (of_code * shares),
            None => &self.of_weight * shares,
        }
    }
}

/// Whether bit i of code a is set, as a number.
fn bit(a: usize, i: usize) -> f64 {
    (a >> i & 1) as f64
}

impl Errors {
    /// `errors` is `[w][a]` ([`Multiplier::errors`]).
    ///
    /// [`Multiplier::errors`]: crate::multiplier::Multiplier::errors
    pub fn new(errors: &[i32]) -> Self {
        let errors = errors.iter().map(|&error| f64::from(error));
        let all = DMatrix::from_row_iterator(256, 256, errors);
        let factors = Self::by_bits(&all).unwrap_or_else(|| {
            let squares = all.component_mul(&all);
            [all.clone(), squares].map(|of_weight| Factors { of_weight, of_code: None })
        });
        Self { all, factors }
    }

    /// Where every bit of a code has its own error, as masks have: `e(w, a) = sum_i a_i e(w, 2^i)`,
    /// eq. (2.2), so that the square is a sum over pairs of bits.
    fn by_bits(all: &DMatrix<f64>) -> Option<[Factors; 2]> {
        let bits: Vec<usize> = (0..8).filter(|i| all.column(1 << i).amax() > 0.0).collect();
        let factors = |pairs: &[(usize, Option<usize>)]| {
            let column = |i: usize, w: usize| all[(w, 1 << i)];
            let of_weight = DMatrix::from_fn(256, pairs.len(), |w, at| match pairs[at] {
                (i, None) => column(i, w),
                (i, Some(k)) => column(i, w) * column(k, w) * if i == k { 1.0 } else { 2.0 },
            });
            let of_code = DMatrix::from_fn(pairs.len(), 256, |at, a| {
                let (i, k) = pairs[at];
                bit(a, i) * k.map_or(1.0, |k| bit(a, k))
            });
            Factors { of_weight, of_code: Some(of_code) }
        };
        let plain = factors(&bits.iter().map(|&i| (i, None)).collect::<Vec<_>>());
        let pairs = bits.iter().flat_map(|&i| bits.iter().map(move |&k| (i, Some(k))));
        let squares = factors(&pairs.filter(|&(i, k)| Some(i) <= k).collect::<Vec<_>>());
        // Integers, and so are their sums.
        (plain.times(&DMatrix::identity(256, 256)) == *all).then_some([plain, squares])
    }

    /// e(w, a).
    pub(super) fn at(&self, w: usize, a: usize) -> f64 {
        self.all[(w, a)]
    }

    /// The errors of each weight byte, by code.
    pub(super) fn by_weight(&self) -> Vec<[f64; 256]> {
        self.all.transpose().as_slice().as_chunks().0.to_vec()
    }

    /// Sum over codes of their share times a function of weight byte, code and error, per weight
    /// byte.
    pub(crate) fn sums(
        &self,
        shares: &[f64; 256],
        of_error: impl Fn(usize, usize, f64) -> f64,
    ) -> [f64; 256] {
        let mut sums = [0.0; 256];
        let columns = self.all.as_slice().as_chunks::<256>().0;
        for (a, (errors, &share)) in columns.iter().zip(shares).enumerate() {
            if share != 0.0 {
                let terms = sums.iter_mut().zip(errors).enumerate();
                terms.for_each(|(w, (sum, &e))| *sum += share * of_error(w, a, e));
            }
        }
        sums
    }

    /// E e(w, a) of many distributions, per weight byte; and E e(w, a)^2.
    pub(super) fn moments(&self, shares: &[[f64; 256]]) -> [Vec<[f64; 256]>; 2] {
        let shares = DMatrix::from_column_slice(256, shares.len(), shares.as_flattened());
        let columns = |sums: DMatrix<f64>| sums.as_slice().as_chunks().0.to_vec();
        self.factors.each_ref().map(|factors| columns(factors.times(&shares)))
    }

    /// Sum over codes of their share times the error, for each of many shares.
    pub(super) fn products(&self, shares: &[[f64; 256]]) -> Vec<[f64; 256]> {
        let shares = DMatrix::from_column_slice(256, shares.len(), shares.as_flattened());
        self.factors[0].times(&shares).as_slice().as_chunks().0.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use recoup_kernels::WeightCoding;

    use super::super::tests::lossy_or;
    use super::*;
    use crate::multiplier::{Multiplier, perforated, recursive, truncated};

    #[test]
    fn sums_over_bits_are_those_over_codes() {
        let shares: Vec<[f64; 256]> = (1..4)
            .map(|n| std::array::from_fn(|a| ((a * a * n + 5 * a) % 97) as f64 / 97.0))
            .collect();
        let unsigned = [Multiplier::exact(), perforated(2), recursive(5), lossy_or()];
        let both = [truncated(3), truncated(9), Multiplier::from_mask(0xfefc_f8f8_f0c0_8000)];
        let unsigned = unsigned.iter().map(|multiplier| (multiplier, WeightCoding::Unsigned));
        let codings = [WeightCoding::Unsigned, WeightCoding::Signed];
        let both = both.iter().flat_map(|it| codings.map(|coding| (it, coding)));
        let mut by_bits = 0;
        for (multiplier, coding) in unsigned.chain(both) {
            let errors = Errors::new(&multiplier.errors(coding));
            by_bits += usize::from(errors.factors[0].of_code.is_some());
            let [means, squares] = errors.moments(&shares);
            assert_eq!(errors.products(&shares), means);
            for ((shares, mean), square) in shares.iter().zip(means).zip(squares) {
                let expected_mean = errors.sums(shares, |_, _, e| e);
                let expected_square = errors.sums(shares, |_, _, e| e * e);
                for w in 0..256 {
                    let name = format!("{multiplier}, {coding:?}, {w}");
                    assert!((mean[w] - expected_mean[w]).abs() < 1e-12 * 256e3, "{name}");
                    let near = (square[w] - expected_square[w]).abs();
                    assert!(near <= 1e-12 * expected_square[w], "{name}: {near}");
                }
            }
        }
        assert_eq!(by_bits, 9);
    }
}
