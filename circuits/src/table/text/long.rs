//! Long tables: one line for each pair of operands, with their product.

use super::{Row, product};
use crate::{
    ProductTable,
    product_table::value,
    table::{
        cells::{Cells, Stored, other_width},
        error::{ParseError, Place, quote},
        labels::{Axis, Labels},
        options::Order,
        text::whole_number,
    },
};

/// Cells in a line: both operands and their product.
pub(super) const COLUMNS: usize = 3;

/// Reads lines of two operands and their product, in any order, after at most one line of words.
/// Words for weight and activation say which operand comes first.
pub(super) fn long(lines: &[(usize, &str)]) -> Result<Cells, ParseError> {
    let mut rows = Vec::with_capacity(lines.len());
    for &(line, text) in lines {
        let row = Row::parse(line, text)?;
        if row.cells.len() != COLUMNS {
            let found = format!("{} cells", row.cells.len());
            let expected = "three, as in the first line: both operands and their product";
            return Err(ParseError::new(Place::Line(line), found, expected));
        }
        rows.push(row);
    }
    let header = rows.first().and_then(header);
    if header.is_some() {
        rows.remove(0);
    }
    let negative = [signed(&rows, 0)?, signed(&rows, 1)?];

    let mut values = vec![0; ProductTable::LEN];
    // The line of each pair of operands; lines count from 1.
    let mut seen = vec![0; ProductTable::LEN];
    for row in &rows {
        let [first, second] = [operand(row, 0)?, operand(row, 1)?];
        // Two's complement of what is negative.
        let pair = usize::from(first as u8) << 8 | usize::from(second as u8);
        let earlier = std::mem::replace(&mut seen[pair], row.line);
        if earlier != 0 {
            let found = format!("the operands {first} and {second} again, after line {earlier}");
            return Err(ParseError::new(Place::Line(row.line), found, "each pair once"));
        }
        values[pair] = product(row.place(2), row.cells[2])?;
    }
    if let Some(pair) = seen.iter().position(|&line| line == 0) {
        let [first, second] =
            [value(negative[0], (pair >> 8) as u8), value(negative[1], pair as u8)];
        let found = format!("{} pairs of operands, not {first} and {second}", rows.len());
        let hint = other_width(rows.len() as u64);
        let expected = format!("all 65,536, each with its product{hint}");
        return Err(ParseError::new(Place::File, found, expected));
    }
    let [first, second] = negative.map(Axis::in_order).map(Some);
    Ok(Cells {
        order: header.flatten(),
        labels: Labels::of(first, second),
        ..Cells::plain(values, Stored::Numbers)
    })
}

/// What a line of words says of the order; `None` if it has a number.
fn header(row: &Row) -> Option<Option<Order>> {
    if row.cells.iter().any(|cell| whole_number(cell).is_some()) {
        return None;
    }
    let [first, second] = [0, 1].map(|column| {
        match &*row.cells[column].to_ascii_lowercase() {
            "w" | "weight" | "weights" => "w",
            "a" | "activation" | "activations" => "a",
            // Other words are names of ports or variables.
            _ => "",
        }
    });
    Some(Order::ALL.into_iter().find(|order| order.axes("w", "a") == [first, second]))
}

/// Whether operands in a column are negative; then none is above 127.
fn signed(rows: &[Row], column: usize) -> Result<bool, ParseError> {
    let (mut negative, mut high) = (false, None);
    for row in rows {
        let operand = operand(row, column)?;
        negative |= operand < 0;
        high = high.or((operand > 127).then_some(row));
    }
    match high {
        Some(row) if negative => Err(ParseError::new(
            row.place(column),
            format!("the operand {}", quote(row.cells[column])),
            "either operands from -128 to 127 in the column or from 0 to 255",
        )),
        _ => Ok(negative),
    }
}

fn operand(row: &Row, column: usize) -> Result<i64, ParseError> {
    let text = row.cells[column];
    match whole_number(text) {
        Some(Ok(operand)) if (-128..=255).contains(&operand) => Ok(operand),
        _ => Err(ParseError::new(
            row.place(column),
            quote(text),
            "an operand of 8 bits, a whole number from -128 to 255",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse_csv;
    use crate::{
        Operands, ProductTable,
        table::{Cells, Order, TableOptions, import_table},
    };

    /// Lines of all operands in the order of their bytes.
    fn lines(operands: Operands, order: Order) -> Vec<String> {
        let pairs = (0..=255).flat_map(|w| (0..=255).map(move |a| (w, a)));
        let line = |(w, a): (u8, u8)| {
            let [first, second] = order.axes(operands.weight(w), operands.activation(a));
            format!("{first},{second},{}\n", operands.product(w, a) - i32::from(a % 5))
        };
        pairs.map(line).collect()
    }

    fn read(text: &str) -> ProductTable {
        let path = std::path::Path::new("t.csv");
        import_table(text.as_bytes(), path, &TableOptions::default()).unwrap().table
    }

    /// As different programs write them, negative operands and all.
    #[test]
    fn blanks_tabs_quotes_and_headers_of_another_kind() {
        let operands = Operands::Signed;
        let expected =
            ProductTable::from_fn(operands, |w, a| operands.product(w, a) - i32::from(a % 5));
        let text = lines(operands, Order::WeightFirst).concat();
        for (header, separator) in [
            ("w,a,p\n", " "),
            ("w;a;p\n", "\t"),
            ("", "    "),
            ("", " \t "),
            ("w a p\n", "\t\t"),
            ("\"w\",\"a\",\"p\"\n", "\t\t\t"),
        ] {
            assert!(read(&format!("{header}{}", text.replace(',', separator))) == expected);
        }
        let quoted: String =
            text.lines().map(|line| format!("\"{}\"\n", line.replace(',', "\",\""))).collect();
        assert!(read(&quoted) == expected);
    }

    fn message(text: &str) -> String {
        parse_csv(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn lines_in_any_order_with_any_separator() {
        for operands in Operands::ALL {
            let expected =
                ProductTable::from_fn(operands, |w, a| operands.product(w, a) - i32::from(a % 5));
            for order in Order::ALL {
                let [first, second] = order.axes("w", "Activation");
                let text = lines(operands, order).concat();
                let text = format!("{first},{second},product\n{text}");
                assert!(read(&text) == expected, "{operands} {order}");
            }
        }
        let mut backwards = lines(Operands::Unsigned, Order::WeightFirst);
        let first = read(&backwards.concat());
        backwards.reverse();
        for separator in [";", "\t", " ", ", "] {
            let text = format!("# a comment\n{}", backwards.concat());
            assert!(read(&text.replace(',', separator)) == first, "'{separator}'");
        }
        // Signs alone tell that the activation comes first.
        let operands = Operands::SignedWeight;
        assert_eq!(read(&lines(operands, Order::ActivationFirst).concat()).operands(), operands);
    }

    #[test]
    fn words_of_no_known_order() {
        let order = |header: &str| {
            let text =
                format!("{header}\n{}", lines(Operands::Unsigned, Order::WeightFirst).concat());
            let Cells { order, labels, .. } = parse_csv(text.as_bytes()).unwrap();
            assert_eq!(labels, None);
            order
        };
        assert_eq!(order("a,b,o"), None);
        assert_eq!(order("a,w,o"), Some(Order::ActivationFirst));
        assert_eq!(order("\"weight\",\"activation\",\"p\""), Some(Order::WeightFirst));
    }

    #[test]
    fn pairs_that_are_missing_or_double() {
        let all = lines(Operands::SignedWeight, Order::WeightFirst);
        let mut double = all.clone();
        double[70] = "0,5,0\n".to_owned();
        assert_eq!(
            message(&double.concat()),
            "line 71: found the operands 0 and 5 again, after line 6, expected each pair once"
        );
        let mut missing = all.clone();
        missing.remove(0xfe03);
        assert_eq!(
            message(&missing.concat()),
            "found 65535 pairs of operands, not -2 and 3, expected all 65,536, each with its product"
        );
        let twice = all.concat().repeat(2);
        assert!(message(&twice).starts_with("line 65537: found the operands 0 and 0 again, after"));
        assert!(message("w,a,product\n").starts_with("found 0 pairs of operands, not 0 and 0"));
        assert!(message("0,0,0\n").starts_with("found 1 pairs of operands, not 0 and 1"));
    }

    #[test]
    fn cells_that_do_not_belong() {
        let all = lines(Operands::SignedWeight, Order::WeightFirst);
        for (line, expected) in [
            ("0,256,7", "line 9, column 2: found '256', expected an operand of 8 bits"),
            ("x,2,7", "line 9, column 1: found 'x', expected an operand of 8 bits"),
            ("0,,7", "line 9, column 2: found '', expected an operand of 8 bits"),
            ("0,8,x", "line 9, column 3: found 'x', expected a whole number"),
            ("0,8,3000000000", "line 9, column 3: found '3000000000', expected a product"),
            ("0,8", "line 9: found 2 cells, expected three, as in the first line"),
            ("0,8,1,2", "line 9: found 4 cells, expected three"),
            ("128,8,1", "line 9, column 1: found the operand '128', expected either operands"),
        ] {
            let mut lines = all.clone();
            lines[8] = format!("{line}\n");
            let error = message(&lines.concat());
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
