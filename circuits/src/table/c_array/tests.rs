use super::*;

/// An array whose element is its position, with a row in each line from the second on.
fn matrix(declaration: &str) -> String {
    let row = |row: usize| {
        let elements: Vec<_> = (256 * row..256 * row + 256).map(|e| e.to_string()).collect();
        format!("{{{}}}", elements.join(", "))
    };
    let rows: Vec<_> = (0..256).map(row).collect();
    format!("{declaration} = {{\n{}}};\n", rows.join(",\n"))
}

fn list(count: usize) -> String {
    let elements: Vec<_> = (0..count).map(|e| e.to_string()).collect();
    format!("const uint16_t lut[65536] = {{{}}};", elements.join(","))
}

#[track_caller]
fn assert_reads(text: &str) -> Cells {
    let cells = parse_c_header(text.as_bytes()).unwrap();
    assert!(cells.values().iter().copied().eq(0..65536));
    cells
}

fn message(text: &str) -> String {
    parse_c_header(text.as_bytes()).unwrap_err().to_string()
}

/// The matrix with the element 514, in line 4, written in another way.
fn with_element(declaration: &str, element: &str) -> String {
    matrix(declaration).replacen("{512, 513, 514,", &format!("{{512, 513, {element},"), 1)
}

#[test]
fn declarations() {
    for declaration in [
        "const uint16_t lut [256][256]",
        "static const unsigned short lut[256] [ 256 ]",
        "#include <stdint.h>\n#pragma once\n\nconst int32_t lut[][256]",
        "int lut[N][N]",
        "#ifndef LUT_H\n#define LUT_H \\\n  1\nextern \"C\" {\nint64_t lut[256][256]",
        "int f(int x) { return x; }\nlong lut[256][256]",
        "__attribute__((aligned(64))) const product_t lut[256][256] /* here */",
    ] {
        assert_reads(&matrix(declaration));
    }
    assert_reads(&list(65536));
}

#[test]
fn trailing_commas_and_blanks() {
    let text = matrix("int lut[256][256]");
    assert_reads(&text.replace("}", ",}"));
    assert_reads(&text.replace(",", " ,\t\n"));
    assert_reads(&text.replace(" ", "").replace("intlut", "int lut"));
    assert_reads(&text.replace("\n", "\r\n"));
    assert_reads(&text.replace("},", "}, // a row\n/* and\nmore */"));
    assert_reads(&list(65536).replace("}", ", }"));
}

#[test]
fn comments_before_within_and_after() {
    let text = matrix("/* MAE = 0 */ int lut[256][256]").replace("{0,", "{ // first\n0,");
    let cells = assert_reads(&format!("{text}// last"));
    assert_eq!(cells.comments(), " MAE = 0 \n first\n last\n");
}

#[test]
fn notations_of_elements() {
    for (text, value) in [
        ("-514", -514),
        ("- 514", -514),
        ("+514", 514),
        ("0x202", 514),
        ("0XfFu", 255),
        ("0202", 130),
        ("0", 0),
        ("514UL", 514),
        ("2147483647", i32::MAX),
        ("-2147483648", i32::MIN),
    ] {
        let cells = parse_c_header(with_element("int lut[256][256]", text).as_bytes()).unwrap();
        assert_eq!(cells.values()[514], value, "{text}");
    }
}

#[test]
fn elements_that_are_no_numbers() {
    let number = "a whole number: decimal, octal (0...) or hexadecimal (0x...)";
    let expression = "a whole number; expressions are not computed";
    for (text, column, found, expected) in [
        ("1.5", 12, "'1.5'", number),
        ("1e3", 12, "'1e3'", number),
        ("08", 12, "'08'", number),
        ("0x", 12, "'0x'", number),
        ("1'000", 12, "'1'000'", number),
        ("12z", 12, "'12z'", number),
        ("(5)", 12, "'('", expression),
        ("X", 12, "'X'", expression),
        ("[2] = 3", 12, "'['", expression),
        ("'a'", 12, "''a''", expression),
        ("--5", 12, "'-'", expression),
        ("", 12, "','", expression),
        ("{1}", 12, "'{'", expression),
        ("2 + 3", 14, "'+'", ", or }"),
        ("2 3", 14, "'3'", ", or }"),
        ("é", 12, "'é'", expression),
    ] {
        let error = message(&with_element("int lut[256][256]", text));
        assert_eq!(error, format!("line 4, column {column}: found {found}, expected {expected}"));
    }
}

#[test]
fn elements_out_of_the_range_of_their_type() {
    for (c_type, element, range) in [
        ("int16_t", "32768", None),
        ("uint16_t", "65536", Some("0 to 65535")),
        ("uint16_t", "-1", Some("0 to 65535")),
        ("unsigned short", "-1", Some("0 to 65535")),
        ("int", "2147483648", Some("-2147483648 to 2147483647")),
        ("product_t", "2147483648", Some("-2147483648 to 2147483647")),
        ("uint32_t", "4294967296", Some("0 to 4294967295")),
        ("int", "99999999999999999999999999999999999999999", Some("-2147483648 to 2147483647")),
        ("int", "-99999999999999999999", Some("-2147483648 to 2147483647")),
    ] {
        // The positions beyond 32767 do not fit int16_t from row 128 on; row 2 comes first.
        let error = message(&with_element(&format!("{c_type} lut[256][256]"), element));
        let range = range.unwrap_or("-32768 to 32767");
        assert_eq!(
            error,
            format!("line 4, column 12: found {element}, expected {range}, the type of the array")
        );
    }
    let error = message(&with_element("uint32_t lut[256][256]", "4294967295"));
    assert!(error.ends_with("expected a product that fits i32, -2147483648 to 2147483647"));
}

#[test]
fn missing_elements() {
    let text = matrix("int lut[256][256]");
    let short = text.replacen("{512, 513, ", "{513, ", 1);
    assert!(
        message(&short)
            .ends_with("found 255 elements in row 2, expected 256: none can be left out")
    );
    let long = text.replacen("{512, ", "{512, 512, ", 1);
    assert!(message(&long).ends_with("found more elements in row 2, expected 256 and then }"));
    let (_, first_row) = text.split_once("= {\n").unwrap();
    let (first_row, rest) = first_row.split_once('\n').unwrap();
    let error = message(&format!("int lut[][256] = {{{rest}"));
    assert!(error.ends_with("found 255 rows, expected 256 rows: none can be left out"), "{error}");
    let error = message(&format!("int lut[][256] = {{{first_row}{first_row}{rest}"));
    assert!(error.ends_with("found a row more, expected 256 rows"), "{error}");
    let error = message(&list(65535));
    assert!(error.ends_with("found 65535 elements, expected 65536 elements: none can be left out"));
    assert!(message(&list(65537)).ends_with("found an element more, expected 65,536 and then }"));
    assert!(
        message("int x[] = {};")
            .ends_with("found 0 elements, expected 65536 elements: none can be left out")
    );
    assert!(
        message("int x[] = {{}};")
            .ends_with("found 0 elements in row 0, expected 256: none can be left out")
    );
    assert!(message("int x[] = {{1}, 2};").contains("1 elements in row 0"));
    let mixed = text.replacen("{256,", "256,", 1);
    assert!(message(&mixed).ends_with("found '256', expected { or }"));
}

#[test]
fn every_cut_is_an_error() {
    let text = matrix("/* x */ const int lut[256][256]").trim_end().to_owned();
    assert_reads(&text);
    for length in (0..80).chain((80..text.len()).step_by(39_989)).chain([text.len() - 1]) {
        message(&text[..length]);
    }
    let error = message(&text[..text.len() / 2]);
    assert!(error.contains("found the end of the file after 3"), "{error}");
    assert!(
        message(&text[..text.len() - 1])
            .ends_with("found the end of the file, expected ; after the array")
    );
}

#[test]
fn other_files_of_c() {
    for (text, expected) in [
        ("", "found the end of the file, expected an array, such as: const int16_t lut"),
        ("int mul(int a, int b) { return a * b; }", "found the end of the file, expected an array"),
        ("int lut[255][256] = {{", "found an array [255][256], expected [256][256] or [65536]"),
        ("int lut[256][256][2] = {", "found an array [256][256][2], expected"),
        (
            "#if A\nint lut[256][256] = {",
            "line 1, column 1: found '#if A', expected an array without",
        ),
        ("int lut[] = {\n#include \"rows.h\"\n};", "line 2, column 1: found '#include \"rows.h\"'"),
        ("\u{feff}/* MAE", "line 1, column 1: found a comment that does not end"),
    ] {
        let error = message(text);
        assert!(error.contains(expected), "{error}");
    }
    let twice = matrix("int lut[256][256]").repeat(2);
    assert!(message(&twice).contains("line 258, column 21: found a second array, expected one"));
    let alternatives = matrix("int lut[256][256]") + "#else\n";
    assert!(message(&alternatives).contains("'#else'"));
    // Enclosing functions and scalars do no harm.
    assert_reads(&(matrix("int n = 256; int lut[256][256]") + "int f() { return lut[0][1]; }"));
}
