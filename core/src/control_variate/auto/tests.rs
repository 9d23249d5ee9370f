use recoup_kernels::WeightCoding;

use super::super::tests::{lossy_or, position_distributions, two_groups};
use super::super::{ControlOptions, Statistics, functions, residual_share};
use super::*;
use crate::multiplier::{Multiplier, truncated};

const NO_CHANGE: Change = Change { code: 0, old: 0.0, new: 0.0 };

/// What V with `xs` removes of the variance of `layer` by eq. (3.19), summed up position by position.
fn removed(layer: &Layer, errors: &[i32], xs: &[CodeFunction]) -> f64 {
    let (mut before, mut shared) = (0.0, Vec::new());
    let mut covariance_x = DMatrix::zeros(xs.len(), xs.len());
    let filters = layer.filters();
    for filter in &filters {
        let positions = position_distributions(layer.codes, filter.group, UNSEEN);
        let mut sum = DVector::zeros(xs.len());
        for (p, &weight) in positions.iter().zip(filter.weights) {
            let expect = |f: &dyn Fn(usize) -> f64| (0..CODES).map(|a| p[a] * f(a)).sum::<f64>();
            let e = |a: usize| f64::from(errors[usize::from(weight) * CODES + a]);
            let x = |r: usize, a: usize| f64::from(xs[r].x[a]);
            let mean = expect(&e);
            let means: Vec<f64> = (0..xs.len()).map(|r| expect(&|a| x(r, a))).collect();
            before += expect(&|a| (e(a) - mean).powi(2));
            for r in 0..xs.len() {
                sum[r] += expect(&|a| (e(a) - mean) * (x(r, a) - means[r]));
                for s in 0..xs.len() {
                    let product = expect(&|a| (x(r, a) - means[r]) * (x(s, a) - means[s]));
                    covariance_x[(r, s)] += product / filters.len() as f64;
                }
            }
        }
        shared.push(sum);
    }
    let inverse = pseudo_inverse(&covariance_x);
    shared.iter().map(|sum| sum.dot(&(&inverse * sum))).sum::<f64>() / before
}

/// x of 4 bits without pattern.
fn some_function(seed: usize) -> CodeFunction {
    let x = std::array::from_fn(|a| ((a * a * (7 + seed) + a * 13 + seed) >> 3) as u16 % 16);
    CodeFunction { function: ControlFunction::Auto, x }
}

fn layer<'a>(weights: &'a [u8], codes: &'a super::super::SeenCodes, groups: usize) -> Layer<'a> {
    let depth = 2 * codes.channels.as_ref().unwrap().counts.len() / groups;
    Layer { filters: weights.chunks_exact(depth).collect(), groups, codes, is_exact: false }
}

#[test]
fn the_removed_share_is_that_of_each_positions_distribution() {
    let weights: Vec<u8> = (0..48).map(|i| (i * i * 31 + 7) as u8).collect();
    let codes = two_groups();
    let channels = codes.channels.as_ref().unwrap();
    for multiplier in [truncated(8), lossy_or()] {
        let errors = multiplier.errors(WeightCoding::Unsigned);
        let layer = layer(&weights, &codes, 2);
        let form = LayerForm::by_channel(&Errors::new(&errors), channels, &layer);
        let xs: Vec<CodeFunction> = (0..3).map(some_function).collect();
        for given in [&xs[..0], &xs[..1], &xs[..2]] {
            let left = form.without(given);
            let mut x = xs[2 % (given.len() + 1)].x;
            x[11] = 9;
            let mut state = State::new(&left, &x);
            for (code, new) in [(9, 3), (200, 15), (11, 0), (9, 8)] {
                let change = Change { code, old: f64::from(x[code]), new: f64::from(new) };
                let predicted = state.moments(change).share();
                state.apply(change);
                x[code] = new;
                let with = CodeFunction { function: ControlFunction::Auto, x };
                let all = [given, &[with]].concat();
                let expected = removed(&layer, &errors, &all) - removed(&layer, &errors, given);
                assert!(expected > 1e-4, "{multiplier}: {expected}");
                for share in [predicted, state.moments(NO_CHANGE).share()] {
                    let name = format!("{multiplier} beside {}", given.len());
                    assert!((share - expected).abs() < 1e-9, "{name}: {share}, {expected}");
                }
            }
        }
    }
}

#[test]
fn a_function_fitted_to_channels_leaves_less_of_them() {
    let weights: Vec<u8> = (0..640u32).map(|i| (i * i * 7 + i * 13) as u8).collect();
    let codes = two_groups();
    let layers = [layer(&weights, &codes, 1)];
    for multiplier in [truncated(8), lossy_or()] {
        let left = |statistics, multiplier: &Multiplier| {
            let options = ControlOptions { statistics, terms: 2, ..ControlOptions::default() };
            let (coding, auto) = (WeightCoding::Unsigned, Some(ControlFunction::Auto));
            let fitted = functions(&layers, coding, multiplier, auto, options).unwrap();
            let errors = Errors::new(&multiplier.errors(coding));
            residual_share(&layers, &errors, &fitted, Statistics::Channel)
        };
        let [pooled, channel] = Statistics::ALL.map(|how| left(how, &multiplier));
        assert!(channel < 0.99 * pooled, "{multiplier}: {channel}, {pooled}");
    }
}
