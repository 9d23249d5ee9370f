//! What a control variate costs in gates, counted without a synthesis tool.

use super::{CodeFunction, ControlFunction, ControlVariate};

/// Rows of the array that costs are for: products that one column sums.
pub const ROWS: u32 = 64;

/// The hardware of one term C X beside an array of [`ROWS`] rows, eq. (3.15) and (3.16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TermCost {
    /// Bits of x.
    pub x_bits: u32,
    /// Bits of C as stored, over all filters; in two's complement if one is negative.
    pub c_bits: u32,
    /// Bits of X, the sum of x over the rows.
    pub sum_bits: u32,
    /// Full adders of the x line in each row: those that form x, and those that add it. The table
    /// of a fitted x is not among them.
    pub row_full_adders: u32,
    /// Full adders of the multiplier of C and X in each MAC+, one for each partial product.
    pub mac_full_adders: u32,
}

impl TermCost {
    /// The cost of a function whose constants are `c`, in units of their last bit.
    pub fn new(function: &CodeFunction, c: impl Iterator<Item = i32>) -> Self {
        let most = u32::from(function.x.into_iter().max().unwrap_or(0));
        let (x_bits, sum_bits) = (bits(most), bits(ROWS * most));
        let c_bits = stored_bits(c);
        Self {
            x_bits,
            c_bits,
            sum_bits,
            row_full_adders: forming(function, x_bits) + sum_bits,
            mac_full_adders: c_bits * sum_bits,
        }
    }
}

impl ControlVariate {
    /// What each term costs, with the constants of all layers.
    pub fn costs(&self) -> Vec<TermCost> {
        let terms = self.functions.iter().enumerate();
        let constants = |term: usize| self.layers.iter().filter_map(move |layer| layer.c.get(term));
        terms.map(|(term, x)| TermCost::new(x, constants(term).flatten().copied())).collect()
    }
}

/// Full adders that form x from the bits of the code. Each takes three bits and leaves two, so as
/// many are needed as there are bits more than in the result.
fn forming(function: &CodeFunction, x_bits: u32) -> u32 {
    match function.function {
        ControlFunction::LowBits | ControlFunction::Popcount | ControlFunction::Weighted => {
            let summands: u32 = (0..8).map(|bit| function.x[1 << bit].count_ones()).sum();
            summands.saturating_sub(x_bits)
        }
        ControlFunction::AnyBit | ControlFunction::Auto => 0,
    }
}

/// Bits of an unsigned number.
fn bits(number: u32) -> u32 {
    u32::BITS - number.leading_zeros()
}

/// Bits of a register for any of these numbers.
fn stored_bits(numbers: impl Iterator<Item = i32>) -> u32 {
    let (low, high) = numbers.fold((0, 0), |(low, high): (i32, i32), n| (low.min(n), high.max(n)));
    // A negative number needs the bits of its complement, and the sign.
    let magnitude = bits(high.unsigned_abs()).max(bits((!low.min(-1)).unsigned_abs()));
    magnitude + u32::from(low < 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control_variate::LayerConstants;
    use crate::multiplier::{Multiplier, perforated, truncated};

    fn named(function: ControlFunction, multiplier: &Multiplier) -> CodeFunction {
        CodeFunction::named(function, multiplier).unwrap()
    }

    #[test]
    fn costs_counted_by_hand() {
        let low = named(ControlFunction::LowBits, &perforated(3));
        let any = named(ControlFunction::AnyBit, &truncated(8));
        let popcount = named(ControlFunction::Popcount, &truncated(8));
        let weighted = named(ControlFunction::Weighted, &truncated(3));
        let mut fitted = CodeFunction { function: ControlFunction::Auto, x: [0; 256] };
        fitted.x[200] = 15;
        for (function, c, [x_bits, c_bits, sum_bits, row_full_adders, mac_full_adders]) in [
            // At most 7, and 448 in 64 rows. 128 x 16 fills 12 bits.
            (&low, 2048, [3, 12, 9, 9, 108]),
            // At most 1, and 64.
            (&any, 511, [1, 9, 7, 7, 63]),
            // Eight bits become the four of at most 8: four full adders; 512 in 64 rows.
            (&popcount, 135, [4, 8, 10, 14, 80]),
            // 7, 6 and 4 are six bits, their sum of at most 17 has five; 1088 in 64 rows.
            (&weighted, 8, [5, 4, 11, 12, 44]),
            // At most 15, and 960; a table forms it.
            (&fitted, 1, [4, 1, 10, 10, 10]),
        ] {
            let expected = TermCost { x_bits, c_bits, sum_bits, row_full_adders, mac_full_adders };
            assert_eq!(TermCost::new(function, [0, c, c / 2].into_iter()), expected);
        }
    }

    #[test]
    fn bits_of_stored_constants() {
        for (numbers, expected) in [
            (&[][..], 0),
            (&[0], 0),
            (&[1, 0], 1),
            (&[127, 128], 8),
            (&[-1], 1),
            (&[-2, 1], 2),
            (&[-3, 2], 3),
            (&[-4, 3], 3),
            (&[-4, 4], 4),
            (&[i32::MIN, i32::MAX], 32),
        ] {
            assert_eq!(stored_bits(numbers.iter().copied()), expected, "{numbers:?}");
        }
    }

    #[test]
    fn the_widest_constant_of_all_layers_counts_term_by_term() {
        let popcount = named(ControlFunction::Popcount, &truncated(7));
        let any = named(ControlFunction::AnyBit, &truncated(7));
        let layer = |c: [[i32; 2]; 2]| LayerConstants {
            c: c.map(Vec::from).into(),
            c0: vec![0; 2],
            load: None,
        };
        let control = ControlVariate {
            functions: vec![popcount, any],
            c_frac: 4,
            layers: vec![layer([[100, 3], [-5, 0]]), layer([[7, 260], [2, 1]])],
        };
        let bits: Vec<_> = control.costs().iter().map(|cost| (cost.x_bits, cost.c_bits)).collect();
        assert_eq!(bits, [(3, 9), (1, 4)]);
    }
}
