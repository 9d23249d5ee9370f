//! Approximate multipliers: an 8-bit weight times an 8-bit activation.
//!
//! The [`FAMILIES`] are one kind, the partial-product mask of eq. (2.1): which of the 64 products
//! `a_i w_l` are kept. Every other circuit is a table of its products
//! ([`Multiplier::from_table`]); one that turns out to be a mask becomes one.

mod control_function;
mod error_metrics;
mod family;
mod identity;
mod import;
mod partial_products;
mod perforated;
mod picture;
mod recursive;
mod source;
mod spec;
mod truncated;

pub use control_function::ControlFunction;
pub use error_metrics::METRIC_DEFINITIONS;
pub use family::{Family, Member, SIGN_EXTENSION};
pub use import::{ImportError, ImportOptions, Imported};
pub use partial_products::PartialProduct;
pub use perforated::perforated;
pub use picture::dot_diagram;
pub use recursive::recursive;
pub use source::Source;
pub use spec::{FamilyHelp, MultiplierError, SPEC_HELP, SpecHelp};
pub use truncated::truncated;

use std::sync::Arc;

use recoup_circuits::{Operands, ProductTable};
use recoup_kernels::{Product, WeightCoding};

/// All families.
pub static FAMILIES: [&Family; 3] = [&perforated::FAMILY, &truncated::FAMILY, &recursive::FAMILY];

/// An 8 x 8 multiplier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multiplier {
    products: Products,
    /// The coding of the weights that it is for; a mask by name is for both.
    coding: Option<WeightCoding>,
    /// What it is called if it was read from a file.
    label: Option<Arc<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Products {
    Mask(Mask),
    /// All products of a multiplier that is no mask, `[w][a]`, w in the order of its byte, a in the
    /// order of the activation code.
    Table(Arc<[i32]>),
}

/// Which partial products are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mask {
    /// The family that it belongs to.
    member: Option<Member>,
    /// Bit `8 i + l` is set when `a_i w_l` is kept.
    bits: u64,
    /// The rows that keep the sign extension of a signed weight. A two's complement byte is its
    /// unsigned value minus 2^8 w_7, so each row of a signed product has a ninth partial product,
    /// -2^(8+i) a_i w_7, eq. (2.3).
    sign_rows: u8,
}

impl Mask {
    /// A mask that a family has is that member. In any other, the sign extension goes with w_7,
    /// whose weight thus becomes -2^7.
    fn new(bits: u64) -> Self {
        match Family::members().find(|member| member.mask() == bits) {
            Some(member) => Self::of_member(member),
            None => Self { member: None, bits, sign_rows: rows_that_keep_the_top_bit(bits) },
        }
    }

    fn of_member(member: Member) -> Self {
        Self { member: Some(member), bits: member.mask(), sign_rows: member.sign_rows() }
    }

    fn product(self, weight: u8, activation: u8, coding: WeightCoding) -> i32 {
        let negative = coding == WeightCoding::Signed && weight >> 7 == 1;
        let sign_rows = if negative { self.sign_rows } else { 0 };
        (0..8)
            .filter(|&row| activation >> row & 1 == 1)
            .map(|row| {
                let kept = i32::from(weight & kept_in_row(self.bits, row));
                (kept - 256 * i32::from(sign_rows >> row & 1)) << row
            })
            .sum()
    }
}

impl Multiplier {
    /// The exact multiplier.
    pub fn exact() -> Self {
        Self::from_mask(u64::MAX)
    }

    /// The multiplier that keeps `a_i w_l` where bit `8 i + l` of `mask` is set; the family's, if one
    /// has this mask.
    pub fn from_mask(mask: u64) -> Self {
        Self::masked(Mask::new(mask))
    }

    /// What of exact products is left for codes whose low bits are 0: the multiplier of an array
    /// that leaves these bits out.
    pub fn exact_of_widths(activation_bits: u32, weight_bits: u32) -> Self {
        let is_kept = |bit: &u32| bit / 8 >= 8 - activation_bits && bit % 8 >= 8 - weight_bits;
        Self::from_mask((0..64).filter(is_kept).fold(0, |mask, bit| mask | 1 << bit))
    }

    fn of_member(member: Member) -> Self {
        Self::masked(Mask::of_member(member))
    }

    fn masked(mask: Mask) -> Self {
        Self { products: Products::Mask(mask), coding: None, label: None }
    }

    /// A multiplier of which only the products are known, called as its file is: what could be
    /// taken for the name of another one gets `file:` before it.
    ///
    /// One with signed operands multiplies a - 128, the activation code with its top bit inverted;
    /// the 128 w that this leaves out are the zero point's business and added exactly, so that
    /// the table approximates w a like any other. // eq. (2.5)
    pub fn from_table(label: &str, table: &ProductTable) -> Self {
        let (coding, products) = match table.operands() {
            Operands::Unsigned => (WeightCoding::Unsigned, table.products().to_vec()),
            Operands::SignedWeight => (WeightCoding::Signed, table.products().to_vec()),
            Operands::Signed => {
                let shifted =
                    |(w, a): (u8, u8)| table.product(w, a ^ 0x80) + 128 * i32::from(w as i8);
                (WeightCoding::Signed, all_pairs().map(shifted).collect())
            }
        };
        let known = recognise(coding, &products).map(Products::Mask);
        Self {
            products: known.unwrap_or_else(|| Products::Table(products.into())),
            coding: Some(coding),
            label: Some(spec::label(label).into()),
        }
    }

    /// Which level of which family it is, by name or by its products.
    pub fn member(&self) -> Option<Member> {
        match self.products {
            Products::Mask(mask) => mask.member,
            Products::Table(_) => None,
        }
    }

    /// Bit `8 i + l` is set when `a_i w_l` is kept; `None` if it is no mask.
    pub fn mask(&self) -> Option<u64> {
        match self.products {
            Products::Mask(mask) => Some(mask.bits),
            Products::Table(_) => None,
        }
    }

    /// Whether no product is ever wrong.
    pub fn is_exact(&self) -> bool {
        self.mask() == Some(u64::MAX)
    }

    /// Whether it multiplies weights of this coding.
    ///
    /// # Errors
    /// When its circuit is for the other one.
    pub fn check_coding(&self, coding: WeightCoding) -> Result<(), MultiplierError> {
        match self.coding {
            Some(own) if own != coding => {
                Err(MultiplierError::Coding { name: self.to_string(), coding: own })
            }
            _ => Ok(()),
        }
    }

    /// The weight coding that it is for, if it is not both.
    pub fn coding(&self) -> Option<WeightCoding> {
        self.coding
    }

    fn assert_coding(&self, coding: WeightCoding) {
        assert!(self.coding.is_none_or(|own| own == coding), "coding of the weights of {self}");
    }

    /// The activation bits that the error depends on.
    pub fn lossy_bits(&self) -> u8 {
        match &self.products {
            Products::Mask(mask) => (0..8)
                .filter(|&row| kept_in_row(mask.bits, row) != 0xff)
                .fold(0, |bits, row| bits | 1 << row),
            Products::Table(_) => {
                let errors = self.errors(self.coding.expect("a table has a coding"));
                let flips =
                    |bit: u32| (0..errors.len()).any(|at| errors[at] != errors[at ^ 1 << bit]);
                (0..8).filter(|&bit| flips(bit)).fold(0, |bits, bit| bits | 1 << bit)
            }
        }
    }

    /// p(w, a), eq. (2.1) for a mask. `weight` is the code as stored: a two's complement byte when
    /// signed.
    ///
    /// # Panics
    /// If [`Multiplier::check_coding`] fails.
    pub fn product(&self, weight: u8, activation: u8, coding: WeightCoding) -> i32 {
        self.assert_coding(coding);
        match &self.products {
            Products::Mask(mask) => mask.product(weight, activation, coding),
            Products::Table(products) => {
                products[usize::from(weight) << 8 | usize::from(activation)]
            }
        }
    }

    /// The description that the kernels take.
    ///
    /// # Panics
    /// If [`Multiplier::check_coding`] fails.
    pub fn kernel_product(&self, coding: WeightCoding) -> Product {
        self.assert_coding(coding);
        match &self.products {
            Products::Table(products) => Product::Table(products.clone()),
            &Products::Mask(Mask { bits, sign_rows, .. }) => match coding {
                WeightCoding::Signed if sign_rows != rows_that_keep_the_top_bit(bits) => {
                    Product::Table(self.table(coding).into())
                }
                _ => Product::Mask(bits),
            },
        }
    }

    /// e(w, a) = w a - p(w, a), eq. (2.2).
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

/// The bits of w that row i (activation bit i) of a mask keeps.
pub fn kept_in_row(mask: u64, row: u32) -> u8 {
    (mask >> (8 * row)) as u8
}

fn rows_that_keep_the_top_bit(mask: u64) -> u8 {
    (0..8).filter(|&row| kept_in_row(mask, row) >> 7 == 1).fold(0, |bits, row| bits | 1 << row)
}

/// The mask with exactly these products, if there is one.
fn recognise(coding: WeightCoding, products: &[i32]) -> Option<Mask> {
    // Powers of two meet in one partial product; of a signed -2^7, in that of its sign extension too.
    let product = |row: u32, bit: u32| products[1 << (8 + bit) | 1 << row];
    let is_kept = |bit: &u32| match (bit / 8, bit % 8) {
        (row, 7) => product(row, 7) & 1 << (7 + row) != 0,
        (row, bit) => product(row, bit) != 0,
    };
    let mut mask = Mask::new((0..64).filter(is_kept).fold(0, |mask, bit| mask | 1 << bit));
    if coding == WeightCoding::Signed {
        let extended = (0..8).filter(|&row| product(row, 7) < 0);
        let sign_rows = extended.fold(0, |rows, row| rows | 1 << row);
        if sign_rows != mask.sign_rows {
            mask = Mask { member: None, sign_rows, ..mask };
        }
    }
    // Most differ within the first products.
    let same = |((w, a), &p): ((u8, u8), &i32)| mask.product(w, a, coding) == p;
    all_pairs().zip(products).all(same).then_some(mask)
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
