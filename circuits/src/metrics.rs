//! How wrong a multiplier is over all 65,536 pairs, as EvoApproxLib defines it.

use crate::ProductTable;

/// What percentages of MAE and WCE are of: the number of values a 16-bit product can take.
pub const PRODUCT_RANGE: f64 = 65536.0;

/// Error metrics with uniformly distributed operands; the error is e = w a - p(w, a).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metrics {
    /// Mean of |e|, in units of the product.
    pub mae: f64,
    /// Largest |e|, in units of the product.
    pub wce: u32,
    /// Share of pairs with a wrong product, 0 to 1.
    pub ep: f64,
    /// Mean of |e| / |w a| over the pairs whose product is not 0.
    pub mre: f64,
    /// Mean of e^2.
    pub mse: f64,
    /// Mean of e, signed: the bias that a constant correction removes.
    pub mean_error: f64,
}

impl Metrics {
    /// The metrics of `table`, by going through every pair.
    pub fn of(table: &ProductTable) -> Self {
        let pairs = (0..=u16::MAX).zip(table.products()).map(|(pair, &product)| {
            let [weight, activation] = pair.to_be_bytes();
            (table.operands().product(weight, activation), product)
        });
        Self::of_pairs(pairs)
    }

    /// The metrics over pairs of operands, of each the exact product and what the multiplier
    /// returns.
    pub fn of_pairs(pairs: impl Iterator<Item = (i32, i32)>) -> Self {
        let (mut absolute, mut signed, mut wrong, mut worst) = (0u64, 0i64, 0u32, 0u32);
        // Products may fill 32 bits: a square then takes 64, and their sum more.
        let mut squared = 0u128;
        let (mut relative, mut nonzero, mut count) = (0.0, 0u32, 0u32);
        for (exact, product) in pairs {
            count += 1;
            let error = i64::from(exact) - i64::from(product);
            let size = error.unsigned_abs();
            absolute += size;
            signed += error;
            squared += u128::from(size) * u128::from(size);
            wrong += u32::from(error != 0);
            // At most 2^31 + 2^16.
            worst = worst.max(size as u32);
            // The library leaves out the pairs where a relative error is not defined.
            if exact != 0 {
                relative += size as f64 / f64::from(exact.unsigned_abs());
                nonzero += 1;
            }
        }
        let pairs = f64::from(count);
        Self {
            mae: absolute as f64 / pairs,
            wce: worst,
            ep: f64::from(wrong) / pairs,
            mre: relative / f64::from(nonzero),
            mse: squared as f64 / pairs,
            mean_error: signed as f64 / pairs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operands;

    fn rounded(value: f64, digits: i32) -> f64 {
        let scale = 10f64.powi(digits);
        (value * scale).round() / scale
    }

    /// EvoApproxLib's mul8s_1L2H is an exact multiplier without the two lowest operand bits; the
    /// library publishes these numbers for it.
    #[test]
    fn published_metrics_of_a_signed_circuit() {
        let table = ProductTable::from_fn(Operands::Signed, |weight, activation| {
            i32::from(weight as i8 & !1) * i32::from(activation as i8 & !1)
        });
        let metrics = Metrics::of(&table);
        assert_eq!(rounded(100.0 * metrics.mae / PRODUCT_RANGE, 3), 0.081);
        assert_eq!(rounded(metrics.mae, 0), 53.0);
        assert_eq!(metrics.wce, 255);
        assert_eq!(rounded(100.0 * metrics.ep, 2), 74.61);
        assert_eq!(rounded(100.0 * metrics.mre, 2), 4.41);
        assert_eq!(metrics.mse, 5461.75);
    }

    #[test]
    fn exact_products_have_no_error() {
        for operands in Operands::ALL {
            let metrics = Metrics::of(&ProductTable::exact(operands));
            let none = Metrics { mae: 0.0, wce: 0, ep: 0.0, mre: 0.0, mse: 0.0, mean_error: 0.0 };
            assert_eq!(metrics, none);
        }
    }

    /// One wrong entry, by hand: 3 x 5 = 17 has e = -2.
    #[test]
    fn one_wrong_entry() {
        let table = ProductTable::from_fn(Operands::Unsigned, |weight, activation| {
            i32::from(weight) * i32::from(activation)
                + if (weight, activation) == (3, 5) { 2 } else { 0 }
        });
        let metrics = Metrics::of(&table);
        let pairs = 65536.0;
        let expected = Metrics {
            mae: 2.0 / pairs,
            wce: 2,
            ep: 1.0 / pairs,
            mre: 2.0 / 15.0 / (255.0 * 255.0),
            mse: 4.0 / pairs,
            mean_error: -2.0 / pairs,
        };
        assert_eq!(metrics, expected);
    }

    #[test]
    fn products_of_32_bits_do_not_overflow() {
        let table = ProductTable::new(Operands::Unsigned, vec![i32::MIN; ProductTable::LEN]);
        let metrics = Metrics::of(&table);
        assert_eq!(metrics.wce, (1 << 31) + 255 * 255);
        assert!(metrics.mse > 2f64.powi(62));
    }
}
