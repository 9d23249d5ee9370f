//! How wrong a multiplier is over all 65,536 pairs, as EvoApproxLib defines it.

use recoup_circuits::Metrics;
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

impl Multiplier {
    /// Its error metrics with uniformly distributed operands.
    pub fn metrics(&self, coding: WeightCoding) -> Metrics {
        Metrics::of_pairs(all_pairs().map(|(weight, activation)| {
            let exact = code_value(weight, coding) * i32::from(activation);
            (exact, self.product(weight, activation, coding))
        }))
    }
}
