//! C and C0 by least squares on accumulators that were computed.

use nalgebra::{DMatrix, DVector};

use super::LayerConstants;
use super::fit::pseudo_inverse;

/// Sums over output positions of X_r and the accumulated error, per filter. They are integers, so
/// parallel parts add up to the same constants in any order.
#[derive(Clone, Debug)]
pub struct Regression {
    positions: u64,
    terms: usize,
    groups: usize,
    filters: usize,
    /// Sum of X_r, `[term][group]`.
    x: Vec<i64>,
    /// Sum of X_r X_s, `[term][term][group]`.
    x_products: Vec<i128>,
    error: Vec<i64>,
    /// Sum of the error times X_r, `[term][filter]`.
    error_products: Vec<i128>,
}

impl Regression {
    /// Nothing seen yet.
    pub fn new(terms: usize, filters: usize, groups: usize) -> Self {
        Self {
            positions: 0,
            terms,
            groups,
            filters,
            x: vec![0; terms * groups],
            x_products: vec![0; terms * terms * groups],
            error: vec![0; filters],
            error_products: vec![0; terms * filters],
        }
    }

    /// Adds one image: `sums_x[r]` is `[position][group]`, the accumulators are
    /// `[position][filter]`.
    pub fn add(&mut self, sums_x: &[Vec<i32>], exact: &[i32], approximate: &[i32]) {
        let &mut Self { terms, groups, filters, .. } = self;
        self.positions += (exact.len() / filters) as u64;
        let outputs = exact.chunks_exact(filters).zip(approximate.chunks_exact(filters));
        for (position, (exact, approximate)) in outputs.enumerate() {
            let x = |term: usize, group: usize| i64::from(sums_x[term][position * groups + group]);
            for group in 0..groups {
                for r in 0..terms {
                    self.x[r * groups + group] += x(r, group);
                    for s in 0..terms {
                        let product = i128::from(x(r, group) * x(s, group));
                        self.x_products[(r * terms + s) * groups + group] += product;
                    }
                }
            }
            for filter in 0..filters {
                let error = i64::from(exact[filter]) - i64::from(approximate[filter]);
                self.error[filter] += error;
                for r in 0..terms {
                    let x = x(r, filter / (filters / groups));
                    self.error_products[r * filters + filter] += i128::from(error) * i128::from(x);
                }
            }
        }
    }

    /// Adds another part's sums.
    pub fn merge(mut self, other: Self) -> Self {
        self.positions += other.positions;
        self.x.iter_mut().zip(other.x).for_each(|(sum, more)| *sum += more);
        self.x_products.iter_mut().zip(other.x_products).for_each(|(sum, more)| *sum += more);
        self.error.iter_mut().zip(other.error).for_each(|(sum, more)| *sum += more);
        let products = self.error_products.iter_mut().zip(other.error_products);
        products.for_each(|(sum, more)| *sum += more);
        self
    }

    /// The least-squares plane of the error on X: `error = sum_r C_r X_r + C0`, for every filter.
    pub fn constants(&self, c_frac: u32) -> LayerConstants {
        let &Self { terms, groups, filters, .. } = self;
        // n sum(x y) - sum(x) sum(y), in integers: nothing cancels.
        let n = i128::from(self.positions);
        let x = |term: usize, group: usize| i128::from(self.x[term * groups + group]);
        let inverses: Vec<DMatrix<f64>> = (0..groups)
            .map(|group| {
                pseudo_inverse(&DMatrix::from_fn(terms, terms, |r, s| {
                    let product = self.x_products[(r * terms + s) * groups + group];
                    (n * product - x(r, group) * x(s, group)) as f64
                }))
            })
            .collect();
        let group_of = |filter: usize| filter / (filters / groups);
        let slopes: Vec<DVector<f64>> = (0..filters)
            .map(|filter| {
                let covariances = DVector::from_fn(terms, |r, _| {
                    let product = self.error_products[r * filters + filter];
                    (n * product - x(r, group_of(filter)) * i128::from(self.error[filter])) as f64
                });
                &inverses[group_of(filter)] * covariances
            })
            .collect();
        let c: Vec<Vec<f64>> =
            (0..terms).map(|r| slopes.iter().map(|slope| slope[r]).collect()).collect();
        let positions = self.positions.max(1) as f64;
        LayerConstants::round(&c, filters, c_frac, |filter, c| {
            let explained = c.iter().enumerate().map(|(r, c)| c * x(r, group_of(filter)) as f64);
            (self.error[filter] as f64 - explained.sum::<f64>()) / positions
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_again() {
        let mut first = Regression::new(1, 2, 1);
        let mut second = first.clone();
        let line = |x: i32| [3 * x - 7, -x / 2 + 100];
        for (part, range) in [(&mut first, 0..50), (&mut second, 50..120)] {
            let xs: Vec<i32> = range.map(|x| 2 * x).collect();
            let exact: Vec<i32> = xs.iter().flat_map(|&x| line(x)).collect();
            part.add(&[xs], &exact, &vec![0; exact.len()]);
        }
        let constants = first.merge(second).constants(4);
        assert_eq!(
            constants,
            LayerConstants { c: vec![vec![48, -8]], c0: vec![-7, 100], load: None }
        );
    }

    #[test]
    fn a_constant_x_gives_a_constant_correction() {
        let mut regression = Regression::new(1, 1, 1);
        regression.add(&[vec![5, 5]], &[10, 12], &[0, 0]);
        assert_eq!(
            regression.constants(3),
            LayerConstants { c: vec![vec![0]], c0: vec![11], load: None }
        );
    }
}
