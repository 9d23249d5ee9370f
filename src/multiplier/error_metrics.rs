//! How wrong a multiplier is over all 65,536 pairs, as EvoApproxLib defines it.

use recoup_kernels::WeightCoding;

use super::{Multiplier, all_pairs, code_value};

/// The metrics in words, for help texts.
pub const METRIC_DEFINITIONS: &str = "\
Error metrics, over all 65,536 pairs of operands, as EvoApproxLib defines them; e = w a - p(w, a):
  MAE         mean absolute error: mean of |e|; in percent of 2^16, the range of the product
  WCE         worst-case error: largest |e|; in percent of 2^16
  EP          error probability: share of pairs with e other than 0
  MRE         mean relative error: mean of |e| / |w a| where w a is not 0, in percent
  MSE         mean squared error: mean of e^2
  mean error  mean of e, signed: the bias that a constant correction removes";

/// Error metrics of a multiplier with uniformly distributed operands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ErrorMetrics {
    /// Mean of |e|, in units of the product.
    pub mae: f64,
    /// Largest |e|, in units of the product.
    pub wce: u32,
    /// Share of pairs with a wrong product, 0 to 1.
    pub ep: f64,
    /// Mean of |e| / |w a| over the pairs whose product is not 0, 0 to ...
    pub mre: f64,
    /// Mean of e^2.
    pub mse: f64,
    /// Mean of e.
    pub mean_error: f64,
}

impl ErrorMetrics {
    /// The metrics of `multiplier`, by going through every pair.
    pub fn of(multiplier: &Multiplier, coding: WeightCoding) -> Self {
        let (mut absolute, mut squared, mut signed, mut wrong) = (0u64, 0u64, 0i64, 0u32);
        let (mut worst, mut relative, mut nonzero) = (0u32, 0.0, 0u32);
        for (weight, activation) in all_pairs() {
            let error = multiplier.error(weight, activation, coding);
            let exact = code_value(weight, coding) * i32::from(activation);
            let size = error.unsigned_abs();
            absolute += u64::from(size);
            squared += u64::from(size) * u64::from(size);
            signed += i64::from(error);
            wrong += u32::from(error != 0);
            worst = worst.max(size);
            // The library leaves out the pairs where a relative error is not defined.
            if exact != 0 {
                relative += f64::from(size) / f64::from(exact.unsigned_abs());
                nonzero += 1;
            }
        }
        let pairs = 65536.0;
        Self {
            mae: absolute as f64 / pairs,
            wce: worst,
            ep: f64::from(wrong) / pairs,
            mre: relative / f64::from(nonzero),
            mse: squared as f64 / pairs,
            mean_error: signed as f64 / pairs,
        }
    }
}
