//! Tables in text: 256 lines of 256 numbers, as spreadsheets and numpy.savetxt write them, or a
//! line for each product.

mod long;

use super::{
    cells::{Cells, SIDE, Stored, other_width, other_width_of_rows, out_of_range},
    error::{ParseError, Place, quote},
    labels::{Axis, Labels, corner_order, first_column},
    options::ElementType,
};
use crate::ProductTable;

/// The size of the largest text: some 120 characters for each product.
pub(super) const MAX_BYTES: usize = 8 << 20;

/// Reads numbers separated by semicolons, commas, tabs or blanks, in quotes or not: 256 in each of
/// 256 lines, or one in each of 65,536, or both operands and their product in each of 65,536.
///
/// A first row or column more is a header: the operands, or any words; of a long table, words. Numbers are decimal or
/// hexadecimal (0x). Lines that start with `#` or `//` are comments, empty ones nothing.
///
/// # Errors
/// If there are not 256 x 256 whole numbers that fit 32 bits, or not each pair of operands once.
pub fn parse_csv(bytes: &[u8]) -> Result<Cells, ParseError> {
    let text = utf8(bytes)?;
    let mut comments = String::new();
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let content = line.trim();
        if content.starts_with('#') || content.starts_with("//") {
            comments.push_str(content);
            comments.push('\n');
        } else if !content.is_empty() {
            lines.push((number, line));
        }
    }
    let first = lines.first().map(|&(number, line)| Row::parse(number, line)).transpose()?;
    let first_cells = first.map_or(0, |row| row.cells.len());
    let cells = if first_cells == long::COLUMNS {
        long::long(&lines)?
    } else if first_cells == 1 || lines.len() > SIDE + 1 {
        list(&lines)?
    } else {
        let rows = lines.iter().map(|&(number, line)| Row::parse(number, line));
        matrix(&rows.collect::<Result<Vec<_>, _>>()?)?
    };
    Ok(Cells { comments, ..cells })
}

/// The text of a file, without a byte order mark.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, ParseError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    str::from_utf8(bytes).map_err(|error| {
        let line = 1 + bytes[..error.valid_up_to()].iter().filter(|&&b| b == b'\n').count();
        let found = format!("the byte {:#04x}", bytes[error.valid_up_to()]);
        ParseError::new(Place::Line(line), found, "text in UTF-8")
    })
}

/// What is between two cells.
#[derive(Clone, Copy)]
enum Separator {
    Char(char),
    Blanks,
}

impl Separator {
    /// The separator of a line; that of a header may be another than that of the numbers.
    fn of(line: &str) -> Self {
        if let Some(sign) = [';', ','].into_iter().find(|&sign| line.contains(sign)) {
            return Self::Char(sign);
        }
        // Tabs between cells, of which some may be empty; or blanks of any kind, in any number.
        let tabs = 1 + line.trim_end().matches('\t').count();
        match tabs {
            long::COLUMNS | SIDE | ROW_WITH_LABEL => Self::Char('\t'),
            _ => Self::Blanks,
        }
    }
}

/// Cells of a row with a label.
const ROW_WITH_LABEL: usize = SIDE + 1;

/// The cells of a line.
pub(super) struct Row<'a> {
    line: usize,
    pub cells: Vec<&'a str>,
}

impl<'a> Row<'a> {
    /// Splits a line into cells.
    pub fn parse(line: usize, text: &'a str) -> Result<Self, ParseError> {
        // One more than a table with labels has is enough to see that it is none.
        const MOST: usize = ROW_WITH_LABEL + 1;
        let separator = Separator::of(text);
        let split = || -> Box<dyn Iterator<Item = &'a str>> {
            match separator {
                Separator::Char(sign) => Box::new(text.split(sign).map(str::trim)),
                Separator::Blanks => Box::new(text.split_whitespace()),
            }
        };
        let mut cells: Vec<_> = split().take(MOST).map(unquoted).collect();
        // A separator at the end of a line ends the last cell.
        if matches!(separator, Separator::Char(_)) && cells.last() == Some(&"") {
            cells.pop();
        }
        if cells.len() == MOST {
            let hint = other_width_of_rows(split().filter(|cell| !cell.is_empty()).count());
            let expected = format!("{SIDE} products, and at most one label before them{hint}");
            return Err(ParseError::new(Place::Line(line), "more than 257 cells", expected));
        }
        Ok(Self { line, cells })
    }

    /// The place of a cell, by its index.
    pub fn place(&self, cell: usize) -> Place {
        Place::Cell { line: self.line, column: cell + 1 }
    }
}

/// A cell without the quotes that spreadsheets may put around it.
fn unquoted(cell: &str) -> &str {
    let inner = |quote: char| cell.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).map_or(cell, str::trim)
}

/// Reads lines of one product each.
fn list(lines: &[(usize, &str)]) -> Result<Cells, ParseError> {
    let mut values = Vec::with_capacity(ProductTable::LEN);
    for &(line, text) in lines.iter().take(ProductTable::LEN) {
        let row = Row::parse(line, text)?;
        let [cell] = row.cells[..] else {
            let found = format!("{} lines, with {} cells here", lines.len(), row.cells.len());
            let expected = "256 lines of 256 products, and at most one header line";
            return Err(ParseError::new(Place::Line(line), found, expected));
        };
        values.push(product(row.place(0), cell)?);
    }
    if lines.len() != ProductTable::LEN {
        let found = format!("{} lines of one product", lines.len());
        let expected = format!("65,536, or 256 lines of 256{}", other_width(lines.len() as u64));
        return Err(ParseError::new(Place::File, found, expected));
    }
    Ok(Cells::plain(values, Stored::Numbers))
}

/// Reads 256 rows, or 257 with the header.
fn matrix(rows: &[Row]) -> Result<Cells, ParseError> {
    let (header, rows) = match rows {
        [header, rows @ ..] if rows.len() == SIDE => (Some(header), rows),
        rows => (None, rows),
    };
    if rows.len() != SIDE {
        let found = format!("{} rows", rows.len());
        // With a header, one of the rows are labels.
        let count = rows.len() - rows.len() % 2;
        let hint = other_width_of_rows(count);
        let expected =
            format!("256 rows of products, and at most one header row before them{hint}");
        return Err(ParseError::new(Place::File, found, expected));
    }
    // All rows are like the first: with a label before the products, or without.
    let labelled = rows[0].cells.len() == SIDE + 1;
    let length = SIDE + usize::from(labelled);
    let mut values = Vec::with_capacity(ProductTable::LEN);
    for row in rows {
        if row.cells.len() != length {
            let found = format!("{} cells", row.cells.len());
            let expected = format!(
                "{length} cells, one for each product{}",
                match labelled {
                    true => " and a label",
                    false => "",
                }
            );
            return Err(ParseError::new(Place::Line(row.line), found, expected));
        }
        for (column, cell) in row.cells.iter().enumerate().skip(length - SIDE) {
            values.push(product(row.place(column), cell)?);
        }
    }
    let mut cells = Cells::plain(values, Stored::Numbers);
    let first = if labelled { Axis::parse(first_column(rows))? } else { None };
    let second = match header {
        Some(header) => {
            // The corner above the labels may be missing.
            let before = header.cells.len().checked_sub(SIDE).filter(|&b| b <= length - SIDE);
            let Some(before) = before else {
                let found = format!("{} cells in the header row", header.cells.len());
                let expected = format!("{length}, as in the rows below");
                return Err(ParseError::new(Place::Line(header.line), found, expected));
            };
            cells.order = header.cells[..before].first().and_then(|corner| corner_order(corner));
            let labels = header.cells.iter().enumerate().skip(before);
            Axis::parse(labels.map(|(column, cell)| (header.place(column), *cell)))?
        }
        None => None,
    };
    cells.labels = Labels::of(first, second);
    Ok(cells)
}

fn product(place: Place, text: &str) -> Result<i32, ParseError> {
    match whole_number(text) {
        Some(Ok(value)) => i32::try_from(value).ok(),
        Some(Err(TooLarge)) => None,
        None => {
            let found = if text.is_empty() { "an empty cell".to_owned() } else { quote(text) };
            return Err(ParseError::new(
                place,
                found,
                "a whole number, decimal or hexadecimal (0x)",
            ));
        }
    }
    .ok_or_else(|| out_of_range(place, quote(text), ElementType::I32))
}

/// A number beyond 64 bits.
pub(super) struct TooLarge;

/// A whole number: decimal, hexadecimal, or with a fraction and an exponent that come to nothing,
/// as numpy.savetxt writes them. `None` for anything else.
pub(super) fn whole_number(text: &str) -> Option<Result<i64, TooLarge>> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (digits, radix) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None => (digits, 10),
    };
    if !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix)) {
        let value = i64::from_str_radix(digits, radix);
        return Some(value.map(|v| if negative { -v } else { v }).map_err(|_| TooLarge));
    }
    // What else parse takes, "inf" and "NaN", does not start so.
    if radix == 16 || !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    // Products have 32 bits: doubles hold them exactly.
    match value.fract() == 0.0 {
        true if value.abs() < 2f64.powi(53) => Some(Ok(value as i64)),
        true => Some(Err(TooLarge)),
        false if value.is_infinite() => Some(Err(TooLarge)),
        false => None,
    }
}

#[cfg(test)]
mod tests;
