//! Codes of activations chosen for the multiplier that reads them, without running the network.
//!
//! An approximate multiplier makes an error of about the same size in the accumulator whatever
//! the scale: the tighter a tensor's range, the less that error is in real units, and the more
//! values are clipped. And where the low bits of a code are worth little, a rounded code may
//! lose less than an unrounded one whose low bits the multiplier gets wrong. Both are weighed
//! here by the error that they leave in the outputs of the layers, docs/arithmetic.md, section 6.

mod coded;
mod error;
mod readers;

use rayon::prelude::*;

use crate::control_variate::{CodeFunction, Errors, SeenCodes};
use crate::model::ActivationQuantization;
use crate::multiplier::Multiplier;
use crate::quantize::{Calibration, Histogram, Quantized, TensorCalibration, from_range};

use coded::Coded;
use error::{Arithmetic, mean_square};
use readers::{Reader, Tensor, tensors};

/// The ranges that are tried, in percent of the calibration's. The calibration's own comes
/// first: of equals, it stays.
const SHARES: [u32; 18] =
    [100, 120, 110, 105, 95, 90, 85, 80, 75, 70, 65, 60, 55, 50, 45, 40, 35, 30];

/// The most low bits that are rounded away; 4 are left.
const MOST_ROUNDED: u32 = 4;

/// What is known of a network before its codes are chosen.
pub(crate) struct Given<'a> {
    /// The network in the calibration's codes.
    pub quantized: &'a Quantized,
    /// The codes that its layers multiply, with exact products.
    pub codes: &'a [SeenCodes],
    /// The scales.
    pub calibration: &'a Calibration,
    /// The real values of its tensors, by name.
    pub values: &'a [(String, Histogram)],
}

/// What the codes were chosen for.
pub(crate) struct Purpose<'a> {
    /// The multiplier.
    pub multiplier: &'a Multiplier,
    /// The functions x of its control variate; none without one.
    pub functions: Option<&'a [CodeFunction]>,
    /// Whether biases make up for the mean error.
    pub bias_correction: bool,
}

/// Codes for one multiplier.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// The calibration, with other ranges.
    pub calibration: Calibration,
    /// Significant bits of the codes.
    pub activation_bits: u32,
    /// Mean square error over variance in what reads the tensors, eq. (6.5), averaged over them.
    pub noise_to_signal: f64,
}

/// A range for every tensor and one rounding for the network: first those that leave the least
/// error, then the best without rounding, where that is another choice.
pub(crate) fn choose(given: &Given, purpose: &Purpose) -> Vec<Choice> {
    let coding = given.quantized.weights.coding();
    let errors = Errors::new(&purpose.multiplier.errors(coding));
    let arithmetic = Arithmetic {
        errors: &errors,
        functions: purpose.functions,
        bias_correction: purpose.bias_correction,
        coding,
    };
    let tensors = tensors(given);
    let least = 8 - given.quantized.widths.activation_bits;
    let tasks: Vec<(u32, &Tensor)> = (least..=MOST_ROUNDED)
        .flat_map(|rounded| tensors.iter().map(move |tensor| (rounded, tensor)))
        .collect();
    let best: Vec<Best> = tasks
        .par_iter()
        .map(|&(rounded, tensor)| best_range(given, tensor, rounded, &arithmetic))
        .collect();
    let by_rounding: Vec<&[Best]> = best.chunks(tensors.len().max(1)).collect();
    let noise = |best: &[Best]| best.iter().map(|best| best.noise).sum::<f64>();
    let readers: usize = tensors.iter().map(|tensor| tensor.readers.len()).sum();
    let rounding = (0..by_rounding.len())
        .min_by(|&a, &b| noise(by_rounding[a]).total_cmp(&noise(by_rounding[b])));
    let choice = |rounding: usize| {
        let mut calibration = given.calibration.clone();
        for (tensor, best) in tensors.iter().zip(by_rounding[rounding]) {
            if let (Some(entry), Some(quantization)) = (tensor.entry, best.quantization) {
                set(&mut calibration.tensors[entry], quantization);
            }
        }
        Choice {
            calibration,
            activation_bits: 8 - least - rounding as u32,
            noise_to_signal: noise(by_rounding[rounding]) / readers.max(1) as f64,
        }
    };
    let unrounded = rounding.filter(|&rounding| rounding > 0).map(|_| 0);
    rounding.into_iter().chain(unrounded).map(choice).collect()
}

/// The best range of one tensor.
struct Best {
    /// None for the calibration's own.
    quantization: Option<ActivationQuantization>,
    noise: f64,
}

fn best_range(given: &Given, tensor: &Tensor, rounded: u32, arithmetic: &Arithmetic) -> Best {
    let noise = |quantization| noise(given, tensor, quantization, rounded, arithmetic);
    let mut best = Best { quantization: None, noise: noise(tensor.quantization) };
    let Some(entry) = tensor.entry else { return best };
    let TensorCalibration { low, high, .. } = given.calibration.tensors[entry];
    for share in SHARES.iter().skip(1).map(|&percent| f64::from(percent) / 100.0) {
        let quantization = from_range(f64::from(low) * share, f64::from(high) * share);
        let noise = noise(quantization);
        if noise < best.noise {
            best = Best { quantization: Some(quantization), noise };
        }
    }
    best
}

/// Eq. (6.5): the error that a coding of a tensor causes in all that reads it, over the signal.
fn noise(
    given: &Given,
    tensor: &Tensor,
    quantization: ActivationQuantization,
    rounded: u32,
    arithmetic: &Arithmetic,
) -> f64 {
    let of_reader = |reader: &Reader| {
        let coded = Coded::new(&reader.values, quantization, rounded);
        let error = match reader.layer {
            Some(layer) => {
                let (mac, seen) = (&given.quantized.macs[layer], &given.codes[layer]);
                mean_square(mac, seen, &coded, arithmetic)
            }
            None => coded.mean_square * coded.scale * coded.scale,
        };
        if reader.signal > 0.0 { error / reader.signal } else { 0.0 }
    };
    tensor.readers.iter().map(of_reader).sum()
}

fn set(entry: &mut TensorCalibration, quantization: ActivationQuantization) {
    let ActivationQuantization { scale, zero_point } = quantization;
    (entry.scale, entry.zero_point) = (scale, zero_point);
    entry.low = -scale * f32::from(zero_point);
    entry.high = scale * f32::from(255 - zero_point);
}

#[cfg(test)]
mod tests;
