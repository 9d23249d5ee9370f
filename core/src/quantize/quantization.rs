//! Whether the codes of activations are chosen for the multiplier that reads them.

use std::fmt;
use std::str::FromStr;

use crate::as_text;

/// How a configuration's activations become codes, and what makes up for what is left of the errors
/// of its outputs (docs/arithmetic.md, section 6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Quantization {
    /// Ranges and the rounding of the codes are chosen for the multiplier and its control
    /// variate, eq. (6.3) to (6.6), and (6.11); otherwise they are the calibration's.
    pub aware: bool,
    /// What is done to the filters' outputs, if that helps by (6.11).
    pub outputs: OutputCorrection,
}

/// How the outputs of filters are brought back to those of exact products, before they become codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OutputCorrection {
    /// Not at all.
    #[default]
    None,
    /// The mean that is left of each filter's error is taken off its bias, eq. (6.7).
    Bias,
    /// Each filter's scale makes up for the share of the signal that is missing, eq. (6.8), and its
    /// bias for the mean, eq. (6.10).
    Gain,
    /// The same with one gain for all filters of a layer, eq. (6.9).
    LayerGain,
}

impl OutputCorrection {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::None, Self::Bias, Self::Gain, Self::LayerGain];
}

/// The values of the option, for help texts.
pub const QUANTIZATION_HELP: &str = "plain (the calibration's ranges) or aware (ranges and rounding of the codes chosen for the \
     multiplier); with +bias, biases make up for the mean error left, with +gain, scales also for \
     the share of the signal that is missing, with +layer-gain, one scale for all filters of a layer";

impl Quantization {
    /// The calibration's own ranges and the model's own biases.
    pub const PLAIN: Self = Self { aware: false, outputs: OutputCorrection::None };

    /// The calibration's own ranges, and a gain for each filter.
    pub const GAIN: Self = Self { aware: false, outputs: OutputCorrection::Gain };

    /// Ranges and roundings chosen for the multiplier, and a gain for each filter.
    pub const CHOSEN: Self = Self { aware: true, outputs: OutputCorrection::Gain };

    /// Each of them once.
    pub const ALL: [Self; 8] = {
        let mut all = [Self::PLAIN; 8];
        let mut at = 0;
        while at < all.len() {
            all[at] = Self { aware: at >= 4, outputs: OutputCorrection::ALL[at % 4] };
            at += 1;
        }
        all
    };
}

impl fmt::Display for Quantization {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes = if self.aware { "aware" } else { "plain" };
        let outputs = match self.outputs {
            OutputCorrection::None => "",
            OutputCorrection::Bias => "+bias",
            OutputCorrection::Gain => "+gain",
            OutputCorrection::LayerGain => "+layer-gain",
        };
        formatter.pad(&format!("{codes}{outputs}"))
    }
}

impl FromStr for Quantization {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        as_text::find("quantisation", name, &Self::ALL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_a_round_trip() {
        for quantization in Quantization::ALL {
            assert_eq!(quantization.to_string().parse(), Ok(quantization));
        }
        let error = "clever".parse::<Quantization>().unwrap_err();
        assert!(error.contains("aware+bias"), "{error}");
    }
}
