use recoup_kernels::WeightCoding;

use super::*;
use crate::model::{Operand, Weights};
use crate::multiplier::code_value;

fn mac(weights: Weights, bias: Vec<f32>) -> Mac {
    Mac { shape: ConvShape::linear(1, 3, bias.len()), loaded: Operand::Constant(weights), bias }
}

const INPUT: ActivationQuantization = ActivationQuantization { scale: 0.5, zero_point: 3 };

#[test]
fn every_scheme_gives_the_weights_back_within_half_a_step() {
    let weights = [0.3, -1.27, 0.0, 0.02, 0.01, -0.005];
    for scheme in WeightScheme::ALL {
        let mac = mac(Weights::Float(weights.to_vec()), vec![1.0, -2.0]);
        let coded = QuantizedMac::new(0, "n", &mac, (INPUT, None), scheme, 8).unwrap();
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

/// Multiples of the step, symmetric about the zero point, and never further from the weights than
/// over the whole range; with few bits clearly nearer.
#[test]
fn weights_of_fewer_bits_take_the_range_with_the_least_error() {
    // Most are small, one is large.
    let mut weights: Vec<f32> = (0..256).map(|n| (n as f32 - 127.5) / 400.0).collect();
    weights[5] = 1.0;
    for scheme in WeightScheme::ALL {
        for bits in 4..8 {
            let shape = ConvShape::linear(1, 256, 1);
            let mac = Mac {
                shape,
                loaded: Operand::Constant(Weights::Float(weights.clone())),
                bias: vec![0.5],
            };
            let coded = QuantizedMac::new(0, "n", &mac, (INPUT, None), scheme, bits).unwrap();
            let (scale, zero_point) = (coded.scales[0], coded.zero_points[0]);
            let step = 1 << (8 - bits);
            let codes: Vec<i32> =
                coded.weights.iter().map(|&byte| code_value(byte, scheme.coding())).collect();
            assert!(codes.iter().all(|code| code % step == 0), "{scheme} {bits}: {codes:?}");
            assert_eq!(zero_point % step, 0, "{scheme} {bits}");
            let error = |real: &dyn Fn(usize) -> f32| -> f64 {
                let errors = (0..256).map(|index| f64::from(weights[index] - real(index)));
                errors.map(|error| error * error).sum()
            };
            let found = error(&|index| (codes[index] - zero_point) as f32 * scale);
            let (low, levels) = match scheme {
                WeightScheme::U8Tensor => (weights[0], (1 << bits) - 1),
                _ => (-1.0, (1 << bits) - 2),
            };
            let size = (1.0 - low) / levels as f32;
            let all = error(&|index| (weights[index] / size).round_ties_even() * size);
            assert!(found <= all * 1.01, "{scheme} {bits}: {found} {all}");
            assert!(bits > 4 || found < 0.9 * all, "{scheme} {bits}: {found} {all}");
            let bias = coded.bias[0] as f32 * scale * INPUT.scale;
            assert!((bias - 0.5).abs() < 0.02, "{scheme} {bits}: {bias}");
        }
    }
}

/// The numbers that the model's codes stand for, not the codes, are what is rounded.
#[test]
fn the_models_own_codes_are_coded_again_in_fewer_bits() {
    let own = QuantizedWeights {
        codes: vec![70, -70, 10],
        signed: true,
        scales: vec![0.01],
        zero_points: vec![0],
    };
    let float = own.real();
    for scheme in WeightScheme::ALL {
        let coded = |weights| {
            let mac = mac(weights, vec![0.0]);
            QuantizedMac::new(0, "n", &mac, (INPUT, None), scheme, 4).unwrap()
        };
        let (from_own, from_float) =
            (coded(Weights::Quantized(own.clone())), coded(Weights::Float(float.clone())));
        assert_eq!(from_own.weights, from_float.weights, "{scheme}");
        assert_eq!(from_own.scales, from_float.scales, "{scheme}");
    }
}

#[test]
fn a_filter_of_zeros_keeps_its_bias() {
    let mac = mac(Weights::Float(vec![0.0; 3]), vec![0.7]);
    let coded = QuantizedMac::new(0, "n", &mac, (INPUT, None), WeightScheme::U8Channel, 8).unwrap();
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
        let coded = QuantizedMac::new(0, "n", &mac, (INPUT, None), scheme, 8).unwrap();
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
        let coded = QuantizedMac::new(0, "n", &mac, (INPUT, None), scheme, 8).unwrap();
        let real = |filter: usize, index: usize| {
            let byte = coded.weights[3 * filter + index];
            let code = code_value(byte, scheme.coding()) - coded.zero_points[filter];
            code as f32 * coded.scales[filter]
        };
        assert_eq!([real(0, 0), real(0, 1), real(0, 2)], [0.0; 3], "{scheme}");
        let negative: [f32; 3] = std::array::from_fn(|index| real(1, index));
        assert_eq!(negative, [100.0 * -0.1, 3.0 * -0.1, -7.0 * -0.1], "{scheme}");
        let bias =
            |filter: usize| f64::from(coded.bias[filter]) * f64::from(coded.scales[filter]) * 0.5;
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
    let error = QuantizedMac::new(0, "conv1", &mac, (INPUT, None), WeightScheme::U8Channel, 8)
        .err()
        .unwrap();
    assert!(error.to_string().contains("conv1"), "{error}");
}
