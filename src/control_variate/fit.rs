//! C and C0 from the distribution of the activation codes, eq. (7) to (9).

use crate::quantize::{Quantized, QuantizedMac};

use super::{CodeHistogram, LayerConstants, filters};

/// Moments of the error of one layer's products, over a ~ its code histogram, per weight byte.
pub struct LayerMoments {
    mean_x: f64,
    variance_x: f64,
    mean_error: [f64; 256],
    covariance: [f64; 256],
    variance_error: [f64; 256],
}

impl LayerMoments {
    /// `errors` is `[w][a]` ([`Multiplier::errors`]); `x` is x(a).
    ///
    /// [`Multiplier::errors`]: crate::multiplier::Multiplier::errors
    pub fn new(errors: &[i32], x: &[u16; 256], histogram: &CodeHistogram) -> Self {
        let x = x.map(f64::from);
        let total: u64 = histogram.iter().sum();
        let probability = histogram.map(|count| count as f64 / total.max(1) as f64);
        let seen: Vec<usize> = (0..256).filter(|&code| histogram[code] > 0).collect();
        let expect =
            |f: &dyn Fn(usize) -> f64| seen.iter().map(|&a| probability[a] * f(a)).sum::<f64>();
        let mean_x = expect(&|a| x[a]);
        let mut moments = Self {
            mean_x,
            variance_x: expect(&|a| (x[a] - mean_x).powi(2)),
            mean_error: [0.0; 256],
            covariance: [0.0; 256],
            variance_error: [0.0; 256],
        };
        for (weight, errors) in errors.chunks_exact(256).enumerate() {
            let error = |a: usize| f64::from(errors[a]);
            let mean = expect(&error);
            moments.mean_error[weight] = mean;
            moments.covariance[weight] = expect(&|a| (error(a) - mean) * (x[a] - mean_x));
            moments.variance_error[weight] = expect(&|a| (error(a) - mean).powi(2));
        }
        moments
    }

    /// C of a filter, eq. (7).
    fn c(&self, weights: &[u8]) -> f64 {
        if self.variance_x == 0.0 {
            return 0.0;
        }
        sum_over(weights, &self.covariance) / (weights.len() as f64 * self.variance_x)
    }

    /// Constants of all filters; `c` replaces eq. (7).
    pub(super) fn constants(
        &self,
        mac: &QuantizedMac,
        c: Option<f64>,
        c_frac: u32,
    ) -> LayerConstants {
        let c: Vec<f64> =
            filters(mac).map(|weights| c.unwrap_or_else(|| self.c(weights))).collect();
        let mean_errors: Vec<f64> =
            filters(mac).map(|weights| sum_over(weights, &self.mean_error)).collect();
        let mean_sum_x = mac.shape.depth() as f64 * self.mean_x;
        // Eq. (8), with C as it is stored.
        LayerConstants::round(&c, |filter, c| mean_errors[filter] - c * mean_sum_x, c_frac)
    }

    /// Variance of a filter's accumulated error without and with V, eq. (9).
    pub fn variances(&self, weights: &[u8]) -> (f64, f64) {
        let c = self.c(weights);
        let before = sum_over(weights, &self.variance_error);
        let covariance = sum_over(weights, &self.covariance);
        let after = before - 2.0 * c * covariance + c * c * weights.len() as f64 * self.variance_x;
        (before, after.max(0.0))
    }
}

fn sum_over(weights: &[u8], of_weight: &[f64; 256]) -> f64 {
    weights.iter().map(|&weight| of_weight[usize::from(weight)]).sum()
}

/// The share of the error's variance that V leaves, eq. (9), averaged over the layers.
pub(super) fn residual_share(
    network: &Quantized,
    histograms: &[CodeHistogram],
    errors: &[i32],
    x: &[u16; 256],
) -> f64 {
    let shares = network.macs.iter().zip(histograms).map(|(mac, histogram)| {
        let moments = LayerMoments::new(errors, x, histogram);
        let (before, after) = filters(mac)
            .map(|weights| moments.variances(weights))
            .fold((0.0, 0.0), |sum, (before, after)| (sum.0 + before, sum.1 + after));
        if before == 0.0 { 0.0 } else { after / before }
    });
    shares.sum::<f64>() / network.macs.len().max(1) as f64
}
