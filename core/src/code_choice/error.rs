//! The error that a layer's output has from the codes of its input, its multiplier and V.

use recoup_kernels::WeightCoding;

use crate::control_variate::{CodeFunction, Errors, Filter, LayerMoments, SeenCodes, filters};
use crate::multiplier::code_value;
use crate::quantize::QuantizedMac;

use super::coded::Coded;

/// What runs a layer, and what makes up for it.
pub(super) struct Arithmetic<'a> {
    /// e(w, a).
    pub errors: &'a Errors,
    /// The functions x of V; none without V.
    pub functions: Option<&'a [CodeFunction]>,
    /// Whether the mean error left goes into the biases.
    pub bias_correction: bool,
    /// How the multiplier sees weights.
    pub coding: WeightCoding,
}

/// Sum over the filters of a layer of the mean square error of its output, in real units without
/// the bias: eq. (6.4).
pub(super) fn mean_square(
    mac: &QuantizedMac,
    seen: &SeenCodes,
    coded: &Coded,
    arithmetic: &Arithmetic,
) -> f64 {
    let functions = arithmetic.functions.unwrap_or(&[]);
    let depth = mac.shape.depth();
    let moments = LayerMoments::pooled(arithmetic.errors, functions, &coded.counts, depth);
    let mean_q = coded.mean_error();
    let variance_q = coded.mean_square - mean_q * mean_q;
    // Cov(q, e(w, a)) per weight byte, and Cov(q, x_r).
    let counts = coded.counts.map(|count| count as f64);
    let with_error = arithmetic.errors.sums(&counts, |_, a, e| (coded.mean[a] - mean_q) * e);
    let with_error = with_error.map(|sum| sum / coded.total());
    let with_x: Vec<f64> = functions
        .iter()
        .map(|function| coded.expect(|a| (coded.mean[a] - mean_q) * f64::from(function.x[a])))
        .collect();
    let of_filter = |(weights, (&zero_point, &scale)): (&[u8], (&i32, &f32))| {
        let (mut sum, mut squares, mut cross) = (0.0, 0.0, 0.0);
        for &byte in weights {
            let weight = f64::from(code_value(byte, arithmetic.coding) - zero_point);
            sum += weight;
            squares += weight * weight;
            cross += weight * with_error[usize::from(byte)];
        }
        let filter = Filter { group: 0, weights };
        let (before, after) = moments.variances(filter);
        let (product, mean) = match arithmetic.functions {
            Some(_) => {
                let c = moments.c(filter);
                let terms = c.iter().zip(&with_x);
                cross -= terms.map(|(c, with_x)| c * with_x).sum::<f64>() * sum;
                (after, sum * mean_q)
            }
            None => (before, sum * mean_q - moments.mean(filter)),
        };
        let mean = if arithmetic.bias_correction { 0.0 } else { mean };
        let steps = squares * variance_q + product - 2.0 * cross + mean * mean;
        // The parts are a variance and a square; differences of roundings may be below 0.
        (f64::from(scale) * coded.scale).powi(2) * steps.max(0.0)
    };
    filters(mac, seen).zip(mac.zero_points.iter().zip(&mac.scales)).map(of_filter).sum()
}

/// Sum over the filters of the squares of their real weights: what the variance of an activation
/// becomes in the output.
pub(super) fn gain(mac: &QuantizedMac, seen: &SeenCodes, coding: WeightCoding) -> f64 {
    let of_filter = |(weights, (&zero_point, &scale)): (&[u8], (&i32, &f32))| {
        let weight = |&byte: &u8| f64::from(code_value(byte, coding) - zero_point);
        let squares: f64 = weights.iter().map(|byte| weight(byte).powi(2)).sum();
        squares * f64::from(scale).powi(2)
    };
    filters(mac, seen).zip(mac.zero_points.iter().zip(&mac.scales)).map(of_filter).sum()
}
