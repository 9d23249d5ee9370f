//! How control variates are named on the command line.

use std::fmt;
use std::str::FromStr;

use super::ControlFunction;
use crate::as_text;

/// The valid spellings, for help texts and error messages.
pub const MODE_HELP: ModeHelp = ModeHelp;

/// See [`MODE_HELP`].
#[derive(Clone, Copy, Debug)]
pub struct ModeHelp;

impl fmt::Display for ModeHelp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "none, constant, paper, fitted, fitted:FUNCTION, regressed, regressed:FUNCTION \
             (FUNCTION: "
        )?;
        for function in ControlFunction::NAMED {
            write!(formatter, "{function}, ")?;
        }
        write!(formatter, "{})", ControlFunction::Auto)
    }
}

/// Which distribution of codes [`Mode::Fitted`] and [`Mode::Constant`] assume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistics {
    /// One for all positions of a layer, eq. (3.7).
    Pooled,
    /// One for each input channel, with padding as it falls, eq. (3.17).
    Channel,
}

impl Statistics {
    /// All, for help texts and error messages.
    pub const ALL: [Self; 2] = [Self::Pooled, Self::Channel];
}

impl fmt::Display for Statistics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Pooled => "pooled",
            Self::Channel => "channel",
        })
    }
}

impl FromStr for Statistics {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        as_text::find("statistics", text, &Self::ALL)
    }
}

/// Where C and C0 come from for products of two activations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AttentionConstants {
    /// Made for each column of the array while it is loaded, eq. (3.21).
    #[default]
    Loaded,
    /// One C and one C0 for each layer.
    Layer,
    /// C0 alone, made for each column.
    Constant,
    /// No correction of these products.
    None,
}

impl AttentionConstants {
    /// All, for help texts and error messages.
    pub const ALL: [Self; 4] = [Self::Loaded, Self::Layer, Self::Constant, Self::None];

    /// Whether the array makes any of them while it is loaded, where a mode corrects all products.
    pub fn are_made_when_loaded(self, mode: Mode) -> bool {
        mode != Mode::None && matches!(self, Self::Loaded | Self::Constant)
    }

    /// Whether these are a C and a C0 by eq. (3.21), for which the array needs most.
    pub fn are_c_and_c0(self, mode: Mode) -> bool {
        self == Self::Loaded && matches!(mode, Mode::Fitted(_) | Mode::Regressed(_))
    }
}

impl fmt::Display for AttentionConstants {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Loaded => "loaded",
            Self::Layer => "layer",
            Self::Constant => "constant",
            Self::None => "none",
        })
    }
}

impl FromStr for AttentionConstants {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        as_text::find("attention constants", text, &Self::ALL)
    }
}

/// Where C and C0 come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// No correction: V = 0.
    None,
    /// C0 alone: the mean of the error.
    Constant,
    /// The paper's data-free constants.
    Paper,
    /// Eq. (3.3) and (3.4) over the calibration histogram; with the named x, or the best.
    Fitted(Option<ControlFunction>),
    /// Least squares of the actual error on the actual X over the calibration images.
    Regressed(Option<ControlFunction>),
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, function) = match self {
            Self::None => ("none", None),
            Self::Constant => ("constant", None),
            Self::Paper => ("paper", None),
            Self::Fitted(function) => ("fitted", *function),
            Self::Regressed(function) => ("regressed", *function),
        };
        match function {
            Some(function) => formatter.pad(&format!("{name}:{function}")),
            None => formatter.pad(name),
        }
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let invalid =
            || format!("unknown control variate \"{text}\"; expected one of: {MODE_HELP}");
        let (name, function) = match text.split_once(':') {
            None => (text, None),
            Some((name, function)) => {
                let mut all = ControlFunction::NAMED.into_iter().chain([ControlFunction::Auto]);
                (name, Some(all.find(|x| x.to_string() == function).ok_or_else(invalid)?))
            }
        };
        match (name, function) {
            ("none", None) => Ok(Self::None),
            ("constant", None) => Ok(Self::Constant),
            ("paper", None) => Ok(Self::Paper),
            ("fitted", function) => Ok(Self::Fitted(function)),
            ("regressed", function) => Ok(Self::Regressed(function)),
            _ => Err(invalid()),
        }
    }
}
