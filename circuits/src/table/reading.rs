//! Which of its possible readings makes a multiplier of a file's numbers.
//!
//! A reading says what the bits of a product, the indices and the operands mean. The right one is
//! told from the wrong ones by the distance to the exact product: an approximate multiplier is
//! close, and anything else is off by thousands. Signed products are four times smaller than
//! unsigned ones, and so is their distance to anything; distances are compared in units of the
//! mean product.

use std::fmt;

use super::{
    cells::{Cells, SIDE, Stored},
    error::Contradiction,
    options::{ElementType, Index, Order, TableOptions},
};
use crate::{Operands, ProductTable};

/// How a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The type of a product.
    pub element: ElementType,
    /// How the operands are coded.
    pub operands: Operands,
    /// Where the operands are.
    pub index: Index,
    /// Which operand comes first.
    pub order: Order,
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { element, operands, index, .. } = self;
        write!(f, "{operands} operands with index '{index}' and {element} products")
    }
}

/// The multiplier in a file.
pub(super) struct Interpreted {
    pub table: ProductTable,
    pub reading: Reading,
    /// Whether numbers were read with another sign than they are written with.
    pub other_sign: bool,
}

/// Decides what `cells` mean: as the options and the file say, and otherwise what is closest to
/// a product.
pub(super) fn interpret(
    cells: &Cells,
    options: &TableOptions,
) -> Result<Interpreted, Contradiction> {
    check_labels(cells, options)?;
    let order = order(cells, options)?;
    let operands = options.operands.or(cells.labels.as_ref().and_then(|l| l.operands()));

    let versions = versions(cells, options.element)?;
    let candidates: Vec<_> = versions.iter().flat_map(|v| v.candidates(order)).collect();
    let may_be = |candidate: &Candidate| {
        options.element.is_none_or(|element| candidate.reading.element == element)
            && options.index.is_none_or(|index| candidate.reading.index == index)
            && operands.is_none_or(|operands| candidate.reading.operands == operands)
    };
    let possible: Vec<_> = candidates.iter().copied().filter(may_be).collect();
    // Numbers mean what they say, unless another sign fits much better; 16 bits of a raw file say
    // nothing of their sign.
    let own = possible.iter().copied().filter(|candidate| candidate.version == 0);
    let asked = match (closest(own), closest(possible.iter().copied()), cells.stored) {
        (Some(own), Some(best), Stored::Numbers) if !own.is_clearly_worse_than(best) => own,
        (_, Some(best), _) => best,
        (_, None, _) => return Err(Contradiction::UnsignedIndex),
    };
    let fitting = closest(candidates.iter().copied());
    if let Some(fitting) = fitting.filter(|&fitting| asked.is_clearly_worse_than(fitting)) {
        return Err(Contradiction::Reading {
            asked: asked.reading,
            asked_mae: asked.mae,
            fitting: fitting.reading,
            fitting_mae: fitting.mae,
        });
    }
    let values = &versions[asked.version].values;
    Ok(Interpreted {
        table: arrange(values, asked.reading, cells),
        reading: asked.reading,
        other_sign: cells.stored == Stored::Numbers
            && options.element.is_none()
            && asked.version != 0,
    })
}

/// The mean of |w a|: how far from a product a multiplier is that always gives 0.
pub(super) fn mean_product(operands: Operands) -> f64 {
    let sizes = (0..=255).map(|byte| f64::from(operands.value(byte).abs()));
    let mean_size = sizes.sum::<f64>() / SIDE as f64;
    mean_size * mean_size
}

/// The numbers of a file, with one sign for 16-bit patterns.
struct Version<'a> {
    /// Its position among the versions; the file's own is 0.
    position: usize,
    element: ElementType,
    values: Vec<i32>,
    cells: &'a Cells,
}

/// A reading and how far it is from a product.
#[derive(Clone, Copy)]
struct Candidate {
    version: usize,
    reading: Reading,
    mae: f64,
}

impl Candidate {
    /// The error in units of the mean product.
    fn distance(self) -> f64 {
        self.mae / mean_product(self.reading.operands)
    }

    /// Beyond what an approximation explains: four times as far off, and more than 1 % of 2^16.
    fn is_clearly_worse_than(self, other: Self) -> bool {
        self.mae > 4.0 * other.mae && self.mae > 0.01 * 65536.0
    }
}

/// The candidate that is closest to a product, the first of several.
fn closest(candidates: impl Iterator<Item = Candidate>) -> Option<Candidate> {
    candidates.reduce(|best, next| if next.distance() < best.distance() { next } else { best })
}

/// The numbers as the file has them and, if they fit 16 bits, with either sign. A type that is
/// asked for comes first.
fn versions<'a>(
    cells: &'a Cells,
    asked: Option<ElementType>,
) -> Result<Vec<Version<'a>>, Contradiction> {
    let own = match cells.stored {
        Stored::Bits16 => ElementType::U16,
        Stored::Numbers => ElementType::holding(&cells.values),
    };
    let mut versions: Vec<Version> = Vec::new();
    for element in asked.into_iter().chain([own, ElementType::U16, ElementType::I16]) {
        if versions.iter().any(|version| version.element == element) {
            continue;
        }
        let values = cells.values.iter().map(|&value| with_sign(value, element));
        let values: Option<Vec<_>> = values.collect();
        match values {
            Some(values) => {
                let position = versions.len();
                versions.push(Version { position, element, values, cells });
            }
            // Of the types that nobody asked for, those that cannot be are left out.
            None if asked != Some(element) => {}
            None => {
                let unfit = |&(_, &value): &(usize, &i32)| with_sign(value, element).is_none();
                let first = cells.values.iter().enumerate().find(unfit);
                let (product, &value) = first.unwrap_or((0, &0));
                return Err(Contradiction::Element { element, product, value });
            }
        }
    }
    Ok(versions)
}

/// A number of 16 bits with the sign of a type; 32 bits stay what they are.
fn with_sign(value: i32, element: ElementType) -> Option<i32> {
    let has_16_bits = (i32::from(i16::MIN)..=i32::from(u16::MAX)).contains(&value);
    match element {
        ElementType::I32 => Some(value),
        ElementType::U16 => has_16_bits.then_some(i32::from(value as u16)),
        ElementType::I16 => has_16_bits.then_some(i32::from(value as i16)),
    }
}

impl Version<'_> {
    fn candidates(&self, order: Order) -> impl Iterator<Item = Candidate> {
        use {
            Index::Code,
            Operands::{Signed, Unsigned},
        };
        let meanings = match &self.cells.labels {
            None => vec![(Unsigned, Code), (Signed, Code), (Signed, Index::Signed)],
            // The labels say where the operands are; the index they follow is the name for it.
            Some(labels) if labels.follow(Index::Signed) => {
                vec![(Unsigned, Index::Signed), (Signed, Index::Signed)]
            }
            Some(_) => vec![(Unsigned, Code), (Signed, Code)],
        };
        meanings.into_iter().map(move |(operands, index)| {
            let (first, second) = bytes(self.cells, index);
            let mae = mean_error(
                &self.values,
                operands,
                |index| first[usize::from(index)],
                |index| second[usize::from(index)],
            );
            let reading = Reading { element: self.element, operands, index, order };
            Candidate { version: self.position, reading, mae }
        })
    }
}

/// The bytes of the first and second operand by their indices.
fn bytes(cells: &Cells, index: Index) -> ([u8; SIDE], [u8; SIDE]) {
    match &cells.labels {
        Some(labels) => (labels.first, labels.second),
        None => (index.bytes(), index.bytes()),
    }
}

fn mean_error(
    values: &[i32],
    operands: Operands,
    first: impl Fn(u8) -> u8,
    second: impl Fn(u8) -> u8,
) -> f64 {
    let off = |(pair, &value): (u16, &i32)| {
        let [i, j] = pair.to_be_bytes();
        i64::from(operands.product(first(i), second(j))).abs_diff(i64::from(value))
    };
    let sum: u64 = (0..=u16::MAX).zip(values).map(off).sum();
    sum as f64 / ProductTable::LEN as f64
}

/// Puts products in the order of the bytes, weight first.
fn arrange(values: &[i32], reading: Reading, cells: &Cells) -> ProductTable {
    let (first, second) = bytes(cells, reading.index);
    let mut products = vec![0; ProductTable::LEN];
    for (row, first) in values.chunks_exact(SIDE).zip(first) {
        for (&value, second) in row.iter().zip(second) {
            products[usize::from(first) << 8 | usize::from(second)] = value;
        }
    }
    let table = ProductTable::new(reading.operands, products);
    match reading.order {
        Order::WeightFirst => table,
        Order::ActivationFirst => table.transposed(),
    }
}

fn check_labels(cells: &Cells, options: &TableOptions) -> Result<(), Contradiction> {
    let Some(labels) = &cells.labels else {
        return Ok(());
    };
    let contradiction =
        |file: &str, asked: String| Err(Contradiction::File { file: file.to_owned(), asked });
    match (options.index, options.operands) {
        (Some(index), _) if !labels.follow(index) => {
            contradiction("rows and columns labelled in another order", format!("index '{index}'"))
        }
        (_, Some(Operands::Unsigned)) if labels.signed => {
            contradiction("rows or columns labelled with negative operands", "unsigned".to_owned())
        }
        _ => Ok(()),
    }
}

fn order(cells: &Cells, options: &TableOptions) -> Result<Order, Contradiction> {
    match (cells.order, options.order) {
        (Some(file), Some(asked)) if file != asked => Err(Contradiction::File {
            file: format!("the corner '{}'", file.corner()),
            asked: format!("order '{asked}'"),
        }),
        (file, asked) => Ok(asked.or(file).unwrap_or_default()),
    }
}
