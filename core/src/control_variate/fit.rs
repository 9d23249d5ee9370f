//! What a control variate leaves of the error, predicted by eq. (3.5).

use nalgebra::DMatrix;
use rayon::prelude::*;

use crate::multiplier::code_value;
use crate::quantize::{Quantized, QuantizedMac};

use super::{CodeFunction, CodeHistogram, Errors, Layer, Statistics};

/// How strong the error is against the signal: mean square over variance of the accumulators that
/// eq. (3.5) predicts, averaged over filters, for each layer. `functions` are those of V;
/// without V, or without its C0, the mean of the error counts too.
///
/// The rounding of activation codes to steps is an error as well, of the variance
/// (step^2 - 1) / 12 for each activation.
pub(super) fn noise_to_signal_of_layers(
    network: &Quantized,
    layers: &[Layer],
    errors: &Errors,
    functions: Option<&[CodeFunction]>,
    statistics: Statistics,
) -> Vec<f64> {
    let coding = network.weights.coding();
    let of_layer = |(mac, layer): (&QuantizedMac, &Layer)| {
        let step = 1_u32 << network.dropped_bits(network.mac_input(mac).0);
        let rounding = (f64::from(step).powi(2) - 1.0) / 12.0;
        let moments = layer.moments(errors, functions.unwrap_or(&[]), statistics);
        let variance = variance(&layer.codes.all);
        let mut sums = (0.0, 0.0);
        for (filter, &zero_point) in layer.filters().into_iter().zip(&mac.zero_points) {
            let weight = |&byte: &u8| f64::from(code_value(byte, coding) - zero_point);
            let squares: f64 = filter.weights.iter().map(|byte| weight(byte).powi(2)).sum();
            let (before, after) = moments.variances(filter);
            let error = match functions {
                _ if layer.is_exact => 0.0,
                None => before + moments.mean(filter).powi(2),
                Some(_) => after,
            };
            sums.0 += error + rounding * squares;
            sums.1 += variance * squares;
        }
        if sums.1 == 0.0 { 0.0 } else { sums.0 / sums.1 }
    };
    network.macs.par_iter().zip(layers).map(of_layer).collect()
}

/// The variance of the codes.
pub(super) fn variance(histogram: &CodeHistogram) -> f64 {
    let total = histogram.iter().sum::<u64>().max(1) as f64;
    let moment = |power: i32| {
        let terms = histogram.iter().zip(0i32..);
        terms.map(|(&count, code)| count as f64 * f64::from(code).powi(power)).sum::<f64>() / total
    };
    moment(2) - moment(1).powi(2)
}

/// The inverse of a covariance matrix on the directions that vary.
pub(crate) fn pseudo_inverse(matrix: &DMatrix<f64>) -> DMatrix<f64> {
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

/// The share of the error's variance that V leaves, eq. (3.10), averaged over the layers.
pub fn residual_share(
    layers: &[Layer],
    errors: &Errors,
    functions: &[CodeFunction],
    statistics: Statistics,
) -> f64 {
    let of_layer = |layer: &Layer| {
        let moments = layer.moments(errors, functions, statistics);
        let (before, after) = layer
            .filters()
            .into_iter()
            .map(|filter| moments.variances(filter))
            .fold((0.0, 0.0), |sum, (before, after)| (sum.0 + before, sum.1 + after));
        if before == 0.0 { 0.0 } else { after / before }
    };
    // Added up in their order, whatever the number of threads.
    let layers = layers.par_iter().filter(|layer| !layer.is_exact);
    let shares: Vec<f64> = layers.map(of_layer).collect();
    shares.iter().sum::<f64>() / shares.len().max(1) as f64
}
