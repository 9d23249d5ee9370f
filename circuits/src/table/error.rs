//! What can be wrong with a file of products.

use std::{fmt, io, path::PathBuf};

use super::{declared::Mismatch, reading::Reading};
use crate::{Misread, printable, printable_path};

/// Where in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The file as a whole.
    File,
    /// A byte, counted from 0.
    Byte(usize),
    /// A line, counted from 1.
    Line(usize),
    /// A cell of a table in text, or a character of a program; both counted from 1.
    Cell {
        /// The line.
        line: usize,
        /// The column: of the table, or of the character.
        column: usize,
    },
    /// A product, by its position in the file, counted from 0.
    Product(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::File => Ok(()),
            Self::Byte(byte) => write!(f, "byte {byte}: "),
            Self::Line(line) => write!(f, "line {line}: "),
            Self::Cell { line, column } => write!(f, "line {line}, column {column}: "),
            Self::Product(product) => {
                write!(f, "product [{}][{}]: ", product / 256, product % 256)
            }
        }
    }
}

/// Why bytes are not a table of products.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}found {found}, expected {expected}")]
pub struct ParseError {
    /// Where.
    pub place: Place,
    /// What is there.
    pub found: String,
    /// What should be there, and what to do.
    pub expected: String,
}

impl ParseError {
    pub(super) fn new(place: Place, found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { place, found: found.into(), expected: expected.into() }
    }
}

/// A bit of a file for a message: short, and without what would upset a terminal.
pub(super) fn quote(text: &str) -> String {
    const LONGEST: usize = 24;
    let short: String = text.chars().take(LONGEST).collect();
    let dots = if text.chars().nth(LONGEST).is_some() { "..." } else { "" };
    format!("'{}{dots}'", printable(&short))
}

/// Why a file gives no multiplier.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", printable_path(path))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is larger than any table of its format.
    #[error(
        "{}: found {found}, expected at most {limit} bytes: the 65,536 products of 8 x 8 bits take \
         no more{hint}",
        printable_path(path)
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in words.
        found: String,
        /// The largest size.
        limit: usize,
        /// What it looks like, if that is known.
        hint: String,
    },
    /// The file is an archive or compressed.
    #[error(
        "{}: found {kind} data, expected a plain table; unpack the file first",
        printable_path(path)
    )]
    Compressed {
        /// The file.
        path: PathBuf,
        /// How it is packed.
        kind: &'static str,
    },
    /// The file is not in a format that is known.
    #[error(
        "{}: found {found}, expected a table of products: raw (.bin, .raw), NumPy (.npy), text \
         (.csv, .tsv, .txt) or a C array (.h, .c)",
        printable_path(path)
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// What it looks like.
        found: String,
    },
    /// The file is not what its format asks for.
    #[error("{}: {source}", printable_path(path))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: ParseError,
    },
    /// What was asked for, or what the file says of itself, does not fit the products.
    #[error("{}: {source}", printable_path(path))]
    Contradiction {
        /// The file.
        path: PathBuf,
        /// What contradicts what.
        source: Contradiction,
    },
    /// The products do not have the error metrics that the comments declare.
    #[error("{}: {}{}", printable_path(path), list(mismatches), declared_advice(*mirrored))]
    Declared {
        /// The file.
        path: PathBuf,
        /// Each metric that differs.
        mismatches: Vec<Mismatch>,
        /// Whether the table has the known defect, which explains it.
        mirrored: bool,
    },
}

/// Why options cannot be followed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Contradiction {
    /// Two sources say different things.
    #[error("found {file}, but {asked} was asked for; leave the option out or mend the file")]
    File {
        /// What the file says.
        file: String,
        /// What the options say.
        asked: String,
    },
    /// Options that nothing can be read with.
    #[error(
        "found unsigned operands with index 'signed', expected index 'code': unsigned \
             operands have no value below 0"
    )]
    UnsignedIndex,
    /// A 16-bit product was asked for.
    #[error("product [{}][{}]: found {value}, expected 16 bits, since {element} was asked for",
            product / 256, product % 256)]
    Element {
        /// The type asked for.
        element: super::ElementType,
        /// Where, counted from 0.
        product: usize,
        /// The product.
        value: i32,
    },
    /// The products fit another reading much better.
    #[error(transparent)]
    Reading(#[from] Misread<Reading>),
}

/// The first mismatches; a circuit has some seven metrics.
fn list(mismatches: &[Mismatch]) -> String {
    const MOST: usize = 10;
    let texts: Vec<_> = mismatches.iter().take(MOST).map(Mismatch::to_string).collect();
    let more = if mismatches.len() > MOST { "; and more" } else { "" };
    texts.join("; ") + more
}

fn declared_advice(mirrored: bool) -> &'static str {
    if mirrored {
        "; the table has the known defect of two negative operands computed as mul(|a|, |b|): \
         make it again from the circuit"
    } else {
        "; the table is not of the circuit that the comments describe, or was read wrongly: check \
         the options, get the file again, or correct the comments"
    }
}
