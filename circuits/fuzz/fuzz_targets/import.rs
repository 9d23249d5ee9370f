#![no_main]
//! Whole files with options from the first two bytes; what is read is written and read again.

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use recoup_circuits::{
    Operands,
    table::{
        ElementType, Format, Index, Order, TableOptions, WriteOptions, import_table, write_table,
    },
};
use recoup_circuits_fuzz::expand;

/// One of some values, or none.
fn pick<T: Copy>(choice: u8, values: &[T]) -> Option<T> {
    values.get(usize::from(choice) % (values.len() + 1)).copied()
}

fuzz_target!(|input: &[u8]| {
    let [choices, layout_choice, content @ ..] = input else { return };
    let options = TableOptions {
        element: pick(choices & 3, &[ElementType::U16, ElementType::I16, ElementType::I32]),
        order: pick(choices >> 2 & 3, &[Order::WeightFirst, Order::ActivationFirst]),
        index: pick(choices >> 4 & 3, &[Index::Code, Index::Signed]),
        operands: pick(choices >> 6, &Operands::ALL),
    };
    // The content alone, without an extension, tells the format.
    let Ok(import) = import_table(&expand(content), Path::new("table"), &options) else { return };
    let layout = WriteOptions {
        element: None,
        order: import.reading.order,
        index: match import.reading.operands {
            Operands::Signed | Operands::SignedWeight if layout_choice & 4 != 0 => Index::Signed,
            _ => Index::Code,
        },
    };
    let format = Format::ALL[usize::from(layout_choice & 3)];
    let bytes = write_table(&import.table, format, &layout).expect("a layout that fits");
    let said = TableOptions {
        element: Some(ElementType::holding(import.table.products())),
        order: Some(layout.order),
        index: Some(layout.index),
        operands: Some(import.reading.operands),
    };
    let name = format!("table.{}", format.extensions()[0]);
    // What is far from every product may contradict what it was read as before.
    if let Ok(again) = import_table(&bytes, Path::new(&name), &said) {
        assert!(again.table == import.table, "{name}");
    }
});
