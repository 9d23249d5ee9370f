//! Whole tables: round trips, what is detected, and what is refused.

use std::path::Path;

use super::*;
use crate::{Operands, ProductTable};

mod signed_weights;

/// Pseudo-random numbers, the same in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as u32
    }
}

/// A multiplier with an error that is different for each pair, so that nothing can be exchanged.
fn approximate(operands: Operands, seed: u64) -> ProductTable {
    let mut random = Random(seed);
    let exact = ProductTable::exact(operands);
    let errors = exact.products().iter().map(|product| {
        let error = (random.next() % 64) as i32;
        if operands == Operands::Unsigned { (product - error).max(0) } else { product - error }
    });
    ProductTable::new(operands, errors.collect())
}

fn import(bytes: &[u8], name: &str, options: &TableOptions) -> Import {
    import_table(bytes, Path::new(name), options).unwrap()
}

fn refusal(bytes: &[u8], name: &str, options: &TableOptions) -> String {
    import_table(bytes, Path::new(name), options).unwrap_err().to_string()
}

fn written(table: &ProductTable, format: Format, options: &WriteOptions) -> Vec<u8> {
    write_table(table, format, options).unwrap()
}

fn raw(table: &ProductTable) -> Vec<u8> {
    written(table, Format::Raw, &WriteOptions::default())
}

const DETECT: TableOptions =
    TableOptions { element: None, order: None, index: None, operands: None };

#[test]
fn every_format_layout_and_type_round_trips() {
    let mut cases = 0;
    for operands in Operands::ALL {
        let table = approximate(operands, 1);
        for format in Format::ALL {
            for element in ElementType::WORDS.iter().map(|word| word.parse().unwrap()) {
                for order in [Order::WeightFirst, Order::ActivationFirst] {
                    for index in [Index::Code, Index::Signed] {
                        let layout = WriteOptions { element: Some(element), order, index };
                        let Ok(bytes) = write_table(&table, format, &layout) else {
                            continue;
                        };
                        let name = format!("t.{}", format.extensions()[0]);
                        let options = TableOptions { order: Some(order), ..DETECT };
                        let import = import(&bytes, &name, &options);
                        assert!(import.table == table, "{format:?} {layout:?}");
                        assert_eq!(import.format, format);
                        assert_eq!(import.reading.index, index);
                        assert_eq!(import.reading.operands, operands);
                        assert_eq!(import.reading.order, order);
                        // Numbers that are no products by themselves.
                        let offset = element == ElementType::Offset16 && format != Format::Raw;
                        let warning = offset.then_some(Warning::OtherSign { element });
                        assert_eq!(import.warnings, Vec::from_iter(warning));
                        assert!(!import.symmetric);
                        cases += 1;
                        if order == Order::ActivationFirst {
                            continue;
                        }
                        // Said aloud, it is the same.
                        let options = TableOptions {
                            element: Some(element),
                            order: Some(order),
                            index: Some(index),
                            operands: Some(operands),
                        };
                        assert!(self::import(&bytes, &name, &options).table == table);
                    }
                }
            }
        }
    }
    // Per format and order: u16 and i32 for unsigned operands; i16, i32 and offset16 for signed ones
    // and for signed weights, both indices.
    assert_eq!(cases, 4 * 2 * (2 + 6 + 6));
}

/// From each format to the next one and back to the first: the same bytes.
#[test]
fn conversions_keep_all_products() {
    for operands in Operands::ALL {
        let layout = WriteOptions::default();
        let start = written(&approximate(operands, 2), Format::Raw, &layout);
        let mut bytes = start.clone();
        let mut from = Format::Raw;
        for to in Format::ALL.into_iter().chain(Format::ALL.into_iter().rev()) {
            let name = format!("t.{}", from.extensions()[0]);
            bytes = written(&import(&bytes, &name, &DETECT).table, to, &layout);
            from = to;
        }
        assert!(from == Format::Raw && bytes == start);
    }
}

#[test]
fn content_tells_the_format_of_an_unknown_extension() {
    let table = approximate(Operands::Signed, 3);
    for format in Format::ALL {
        let import = import(&written(&table, format, &WriteOptions::default()), "table", &DETECT);
        assert_eq!(import.format, format);
        assert!(import.table == table);
    }
    let error = refusal(b"module m; endmodule", "m.v", &DETECT);
    assert!(
        error.starts_with("m.v: found a file .v, expected a table of products: raw"),
        "{error}"
    );
    let error = refusal(&[0; 77], "m", &DETECT);
    assert!(error.starts_with("m: found 77 bytes of unknown content"), "{error}");
}

#[test]
fn text_says_its_order() {
    let table = approximate(Operands::Unsigned, 4);
    let layout = WriteOptions { order: Order::ActivationFirst, ..WriteOptions::default() };
    let bytes = written(&table, Format::Csv, &layout);
    assert!(bytes.starts_with(br"a\w,0,1,2,"));
    let found = import(&bytes, "t.csv", &DETECT);
    assert!(found.table == table);
    let options = TableOptions { order: Some(Order::WeightFirst), ..DETECT };
    assert_eq!(
        refusal(&bytes, "t.csv", &options),
        r"t.csv: found the corner 'a\w', but order 'wa' was asked for; leave the option out or mend the file"
    );
}

#[test]
fn without_a_word_the_weight_comes_first() {
    let table = approximate(Operands::Unsigned, 5);
    let import_as = |order| import(&raw(&table), "t.bin", &TableOptions { order, ..DETECT }).table;
    assert!(import_as(None) == table);
    let exchanged = ProductTable::from_fn(Operands::Unsigned, |w, a| table.product(a, w));
    assert!(import_as(Some(Order::ActivationFirst)) == exchanged);
    assert!(import(&raw(&ProductTable::exact(Operands::Signed)), "t.bin", &DETECT).symmetric);
}

#[test]
fn detects_the_sign_of_raw_products() {
    for (operands, element) in [
        (Operands::Unsigned, ElementType::U16),
        (Operands::Signed, ElementType::I16),
        (Operands::SignedWeight, ElementType::I16),
    ] {
        let reading = import(&raw(&approximate(operands, 6)), "t.bin", &DETECT).reading;
        assert_eq!((reading.operands, reading.element), (operands, element));
    }
    // Rough multipliers, but nearer to what they are than to anything else. The second is one
    // partial product; its table is nearer to 0 than to a product, as signed products are.
    for mask in [0xc0, 0x80] {
        let rough = ProductTable::from_fn(Operands::Unsigned, |w, a| {
            i32::from(w & mask) * i32::from(a & mask)
        });
        let found = import(&raw(&rough), "t.bin", &DETECT);
        assert!(found.table == rough && found.metrics.mae > 7000.0, "{:?}", found.metrics);
        assert_eq!(found.warnings, []);
    }
}

#[test]
fn explicit_options_that_contradict_the_products() {
    let unsigned = raw(&approximate(Operands::Unsigned, 7));
    let signed = raw(&approximate(Operands::Signed, 7));
    let mixed = raw(&approximate(Operands::SignedWeight, 7));
    let u16_signed = "read as signed operands with index 'code' and u16 products";
    let cases = [
        (&unsigned, TableOptions { operands: Some(Operands::Signed), ..DETECT }, u16_signed),
        (&unsigned, TableOptions { element: Some(ElementType::I16), ..DETECT }, "read as signed"),
        (&unsigned, TableOptions { index: Some(Index::Signed), ..DETECT }, "read as signed"),
        (
            &signed,
            TableOptions { operands: Some(Operands::Unsigned), ..DETECT },
            "read as unsigned",
        ),
        (&signed, TableOptions { element: Some(ElementType::U16), ..DETECT }, "read as unsigned"),
        (&signed, TableOptions { index: Some(Index::Signed), ..DETECT }, "read as signed"),
        (
            &signed,
            TableOptions { operands: Some(Operands::SignedWeight), ..DETECT },
            "read as signed-weight operands with index",
        ),
        (&mixed, TableOptions { operands: Some(Operands::Signed), ..DETECT }, "read as signed"),
        (&mixed, TableOptions { element: Some(ElementType::U16), ..DETECT }, "read as unsigned"),
        (&mixed, TableOptions { index: Some(Index::Signed), ..DETECT }, "read as signed"),
    ];
    for (bytes, options, asked) in cases {
        let error = refusal(bytes, "t.bin", &options);
        let fitting = match bytes {
            _ if bytes == &unsigned => "read as unsigned operands with index 'code' and u16",
            _ if bytes == &signed => "read as signed operands with index 'code' and i16",
            _ => "read as signed-weight operands with index 'code', order 'wa' and i16",
        };
        let fitting = format!("{fitting} products, 3");
        assert!(error.contains(&fitting) && error.contains("leave the option out"), "{error}");
        assert!(options.operands.is_none() || error.contains(&asked[..12]), "{error}");
    }
    let options =
        TableOptions { operands: Some(Operands::Unsigned), index: Some(Index::Signed), ..DETECT };
    assert!(
        refusal(&unsigned, "t.bin", &options).contains("unsigned operands with index 'signed'")
    );
}

#[test]
fn a_type_that_numbers_do_not_fit() {
    let products = (0..65536).map(|pair| if pair == 600 { 65536 } else { 0 });
    let table = ProductTable::new(Operands::Unsigned, products.collect());
    let bytes = written(&table, Format::Csv, &WriteOptions::default());
    let options = TableOptions { element: Some(ElementType::U16), ..DETECT };
    assert_eq!(
        refusal(&bytes, "t.csv", &options),
        "t.csv: product [2][88]: found 65536, expected 16 bits, since u16 was asked for"
    );
}

/// A table of another width is told so at once, in every format.
#[test]
fn tables_of_other_widths_are_named() {
    let text = |rows: &[Vec<String>], separator: &str| {
        rows.iter().map(|row| row.join(separator) + "\n").collect::<String>()
    };
    let mut cases = 0;
    for width in [4, 7, 9] {
        let side = 1 << width;
        let rows: Vec<Vec<String>> =
            (0..side).map(|i| (0..side).map(|j| (i * j).to_string()).collect()).collect();
        let labelled = format!(
            "{}\n{}",
            (0..side).map(|i| format!(",{i}")).collect::<String>(),
            text(&rows, ",")
        );
        let list = rows.concat().join("\n");
        let c_rows: Vec<String> = rows.iter().map(|row| format!("{{{}}}", row.join(","))).collect();
        let c = format!("int t[{side}][{side}] = {{{}}};", c_rows.join(","));
        let flat = format!("int t[{}] = {{{}}};", side * side, rows.concat().join(","));
        let npy = |shape: &str| {
            let header =
                format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({shape}), }}\n");
            let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
            bytes.extend((header.len() as u16).to_le_bytes());
            bytes.extend(header.bytes().chain(vec![0; side * side]));
            bytes
        };
        let files = [
            ("t.csv", text(&rows, ",").into_bytes()),
            ("t.txt", text(&rows, " ").into_bytes()),
            ("labelled.csv", labelled.into_bytes()),
            ("list.txt", list.into_bytes()),
            ("t.h", c.into_bytes()),
            ("flat.h", flat.into_bytes()),
            ("t.npy", npy(&format!("{side}, {side}"))),
            ("flat.npy", npy(&format!("{},", side * side))),
            ("t.bin", vec![0; 2 * side * side]),
            ("wide.bin", vec![0; 4 * side * side]),
        ];
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            let error = read_table(&path, &DETECT).unwrap_err().to_string();
            let hint = format!(
                "; this looks like a multiplier of {width} x {width} bits, and only those of 8 x 8"
            );
            assert!(error.contains(&hint), "{error}");
            cases += 1;
        }
    }
    assert_eq!(cases, 30);
    // 16 x 16 bits: by the length alone.
    let folder = tempfile::tempdir().unwrap();
    for bytes in [1 << 33, 1 << 34] {
        let path = folder.path().join("t.bin");
        std::fs::File::create(&path).unwrap().set_len(bytes).unwrap();
        let error = read_table(&path, &DETECT).unwrap_err().to_string();
        assert!(error.contains("a multiplier of 16 x 16 bits"), "{error}");
    }
}

/// Some tools write the product + 32768, so that nothing is negative.
#[test]
fn offset_binary_is_detected() {
    for operands in [Operands::Signed, Operands::SignedWeight] {
        let table = approximate(operands, 11);
        let words = table.products().iter().map(|product| (product + 32768) as u16);
        let bytes: Vec<u8> = words.flat_map(u16::to_le_bytes).collect();
        let found = import(&bytes, "t.bin", &DETECT);
        assert!(found.table == table);
        assert_eq!(
            (found.reading.element, found.reading.operands),
            (ElementType::Offset16, operands)
        );
        assert_eq!(found.warnings, []);
    }
    let options = TableOptions { element: Some(ElementType::Offset16), ..DETECT };
    let error = refusal(&raw(&approximate(Operands::Unsigned, 11)), "t.bin", &options);
    assert!(error.contains("and offset16 products, the products are "), "{error}");
}

/// EvoApproxLib's C models of signed multipliers return unsigned numbers.
#[test]
fn numbers_written_with_the_wrong_sign() {
    let table = approximate(Operands::Signed, 8);
    let numbers = table.products().iter().map(|&product| i32::from(product as u16));
    let wrong = ProductTable::new(Operands::Signed, numbers.collect());
    for format in [Format::Npy, Format::CHeader, Format::Csv] {
        let bytes = match format {
            // Comments and labels would give it away.
            Format::Csv => {
                wrong.products().iter().map(|p| format!("{p}\n")).collect::<String>().into()
            }
            Format::CHeader => {
                let text = String::from_utf8(written(&wrong, format, &WriteOptions::default()));
                text.unwrap()
                    .lines()
                    .filter(|line| !line.starts_with("//"))
                    .collect::<String>()
                    .replace("#include <stdint.h>", "")
                    .into_bytes()
            }
            _ => written(&wrong, format, &WriteOptions::default()),
        };
        let name = format!("t.{}", format.extensions()[0]);
        let found = import(&bytes, &name, &DETECT);
        assert!(found.table == table);
        assert_eq!(found.warnings, [Warning::OtherSign { element: ElementType::I16 }]);
        let options = TableOptions { element: Some(ElementType::I16), ..DETECT };
        assert_eq!(import(&bytes, &name, &options).warnings, []);
    }
}

#[test]
fn what_is_no_product_is_read_with_a_warning() {
    let mut random = Random(9);
    let noise = (0..65536).map(|_| (random.next() & 0xffff) as i32).collect();
    let noise = ProductTable::new(Operands::Unsigned, noise);
    let zero = ProductTable::new(Operands::Signed, vec![0; 65536]);
    for table in [noise, zero] {
        let found = import(&raw(&table), "t.bin", &DETECT);
        assert!(
            matches!(found.warnings[..], [Warning::NotAProduct { .. }]),
            "{:?}",
            found.warnings
        );
        assert!(found.warnings[0].to_string().contains("not close to a product"));
    }
}

#[test]
fn declared_metrics_are_compared() {
    let table = approximate(Operands::Unsigned, 10);
    let text =
        String::from_utf8(written(&table, Format::CHeader, &WriteOptions::default())).unwrap();
    let found = import(text.as_bytes(), "t.h", &DETECT);
    assert_eq!(found.declared.metrics.len(), 7);
    let metrics = found.metrics;
    let wrong = text.replace(&format!("WCE = {}.0000", metrics.wce), "WCE = 62");
    assert_eq!(
        refusal(wrong.as_bytes(), "t.h", &DETECT),
        "t.h: WCE is declared as 62, but is 63.0; the table is not of the circuit that the comments \
         describe, or was read wrongly: check the options, get the file again, or correct the \
         comments"
    );
    let csv = String::from_utf8(written(&table, Format::Csv, &WriteOptions::default())).unwrap();
    let good = format!("# EP% = {:.1} %\n{csv}", 100.0 * metrics.ep);
    assert_eq!(import(good.as_bytes(), "t.csv", &DETECT).declared.metrics.len(), 1);
    let error = refusal(format!("# EP% = 1.5 %\n{csv}").as_bytes(), "t.csv", &DETECT);
    assert!(error.starts_with("t.csv: EP is declared as 1.5 %, but is 9"), "{error}");
}

/// As in AdaPT: a circuit without the lowest operand bits, two negatives by their magnitudes.
#[test]
fn the_mirrored_quadrant_is_named() {
    let drop = |value: i8| i32::from(value & !1);
    let table = ProductTable::from_fn(Operands::Signed, |w, a| {
        let (w, a) = (w as i8, a as i8);
        match w < 0 && a < 0 {
            true => drop(w.wrapping_abs()) * drop(a.wrapping_abs()),
            false => drop(w) * drop(a),
        }
    });
    let text =
        String::from_utf8(written(&table, Format::CHeader, &WriteOptions::default())).unwrap();
    let (_, array) = text.split_once("#include").unwrap();
    let found = import(format!("#include{array}").as_bytes(), "mul8s_1L2H.h", &DETECT);
    assert_eq!(found.warnings, [Warning::MirroredQuadrant]);
    assert!(found.warnings[0].to_string().contains("mul(|a|, |b|)"));
    // With the metrics that the library publishes for the circuit, it is plainly wrong.
    let declared = format!("// MAE = 53\n// WCE = 255\n#include{array}");
    let error = refusal(declared.as_bytes(), "mul8s_1L2H.h", &DETECT);
    assert!(error.starts_with(
        "mul8s_1L2H.h: MAE is declared as 53, but is 116.2; WCE is declared as 255, but is 32384.0; \
         the table has the known defect of two negative operands computed as mul(|a|, |b|)"
    ), "{error}");
}

#[test]
fn packed_files_are_not_unpacked() {
    for name in ["t.npz", "t.csv.gz", "t.zip"] {
        let error = read_table(Path::new(name), &DETECT).unwrap_err().to_string();
        assert!(error.contains("unpack the file first"), "{error}");
    }
    for (start, kind) in [(&b"PK\x03\x04"[..], "zip"), (b"\x1f\x8b\x08", "gzip")] {
        let error = refusal(start, "t.csv", &DETECT);
        assert_eq!(
            error,
            format!("t.csv: found {kind} data, expected a plain table; unpack the file first")
        );
    }
}

#[test]
fn products_that_a_type_cannot_hold_are_not_written() {
    let signed = approximate(Operands::Signed, 12);
    let layout = WriteOptions { element: Some(ElementType::U16), ..WriteOptions::default() };
    let error = write_table(&signed, Format::Raw, &layout).unwrap_err().to_string();
    assert!(error.contains("expected 0 to 65535 for u16; ask for i16"), "{error}");
    let products = (0..65536).map(|pair| if pair == 0x0203 { 1 << 20 } else { 0 });
    let wide = ProductTable::new(Operands::Unsigned, products.collect());
    let layout = WriteOptions { element: Some(ElementType::I16), ..WriteOptions::default() };
    assert_eq!(
        write_table(&wide, Format::Csv, &layout).unwrap_err().to_string(),
        "found the product 1048576 of the bytes 2 (weight) and 3 (activation), expected -32768 to \
         32767 for i16; ask for i32"
    );
    let layout = WriteOptions { index: Index::Signed, ..WriteOptions::default() };
    assert_eq!(write_table(&wide, Format::Csv, &layout), Err(WriteError::UnsignedIndex));
}

/// No input makes a reader panic: damaged files of each format.
#[test]
fn damaged_files_are_errors_or_tables() {
    let mut random = Random(13);
    let mut refused = 0;
    for format in Format::ALL {
        let good = written(&approximate(Operands::Signed, 14), format, &WriteOptions::default());
        for _ in 0..25 {
            let mut bytes = good.clone();
            for _ in 0..1 + random.next() % 3 {
                // Mostly where the headers are.
                let range = if random.next().is_multiple_of(2) { 512 } else { bytes.len() };
                let position = random.next() as usize % range;
                match random.next() % 3 {
                    0 => bytes[position] = random.next() as u8,
                    1 => drop(bytes.remove(position)),
                    _ => bytes.insert(position, random.next() as u8),
                }
            }
            let name = format!("t.{}", format.extensions()[0]);
            refused += u32::from(import_table(&bytes, Path::new(&name), &DETECT).is_err());
        }
    }
    assert!(refused > 40, "{refused}");
}
