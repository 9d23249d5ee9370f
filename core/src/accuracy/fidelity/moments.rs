//! Means and covariances of pairs, one pair at a time.

/// Of all pairs so far, by Welford's recurrence: no difference of large sums.
#[derive(Clone, Debug, Default)]
pub struct Moments {
    /// Number of pairs.
    pub count: usize,
    /// The two means.
    pub means: [f64; 2],
    /// Sums of the products of deviations from the means.
    products: [[f64; 2]; 2],
}

impl Moments {
    /// Adds a pair.
    pub fn add(&mut self, first: f64, second: f64) {
        self.count += 1;
        let pair = [first, second];
        let before = [0, 1].map(|of| pair[of] - self.means[of]);
        for (mean, deviation) in self.means.iter_mut().zip(before) {
            *mean += deviation / self.count as f64;
        }
        let after = [0, 1].map(|of| pair[of] - self.means[of]);
        for (row, deviation) in self.products.iter_mut().zip(before) {
            row.iter_mut().zip(after).for_each(|(sum, after)| *sum += deviation * after);
        }
    }

    /// The sample covariance of two of them, or a variance.
    pub fn variance(&self, first: usize, second: usize) -> f64 {
        self.products[first][second] / (self.count as f64 - 1.0)
    }
}
