//! How a multiplier is written on the command line.

use std::fmt;
use std::str::FromStr;

use super::{Family, Multiplier, Products, perforated, recursive, truncated};

/// The valid spellings, for help texts and error messages.
pub const SPEC_HELP: &str = "exact, perforated:M (1 to 7), truncated:M (1 to 8), recursive:M (1 to 7), \
     mask:0xHHHHHHHHHHHHHHHH (64 bits, bit 8 i + l keeps a_i w_l), table:FILE (65,536 products: .bin, \
     .npy, .csv, .txt, .h), verilog:FILE[,FILE...][:TOP] (8 x 8 bits, combinational, in one file or several; \
     or yosys' JSON), a file's \
     path alone, or a whole library as \"DIR/*\"";

/// A multiplier specification that means nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MultiplierError {
    /// No such family.
    #[error("unknown multiplier \"{0}\"; expected one of: {SPEC_HELP}")]
    Unknown(String),
    /// The family exists, the level does not.
    #[error("multiplier \"{spec}\": {family} takes a level from 1 to {most}")]
    Level {
        /// What was given.
        spec: String,
        /// The family's name.
        family: &'static str,
        /// Its highest level.
        most: u32,
    },
    /// Not 64 bits in hexadecimal.
    #[error(
        "multiplier \"{0}\": expected a mask of up to 64 bits in hexadecimal, as in mask:0xfffefcf8f0e0c080"
    )]
    Mask(String),
    /// A circuit from a file is for one coding of the weights.
    #[error(
        "multiplier {name} multiplies {} weights; give --weights {}",
        if *.signed { "signed" } else { "unsigned" },
        if *.signed { "i8-channel" } else { "u8-channel or u8-tensor" }
    )]
    Coding {
        /// The multiplier.
        name: String,
        /// Whether its weights are signed.
        signed: bool,
    },
}

impl FromStr for Multiplier {
    type Err = MultiplierError;

    fn from_str(spec: &str) -> Result<Self, Self::Err> {
        if spec == "exact" {
            return Ok(Self::exact());
        }
        let Some((name, argument)) = spec.split_once(':') else {
            return Err(MultiplierError::Unknown(spec.into()));
        };
        let level = |family, most| {
            let level = argument.parse().ok().filter(|level| (1..=most).contains(level));
            level.ok_or_else(|| MultiplierError::Level { spec: spec.into(), family, most })
        };
        match name {
            "perforated" => level("perforated", 7).map(perforated),
            "truncated" => level("truncated", 8).map(truncated),
            "recursive" => level("recursive", 7).map(recursive),
            "mask" => argument
                .strip_prefix("0x")
                .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
                .and_then(|digits| u64::from_str_radix(digits, 16).ok())
                .map(Multiplier::from_mask)
                .ok_or_else(|| MultiplierError::Mask(spec.into())),
            _ => Err(MultiplierError::Unknown(spec.into())),
        }
    }
}

impl fmt::Display for Multiplier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(label) = &self.label {
            return formatter.pad(label);
        }
        let Products::Mask { family, mask } = self.products else {
            return formatter.pad("table");
        };
        let text = match family {
            Family::Exact => "exact".to_string(),
            Family::Perforated(m) => format!("perforated:{m}"),
            Family::Truncated(m) => format!("truncated:{m}"),
            Family::Recursive(m) => format!("recursive:{m}"),
            Family::Mask => format!("mask:{mask:#018x}"),
        };
        formatter.pad(&text)
    }
}
