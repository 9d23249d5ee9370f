//! Whether the codes of weights are chosen for the multiplier that reads them.

use std::fmt;
use std::str::FromStr;

use crate::as_text;

/// How the weights of a configuration become codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WeightCodes {
    /// The nearest codes, or the model's own.
    #[default]
    Plain,
    /// Those with which the multiplier and its control variate come nearest to the outputs of the
    /// exact network, eq. (6.14).
    Chosen,
}

/// The values of the option, for help texts.
pub const WEIGHT_CODES_HELP: &str = "plain (the nearest codes, or the model's own) or chosen (those \
     with which the multiplier comes nearest to the outputs of exact products)";

impl WeightCodes {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Plain, Self::Chosen];
}

impl fmt::Display for WeightCodes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Plain => "plain",
            Self::Chosen => "chosen",
        })
    }
}

impl FromStr for WeightCodes {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        as_text::find("choice of weight codes", name, &Self::ALL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_a_round_trip() {
        for codes in WeightCodes::ALL {
            assert_eq!(codes.to_string().parse(), Ok(codes));
        }
        let error = "clever".parse::<WeightCodes>().unwrap_err();
        assert!(error.contains("plain, chosen"), "{error}");
    }
}
