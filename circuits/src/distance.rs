//! How far numbers are from the products that they may be: what tells the right reading of a
//! multiplier from the wrong ones.
//!
//! An approximate multiplier is close to a product, and whatever is read wrongly is off by
//! thousands. Signed products are four times smaller than unsigned ones, and so is their distance
//! to anything; distances are compared in units of the mean product.

use crate::{Operands, product_table::value};

/// The distance of numbers to the products of operands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Distance {
    /// Mean absolute error, in units of the product.
    pub mae: f64,
    mean_product: f64,
}

impl Distance {
    /// Of triples: the byte of the weight, that of the activation, and the number.
    pub fn of(operands: Operands, triples: impl Iterator<Item = (u8, u8, i32)>) -> Self {
        let (mut sum, mut count) = (0u64, 0u32);
        for (weight, activation, number) in triples {
            let exact = i64::from(operands.product(weight, activation));
            sum += exact.abs_diff(i64::from(number));
            count += 1;
        }
        Self { mae: sum as f64 / f64::from(count), mean_product: mean_product(operands) }
    }

    /// Beyond what an approximation explains: four times as far off, and more than 1 % of 2^16.
    pub fn is_clearly_above(self, other: Self) -> bool {
        self.mae > 4.0 * other.mae && self.mae > 0.01 * 65536.0
    }

    fn relative(self) -> f64 {
        self.mae / self.mean_product
    }
}

/// A reading was asked for, and the products fit another one much better.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "read as {asked}, the products are {asked_mae:.0} off a product on average; read as {fitting}, \
     {fitting_mae:.0}; leave the option out or set it to what fits"
)]
pub struct Misread<R> {
    /// What was asked for.
    pub asked: R,
    /// Its mean absolute error, in units of the product.
    pub asked_mae: f64,
    /// The reading that fits best.
    pub fitting: R,
    /// Its mean absolute error, in units of the product.
    pub fitting_mae: f64,
}

impl<R> Misread<R> {
    /// Whether what was asked for may be right: it is not clearly further from a product than
    /// what fits best.
    pub(crate) fn check(asked: (R, Distance), fitting: (R, Distance)) -> Result<(), Self> {
        if !asked.1.is_clearly_above(fitting.1) {
            return Ok(());
        }
        let (asked_mae, fitting_mae) = (asked.1.mae, fitting.1.mae);
        Err(Self { asked: asked.0, asked_mae, fitting: fitting.0, fitting_mae })
    }
}

/// What is closest to a product, the first of several.
pub(crate) fn closest<T>(
    candidates: impl Iterator<Item = T>,
    distance: impl Fn(&T) -> Distance,
) -> Option<T> {
    candidates.reduce(|best, next| {
        if distance(&next).relative() < distance(&best).relative() { next } else { best }
    })
}

/// The mean of |w a|: how far from a product a multiplier is that always gives 0.
pub(crate) fn mean_product(operands: Operands) -> f64 {
    let mean_size =
        |signed| (0..=255).map(|byte| f64::from(value(signed, byte).abs())).sum::<f64>() / 256.0;
    mean_size(operands.weight_is_signed()) * mean_size(operands.activation_is_signed())
}
