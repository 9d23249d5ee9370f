//! C and C0 by least squares on accumulators that were computed.

use super::LayerConstants;

/// Sums over output positions of X and the accumulated error, per filter. They are integers, so
/// parallel parts add up to the same constants in any order.
#[derive(Clone, Debug)]
pub struct Regression {
    positions: u64,
    filters_per_group: usize,
    x: Vec<i64>,
    x_squared: Vec<i128>,
    error: Vec<i64>,
    product: Vec<i128>,
}

impl Regression {
    /// Nothing seen yet.
    pub fn new(filters: usize, groups: usize) -> Self {
        Self {
            positions: 0,
            filters_per_group: filters / groups,
            x: vec![0; groups],
            x_squared: vec![0; groups],
            error: vec![0; filters],
            product: vec![0; filters],
        }
    }

    /// Adds one image: `sums_x` is `[position][group]`, the accumulators are `[position][filter]`.
    pub fn add(&mut self, sums_x: &[i32], exact: &[i32], approximate: &[i32]) {
        let (groups, filters) = (self.x.len(), self.error.len());
        self.positions += (sums_x.len() / groups) as u64;
        let outputs = exact.chunks_exact(filters).zip(approximate.chunks_exact(filters));
        for (sums_x, (exact, approximate)) in sums_x.chunks_exact(groups).zip(outputs) {
            for (group, &x) in sums_x.iter().enumerate() {
                self.x[group] += i64::from(x);
                self.x_squared[group] += i128::from(i64::from(x) * i64::from(x));
            }
            for filter in 0..filters {
                let error = i64::from(exact[filter]) - i64::from(approximate[filter]);
                let x = i64::from(sums_x[filter / self.filters_per_group]);
                self.error[filter] += error;
                self.product[filter] += i128::from(error) * i128::from(x);
            }
        }
    }

    /// Adds another part's sums.
    pub fn merge(mut self, other: Self) -> Self {
        self.positions += other.positions;
        self.x.iter_mut().zip(other.x).for_each(|(sum, more)| *sum += more);
        self.x_squared.iter_mut().zip(other.x_squared).for_each(|(sum, more)| *sum += more);
        self.error.iter_mut().zip(other.error).for_each(|(sum, more)| *sum += more);
        self.product.iter_mut().zip(other.product).for_each(|(sum, more)| *sum += more);
        self
    }

    /// The least-squares line of the error on X: `error = C X + C0`, for every filter.
    pub fn constants(&self, c_frac: u32) -> LayerConstants {
        let n = self.positions.max(1) as f64;
        let mean_x = |filter: usize| self.x[filter / self.filters_per_group] as f64 / n;
        let slope = |filter: usize| {
            let group = filter / self.filters_per_group;
            // n sum(x^2) - sum(x)^2 and its like, in integers: nothing cancels.
            let n = i128::from(self.positions);
            let variance = n * self.x_squared[group] - i128::from(self.x[group]).pow(2);
            let covariance = n * self.product[filter]
                - i128::from(self.x[group]) * i128::from(self.error[filter]);
            if variance == 0 { 0.0 } else { covariance as f64 / variance as f64 }
        };
        let c: Vec<f64> = (0..self.error.len()).map(slope).collect();
        let c0 = |filter: usize, c: f64| self.error[filter] as f64 / n - c * mean_x(filter);
        LayerConstants::round(&c, c0, c_frac)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_again() {
        let mut first = Regression::new(2, 1);
        let mut second = first.clone();
        let line = |x: i32| [3 * x - 7, -x / 2 + 100];
        for (part, range) in [(&mut first, 0..50), (&mut second, 50..120)] {
            let xs: Vec<i32> = range.map(|x| 2 * x).collect();
            let exact: Vec<i32> = xs.iter().flat_map(|&x| line(x)).collect();
            part.add(&xs, &exact, &vec![0; exact.len()]);
        }
        let constants = first.merge(second).constants(4);
        assert_eq!(constants, LayerConstants { c: vec![48, -8], c0: vec![-7, 100] });
    }

    #[test]
    fn a_constant_x_gives_a_constant_correction() {
        let mut regression = Regression::new(1, 1);
        regression.add(&[5, 5], &[10, 12], &[0, 0]);
        assert_eq!(regression.constants(3), LayerConstants { c: vec![0], c0: vec![11] });
    }
}
