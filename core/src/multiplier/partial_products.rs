//! A mask as what hardware adds up: the one description from which circuits are made.

use recoup_kernels::WeightCoding;

use super::{Mask, Multiplier, Products, kept_in_row};

/// One kept product of an activation bit and a weight bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PartialProduct {
    /// i of `a_i`.
    pub activation_bit: u32,
    /// l of `w_l`.
    pub weight_bit: u32,
    /// It weighs 2^column: i + l, and 8 + i for a sign extension that stands alone.
    pub column: u32,
    /// It is subtracted.
    pub negative: bool,
}

impl PartialProduct {
    /// What it contributes to a product.
    pub fn value(&self, weight: u8, activation: u8) -> i32 {
        let both = weight >> self.weight_bit & 1 & activation >> self.activation_bit & 1;
        let magnitude = i32::from(both) << self.column;
        if self.negative { -magnitude } else { magnitude }
    }
}

impl Multiplier {
    /// The partial products whose sum is [`Multiplier::product`], row by row; `None` if it is no
    /// mask.
    ///
    /// In a signed coding, a row that keeps w_7 and its sign extension has one negative product in
    /// column 7 + i (2^(7+i) - 2^(8+i), eq. (2.3)); one that keeps the sign extension alone has it
    /// in column 8 + i, eq. (2.4).
    pub fn partial_products(&self, coding: WeightCoding) -> Option<Vec<PartialProduct>> {
        let Products::Mask(Mask { bits, sign_rows, .. }) = self.products else { return None };
        let sign_rows = match coding {
            WeightCoding::Unsigned => 0,
            WeightCoding::Signed => sign_rows,
        };
        let mut all = Vec::new();
        for row in 0..8 {
            let kept = kept_in_row(bits, row);
            let signed = sign_rows >> row & 1 == 1;
            for weight_bit in (0..8).filter(|bit| kept >> bit & 1 == 1) {
                let negative = signed && weight_bit == 7;
                let column = row + weight_bit;
                all.push(PartialProduct { activation_bit: row, weight_bit, column, negative });
            }
            if signed && kept >> 7 == 0 {
                let (weight_bit, column) = (7, row + 8);
                all.push(PartialProduct {
                    activation_bit: row,
                    weight_bit,
                    column,
                    negative: true,
                });
            }
        }
        Some(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::multiplier::{Family, all_pairs, truncated};

    #[test]
    fn their_sum_is_the_product_for_all_pairs_in_both_codings() {
        let families = [Multiplier::exact(), Multiplier::from_mask(0x1234_5678_9abc_def0)]
            .into_iter()
            .chain(Family::members().map(Multiplier::of_member));
        let count = 2 * (2 + Family::members().count());
        let mut checked = 0;
        for multiplier in families {
            for coding in [WeightCoding::Unsigned, WeightCoding::Signed] {
                let parts = multiplier.partial_products(coding).unwrap();
                for (weight, activation) in all_pairs() {
                    let sum: i32 = parts.iter().map(|part| part.value(weight, activation)).sum();
                    let product = multiplier.product(weight, activation, coding);
                    assert_eq!(sum, product, "{multiplier} {coding:?} {weight} {activation}");
                }
                checked += 1;
            }
        }
        assert_eq!(checked, count);
    }

    /// Eq. (2.4): row 0 of the signed truncated(8) has nothing but its sign extension.
    #[test]
    fn signed_truncated_8_keeps_a_lone_sign_extension() {
        let parts = truncated(8).partial_products(WeightCoding::Signed).unwrap();
        let row_0: Vec<_> = parts.iter().filter(|part| part.activation_bit == 0).collect();
        let lone = PartialProduct { activation_bit: 0, weight_bit: 7, column: 8, negative: true };
        assert_eq!(row_0, [&lone]);
    }
}
