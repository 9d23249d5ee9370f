use recoup_kernels::{ConvShape, WeightCoding};

use super::*;
use crate::multiplier::{perforated, recursive, truncated};
use recoup_circuits::{Operands, ProductTable};

fn mac(weights: Vec<u8>, filters: usize) -> QuantizedMac {
    QuantizedMac {
        node: 0,
        shape: ConvShape::linear(1, weights.len() / filters, filters),
        scales: vec![1.0; filters],
        zero_points: vec![128; filters],
        bias: vec![0; filters],
        weights,
    }
}

/// Codes that decay like those behind a ReLU.
fn histogram() -> CodeHistogram {
    std::array::from_fn(|code| if code == 0 { 4000 } else { 1000 / (code as u64 + 3) })
}

#[test]
fn for_perforated_the_fit_is_the_paper() {
    let mac = mac((0..60).map(|i| (i * 37 % 251) as u8).collect(), 3);
    let multiplier = perforated(3);
    let unsigned = WeightCoding::Unsigned;
    let (function, factor) = paper(&multiplier, unsigned).unwrap();
    assert_eq!(function.function, ControlFunction::LowBits);
    let moments = LayerMoments::new(&multiplier.errors(unsigned), &[function], &histogram());
    let fitted = moments.constants(&filters(&mac).collect::<Vec<_>>(), 8);
    for (filter, weights) in filters(&mac).enumerate() {
        let mean: f64 = weights.iter().map(|&w| f64::from(w)).sum::<f64>() / 20.0;
        assert_eq!(mean_over(weights, &factor), mean);
        assert_eq!(fitted.c[0][filter], (mean * 256.0).round_ties_even() as i32);
        assert!(fitted.c0[filter].abs() <= 1, "{fitted:?}");
    }
}

#[test]
fn the_papers_constant_for_truncation_is_a_mean_over_set_low_bits() {
    let (function, mean) = paper(&truncated(2), WeightCoding::Unsigned).unwrap();
    assert_eq!(function.function, ControlFunction::AnyBit);
    // w = 3: a mod 4 = 1 loses 3, 2 loses 2, 3 loses 5.
    assert_eq!(mean[3], 10.0 / 3.0);
    let mask = Multiplier::from_mask(7);
    let error = paper(&mask, WeightCoding::Unsigned).unwrap_err().to_string();
    assert!(error.contains("use fitted"), "{error}");
}

#[test]
fn functions_read_the_lossy_rows_only() {
    let table = |function, multiplier| CodeFunction::named(function, &multiplier).unwrap().x;
    assert_eq!(table(ControlFunction::LowBits, perforated(3))[0b1010_1101], 5);
    assert_eq!(table(ControlFunction::AnyBit, truncated(4))[0b1111_0000], 0);
    assert_eq!(table(ControlFunction::AnyBit, truncated(4))[0b1111_1000], 1);
    assert_eq!(table(ControlFunction::Popcount, truncated(8))[0b1011_0111], 6);
    // truncated(3) loses 7, 3 x 2 and 1 x 4 times what uniform weights keep.
    let weighted = table(ControlFunction::Weighted, truncated(3));
    assert_eq!([weighted[1], weighted[2], weighted[4], weighted[7]], [7, 6, 4, 17]);
    // Each low row of recursive(2) loses 3 2^i: in smallest integers, the low bits.
    let weighted = table(ControlFunction::Weighted, recursive(2));
    assert_eq!(weighted[..5], [0, 1, 2, 3, 0]);
    assert_eq!(table(ControlFunction::Weighted, Multiplier::exact()), [0; 256]);
}

/// A circuit of no family: an OR where its low half would need an adder.
fn lossy_or() -> Multiplier {
    let product = |w: u8, a: u8| {
        let (w, a) = (i32::from(w), i32::from(a));
        (w & 0xf0) * a + (((w & 15) * (a & 0xf0)) | ((w & 15) * (a & 15) * 5 / 4))
    };
    let table = ProductTable::from_fn(Operands::Unsigned, product);
    let multiplier = Multiplier::from_table("lossy-or", &table);
    assert_eq!(multiplier.mask(), None);
    multiplier
}

/// What eq. (3.5) predicts for V with these functions, against simulated dot products.
fn assert_prediction(multiplier: &Multiplier, functions: &[CodeFunction]) {
    use rand_chacha::rand_core::{RngCore, SeedableRng};
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(5);
    let coding = WeightCoding::Unsigned;
    let histogram = histogram();
    let codes: Vec<u8> = (0..=255)
        .flat_map(|code| std::iter::repeat_n(code, histogram[usize::from(code)] as usize))
        .collect();
    let weights: Vec<u8> = (0..64).map(|_| random.next_u32() as u8).collect();
    let mac = mac(weights.clone(), 1);
    let errors = multiplier.errors(coding);
    let moments = LayerMoments::new(&errors, functions, &histogram);
    let constants = moments.constants(&filters(&mac).collect::<Vec<_>>(), 10);
    let samples = 20_000;
    let (mut sum, mut squares) = (0.0, 0.0);
    for _ in 0..samples {
        let (mut error, mut v) = (0.0, f64::from(constants.c0[0]));
        for &weight in &weights {
            let code = codes[random.next_u32() as usize % codes.len()];
            error += f64::from(errors[usize::from(weight) << 8 | usize::from(code)]);
            for (function, c) in functions.iter().zip(&constants.c) {
                v += f64::from(c[0]) / 1024.0 * f64::from(function.x[usize::from(code)]);
            }
        }
        sum += error - v;
        squares += (error - v).powi(2);
    }
    let mean = sum / f64::from(samples);
    let variance = squares / f64::from(samples) - mean * mean;
    let (before, predicted) = moments.variances(&weights);
    let name = functions.iter().map(|f| f.function.to_string()).collect::<String>();
    assert!(predicted < before, "{multiplier}, {name}: {predicted} of {before}");
    // Standard error of a variance: about sqrt(2 / samples) = 1 %.
    assert!(
        (variance / predicted - 1.0).abs() < 0.05,
        "{multiplier}, {name}: {variance} for {predicted}"
    );
    assert!(
        mean.abs() < 5.0 * (predicted / f64::from(samples)).sqrt() + 0.5,
        "{multiplier}, {name}: {mean}"
    );
}

#[test]
fn the_predicted_residual_is_what_random_dot_products_show() {
    for multiplier in [truncated(7), lossy_or()] {
        let mut functions = CodeFunction::all_named(&multiplier);
        for function in &functions {
            assert_prediction(&multiplier, std::slice::from_ref(function));
        }
        functions.truncate(2);
        assert_prediction(&multiplier, &functions);
    }
}

/// The removed variance of random filters, and functions fitted to them.
fn fitted_terms(multiplier: &Multiplier, terms: usize, bits: u32) -> (Vec<CodeFunction>, Vec<f64>) {
    let weights: Vec<u8> = (0..640u32).map(|i| (i * i * 7 + i * 13) as u8).collect();
    let mac = mac(weights, 10);
    let errors = multiplier.errors(WeightCoding::Unsigned);
    let histograms = filters(&mac).map(weight_histogram);
    let form = [LayerForm::new(&errors, &histogram(), histograms)];
    let mut functions = Vec::new();
    let mut residuals = Vec::new();
    for _ in 0..terms {
        functions.push(fit_function(&form, &functions, bits));
        let moments = LayerMoments::new(&errors, &functions, &histogram());
        residuals.push(filters(&mac).map(|weights| moments.variances(weights).1).sum());
    }
    (functions, residuals)
}

#[test]
fn a_fitted_function_beats_every_named_one() {
    let weights: Vec<u8> = (0..640u32).map(|i| (i * i * 7 + i * 13) as u8).collect();
    let mac = mac(weights, 10);
    for multiplier in [truncated(6), truncated(8), recursive(4), lossy_or()] {
        let (_, residuals) = fitted_terms(&multiplier, 1, 4);
        let errors = multiplier.errors(WeightCoding::Unsigned);
        for named in CodeFunction::all_named(&multiplier) {
            let name = named.function;
            let moments = LayerMoments::new(&errors, &[named], &histogram());
            let residual: f64 = filters(&mac).map(|weights| moments.variances(weights).1).sum();
            assert!(residuals[0] <= residual, "{multiplier}, {name}: {residuals:?}, {residual}");
        }
    }
}

#[test]
fn each_further_function_removes_more() {
    let (functions, residuals) = fitted_terms(&truncated(8), 3, 4);
    assert!(residuals.is_sorted_by(|a, b| a > b), "{residuals:?}");
    assert!(functions.iter().all(|function| function.x.iter().all(|&x| x < 16)));
    assert_prediction(&truncated(8), &functions);
    // Two bits tell less.
    assert!(fitted_terms(&truncated(8), 1, 2).1[0] > residuals[0]);
}

#[test]
fn modes_survive_a_round_trip() {
    for text in [
        "none",
        "constant",
        "paper",
        "fitted",
        "fitted:any-bit",
        "fitted:auto",
        "regressed:weighted",
    ] {
        assert_eq!(text.parse::<Mode>().unwrap().to_string(), text);
    }
    for text in ["fit", "fitted:bits", "none:popcount", "paper:low-bits"] {
        assert!(text.parse::<Mode>().unwrap_err().contains("fitted:FUNCTION"), "{text}");
    }
}

const CODES: CodeHistogram = [1; 256];

fn fit_one(
    multiplier: &Multiplier,
    mode: Mode,
    options: ControlOptions,
) -> Result<Option<ControlVariate>, ControlVariateError> {
    let layer = Layer { filters: vec![&[1, 2], &[3, 4]], codes: &CODES, is_exact: false };
    fit(&[layer], WeightCoding::Unsigned, multiplier, mode, options)
}

#[test]
fn what_cannot_be_fitted_is_an_error() {
    let options = ControlOptions::default();
    let auto = Mode::Fitted(Some(ControlFunction::Auto));
    let refused = |mode, options| fit_one(&truncated(3), mode, options).unwrap_err();
    assert_eq!(refused(Mode::Regressed(None), options), ControlVariateError::Regressed);
    let [fine, coarse] = [17, 40].map(|c_frac| ControlOptions { c_frac, ..options });
    assert_eq!(refused(Mode::Constant, fine), ControlVariateError::FractionBits(17));
    assert_eq!(refused(Mode::Paper, coarse), ControlVariateError::FractionBits(40));
    for x_bits in [0, 9, 16] {
        let options = ControlOptions { x_bits, ..options };
        assert_eq!(refused(auto, options), ControlVariateError::FunctionBits(x_bits));
    }
    let signed = Multiplier::from_table(
        "signed",
        &ProductTable::from_fn(Operands::SignedWeight, |w, a| {
            i32::from(w as i8) * i32::from(a / 2)
        }),
    );
    for mode in [Mode::Constant, auto] {
        let error = fit_one(&signed, mode, options).unwrap_err();
        assert!(matches!(error, ControlVariateError::Multiplier(_)), "{error}");
    }
    let study = Study::new(&signed, WeightCoding::Unsigned, &[CODES], options);
    assert!(matches!(study, Err(ControlVariateError::Multiplier(_))));
    assert_eq!(fit_one(&truncated(3), Mode::None, options).unwrap(), None);
}

#[test]
fn exact_layers_are_not_corrected() {
    let layer = |is_exact| Layer { filters: vec![&[200, 7], &[31, 4]], codes: &CODES, is_exact };
    let layers = [layer(false), layer(true)];
    let (mode, options) = (Mode::Fitted(None), ControlOptions::default());
    let control = fit(&layers, WeightCoding::Unsigned, &truncated(6), mode, options);
    let [corrected, exact] = control.unwrap().unwrap().layers.try_into().unwrap();
    assert!(corrected.c[0].iter().all(|&c| c > 0), "{corrected:?}");
    assert_eq!(exact, LayerConstants { c: vec![vec![0, 0]], c0: vec![0, 0] });
}
