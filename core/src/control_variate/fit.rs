//! C and C0 from the distribution of the activation codes, eq. (3.3) to (3.5).

use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;

use crate::multiplier::code_value;
use crate::quantize::{Quantized, QuantizedMac};

use super::{CodeFunction, CodeHistogram, Layer, LayerConstants, filters};

/// Moments of the error of one layer's products, over a ~ its code histogram, per weight byte, and
/// of the functions x_r.
pub struct LayerMoments {
    /// E x_r.
    mean_x: DVector<f64>,
    /// Cov(x_r, x_s).
    covariance_x: DMatrix<f64>,
    /// Its inverse, without the directions in which no x varies.
    inverse: DMatrix<f64>,
    mean_error: [f64; 256],
    /// Cov(e(w, a), x_r), `[r][w]`.
    covariance: Vec<[f64; 256]>,
    variance_error: [f64; 256],
}

impl LayerMoments {
    /// `errors` is `[w][a]` ([`Multiplier::errors`]).
    ///
    /// [`Multiplier::errors`]: crate::multiplier::Multiplier::errors
    pub fn new(errors: &[i32], functions: &[CodeFunction], histogram: &CodeHistogram) -> Self {
        let total: u64 = histogram.iter().sum();
        let probability = histogram.map(|count| count as f64 / total.max(1) as f64);
        let seen: Vec<usize> = (0..256).filter(|&code| histogram[code] > 0).collect();
        let expect =
            |f: &dyn Fn(usize) -> f64| seen.iter().map(|&a| probability[a] * f(a)).sum::<f64>();
        let terms = functions.len();
        let x = |r: usize, a: usize| f64::from(functions[r].x[a]);
        let mean_x = DVector::from_fn(terms, |r, _| expect(&|a| x(r, a)));
        let centered_x = |r: usize, a: usize| x(r, a) - mean_x[r];
        let covariance_x =
            DMatrix::from_fn(terms, terms, |r, s| expect(&|a| centered_x(r, a) * centered_x(s, a)));
        let mut mean_error = [0.0; 256];
        let mut variance_error = [0.0; 256];
        let mut covariance = vec![[0.0; 256]; terms];
        for (weight, errors) in errors.chunks_exact(256).enumerate() {
            let error = |a: usize| f64::from(errors[a]);
            let mean = expect(&error);
            mean_error[weight] = mean;
            variance_error[weight] = expect(&|a| (error(a) - mean).powi(2));
            for (r, covariance) in covariance.iter_mut().enumerate() {
                covariance[weight] = expect(&|a| (error(a) - mean) * centered_x(r, a));
            }
        }
        let inverse = pseudo_inverse(&covariance_x);
        Self { mean_x, covariance_x, inverse, mean_error, covariance, variance_error }
    }

    /// Sum over the filter of Cov(e(w_j, a), x_r).
    fn covariances(&self, weights: &[u8]) -> DVector<f64> {
        DVector::from_fn(self.covariance.len(), |r, _| sum_over(weights, &self.covariance[r]))
    }

    /// C_r of a filter, eq. (3.3) and its least-squares form for several functions, eq. (3.13).
    pub fn c(&self, weights: &[u8]) -> DVector<f64> {
        &self.inverse * self.covariances(weights) / weights.len() as f64
    }

    /// Constants of filters, which are their weight bytes.
    pub(super) fn constants(&self, filters: &[&[u8]], c_frac: u32) -> LayerConstants {
        let c: Vec<DVector<f64>> = filters.iter().map(|weights| self.c(weights)).collect();
        let terms: Vec<Vec<f64>> =
            (0..self.mean_x.len()).map(|r| c.iter().map(|c| c[r]).collect()).collect();
        // Eq. (3.4), with C as it is stored.
        LayerConstants::round(&terms, c.len(), c_frac, |filter, c| {
            let weights = filters[filter];
            let mean_v = DVector::from_row_slice(c).dot(&self.mean_x);
            self.mean(weights) - weights.len() as f64 * mean_v
        })
    }

    /// Mean of a filter's accumulated error.
    pub fn mean(&self, weights: &[u8]) -> f64 {
        sum_over(weights, &self.mean_error)
    }

    /// Variance of a filter's accumulated error without and with V, eq. (3.5).
    pub fn variances(&self, weights: &[u8]) -> (f64, f64) {
        let c = self.c(weights);
        let before = sum_over(weights, &self.variance_error);
        let depth = weights.len() as f64;
        let removed =
            2.0 * c.dot(&self.covariances(weights)) - depth * c.dot(&(&self.covariance_x * &c));
        (before, (before - removed).max(0.0))
    }
}

/// How strong the error is against the signal: mean square over variance of the accumulators that
/// eq. (3.5) predicts, averaged over filters, and then over layers. `functions` are those of V;
/// without V, or without its C0, the mean of the error counts too.
///
/// The rounding of activation codes to steps is an error as well, of the variance
/// (step^2 - 1) / 12 for each activation.
pub(super) fn noise_to_signal(
    network: &Quantized,
    histograms: &[CodeHistogram],
    errors: &[i32],
    functions: Option<&[CodeFunction]>,
) -> f64 {
    let coding = network.weights.coding();
    let of_layer = |(layer, (mac, histogram)): (usize, (&QuantizedMac, &CodeHistogram))| {
        let step = 1_u32 << network.dropped_bits(network.mac_input(mac).0);
        let rounding = (f64::from(step).powi(2) - 1.0) / 12.0;
        let moments = LayerMoments::new(errors, functions.unwrap_or(&[]), histogram);
        let variance = variance(histogram);
        let mut sums = (0.0, 0.0);
        for (weights, &zero_point) in filters(mac).zip(&mac.zero_points) {
            let weight = |&byte: &u8| f64::from(code_value(byte, coding) - zero_point);
            let squares: f64 = weights.iter().map(|byte| weight(byte).powi(2)).sum();
            let (before, after) = moments.variances(weights);
            let error = match functions {
                _ if network.is_exact(layer) => 0.0,
                None => before + moments.mean(weights).powi(2),
                Some(_) => after,
            };
            sums.0 += error + rounding * squares;
            sums.1 += variance * squares;
        }
        if sums.1 == 0.0 { 0.0 } else { sums.0 / sums.1 }
    };
    let layers = network.macs.par_iter().zip(histograms).enumerate().map(of_layer);
    // Added up in their order, whatever the number of threads.
    let layers: Vec<f64> = layers.collect();
    layers.iter().sum::<f64>() / network.macs.len().max(1) as f64
}

/// The variance of the codes.
fn variance(histogram: &CodeHistogram) -> f64 {
    let total = histogram.iter().sum::<u64>().max(1) as f64;
    let moment = |power: i32| {
        let terms = histogram.iter().zip(0i32..);
        terms.map(|(&count, code)| count as f64 * f64::from(code).powi(power)).sum::<f64>() / total
    };
    moment(2) - moment(1).powi(2)
}

/// The inverse of a covariance matrix on the directions that vary.
pub(super) fn pseudo_inverse(matrix: &DMatrix<f64>) -> DMatrix<f64> {
    if matrix.is_empty() {
        return matrix.clone();
    }
    let eigen = matrix.clone().symmetric_eigen();
    let most = eigen.eigenvalues.amax();
    let inverse = eigen
        .eigenvalues
        .map(|value| if value > 1e-10 * most && value > 0.0 { 1.0 / value } else { 0.0 });
    &eigen.eigenvectors * DMatrix::from_diagonal(&inverse) * eigen.eigenvectors.transpose()
}

fn sum_over(weights: &[u8], of_weight: &[f64; 256]) -> f64 {
    weights.iter().map(|&weight| of_weight[usize::from(weight)]).sum()
}

/// The share of the error's variance that V leaves, eq. (3.10), averaged over the layers; `errors`
/// is `[w][a]`.
pub fn residual_share(layers: &[Layer], errors: &[i32], functions: &[CodeFunction]) -> f64 {
    let of_layer = |Layer { filters, codes, .. }: &Layer| {
        let moments = LayerMoments::new(errors, functions, codes);
        let (before, after) = filters
            .iter()
            .map(|weights| moments.variances(weights))
            .fold((0.0, 0.0), |sum, (before, after)| (sum.0 + before, sum.1 + after));
        if before == 0.0 { 0.0 } else { after / before }
    };
    // Added up in their order, whatever the number of threads.
    let layers = layers.par_iter().filter(|layer| !layer.is_exact);
    let shares: Vec<f64> = layers.map(of_layer).collect();
    shares.iter().sum::<f64>() / shares.len().max(1) as f64
}
