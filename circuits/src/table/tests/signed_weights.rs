//! Tables of signed weights and unsigned activations: both operands and their order are told.

use super::*;

/// Products of signed weights and unsigned activations show which operand comes first.
#[test]
fn signed_weights_show_the_order() {
    let table = approximate(Operands::SignedWeight, 15);
    let mut cases = 0;
    for format in Format::ALL {
        for order in Order::ALL {
            for index in [Index::Code, Index::Signed] {
                let layout = WriteOptions { element: None, order, index };
                let bytes = written(&table, format, &layout);
                let name = format!("t.{}", format.extensions()[0]);
                let found = import(&bytes, &name, &DETECT);
                assert!(found.table == table, "{format:?} {layout:?}");
                let Reading { operands, order: found_order, index: found_index, .. } =
                    found.reading;
                assert_eq!((operands, found_order), (Operands::SignedWeight, order));
                assert_eq!(found_index, index);
                // The other order is a contradiction.
                let other = Order::ALL.into_iter().find(|&other| other != order);
                let error = refusal(&bytes, &name, &TableOptions { order: other, ..DETECT });
                let said = match format {
                    Format::Csv => format!("the corner '{}'", order.corner()),
                    _ => format!(
                        "read as signed-weight operands with index '{index}', order '{order}'"
                    ),
                };
                assert!(error.contains(&said), "{error}");
                cases += 1;
            }
        }
    }
    assert_eq!(cases, 16);
}

#[test]
fn labels_of_one_sign_tell_the_weight() {
    let table = approximate(Operands::SignedWeight, 16);
    let text = |order| {
        let layout = WriteOptions { order, ..WriteOptions::default() };
        String::from_utf8(written(&table, Format::Csv, &layout)).unwrap()
    };
    let rows = text(Order::WeightFirst);
    assert!(rows.starts_with(r"w\a,0,1,2,") && rows.contains("\n-128,"));
    for operands in [Operands::Signed, Operands::Unsigned] {
        let options = TableOptions { operands: Some(operands), ..DETECT };
        assert_eq!(
            refusal(rows.as_bytes(), "t.csv", &options),
            format!(
                "t.csv: found rows labelled with negative operands and columns without, but \
                 {operands} was asked for; leave the option out or mend the file"
            )
        );
    }
    // A corner that the labels contradict.
    let wrong = rows.replace(r"w\a", r"a\w");
    assert_eq!(
        refusal(wrong.as_bytes(), "t.csv", &DETECT),
        "t.csv: found rows labelled with negative operands and columns without, but order 'aw' \
         was asked for; leave the option out or mend the file"
    );
    // Without a corner, and without the labels of the activations.
    for text in [rows.replace(r"w\a", ""), rows.split_once('\n').unwrap().1.to_owned()] {
        assert!(import(text.as_bytes(), "t.csv", &DETECT).table == table);
    }
    let columns = text(Order::ActivationFirst).replace(r"a\w", "");
    assert!(import(columns.as_bytes(), "t.csv", &DETECT).table == table);
}
