//! Where products of two activations run.

use std::fmt;
use std::str::FromStr;

use crate::as_text;

/// Where products of two activations run: those of queries with keys, and of what softmax makes of
/// them with values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Attention {
    /// On the multipliers, like all others.
    #[default]
    Emulated,
    /// On exact multipliers of an array beside it, in codes of 8 bits.
    Exact,
    /// In float32.
    Float,
}

/// The choices, for help texts.
pub const ATTENTION_HELP: &str = "emulated (on the multipliers), exact (in 8-bit \
                                  codes on an exact array of their own), float (in float32)";

impl Attention {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Emulated, Self::Exact, Self::Float];
}

impl fmt::Display for Attention {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Emulated => "emulated",
            Self::Exact => "exact",
            Self::Float => "float",
        })
    }
}

impl FromStr for Attention {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        as_text::find("attention", name, &Self::ALL)
    }
}
