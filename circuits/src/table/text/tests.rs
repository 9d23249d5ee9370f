use super::*;
use crate::table::options::{Index, Order};

/// A table whose entry is its position in the file.
fn rows() -> Vec<Vec<String>> {
    (0..256).map(|row| (0..256).map(|column| (256 * row + column).to_string()).collect()).collect()
}

fn joined(rows: &[Vec<String>], separator: &str, end: &str) -> String {
    rows.iter().map(|row| row.join(separator) + end).collect()
}

fn numbers(range: std::ops::Range<i32>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

fn with_column(mut rows: Vec<Vec<String>>, labels: &[String]) -> Vec<Vec<String>> {
    for (row, label) in rows.iter_mut().zip(labels) {
        row.insert(0, label.clone());
    }
    rows
}

fn with_header(mut rows: Vec<Vec<String>>, corner: &[&str], labels: &[String]) -> Vec<Vec<String>> {
    let corner = corner.iter().map(|&corner| corner.to_owned());
    rows.insert(0, corner.chain(labels.iter().cloned()).collect());
    rows
}

fn message(text: &str) -> String {
    parse_csv(text.as_bytes()).unwrap_err().to_string()
}

#[track_caller]
fn assert_reads(text: &str) -> Cells {
    let cells = parse_csv(text.as_bytes()).unwrap();
    assert!(cells.values().iter().copied().eq(0..65536));
    cells
}

#[test]
fn every_separator_and_line_end() {
    for separator in [",", ";", "\t", " ", ", ", "   ", " ; ", "\t\t", " \t "] {
        for end in ["\n", "\r\n", "  \n", "\n\n"] {
            assert_reads(&joined(&rows(), separator, end));
        }
    }
    for (separator, end) in [(",", ",\n"), (";", ";\r\n"), ("\t", "\t\n")] {
        assert_reads(&joined(&rows(), separator, end));
    }
    let unended = joined(&rows(), ",", "\n");
    assert_reads(unended.trim_end());
    assert_reads(&format!("\u{feff}{unended}"));
    let aligned: String = rows()
        .iter()
        .map(|row| row.iter().map(|cell| format!("{cell:>8}")).collect::<String>() + "\n")
        .collect();
    assert_reads(&aligned);
}

#[test]
fn comments_are_kept_and_empty_lines_skipped() {
    let text = format!("# MAE = 0\n\n// more\n{}\n # last", joined(&rows(), ",", "\n\n"));
    assert_eq!(assert_reads(&text).comments(), "# MAE = 0\n// more\n# last\n");
}

#[test]
fn one_number_a_line() {
    assert_reads(&numbers(0..65536).join("\n"));
    let error = message(&numbers(0..65535).join("\n"));
    assert_eq!(error, "found 65535 lines of one product, expected 65,536, or 256 lines of 256");
    assert!(message(&numbers(0..65537).join("\n")).starts_with("found 65537 lines"));
}

#[test]
fn numbers_in_every_notation() {
    for (text, value) in [
        ("12", 12),
        ("-12", -12),
        ("+12", 12),
        ("007", 7),
        ("0xfF", 255),
        ("0X10", 16),
        ("-0x10", -16),
        ("1.200000000000000000e+01", 12),
        ("-12.", -12),
        ("2147483647", i32::MAX),
        ("-2147483648", i32::MIN),
    ] {
        let mut rows = rows();
        rows[255][255] = text.to_owned();
        let cells = parse_csv(joined(&rows, ",", "\n").as_bytes()).unwrap();
        assert_eq!(cells.values()[65535], value, "{text}");
    }
}

#[test]
fn cells_that_are_no_product_are_named() {
    let number = "a whole number, decimal or hexadecimal (0x)";
    let range = "a product that fits i32, -2147483648 to 2147483647";
    for (text, found, expected) in [
        ("abc", "'abc'", number),
        ("", "an empty cell", number),
        ("1.5", "'1.5'", number),
        ("nan", "'nan'", number),
        ("inf", "'inf'", number),
        ("-inf", "'-inf'", number),
        ("--1", "'--1'", number),
        ("0x", "'0x'", number),
        ("0xg", "'0xg'", number),
        ("1 2", "'1 2'", number),
        ("\u{7}é", r"'\u{7}é'", number),
        ("2147483648", "'2147483648'", range),
        ("-2147483649", "'-2147483649'", range),
        ("0x100000000", "'0x100000000'", range),
        ("99999999999999999999", "'99999999999999999999'", range),
        ("1e300", "'1e300'", range),
        ("1e999", "'1e999'", range),
    ] {
        let mut rows = rows();
        rows[2][6] = text.to_owned();
        let error = message(&joined(&rows, ",", "\n"));
        assert_eq!(error, format!("line 3, column 7: found {found}, expected {expected}"));
    }
}

#[test]
fn headers_in_every_combination() {
    let words: Vec<_> = (0..256).map(|index| format!("x{index}")).collect();
    let codes = numbers(0..256);
    for labels in [&words, &codes] {
        for text in [
            joined(&with_header(rows(), &[], labels), ",", "\n"),
            joined(&with_column(rows(), labels), ",", "\n"),
            joined(&with_header(with_column(rows(), labels), &["corner"], labels), ",", "\n"),
            joined(&with_header(with_column(rows(), labels), &[""], labels), ",", "\n"),
            joined(&with_header(with_column(rows(), labels), &[], labels), " ", "\n"),
        ] {
            // Words, and counting from 0, say nothing of the operands.
            assert_eq!(assert_reads(&text).labels, None);
        }
    }
}

#[test]
fn labels_tell_where_the_operands_are() {
    let signed = numbers(-128..128);
    for text in [
        joined(&with_header(rows(), &[], &signed), ",", "\n"),
        joined(&with_column(rows(), &signed), ",", "\n"),
        joined(&with_header(with_column(rows(), &signed), &[r"a\w"], &signed), ",", "\n"),
    ] {
        let cells = assert_reads(&text);
        let labels = cells.labels.unwrap();
        assert!(labels.follow(Index::Signed) && !labels.follow(Index::Code));
        assert!(labels.admit([true; 2]) && !labels.admit([false; 2]));
        assert_eq!(cells.order, text.starts_with('a').then_some(Order::ActivationFirst));
    }
    let halves: Vec<_> = numbers(0..128).into_iter().chain(numbers(-128..0)).collect();
    let cells = assert_reads(&joined(&with_column(rows(), &halves), ",", "\n"));
    let labels = cells.labels;
    // The order of bytes, but now it is known that they are signed.
    assert!(labels.is_some_and(|labels| labels.follow(Index::Code) && !labels.admit([false; 2])));
}

#[test]
fn labels_that_are_not_the_operands() {
    for (position, label, expected) in [
        (7, "6", "line 8, column 1: found the label '6', expected each operand once"),
        (7, "256", "line 8, column 1: found the label '256', expected an operand of 8 bits"),
        (7, "seven", "line 8, column 1: found the label 'seven', expected a whole number"),
        (7, "-1", "line 129, column 1: found the label '128', expected either labels from"),
    ] {
        let mut labels = numbers(0..256);
        labels[position] = label.to_owned();
        let error = message(&joined(&with_column(rows(), &labels), ",", "\n"));
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn wrong_shapes() {
    let all = rows();
    let cut = |rows: usize| joined(&all[..rows], ",", "\n");
    for rows in [0, 1, 100, 255] {
        assert_eq!(
            message(&cut(rows)),
            format!(
                "found {rows} rows, expected 256 rows of products, and at most one header row \
                 before them"
            )
        );
    }
    let twice = joined(&all, ",", "\n").repeat(2);
    assert!(message(&twice).starts_with("line 1: found 512 lines, with 256 cells here"));
    let mut short = all.clone();
    short[4].pop();
    let error = message(&joined(&short, ",", "\n"));
    assert_eq!(error, "line 5: found 255 cells, expected 256 cells, one for each product");
    let mut long = all.clone();
    long[4].extend(numbers(0..1_000_000));
    let error = message(&joined(&long, ",", "\n"));
    assert!(error.starts_with("line 5: found more than 257 cells"), "{error}");
    let header = joined(&with_header(all, &["a", "b"], &numbers(0..255)), ",", "\n");
    assert!(message(&header).starts_with("line 1: found 257 cells in the header row"));
}

#[test]
fn bytes_that_are_no_text() {
    let mut bytes = b"1,2\n3,\xff".to_vec();
    let error = parse_csv(&bytes).unwrap_err().to_string();
    assert_eq!(error, "line 2: found the byte 0xff, expected text in UTF-8");
    bytes.truncate(0);
    assert!(parse_csv(&bytes).is_err());
}
