//! The functions x of the activation code that cheap hardware can compute.

use std::fmt;

use crate::multiplier::Multiplier;

/// A function of the activation code alone. "Low bits" are those whose row of the multiplier
/// loses a partial product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlFunction {
    /// The low bits, as a number: wires only.
    LowBits,
    /// Whether any low bit is set: one OR.
    AnyBit,
    /// How many low bits are set.
    Popcount,
    /// Each low bit times what its row loses on average over uniform weights,
    /// `2^i (255 & ~keep_i) / 2`, in the smallest integers of the same ratios.
    Weighted,
}

impl ControlFunction {
    /// All of them, cheapest first.
    pub const ALL: [Self; 4] = [Self::LowBits, Self::AnyBit, Self::Popcount, Self::Weighted];

    /// x(a) for every code.
    pub fn table(self, multiplier: &Multiplier) -> [u16; 256] {
        let low_bits = multiplier.lossy_rows();
        let loss: [u16; 8] =
            std::array::from_fn(|row| u16::from(!multiplier.kept_in_row(row as u32)) << row);
        let divisor =
            loss.iter().fold(0, |divisor, &loss| greatest_common_divisor(divisor, loss)).max(1);
        std::array::from_fn(|code| {
            let low = code as u8 & low_bits;
            match self {
                Self::LowBits => u16::from(low),
                Self::AnyBit => u16::from(low != 0),
                Self::Popcount => low.count_ones() as u16,
                Self::Weighted => {
                    (0..8).filter(|row| low >> row & 1 == 1).map(|row| loss[row] / divisor).sum()
                }
            }
        })
    }
}

fn greatest_common_divisor(a: u16, b: u16) -> u16 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

impl fmt::Display for ControlFunction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::LowBits => "low-bits",
            Self::AnyBit => "any-bit",
            Self::Popcount => "popcount",
            Self::Weighted => "weighted",
        })
    }
}
