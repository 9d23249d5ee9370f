//! Rows and columns that a text labels with their operands.

use super::{
    cells::SIDE,
    error::{ParseError, Place, quote},
    options::{Index, Order},
    text::{Row, whole_number},
};
use crate::Operands;

/// The bytes of the operands in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Labels {
    /// The byte of the first operand at each first index.
    pub first: [u8; SIDE],
    /// The byte of the second operand at each second index.
    pub second: [u8; SIDE],
    /// Whether a label is negative.
    pub signed: bool,
}

/// The labels of one axis.
pub(super) struct Axis {
    bytes: [u8; SIDE],
    signed: bool,
}

impl Labels {
    /// Labels of both axes; an axis without labels is taken to be like the other one.
    pub fn of(first: Option<Axis>, second: Option<Axis>) -> Option<Self> {
        let (first, second) = match (first, second) {
            (Some(first), Some(second)) => (first, second),
            (Some(axis), None) | (None, Some(axis)) => {
                let Axis { bytes, signed } = axis;
                (Axis { bytes, signed }, Axis { bytes, signed })
            }
            (None, None) => return None,
        };
        let signed = first.signed || second.signed;
        // Software numbers the rows of whatever it writes from 0: that says nothing.
        let counting: [u8; SIDE] = Index::Code.bytes();
        let counted = !signed && first.bytes == counting && second.bytes == counting;
        (!counted).then_some(Self { first: first.bytes, second: second.bytes, signed })
    }

    /// Whether the labels are in the order of an index.
    pub fn follow(&self, index: Index) -> bool {
        self.first == index.bytes() && self.second == index.bytes()
    }

    /// How operands are coded, if the labels tell.
    pub fn operands(&self) -> Option<Operands> {
        self.signed.then_some(Operands::Signed)
    }
}

impl Axis {
    /// Reads 256 labels, each with its place. Words are no labels: `None`.
    ///
    /// # Errors
    /// If numbers are not the 256 operands in some order.
    pub fn parse<'a>(
        labels: impl Iterator<Item = (Place, &'a str)>,
    ) -> Result<Option<Self>, ParseError> {
        let mut axis = Self { bytes: [0; SIDE], signed: false };
        let mut seen = [false; SIDE];
        let mut high = false;
        for (index, (place, text)) in labels.enumerate().take(SIDE) {
            let wrong = |expected: &str| {
                Err(ParseError::new(place, format!("the label {}", quote(text)), expected))
            };
            let value = match whole_number(text) {
                Some(Ok(value)) => value,
                _ if index == 0 => return Ok(None),
                _ => return wrong("a whole number, like the labels before it"),
            };
            if !(-128..=255).contains(&value) {
                return wrong("an operand of 8 bits, -128 to 255");
            }
            axis.signed |= value < 0;
            high |= value > 127;
            if axis.signed && high {
                return wrong("either labels from -128 to 127 or from 0 to 255");
            }
            // Two's complement of what is negative.
            let byte = value as u8;
            if std::mem::replace(&mut seen[usize::from(byte)], true) {
                return wrong("each operand once");
            }
            axis.bytes[index] = byte;
        }
        Ok(Some(axis))
    }
}

/// Which operand comes first, by the corner between the labels: `w\a` or `a\w`.
pub(super) fn corner_order(corner: &str) -> Option<Order> {
    [Order::WeightFirst, Order::ActivationFirst].into_iter().find(|order| order.corner() == corner)
}

/// The labels in the first cells of rows.
pub(super) fn first_column<'a>(rows: &'a [Row<'a>]) -> impl Iterator<Item = (Place, &'a str)> + 'a {
    rows.iter().map(|row| (row.place(0), row.cells[0]))
}
