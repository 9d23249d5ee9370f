//! Whether the codes of activations are chosen for the multiplier that reads them.

use std::fmt;
use std::str::FromStr;

use crate::as_text;

/// How a configuration's activations become codes, and whether its biases make up for what is
/// left (docs/arithmetic.md, section 6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Quantization {
    /// Ranges and the rounding of the codes are chosen for the multiplier and its control
    /// variate, eq. (6.3) to (6.6), and (6.8); otherwise they are the calibration's.
    pub aware: bool,
    /// The mean that is left of each filter's error is taken off its bias, eq. (6.7), if that
    /// helps by (6.8).
    pub bias_correction: bool,
}

/// The values of the option, for help texts.
pub const QUANTIZATION_HELP: &str = "plain (the calibration's ranges), aware (ranges and rounding of the codes chosen for the \
     multiplier), plain+bias, aware+bias (biases then make up for the mean error left)";

impl Quantization {
    /// The calibration's own ranges and the model's own biases.
    pub const PLAIN: Self = Self { aware: false, bias_correction: false };

    /// Each of them once.
    pub const ALL: [Self; 4] = [
        Self::PLAIN,
        Self { aware: false, bias_correction: true },
        Self { aware: true, bias_correction: false },
        Self { aware: true, bias_correction: true },
    ];
}

impl fmt::Display for Quantization {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match (self.aware, self.bias_correction) {
            (false, false) => "plain",
            (false, true) => "plain+bias",
            (true, false) => "aware",
            (true, true) => "aware+bias",
        })
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
