//! What the outputs of each filter have in common with those of exact products.

use serde::{Deserialize, Serialize};

/// Sums over the outputs of one filter, in accumulator units. Whole numbers, so that the order in
/// which images are seen does not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FilterSums {
    outputs: i64,
    /// The error that V leaves.
    left: i64,
    /// y: with exact products on the same codes.
    exact: i64,
    exact_squared: i128,
    exact_left: i128,
    /// r: in the network with exact products.
    reference: i64,
    reference_squared: i128,
    reference_exact: i128,
    reference_left: i128,
}

/// The means over the filters that have any signal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Slopes {
    pub of_layer: Option<f64>,
    pub from_input: Option<f64>,
}

impl FilterSums {
    pub fn add(&mut self, left: i64, exact: i64, reference: i64) {
        let product = |a: i64, b: i64| i128::from(a) * i128::from(b);
        self.merge(&Self {
            outputs: 1,
            left,
            exact,
            exact_squared: product(exact, exact),
            exact_left: product(exact, left),
            reference,
            reference_squared: product(reference, reference),
            reference_exact: product(reference, exact),
            reference_left: product(reference, left),
        });
    }

    pub fn merge(&mut self, other: &Self) {
        self.outputs += other.outputs;
        self.left += other.left;
        self.exact += other.exact;
        self.exact_squared += other.exact_squared;
        self.exact_left += other.exact_left;
        self.reference += other.reference;
        self.reference_squared += other.reference_squared;
        self.reference_exact += other.reference_exact;
        self.reference_left += other.reference_left;
    }

    /// The part of the sum of squared errors that is the filter's mean error, eq. (7.12).
    pub fn constant_power(&self) -> f64 {
        (self.left as f64).powi(2) / self.outputs.max(1) as f64
    }

    /// The covariance of two of the numbers, times the outputs squared.
    fn covariance(&self, product: i128, a: i64, b: i64) -> f64 {
        (i128::from(self.outputs) * product - i128::from(a) * i128::from(b)) as f64
    }

    /// Slope of the corrected result on y, eq. (7.13).
    fn slope(&self) -> Option<f64> {
        let variance = self.covariance(self.exact_squared, self.exact, self.exact);
        let with_left = self.covariance(self.exact_left, self.exact, self.left);
        (variance > 0.0).then(|| 1.0 - with_left / variance)
    }

    /// Slope of the corrected result on r, eq. (7.14), in units of both.
    fn slope_on_reference(&self) -> Option<f64> {
        let variance = self.covariance(self.reference_squared, self.reference, self.reference);
        let with_exact = self.covariance(self.reference_exact, self.reference, self.exact);
        let with_left = self.covariance(self.reference_left, self.reference, self.left);
        (variance > 0.0).then(|| (with_exact - with_left) / variance)
    }
}

/// Of a layer's filters; `units` is what one of the corrected results is worth in those of r, gain
/// included.
pub(super) fn slopes(filters: &[FilterSums], units: impl Iterator<Item = f64>) -> Slopes {
    let mean = |slopes: Vec<f64>| {
        (!slopes.is_empty()).then(|| slopes.iter().sum::<f64>() / slopes.len() as f64)
    };
    let on_reference = filters.iter().zip(units);
    let on_reference =
        on_reference.filter_map(|(sums, unit)| Some(sums.slope_on_reference()? * unit));
    Slopes {
        of_layer: mean(filters.iter().filter_map(FilterSums::slope).collect()),
        from_input: mean(on_reference.collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_by_hand() {
        let mut half = FilterSums::default();
        // Corrected: 1, 2, 3 of 2, 4, 6, and of 4, 8, 12 in the network with exact products.
        let outputs = [(1, 2, 4), (2, 4, 8), (3, 6, 12)];
        outputs.into_iter().for_each(|(left, y, r)| half.add(left, y, r));
        let mut dead = FilterSums::default();
        (0..3).for_each(|_| dead.add(1, 5, 5));
        let found = slopes(&[half, dead], [3.0, 1.0].into_iter());
        assert_eq!(found, Slopes { of_layer: Some(0.5), from_input: Some(0.75) });
        assert_eq!((half.constant_power(), dead.constant_power()), (12.0, 3.0));
        let none = slopes(&[dead], [1.0].into_iter());
        assert_eq!(none, Slopes { of_layer: None, from_input: None });
    }
}
