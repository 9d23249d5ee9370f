//! The range of real values that the codes of a tensor cover.

use std::fmt;
use std::str::FromStr;

use crate::model::ActivationQuantization;

use super::histogram::Histogram;

/// How the range of an activation tensor is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// Smallest to largest value seen.
    MinMax,
    /// From the (100 - p)th to the p-th percentile.
    Percentile(f64),
    /// The clipping of the range that has the least mean square error.
    MeanSquare,
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MinMax => formatter.pad("min-max"),
            Self::Percentile(p) => formatter.pad(&format!("percentile:{p}")),
            Self::MeanSquare => formatter.pad("mean-square"),
        }
    }
}

/// The valid spellings, for help texts and error messages.
pub const METHOD_HELP: &str = "mean-square, min-max, percentile, percentile:P";

impl FromStr for Method {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let invalid = || {
            format!(
                "unknown calibration method \"{text}\"; expected one of {METHOD_HELP} (P above 50, at \
                 most 100)"
            )
        };
        match text.split_once(':') {
            None if text == "min-max" => Ok(Self::MinMax),
            None if text == "mean-square" => Ok(Self::MeanSquare),
            None if text == "percentile" => Ok(Self::Percentile(99.99)),
            Some(("percentile", p)) => {
                let p = p.parse().ok().filter(|p| *p > 50.0 && *p <= 100.0);
                p.map(Self::Percentile).ok_or_else(invalid)
            }
            _ => Err(invalid()),
        }
    }
}

/// The range to be covered by the codes 0 to 255.
pub(super) fn range(histogram: &Histogram, method: Method) -> (f64, f64) {
    let (min, max) = (f64::from(histogram.min), f64::from(histogram.max));
    match method {
        Method::MinMax => (min, max),
        Method::Percentile(p) => {
            (histogram.quantile(1.0 - p / 100.0), histogram.quantile(p / 100.0))
        }
        Method::MeanSquare => {
            let error = |percent: u32| {
                let share = f64::from(percent) / 100.0;
                mean_square_error(histogram, from_range(min * share, max * share))
            };
            let errors = (20..=100).rev().map(|percent| (error(percent), percent));
            let best = errors.min_by(|a, b| a.0.total_cmp(&b.0));
            let share = f64::from(best.map_or(100, |(_, percent)| percent)) / 100.0;
            (min * share, max * share)
        }
    }
}

/// Total squared difference between the values and what their codes stand for.
fn mean_square_error(histogram: &Histogram, quantization: ActivationQuantization) -> f64 {
    let scale = f64::from(quantization.scale);
    let zero_point = f64::from(quantization.zero_point);
    let errors = histogram.bins().map(|(value, count)| {
        let code = ((value / scale).round_ties_even() + zero_point).clamp(0.0, 255.0);
        let error = scale * (code - zero_point) - value;
        error * error * count as f64
    });
    errors.sum()
}

/// Scale and zero point that cover `low` to `high`; zero is always exactly a code.
pub(crate) fn from_range(low: f64, high: f64) -> ActivationQuantization {
    let (low, high) = (low.min(0.0), high.max(0.0));
    let scale = ((high - low) / 255.0) as f32;
    if !scale.is_normal() {
        return ActivationQuantization { scale: 1.0, zero_point: 0 };
    }
    let zero_point = (-low / f64::from(scale)).round_ties_even().clamp(0.0, 255.0) as u8;
    ActivationQuantization { scale, zero_point }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_a_code_and_the_range_is_covered() {
        let quantization = from_range(-1.0, 3.0);
        assert_eq!(quantization.zero_point, 64);
        assert!((quantization.scale - 4.0 / 255.0).abs() < 1e-7);
        assert_eq!(from_range(0.5, 2.0).zero_point, 0);
        assert_eq!(from_range(-2.0, -0.5).zero_point, 255);
        assert_eq!(from_range(0.0, 0.0), ActivationQuantization { scale: 1.0, zero_point: 0 });
    }

    #[test]
    fn mean_square_clips_a_lone_outlier() {
        let mut values: Vec<f32> = (0..10_000).map(|i| i as f32 / 10_000.0).collect();
        values.push(20.0);
        let mut histogram = Histogram::default();
        histogram.add(&values);
        let (low, high) = range(&histogram, Method::MeanSquare);
        assert_eq!(low, 0.0);
        assert!(high < 20.0, "{high}");
        assert_eq!(range(&histogram, Method::MinMax), (0.0, 20.0));
        let (_, high) = range(&histogram, Method::Percentile(99.9));
        assert!((high - 1.0).abs() < 0.01, "{high}");
    }

    #[test]
    fn methods_survive_a_round_trip() {
        for text in ["min-max", "mean-square", "percentile:99.9"] {
            assert_eq!(text.parse::<Method>().unwrap().to_string(), text);
        }
        for text in ["mse", "percentile:50", "percentile:101", "percentile:x"] {
            assert!(text.parse::<Method>().unwrap_err().contains("mean-square"), "{text}");
        }
    }
}
