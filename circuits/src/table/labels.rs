//! Rows and columns that a text labels with their operands.

use std::fmt;

use super::{
    cells::SIDE,
    error::{ParseError, Place, quote},
    options::{Index, Order},
    text::{Row, whole_number},
};

/// The operands along both axes, as far as a file tells them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Labels {
    /// The first and the second axis; one of them may have no labels.
    axes: [Option<Axis>; 2],
}

/// The labels of one axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    /// The byte of the operand at each index.
    bytes: [u8; SIDE],
    /// Whether a label is negative.
    negative: bool,
}

impl Labels {
    /// Labels of the axes that have some, if they tell anything.
    pub fn of(first: Option<Axis>, second: Option<Axis>) -> Option<Self> {
        let axes = [first, second];
        // Software numbers the rows of whatever it writes from 0: that says nothing.
        let tells = |axis: &Axis| axis.negative || axis.bytes != counting();
        axes.iter().flatten().any(tells).then_some(Self { axes })
    }

    /// Whether the labels are in the order of an index.
    pub fn follow(&self, index: Index) -> bool {
        let follows = |axis: &Axis| {
            // An unsigned operand beside a signed one.
            let unsigned = !axis.negative && self.has_negative();
            axis.bytes == index.bytes(!unsigned)
        };
        self.axes.iter().flatten().all(follows)
    }

    /// Whether the axes may be operands of which these are signed. Labels up to 255 beside
    /// negative ones are values; alone they may be bytes.
    pub fn admit(&self, signed: [bool; 2]) -> bool {
        self.axes.iter().zip(signed).all(|(axis, signed)| match axis {
            None => true,
            Some(axis) if self.has_negative() => axis.negative == signed,
            Some(_) => true,
        })
    }

    /// The bytes of the operands along both axes. One without labels is like the other, if they
    /// are coded alike.
    pub fn bytes(&self, index: Index, signed: [bool; 2]) -> [[u8; SIDE]; 2] {
        let alike = signed[0] == signed[1];
        let of = |axis: usize| match (&self.axes[axis], &self.axes[1 - axis]) {
            (Some(own), _) => own.bytes,
            (None, Some(other)) if alike => other.bytes,
            (None, _) => index.bytes(signed[axis]),
        };
        [of(0), of(1)]
    }

    fn has_negative(&self) -> bool {
        self.axes.iter().flatten().any(|axis| axis.negative)
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let negative = self.axes.each_ref().map(|axis| axis.as_ref().map(|axis| axis.negative));
        f.write_str(match negative {
            [Some(true), Some(false)] => "rows labelled with negative operands and columns without",
            [Some(false), Some(true)] => "columns labelled with negative operands and rows without",
            [Some(true), Some(true)] => "rows and columns labelled with negative operands",
            _ => "rows or columns labelled with negative operands",
        })
    }
}

fn counting() -> [u8; SIDE] {
    Index::Code.bytes(false)
}

impl Axis {
    /// All operands in the order of their bytes; those from 128 on may be negative.
    pub fn in_order(negative: bool) -> Self {
        Self { bytes: counting(), negative }
    }

    /// Reads 256 labels, each with its place. Words are no labels: `None`.
    ///
    /// # Errors
    /// If numbers are not the 256 operands in some order.
    pub fn parse<'a>(
        labels: impl Iterator<Item = (Place, &'a str)>,
    ) -> Result<Option<Self>, ParseError> {
        let mut axis = Self { bytes: [0; SIDE], negative: false };
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
            axis.negative |= value < 0;
            high |= value > 127;
            if axis.negative && high {
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
