//! The functions x of the activation code that hardware can compute.

use std::fmt;

/// A function of the activation code alone. "Low bits" are those that the multiplier's error
/// depends on: for a mask, the bits whose row loses a partial product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlFunction {
    /// The low bits, as a number: wires only.
    LowBits,
    /// Whether any low bit is set: one OR.
    AnyBit,
    /// How many low bits are set.
    Popcount,
    /// Each low bit times what it loses on average over uniform weights: for a mask
    /// `2^i (255 & ~keep_i) / 2`, in the smallest integers of the same ratios.
    Weighted,
    /// Any function of few bits, fitted to the multiplier's error: a table of 256 entries, looked
    /// up once per activation.
    Auto,
}

impl ControlFunction {
    /// What computes it, once per activation, beside an array: in words.
    pub fn hardware(self) -> &'static str {
        match self {
            Self::LowBits => "wires",
            Self::AnyBit => "an OR",
            Self::Popcount => "a bit counter",
            Self::Weighted => "an adder of constants",
            Self::Auto => "a table of 256 entries",
        }
    }

    /// The functions that a name alone defines, cheapest first.
    pub const NAMED: [Self; 4] = [Self::LowBits, Self::AnyBit, Self::Popcount, Self::Weighted];
}

impl fmt::Display for ControlFunction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::LowBits => "low-bits",
            Self::AnyBit => "any-bit",
            Self::Popcount => "popcount",
            Self::Weighted => "weighted",
            Self::Auto => "auto",
        })
    }
}
