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
        gains: vec![1.0; filters],
        load: None,
        weights: weights.into(),
    }
}

fn layer_of<'a>(mac: &'a QuantizedMac, codes: &'a SeenCodes) -> Layer<'a> {
    let groups = mac.shape.groups;
    Layer { filters: filters(mac, codes).collect(), groups, codes, is_exact: false }
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
    let (errors, codes) =
        (Errors::new(&multiplier.errors(unsigned)), SeenCodes::pooled(histogram()));
    let layer = layer_of(&mac, &codes);
    let moments = layer.moments(&errors, &[function], Statistics::Pooled);
    let fitted = moments.constants(&layer.filters(), 8);
    for (filter, weights) in filters(&mac, &codes).enumerate() {
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
pub(super) fn lossy_or() -> Multiplier {
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
    let seen = SeenCodes::pooled(histogram);
    let layer = layer_of(&mac, &seen);
    let moments = layer.moments(&Errors::new(&errors), functions, Statistics::Pooled);
    let constants = moments.constants(&layer.filters(), 10);
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
    let (before, predicted) = moments.variances(layer.filters()[0]);
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

/// What V leaves of the variance of a layer's filters.
fn residual(mac: &QuantizedMac, errors: &[i32], functions: &[CodeFunction]) -> f64 {
    let codes = SeenCodes::pooled(histogram());
    let layer = layer_of(mac, &codes);
    let moments = layer.moments(&Errors::new(errors), functions, Statistics::Pooled);
    layer.filters().into_iter().map(|filter| moments.variances(filter).1).sum()
}

/// The removed variance of random filters, and functions fitted to them.
fn fitted_terms(multiplier: &Multiplier, terms: usize, bits: u32) -> (Vec<CodeFunction>, Vec<f64>) {
    let weights: Vec<u8> = (0..640u32).map(|i| (i * i * 7 + i * 13) as u8).collect();
    let mac = mac(weights, 10);
    let errors = multiplier.errors(WeightCoding::Unsigned);
    let histograms = mac.weights.chunks_exact(64).map(weight_histogram);
    let form = [LayerForm::new(&errors, &histogram(), histograms)];
    let mut functions = Vec::new();
    let mut residuals = Vec::new();
    for _ in 0..terms {
        functions.push(fit_function(&form, &functions, bits));
        residuals.push(residual(&mac, &errors, &functions));
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
            let residual = residual(&mac, &errors, &[named]);
            // The same function, but for rounding, where it is the best.
            assert!(
                residuals[0] <= residual * (1.0 + 1e-12),
                "{multiplier}, {name}: {residuals:?}, {residual}"
            );
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
    let codes = SeenCodes::pooled(CODES);
    let layer =
        Layer { filters: vec![&[1, 2], &[3, 4]], groups: 1, codes: &codes, is_exact: false };
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
    let codes = SeenCodes::pooled(CODES);
    let filters: Vec<&[u8]> = vec![&[200, 7], &[31, 4]];
    let layer = |is_exact| Layer { filters: filters.clone(), groups: 1, codes: &codes, is_exact };
    let layers = [layer(false), layer(true)];
    let (mode, options) = (Mode::Fitted(None), ControlOptions::default());
    let control = fit(&layers, WeightCoding::Unsigned, &truncated(6), mode, options);
    let [corrected, exact] = control.unwrap().unwrap().layers.try_into().unwrap();
    assert!(corrected.c[0].iter().all(|&c| c > 0), "{corrected:?}");
    assert_eq!(exact, LayerConstants { c: vec![vec![0, 0]], c0: vec![0, 0], load: None });
}

/// A layer of two groups of two channels, with a 1 x 2 kernel whose first tap is padding in a
/// quarter of the outputs.
pub(super) fn two_groups() -> SeenCodes {
    let counts = |first: usize, step: usize| {
        std::array::from_fn(|code| if code >= first { (code / step) as u32 % 97 } else { 0 })
    };
    let channels = ChannelCodes {
        counts: vec![counts(0, 1), counts(200, 3), [5; 256], counts(30, 2)],
        samples: 900,
        padding: vec![0.25, 0.0],
        zero_point: 9,
    };
    SeenCodes { channels: Some(channels), ..SeenCodes::pooled([1; 256]) }
}

/// Eq. (3.17): the distribution of each position, written out; a share of `unseen` inside the image
/// is of any code.
pub(super) fn position_distributions(
    codes: &SeenCodes,
    group: usize,
    unseen: f64,
) -> Vec<[f64; 256]> {
    let codes = codes.channels.as_ref().unwrap();
    let total = |counts: &[u32; 256]| counts.iter().map(|&count| f64::from(count)).sum::<f64>();
    let everything: f64 = codes.counts.iter().map(total).sum();
    let mut found = Vec::new();
    for &padding in &codes.padding {
        for counts in &codes.counts[2 * group..][..2] {
            found.push(std::array::from_fn(|a| {
                let all: f64 = codes.counts.iter().map(|counts| f64::from(counts[a])).sum();
                let (own, prior) = (f64::from(counts[a]) / total(counts), all / everything);
                let drawn = (900.0 * own + 8.0 * prior) / 908.0;
                let drawn = (1.0 - unseen) * drawn + unseen / 256.0;
                (1.0 - padding) * drawn + if a == 9 { padding } else { 0.0 }
            }));
        }
    }
    found
}

#[test]
fn constants_by_channel_are_those_of_each_positions_distribution() {
    let weights: Vec<u8> = (0..16).map(|i| (i * i * 31 + 7) as u8).collect();
    let codes = two_groups();
    let layer =
        Layer { filters: weights.chunks(4).collect(), groups: 2, codes: &codes, is_exact: false };
    for multiplier in [truncated(7), perforated(3), lossy_or()] {
        let errors = multiplier.errors(WeightCoding::Unsigned);
        let function = CodeFunction::named(ControlFunction::Weighted, &multiplier).unwrap();
        let x = |a: usize| f64::from(function.x[a]);
        let moments = layer.moments(
            &Errors::new(&errors),
            std::slice::from_ref(&function),
            Statistics::Channel,
        );
        let constants = moments.constants(&layer.filters(), 16);
        for (at, filter) in layer.filters().into_iter().enumerate() {
            assert_eq!(filter.group, at / 2);
            let positions = position_distributions(&codes, filter.group, 0.0);
            let positions = positions.iter().zip(filter.weights);
            // Sums over j of Cov_j(e, x), Var_j x, Var_j e, E_j e, E_j x.
            let mut sums = [0.0; 5];
            for (p, &weight) in positions {
                let e = |a: usize| f64::from(errors[usize::from(weight) << 8 | a]);
                let expect = |f: &dyn Fn(usize) -> f64| (0..256).map(|a| p[a] * f(a)).sum::<f64>();
                let (mean_e, mean_x) = (expect(&e), expect(&x));
                sums[0] += expect(&|a| (e(a) - mean_e) * (x(a) - mean_x));
                sums[1] += expect(&|a| (x(a) - mean_x).powi(2));
                sums[2] += expect(&|a| (e(a) - mean_e).powi(2));
                sums[3] += mean_e;
                sums[4] += mean_x;
            }
            let [covariance, variance_x, variance, mean, mean_x] = sums;
            let c = covariance / variance_x;
            let name = format!("{multiplier}, filter {at}");
            let near = |found: f64, expected: f64| {
                assert!((found - expected).abs() < 1e-9 * variance, "{name}: {found}, {expected}");
            };
            near(moments.c(filter)[0] * variance_x, covariance);
            near(moments.mean(filter), mean);
            let (before, after) = moments.variances(filter);
            near(before, variance);
            near(after, variance - c * covariance);
            let stored = f64::from(constants.c[0][at]) / 65536.0;
            assert!((stored - c).abs() <= 0.5 / 65536.0 + 1e-9, "{name}: {stored}, {c}");
            assert_eq!(constants.c0[at], (mean - stored * mean_x).round() as i32, "{name}");
        }
    }
}

#[test]
fn without_channels_their_statistics_are_those_of_the_layer() {
    let weights: Vec<u8> = (0..16).map(|i| (i * i * 31 + 7) as u8).collect();
    let codes = SeenCodes::pooled(histogram());
    let layer =
        Layer { filters: weights.chunks(4).collect(), groups: 2, codes: &codes, is_exact: false };
    let fitted = |statistics| {
        let options = ControlOptions { statistics, ..ControlOptions::default() };
        let mode = Mode::Fitted(None);
        let layers = std::slice::from_ref(&layer);
        fit(layers, WeightCoding::Unsigned, &truncated(7), mode, options).unwrap().unwrap()
    };
    assert_eq!(fitted(Statistics::Channel), fitted(Statistics::Pooled));
}

#[test]
fn layers_that_fit_nothing_are_no_panic() {
    let weights: Vec<u8> = (0..12).collect();
    let (channels, pooled) = (two_groups(), SeenCodes::pooled(CODES));
    let filters =
        [Vec::new(), vec![&weights[..0]], weights.chunks(4).collect(), vec![&weights[..]]];
    for statistics in Statistics::ALL {
        let options = ControlOptions { statistics, ..ControlOptions::default() };
        for filters in &filters {
            for groups in [0, 1, 2, 3, 7] {
                for codes in [&channels, &pooled] {
                    let layer = Layer { filters: filters.clone(), groups, codes, is_exact: false };
                    let mode = Mode::Fitted(None);
                    let control =
                        fit(&[layer], WeightCoding::Unsigned, &truncated(7), mode, options);
                    assert_eq!(control.unwrap().unwrap().layers[0].c0.len(), filters.len());
                }
            }
        }
    }
}
