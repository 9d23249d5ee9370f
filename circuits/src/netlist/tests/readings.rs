//! Which operands are signed and which is the weight: declared, asked for or told by the products.

use super::*;

#[test]
fn signed_ports_are_signed_whatever_is_closest() {
    let text = "module m(input signed [7:0] a, b, output [15:0] o); assign o = 0; endmodule";
    assert_eq!(import(text).unwrap().table.operands(), Operands::Signed);
    // Nothing tells what 0 is the product of.
    let text = text.replace(" signed", "");
    assert_eq!(import(&text).unwrap().table.operands(), Operands::Unsigned);
    assert_eq!(import(&assigning("a * b")).unwrap().table.operands(), Operands::Unsigned);
}

/// A single signed operand is the weight, on whichever port.
#[test]
fn one_signed_operand_is_the_weight() {
    let exact = ProductTable::exact(Operands::SignedWeight);
    for signed in ["a", "b"] {
        let extend = |port: &str| {
            let sign = if port == signed { format!("{port}[7]") } else { "1'b0".to_owned() };
            format!("{{{{8{{{sign}}}}}, {port}}}")
        };
        let text = assigning(&format!("{} * {}", extend("a"), extend("b")));
        assert_eq!(import(&text).unwrap().table, exact);
        // The options decide nothing else.
        let design = parse_verilog(&text).unwrap();
        let read = |operands, swap| {
            let options = VerilogOptions { operands, swap, ..Default::default() };
            design.import(None, &options, &Library::default()).map(|import| import.table)
        };
        assert_eq!(read(Some(Operands::SignedWeight), signed == "b").unwrap(), exact);
        let position = if signed == "a" { "first" } else { "second" };
        let fitting = format!("read as signed weight, the {position} operand, 0; leave the option");
        for operands in [Operands::Unsigned, Operands::Signed] {
            let error = read(Some(operands), false).unwrap_err().to_string();
            assert!(error.starts_with(&format!("read as {operands} operands, the products are ")));
            assert!(error.contains(&fitting), "{error}");
        }
        if signed == "a" {
            let error = read(None, true).unwrap_err().to_string();
            assert!(error.contains(&fitting), "{error}");
        }
    }
}

/// In Verilog, one unsigned operand makes the whole product unsigned.
#[test]
fn a_declaration_that_the_products_contradict_is_no_reading() {
    let text = "module m(input signed [7:0] a, input [7:0] b, output [15:0] o);
        assign o = {8'b0, a} * {8'b0, b}; endmodule";
    assert_eq!(import(text).unwrap().table, ProductTable::exact(Operands::Unsigned));
}
