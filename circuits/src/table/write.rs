//! Writes product tables in the formats that are read.

use std::fmt::Write;

use super::{
    format::Format,
    options::{ElementType, Index, Order},
};
use crate::{
    Metrics, Operands, ProductTable, metrics::PRODUCT_RANGE, npy::header, product_table::value,
};

/// How to lay out a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteOptions {
    /// The type of a product; the smallest that holds all of them if `None`.
    pub element: Option<ElementType>,
    /// Which operand comes first.
    pub order: Order,
    /// Where the operands are.
    pub index: Index,
}

/// Why a table cannot be written so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// A product does not fit the type that was asked for.
    #[error(
        "found the product {product} of the bytes {weight} (weight) and {activation} \
         (activation), expected {} to {} for {element}; ask for {fitting}",
        element.range().start(), element.range().end()
    )]
    OutOfRange {
        /// The byte of the weight.
        weight: u8,
        /// The byte of the activation.
        activation: u8,
        /// The product.
        product: i32,
        /// The type asked for.
        element: ElementType,
        /// A type that holds all products.
        fitting: ElementType,
    },
    /// Unsigned operands were to be kept at their value + 128.
    #[error(
        "found index 'signed' for unsigned operands, expected index 'code': they have no value \
         below 0"
    )]
    UnsignedIndex,
}

/// The bytes of a file with `table`.
///
/// Text has a row and a column of labels, and a C array its error metrics in comments, so that
/// both are checked when they are read.
///
/// # Errors
/// If a product does not fit the type asked for, or if unsigned operands are to be indexed as
/// signed.
pub fn write_table(
    table: &ProductTable,
    format: Format,
    options: &WriteOptions,
) -> Result<Vec<u8>, WriteError> {
    if options.index == Index::Signed && table.operands() == Operands::Unsigned {
        return Err(WriteError::UnsignedIndex);
    }
    let fitting = ElementType::holding(table.products());
    let element = options.element.unwrap_or(fitting);
    check_range(table, element, fitting)?;
    let cells: Vec<i32> =
        arrange(table, options).into_iter().map(|product| element.stored(product)).collect();
    let text = match format {
        Format::Raw => return Ok(little_endian(&cells, element)),
        Format::Npy => return Ok(npy(&cells, element)),
        Format::Csv => csv(&cells, table.operands(), options),
        Format::CHeader => c_header(&cells, table, element, options),
    };
    Ok(text.into_bytes())
}

fn check_range(
    table: &ProductTable,
    element: ElementType,
    fitting: ElementType,
) -> Result<(), WriteError> {
    let range = element.range();
    let outside = |&(_, product): &(u16, &i32)| !range.contains(product);
    match (0..=u16::MAX).zip(table.products()).find(outside) {
        None => Ok(()),
        Some((pair, &product)) => {
            let [weight, activation] = pair.to_be_bytes();
            Err(WriteError::OutOfRange { weight, activation, product, element, fitting })
        }
    }
}

/// The products in the order of the file, `[first index][second index]`.
fn arrange(table: &ProductTable, options: &WriteOptions) -> Vec<i32> {
    let signed = options.order.signed_axes(table.operands());
    let [first, second] = signed.map(|signed| options.index.bytes(signed));
    let product = |pair: u16| {
        let [i, j] = pair.to_be_bytes().map(usize::from);
        let [weight, activation] = options.order.axes(first[i], second[j]);
        table.product(weight, activation)
    };
    (0..=u16::MAX).map(product).collect()
}

fn little_endian(cells: &[i32], element: ElementType) -> Vec<u8> {
    cells.iter().flat_map(|cell| cell.to_le_bytes().into_iter().take(element.bytes())).collect()
}

fn npy(cells: &[i32], element: ElementType) -> Vec<u8> {
    let descr = match element {
        ElementType::U16 | ElementType::Offset16 => "<u2",
        ElementType::I16 => "<i2",
        ElementType::I32 => "<i4",
    };
    let mut bytes = header(descr, "(256, 256)");
    bytes.extend(little_endian(cells, element));
    bytes
}

fn csv(cells: &[i32], operands: Operands, options: &WriteOptions) -> String {
    let axis = |signed| options.index.bytes(signed).map(|byte| value(signed, byte));
    let [rows, columns] = options.order.signed_axes(operands).map(axis);
    let mut text = options.order.corner().to_owned();
    push_cells(&mut text, &columns, |_| ",");
    for (label, row) in rows.iter().zip(cells.chunks_exact(columns.len())) {
        push(&mut text, format_args!("\n{label}"));
        push_cells(&mut text, row, |_| ",");
    }
    text.push('\n');
    text
}

fn c_header(
    cells: &[i32],
    table: &ProductTable,
    element: ElementType,
    options: &WriteOptions,
) -> String {
    let mut text = String::new();
    let metrics = Metrics::of(table);
    let percent_of_range = 100.0 / PRODUCT_RANGE;
    for (name, value) in [
        ("MAE%", metrics.mae * percent_of_range),
        ("MAE", metrics.mae),
        ("WCE%", f64::from(metrics.wce) * percent_of_range),
        ("WCE", f64::from(metrics.wce)),
        ("EP%", metrics.ep * 100.0),
        ("MRE%", metrics.mre * 100.0),
        ("MSE", metrics.mse),
    ] {
        let unit = if name.ends_with('%') { " %" } else { "" };
        push(&mut text, format_args!("// {name} = {value:.4}{unit}\n"));
    }
    let first = match options.order {
        Order::WeightFirst => "weight",
        Order::ActivationFirst => "activation",
    };
    let operands = table.operands();
    let index = match (options.index, operands) {
        (Index::Code, _) => "an operand is at its byte",
        (Index::Signed, Operands::SignedWeight) => {
            "a weight is at its value + 128, an activation at its byte"
        }
        (Index::Signed, _) => "an operand is at its value + 128",
    };
    let offset = match element {
        ElementType::Offset16 => "; elements are products + 32768",
        _ => "",
    };
    let c_type = match element {
        ElementType::U16 | ElementType::Offset16 => "uint16_t",
        ElementType::I16 => "int16_t",
        ElementType::I32 => "int32_t",
    };
    push(
        &mut text,
        format_args!(
            "// {operands} operands; the first index is the {first}, {index}{offset}\n\
             #include <stdint.h>\n\n\
             const {c_type} lut[256][256] = {{"
        ),
    );
    for (number, row) in cells.chunks_exact(256).enumerate() {
        text.push_str(if number == 0 { "\n{" } else { ",\n{" });
        push_cells(&mut text, row, |position| if position == 0 { "" } else { ", " });
        text.push('}');
    }
    text.push_str("\n};\n");
    text
}

/// Appends cells, each after what `before` gives for its position.
fn push_cells(text: &mut String, cells: &[i32], before: impl Fn(usize) -> &'static str) {
    for (position, cell) in cells.iter().enumerate() {
        push(text, format_args!("{}{cell}", before(position)));
    }
}

/// Appends to a text, which does not fail.
fn push(text: &mut String, content: std::fmt::Arguments) {
    let _ = text.write_fmt(content);
}
