//! What every reader gives: 65,536 numbers, and what the file says of them.

use std::fmt;

use super::{
    error::{ParseError, Place},
    labels::Labels,
    options::{ElementType, Order},
};

/// Operands, and so rows and columns of a table.
pub(super) const SIDE: usize = 256;

/// What to say of a table of so many products, or of rows or columns whose square they are: that
/// it is of a multiplier of another width. Nothing for other numbers.
pub(super) fn other_width(products: u64) -> String {
    let width = products.checked_ilog2().unwrap_or(0) / 2;
    if !(2..=16).contains(&width) || width == 8 || products != 1 << (2 * width) {
        return String::new();
    }
    format!(
        "; this looks like a multiplier of {width} x {width} bits, and only those of 8 x 8 bits are \
         read, which have {SIDE} x {SIDE} products"
    )
}

/// The same of a table with so many rows.
pub(super) fn other_width_of_rows(rows: usize) -> String {
    other_width((rows as u64).saturating_pow(2))
}

/// The products of a file, in the order of the file, before anyone decided what they mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Cells {
    /// `[first index][second index]`.
    pub(super) values: Vec<i32>,
    /// How the file itself says a product is to be read.
    pub(super) stored: Stored,
    /// Where the operands are, if the file labels them.
    pub(super) labels: Option<Labels>,
    /// Which operand comes first, if the file says so.
    pub(super) order: Option<Order>,
    /// The text of all comments.
    pub(super) comments: String,
}

impl Cells {
    /// Numbers without anything said of them.
    pub(super) fn plain(values: Vec<i32>, stored: Stored) -> Self {
        Self { values, stored, labels: None, order: None, comments: String::new() }
    }

    /// All products, `[first index][second index]`.
    pub fn values(&self) -> &[i32] {
        &self.values
    }

    /// The text of all comments.
    pub fn comments(&self) -> &str {
        &self.comments
    }
}

/// What a file says of the type of its products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    /// 16 bits of unknown sign, taken as u16.
    Bits16,
    /// Numbers, or elements of a type with a sign of its own.
    Numbers,
}

/// The error for a number that is no product of a type.
pub(super) fn out_of_range(
    place: Place,
    found: impl fmt::Display,
    element: ElementType,
) -> ParseError {
    let range = element.range();
    let (low, high) = (range.start(), range.end());
    let expected = format!("a product that fits {element}, {low} to {high}");
    ParseError::new(place, found.to_string(), expected)
}
