//! Which of its possible readings makes a multiplier of a file's numbers.
//!
//! A reading says what the bits of a product, the indices and the operands mean. The one whose
//! products are closest to exact ones is right.

use std::fmt;

use super::{
    cells::{Cells, Stored},
    error::Contradiction,
    options::{ElementType, Index, Order, TableOptions},
};
use crate::{
    Misread, Operands, ProductTable,
    distance::{Distance, closest},
};

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
        let Self { element, operands, index, order } = self;
        write!(f, "{operands} operands with index '{index}'")?;
        // Where the operands are coded alike, the order changes no distance.
        if *operands == Operands::SignedWeight {
            write!(f, ", order '{order}'")?;
        }
        write!(f, " and {element} products")
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
    let order = order(cells, options)?;
    check_labels(cells, options, order)?;

    let versions = versions(cells, options.element)?;
    let candidates: Vec<_> = versions.iter().flat_map(|v| v.candidates(order)).collect();
    let may_be = |&Candidate { reading, .. }: &Candidate| {
        let signed = reading.order.signed_axes(reading.operands);
        options.element.is_none_or(|element| reading.element == element)
            && options.index.is_none_or(|index| reading.index == index)
            && options.operands.is_none_or(|operands| reading.operands == operands)
            && order.is_none_or(|order| reading.order == order)
            && cells.labels.as_ref().is_none_or(|labels| labels.admit(signed))
    };
    let possible: Vec<_> = candidates.iter().copied().filter(may_be).collect();
    // Numbers mean what they say, unless another sign fits much better; 16 bits of a raw file say
    // nothing of their sign.
    let own = possible.iter().copied().filter(|candidate| candidate.version == 0);
    let best = nearest(possible.iter().copied());
    let asked = match (nearest(own), best, cells.stored) {
        (Some(own), Some(best), Stored::Numbers)
            if !own.distance.is_clearly_above(best.distance) =>
        {
            own
        }
        (_, Some(best), _) => best,
        (_, None, _) => return Err(Contradiction::UnsignedIndex),
    };
    if let Some(fitting) = nearest(candidates.iter().copied()) {
        Misread::check((asked.reading, asked.distance), (fitting.reading, fitting.distance))?;
    }
    let values = &versions[asked.version].values;
    Ok(Interpreted {
        table: ProductTable::from_triples(
            asked.reading.operands,
            triples(values, asked.reading, cells),
        ),
        reading: asked.reading,
        other_sign: cells.stored == Stored::Numbers
            && options.element.is_none()
            && asked.version != 0,
    })
}

/// The numbers of a file, with one meaning of 16-bit patterns.
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
    distance: Distance,
}

fn nearest(candidates: impl Iterator<Item = Candidate>) -> Option<Candidate> {
    closest(candidates, |candidate| candidate.distance)
}

/// The numbers as the file has them and, if they fit 16 bits, with either sign and as offset
/// binary. A type that is
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
    let patterns = [own, ElementType::U16, ElementType::I16, ElementType::Offset16];
    for element in asked.into_iter().chain(patterns) {
        if versions.iter().any(|version| version.element == element) {
            continue;
        }
        let values = cells.values.iter().map(|&value| element.product(value));
        let values: Option<Vec<_>> = values.collect();
        match values {
            Some(values) => {
                let position = versions.len();
                versions.push(Version { position, element, values, cells });
            }
            // Of the types that nobody asked for, those that cannot be are left out.
            None if asked != Some(element) => {}
            None => {
                let unfit = |&(_, &value): &(usize, &i32)| element.product(value).is_none();
                let first = cells.values.iter().enumerate().find(unfit);
                let (product, &value) = first.unwrap_or((0, &0));
                return Err(Contradiction::Element { element, product, value });
            }
        }
    }
    Ok(versions)
}

impl Version<'_> {
    /// Every reading; `order` is that of the operands where both are coded alike.
    fn candidates(&self, order: Option<Order>) -> impl Iterator<Item = Candidate> {
        let order = order.unwrap_or_default();
        let meanings = Operands::ALL.into_iter().flat_map(move |operands| {
            let indices = indices(self.cells, operands).iter();
            let orders = move |&index| order.possible(operands).map(move |order| (index, order));
            indices.flat_map(orders).map(move |(index, order)| (operands, index, order))
        });
        meanings.map(|(operands, index, order)| {
            let reading = Reading { element: self.element, operands, index, order };
            let distance = Distance::of(operands, triples(&self.values, reading, self.cells));
            Candidate { version: self.position, reading, distance }
        })
    }
}

/// Where the operands may be.
fn indices(cells: &Cells, operands: Operands) -> &'static [Index] {
    match &cells.labels {
        None if operands == Operands::Unsigned => &[Index::Code],
        None => &[Index::Code, Index::Signed],
        // The labels say where the operands are; the index they follow is the name for it.
        Some(labels) if labels.follow(Index::Signed) => &[Index::Signed],
        Some(_) => &[Index::Code],
    }
}

/// The bytes of weight and activation of every number.
fn triples(
    values: &[i32],
    Reading { operands, index, order, .. }: Reading,
    cells: &Cells,
) -> impl Iterator<Item = (u8, u8, i32)> {
    let signed = order.signed_axes(operands);
    let [first, second] = match &cells.labels {
        Some(labels) => labels.bytes(index, signed),
        None => signed.map(|signed| index.bytes(signed)),
    };
    (0..=u16::MAX).zip(values).map(move |(pair, &value)| {
        let [i, j] = pair.to_be_bytes().map(usize::from);
        let [weight, activation] = order.axes(first[i], second[j]);
        (weight, activation, value)
    })
}

/// Whether the labels are where and what the options say, `order` being known.
fn check_labels(
    cells: &Cells,
    options: &TableOptions,
    order: Option<Order>,
) -> Result<(), Contradiction> {
    let Some(labels) = &cells.labels else {
        return Ok(());
    };
    let contradiction = |file: String, asked: String| Err(Contradiction::File { file, asked });
    if let Some(index) = options.index.filter(|&index| !labels.follow(index)) {
        let file = "rows and columns labelled in another order".to_owned();
        return contradiction(file, format!("index '{index}'"));
    }
    let admitted = |operands: Operands, order: Option<Order>| {
        let mut orders = Order::ALL.into_iter().filter(|&o| order.is_none_or(|order| order == o));
        orders.any(|order| labels.admit(order.signed_axes(operands)))
    };
    if let Some(operands) = options.operands.filter(|&operands| !admitted(operands, None)) {
        return contradiction(labels.to_string(), operands.to_string());
    }
    let any = |order| Operands::ALL.into_iter().any(|operands| admitted(operands, Some(order)));
    match order {
        Some(order) if !any(order) => contradiction(labels.to_string(), format!("order '{order}'")),
        _ => Ok(()),
    }
}

/// The order that the file or the options say.
fn order(cells: &Cells, options: &TableOptions) -> Result<Option<Order>, Contradiction> {
    match (cells.order, options.order) {
        (Some(file), Some(asked)) if file != asked => Err(Contradiction::File {
            file: format!("the corner '{}'", file.corner()),
            asked: format!("order '{asked}'"),
        }),
        (file, asked) => Ok(asked.or(file)),
    }
}
