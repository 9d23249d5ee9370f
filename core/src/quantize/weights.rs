//! Weights as codes, biases in accumulator units.

use recoup_kernels::ConvShape;

use crate::model::{ActivationQuantization, Mac, QuantizedWeights, Weights};
use crate::numeric::round_to_i32;

use super::{CalibrationError, WeightScheme};

/// A bias of up to 2^24 steps keeps seven digits and leaves the accumulator its room.
const MOST_BIAS_STEPS: f32 = 16_777_216.0;

/// A layer in codes.
#[derive(Clone)]
pub struct QuantizedMac {
    /// Index of its node in the graph.
    pub node: usize,
    /// Geometry.
    pub shape: ConvShape,
    /// Weight bytes as the multiplier gets them, `[filter][kernel row][kernel column][channel]`.
    pub weights: Vec<u8>,
    /// s_w per filter.
    pub scales: Vec<f32>,
    /// z_w per filter.
    pub zero_points: Vec<i32>,
    /// Bias per filter in units of s_w s_a.
    pub bias: Vec<i32>,
}

impl QuantizedMac {
    pub(super) fn new(
        node: usize,
        name: &str,
        mac: &Mac,
        input: ActivationQuantization,
        scheme: WeightScheme,
    ) -> Result<Self, CalibrationError> {
        let least = mac.bias.iter().map(|bias| bias.abs() / (input.scale * MOST_BIAS_STEPS));
        let least: Vec<f32> = least.collect();
        let coded = match &mac.weights {
            Weights::Quantized(weights) => recode(weights, &least, scheme),
            Weights::Float(weights) => quantize(weights, mac.shape.depth(), &least, scheme),
        };
        let bias =
            mac.bias.iter().zip(&coded.scales).enumerate().map(|(filter, (&bias, &scale))| {
                let steps = f64::from(bias) / (f64::from(scale) * f64::from(input.scale));
                round_to_i32(steps).ok_or_else(|| CalibrationError::Bias {
                    node: name.into(),
                    filter,
                    steps,
                })
            });
        Ok(Self {
            node,
            shape: mac.shape,
            bias: bias.collect::<Result<_, _>>()?,
            weights: coded.bytes,
            scales: coded.scales,
            zero_points: coded.zero_points,
        })
    }
}

struct Coded {
    bytes: Vec<u8>,
    scales: Vec<f32>,
    zero_points: Vec<i32>,
}

/// Quantises real weights; `least_scales` keeps a filter's scale large enough for its bias.
fn quantize(weights: &[f32], depth: usize, least_scales: &[f32], scheme: WeightScheme) -> Coded {
    let filters = least_scales.len();
    let code = |weight: f32, scale: f32| (weight / scale).round_ties_even() as i32;
    if scheme == WeightScheme::U8Tensor {
        let low = weights.iter().copied().fold(0.0, f32::min);
        let high = weights.iter().copied().fold(0.0, f32::max);
        let least = least_scales.iter().copied().fold(0.0, f32::max);
        let scale = usable(((high - low) / 255.0).max(least));
        let zero_point = code(-low, scale).clamp(0, 255);
        let bytes =
            weights.iter().map(|&weight| (code(weight, scale) + zero_point).clamp(0, 255) as u8);
        return Coded {
            bytes: bytes.collect(),
            scales: vec![scale; filters],
            zero_points: vec![zero_point; filters],
        };
    }
    let offset = offset(scheme);
    let mut coded =
        Coded { bytes: Vec::new(), scales: Vec::new(), zero_points: vec![offset; filters] };
    for (weights, &least) in weights.chunks_exact(depth).zip(least_scales) {
        let largest = weights.iter().fold(0.0, |largest: f32, weight| largest.max(weight.abs()));
        let scale = usable((largest / 127.0).max(least));
        let codes = weights.iter().map(|&weight| code(weight, scale).clamp(-127, 127));
        coded.bytes.extend(codes.map(|code| (code + offset) as u8));
        coded.scales.push(scale);
    }
    coded
}

/// What is added to an int8 code: u8 codings store offset binary.
fn offset(scheme: WeightScheme) -> i32 {
    match scheme {
        WeightScheme::U8Tensor | WeightScheme::U8Channel => 128,
        WeightScheme::I8Channel => 0,
    }
}

/// A filter of zeros may have any scale.
fn usable(scale: f32) -> f32 {
    if scale.is_normal() { scale } else { 1.0 }
}

/// The model's own codes in the signedness of `scheme`; code and zero point move together. A filter
/// of scale 0 (a gamma of 0 was folded into it) becomes one of zeros, so that its bias has a unit.
fn recode(weights: &QuantizedWeights, least_scales: &[f32], scheme: WeightScheme) -> Coded {
    let shift = offset(scheme) - if weights.signed { 0 } else { 128 };
    let mut coded = Coded {
        bytes: weights.codes.iter().map(|&code| (i32::from(code) + shift) as u8).collect(),
        scales: weights.scales.clone(),
        zero_points: weights.zero_points.iter().map(|zero_point| zero_point + shift).collect(),
    };
    let depth = coded.bytes.len() / least_scales.len().max(1);
    let filters = coded.bytes.chunks_exact_mut(depth.max(1)).zip(&mut coded.scales);
    for (((bytes, scale), zero_point), &least) in
        filters.zip(&mut coded.zero_points).zip(least_scales)
    {
        if !scale.is_normal() {
            *scale = usable(least);
            *zero_point = offset(scheme);
            bytes.fill(*zero_point as u8);
        }
    }
    coded
}

#[cfg(test)]
mod tests {
    use recoup_kernels::WeightCoding;

    use super::*;
    use crate::multiplier::code_value;

    fn mac(weights: Weights, bias: Vec<f32>) -> Mac {
        Mac { shape: ConvShape::linear(1, 3, bias.len()), weights, bias }
    }

    const INPUT: ActivationQuantization = ActivationQuantization { scale: 0.5, zero_point: 3 };

    #[test]
    fn every_scheme_gives_the_weights_back_within_half_a_step() {
        let weights = [0.3, -1.27, 0.0, 0.02, 0.01, -0.005];
        for scheme in WeightScheme::ALL {
            let mac = mac(Weights::Float(weights.to_vec()), vec![1.0, -2.0]);
            let coded = QuantizedMac::new(0, "n", &mac, INPUT, scheme).unwrap();
            for (index, (&byte, &weight)) in coded.weights.iter().zip(&weights).enumerate() {
                let filter = index / 3;
                let scale = coded.scales[filter];
                let code = code_value(byte, scheme.coding()) - coded.zero_points[filter];
                // u8-tensor's zero point is rounded too, so its ends may miss by a whole step.
                assert!((code as f32 * scale - weight).abs() <= scale * 1.01, "{scheme} {index}");
            }
            let real = coded.bias[1] as f32 * coded.scales[1] * INPUT.scale;
            assert!((real + 2.0).abs() < 1e-2, "{scheme}: {real}");
        }
    }

    #[test]
    fn a_filter_of_zeros_keeps_its_bias() {
        let mac = mac(Weights::Float(vec![0.0; 3]), vec![0.7]);
        let coded = QuantizedMac::new(0, "n", &mac, INPUT, WeightScheme::U8Channel).unwrap();
        let real = f64::from(coded.bias[0]) * f64::from(coded.scales[0]) * 0.5;
        assert!((real - 0.7).abs() < 1e-6);
    }

    #[test]
    fn the_models_own_codes_keep_their_meaning() {
        let own = QuantizedWeights {
            codes: vec![-128, 0, 127],
            signed: true,
            scales: vec![0.1],
            zero_points: vec![0],
        };
        for scheme in WeightScheme::ALL {
            let mac = mac(Weights::Quantized(own.clone()), vec![0.0]);
            let coded = QuantizedMac::new(0, "n", &mac, INPUT, scheme).unwrap();
            let codes = coded
                .weights
                .iter()
                .map(|&byte| code_value(byte, scheme.coding()) - coded.zero_points[0]);
            assert_eq!(codes.collect::<Vec<_>>(), [-128, 0, 127], "{scheme}");
        }
        assert_eq!(WeightScheme::I8Channel.coding(), WeightCoding::Signed);
    }

    #[test]
    fn filters_of_scale_zero_are_their_bias_and_negative_scales_count() {
        let own = QuantizedWeights {
            codes: vec![100, 3, -7, 100, 3, -7],
            signed: true,
            scales: vec![0.0, -0.1],
            zero_points: vec![0, 0],
        };
        for scheme in WeightScheme::ALL {
            let mac = mac(Weights::Quantized(own.clone()), vec![0.7, 0.7]);
            let coded = QuantizedMac::new(0, "n", &mac, INPUT, scheme).unwrap();
            let real = |filter: usize, index: usize| {
                let byte = coded.weights[3 * filter + index];
                let code = code_value(byte, scheme.coding()) - coded.zero_points[filter];
                code as f32 * coded.scales[filter]
            };
            assert_eq!([real(0, 0), real(0, 1), real(0, 2)], [0.0; 3], "{scheme}");
            let negative: [f32; 3] = std::array::from_fn(|index| real(1, index));
            assert_eq!(negative, [100.0 * -0.1, 3.0 * -0.1, -7.0 * -0.1], "{scheme}");
            let bias = |filter: usize| {
                f64::from(coded.bias[filter]) * f64::from(coded.scales[filter]) * 0.5
            };
            assert!((bias(0) - 0.7).abs() < 1e-6, "{scheme}");
            // The nearest of the steps of 0.05: 14 of them.
            assert_eq!(coded.bias[1], -14, "{scheme}");
        }
    }

    #[test]
    fn a_bias_beyond_the_accumulator_is_an_error() {
        let own = QuantizedWeights {
            codes: vec![1, 2, 3],
            signed: true,
            scales: vec![1e-9],
            zero_points: vec![0],
        };
        let mac = mac(Weights::Quantized(own), vec![1e3]);
        let error =
            QuantizedMac::new(0, "conv1", &mac, INPUT, WeightScheme::U8Channel).err().unwrap();
        assert!(error.to_string().contains("conv1"), "{error}");
    }
}
