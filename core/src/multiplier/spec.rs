//! How a multiplier is written on the command line.

use std::fmt;
use std::str::FromStr;

use recoup_kernels::WeightCoding;

use crate::hint::Hint;

use super::{FAMILIES, Mask, Multiplier, Products};

/// The valid spellings, for help texts and error messages.
pub const SPEC_HELP: SpecHelp = SpecHelp;

/// See [`SPEC_HELP`].
#[derive(Clone, Copy, Debug)]
pub struct SpecHelp;

impl fmt::Display for SpecHelp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "exact, ")?;
        for family in FAMILIES {
            write!(formatter, "{}:M (1 to {}), ", family.name, family.most)?;
        }
        write!(
            formatter,
            "mask:0xHHHHHHHHHHHHHHHH (64 bits, bit 8 i + l keeps a_i w_l), table:FILE (65,536 \
             products: .bin, .npy, .csv, .txt, .h), verilog:FILE[,FILE...][:TOP] (8 x 8 bits, \
             combinational, in one file or several; or yosys' JSON), a file's path alone, or a \
             whole library as \"DIR/*\""
        )
    }
}

/// The families in words, a line each.
#[derive(Clone, Copy, Debug)]
pub struct FamilyHelp;

impl fmt::Display for FamilyHelp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Families, from level 1 on:")?;
        for family in FAMILIES {
            let spelling = format!("{}:M", family.name);
            write!(formatter, "\n  {spelling:<14} to {:<4} {}", family.most, family.help)?;
        }
        Ok(())
    }
}

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
        "multiplier {name} multiplies {} weights",
        match .coding { WeightCoding::Signed => "signed", WeightCoding::Unsigned => "unsigned" }
    )]
    Coding {
        /// The multiplier.
        name: String,
        /// That of its weights.
        coding: WeightCoding,
    },
}

impl MultiplierError {
    /// What would help, where the text does not say it.
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::Coding { coding, .. } => Some(Hint::ChooseWeights(*coding)),
            Self::Unknown(_) | Self::Level { .. } | Self::Mask(_) => None,
        }
    }
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
        if let Some(&family) = FAMILIES.iter().find(|family| family.name == name) {
            let level = argument.parse().ok().filter(|level| (1..=family.most).contains(level));
            return level.map(|level| family.level(level)).ok_or_else(|| MultiplierError::Level {
                spec: spec.into(),
                family: family.name,
                most: family.most,
            });
        }
        match name {
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
        let text = match self.products {
            Products::Mask(mask) => mask.to_string(),
            Products::Table(_) => "table".to_owned(),
        };
        formatter.pad(&text)
    }
}

impl fmt::Display for Mask {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.member {
            Some(member) => member.fmt(formatter),
            None if self.bits == u64::MAX => formatter.write_str("exact"),
            None => write!(formatter, "mask:{:#018x}", self.bits),
        }
    }
}

/// What a multiplier from a file is called: as `name`, which may be nobody else's specification.
/// But for `exact`, all of these have a colon.
pub(super) fn label(name: &str) -> String {
    match name == "exact" || name.contains(':') {
        true => format!("file:{name}"),
        false => name.to_owned(),
    }
}
