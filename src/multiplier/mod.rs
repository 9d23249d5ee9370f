//! Approximate multipliers: an 8-bit weight times an 8-bit activation.
//!
//! All families are one type, the partial-product mask of eq. (3): which of the 64 products
//! `a_i w_l` are kept. `exact`, [`perforated`], [`truncated`] and [`recursive`] are constructors.

mod error_metrics;
mod perforated;
mod picture;
mod recursive;
mod spec;
mod truncated;

pub use error_metrics::{ErrorMetrics, METRIC_DEFINITIONS};
pub use perforated::perforated;
pub use picture::dot_diagram;
pub use recursive::recursive;
pub use spec::{MultiplierError, SPEC_HELP};
pub use truncated::truncated;

use recoup_kernels::{Product, WeightCoding};

/// A multiplier that keeps a subset of the partial products.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multiplier {
    family: Family,
    mask: u64,
}

/// Which constructor a multiplier came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Keeps everything.
    Exact,
    /// Drops rows i < m.
    Perforated(u32),
    /// Drops columns i + l < m.
    Truncated(u32),
    /// Drops the m x m corner i < m, l < m.
    Recursive(u32),
    /// Any other subset.
    Mask,
}

impl Multiplier {
    /// The exact multiplier.
    pub fn exact() -> Self {
        Self { family: Family::Exact, mask: u64::MAX }
    }

    /// The multiplier that keeps `a_i w_l` where bit `8 i + l` of `mask` is set.
    pub fn from_mask(mask: u64) -> Self {
        Self { family: Family::Mask, mask }
    }

    /// Keeps `a_i w_l` where `keep(i, l)` says so.
    fn from_rule(family: Family, keep: impl Fn(u32, u32) -> bool) -> Self {
        let kept = (0..64).filter(|bit| keep(bit / 8, bit % 8));
        Self { family, mask: kept.fold(0, |mask, bit| mask | 1 << bit) }
    }

    /// Where it came from.
    pub fn family(&self) -> Family {
        self.family
    }

    /// Bit `8 i + l` is set when `a_i w_l` is kept.
    pub fn mask(&self) -> u64 {
        self.mask
    }

    /// Whether no product is ever wrong.
    pub fn is_exact(&self) -> bool {
        self.mask == u64::MAX
    }

    /// The bits of w that row i (activation bit i) keeps.
    pub fn kept_in_row(&self, row: u32) -> u8 {
        (self.mask >> (8 * row)) as u8
    }

    /// The activation bits whose rows lose something: the error depends on no others.
    pub fn lossy_rows(&self) -> u8 {
        (0..8).filter(|&row| self.kept_in_row(row) != 0xff).fold(0, |bits, row| bits | 1 << row)
    }

    /// The rows that keep the sign extension of a signed weight. A two's complement byte is its
    /// unsigned value minus 2^8 w_7, so each row of a signed product has a ninth partial product,
    /// -2^(8+i) a_i w_7. It goes with w_7 (whose weight thus becomes -2^7), except that truncation
    /// cuts columns below m <= 8 and nothing above them.
    fn sign_rows(&self) -> u8 {
        match self.family {
            Family::Truncated(_) => 0xff,
            _ => self.rows_that_keep_the_top_bit(),
        }
    }

    fn rows_that_keep_the_top_bit(&self) -> u8 {
        (0..8).filter(|&row| self.kept_in_row(row) >> 7 == 1).fold(0, |bits, row| bits | 1 << row)
    }

    /// p(w, a), eq. (3). `weight` is the code as stored: a two's complement byte when signed.
    pub fn product(&self, weight: u8, activation: u8, coding: WeightCoding) -> i32 {
        let negative = coding == WeightCoding::Signed && weight >> 7 == 1;
        let sign_rows = if negative { self.sign_rows() } else { 0 };
        (0..8)
            .filter(|&row| activation >> row & 1 == 1)
            .map(|row| {
                let kept = i32::from(weight & self.kept_in_row(row));
                (kept - 256 * i32::from(sign_rows >> row & 1)) << row
            })
            .sum()
    }

    /// The description that the kernels take.
    pub fn kernel_product(&self, coding: WeightCoding) -> Product {
        let sign_follows_top_bit = self.sign_rows() == self.rows_that_keep_the_top_bit();
        match coding {
            WeightCoding::Signed if !sign_follows_top_bit => {
                Product::Table(self.table(coding).into())
            }
            _ => Product::Mask(self.mask),
        }
    }

    /// e(w, a) = w a - p(w, a), eq. (4).
    pub fn error(&self, weight: u8, activation: u8, coding: WeightCoding) -> i32 {
        code_value(weight, coding) * i32::from(activation)
            - self.product(weight, activation, coding)
    }

    /// All 65,536 errors, in the order of [`Multiplier::table`].
    pub fn errors(&self, coding: WeightCoding) -> Vec<i32> {
        all_pairs().map(|(weight, activation)| self.error(weight, activation, coding)).collect()
    }

    /// All 65,536 products, `[w][a]`, w in the order of its byte.
    pub fn table(&self, coding: WeightCoding) -> Vec<i32> {
        all_pairs().map(|(weight, activation)| self.product(weight, activation, coding)).collect()
    }
}

/// The number that a weight byte stands for.
pub fn code_value(weight: u8, coding: WeightCoding) -> i32 {
    match coding {
        WeightCoding::Unsigned => i32::from(weight),
        WeightCoding::Signed => i32::from(weight as i8),
    }
}

/// All pairs (w, a) in table order.
pub fn all_pairs() -> impl Iterator<Item = (u8, u8)> {
    (0..=255).flat_map(|weight| (0..=255).map(move |activation| (weight, activation)))
}

#[cfg(test)]
mod tests;
