//! Operators by their arithmetic, errors by their messages, the writer by reading back.

use super::{
    Library, Netlist, VerilogImport, VerilogOptions, parse_liberty, parse_verilog,
    parse_yosys_json, table_to_verilog,
};
use crate::{Operands, ProductTable};

mod readings;

fn import(text: &str) -> Result<VerilogImport, String> {
    let design = parse_verilog(text).map_err(|error| error.to_string())?;
    let options = VerilogOptions::default();
    design.import(None, &options, &Library::default()).map_err(|error| error.to_string())
}

/// The module whose product is an expression of the operands a and b.
fn assigning(expression: &str) -> String {
    format!(
        "module m(input [7:0] a, b, output [15:0] o);\n wire signed [7:0] sa = a, sb = b;\n assign \
         o = {expression};\nendmodule"
    )
}

#[track_caller]
fn assert_error(text: &str, parts: &[&str]) {
    let message = import(text).expect_err("an error");
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

/// The error of a module with these items between ports a, b and o.
#[track_caller]
fn assert_item_error(items: &str, parts: &[&str]) {
    let text = format!("module m(input [7:0] a, b, output [15:0] o);\n{items}\nendmodule");
    assert_error(&text, parts);
}

#[test]
fn operators_compute_in_the_width_and_sign_of_their_context() {
    type Function = fn(u32, u32) -> u32;
    fn signed(byte: u32) -> i32 {
        i32::from(byte as u8 as i8)
    }
    let cases: [(&str, Function); 33] = [
        ("a + b", |a, b| a + b),
        ("{a + b}", |a, b| (a + b) & 0xFF),
        ("(a + b) >> 1", |a, b| (a + b) >> 1),
        ("a - b", |a, b| a.wrapping_sub(b)),
        ("-a", |a, _| a.wrapping_neg()),
        ("~a", |a, _| !a),
        ("{~a}", |a, _| !a & 0xFF),
        ("sa * sb", |a, b| (signed(a) * signed(b)) as u32),
        ("sa * b", |a, b| a * b),
        ("$signed(a) * $signed(b)", |a, b| (signed(a) * signed(b)) as u32),
        ("$unsigned(sa) + 0", |a, _| a),
        ("sa >>> 2", |a, _| (signed(a) >> 2) as u32),
        ("a >>> 2", |a, _| a >> 2),
        ("sa >> 2", |a, _| (signed(a) as u32 & 0xFFFF) >> 2),
        ("a << b", |a, b| if b > 15 { 0 } else { a << b }),
        ("a >> b[2:0]", |a, b| a >> (b & 7)),
        ("sa < sb", |a, b| u32::from(signed(a) < signed(b))),
        ("a < sb", |a, b| u32::from(a < b)),
        ("sa >= -8'sd3", |a, _| u32::from(signed(a) >= -3)),
        ("sa >= sb ? sa : sb", |a, b| signed(a).max(signed(b)) as u32),
        ("a > b ? a : a == b ? 7 : b", |a, b| if a == b { 7 } else { a.max(b) }),
        ("&a + |b + ^a + ~&b", |a, b| {
            u32::from(a == 255) + u32::from(b > 0) + a.count_ones() % 2 + u32::from(b < 255)
        }),
        ("a && b || !a", |a, b| u32::from(a > 0 && b > 0 || a == 0)),
        ("a & b | a ^ b & 8'h0F", |a, b| a & b | (a ^ (b & 15))),
        ("a ~^ b", |a, b| !(a ^ b)),
        ("{2{a[3:0], b[7]}}", |a, b| ((a & 15) << 1 | b >> 7) * 33),
        ("{a, b}", |a, b| a << 8 | b),
        ("a[4 +: 4] + b[3 -: 2]", |a, b| (a >> 4) + (b >> 2 & 3)),
        ("a[7] == 1'b1", |a, _| a >> 7),
        ("a != 'o17", |a, _| u32::from(a != 15)),
        ("16 'hf_f", |_, _| 255),
        ("a <= b", |a, b| u32::from(a <= b)),
        ("1 ? a : 8'd3", |a, _| a),
    ];
    for (expression, expected) in cases {
        let netlist = import(&assigning(expression)).expect(expression).netlist;
        let products = netlist.products();
        for (place, &found) in products.iter().enumerate() {
            let (a, b) = (place as u32 >> 8, place as u32 & 0xFF);
            assert_eq!(found, expected(a, b) as u16, "{expression}: a = {a}, b = {b}");
        }
    }
}

#[test]
fn cells_of_several_libraries_are_known_by_name() {
    let cases: [(&str, [u8; 8]); 14] = [
        // The value of o[0] for a[2:0] = 0 to 7.
        ("NAND2X1 u(.A(a[0]), .B(a[1]), .Y(o[0]))", [1, 1, 1, 0, 1, 1, 1, 0]),
        ("AOI21X1 u(.A(a[0]), .B(a[1]), .C(a[2]), .Y(o[0]))", [1, 1, 1, 0, 0, 0, 0, 0]),
        ("AOI21_X1 u(.A(a[2]), .B1(a[0]), .B2(a[1]), .ZN(o[0]))", [1, 1, 1, 0, 0, 0, 0, 0]),
        (
            "AO21x1_ASAP7_75t_R u(.A1(a[0]), .A2(a[1]), .B(a[2]), .Y(o[0]))",
            [0, 0, 0, 1, 1, 1, 1, 1],
        ),
        ("sg13g2_a21oi_1 u(.A1(a[0]), .A2(a[1]), .B1(a[2]), .Y(o[0]))", [1, 1, 1, 0, 0, 0, 0, 0]),
        (
            "sky130_fd_sc_hd__o21ai_1 u(.A1(a[0]), .A2(a[1]), .B1(a[2]), .Y(o[0]))",
            [1, 1, 1, 1, 1, 0, 0, 0],
        ),
        ("sky130_fd_sc_hd__nor2b_1 u(.A(a[0]), .B_N(a[1]), .Y(o[0]))", [0, 0, 1, 0, 0, 0, 1, 0]),
        ("FAX1 u(.A(a[0]), .B(a[1]), .C(a[2]), .YC(o[0]))", [0, 0, 0, 1, 0, 1, 1, 1]),
        ("FAx1_ASAP7_75t_R u(.A(a[0]), .B(a[1]), .CI(a[2]), .SN(o[0]))", [1, 0, 0, 1, 0, 1, 1, 0]),
        ("HA_X1 u(.A(a[0]), .B(a[1]), .S(o[0]))", [0, 1, 1, 0, 0, 1, 1, 0]),
        ("MAJIxp5_ASAP7_75t_R u(.A(a[0]), .B(a[1]), .C(a[2]), .Y(o[0]))", [1, 1, 1, 0, 1, 0, 0, 0]),
        ("MUX2_X1 u(.A(a[0]), .B(a[1]), .S(a[2]), .Z(o[0]))", [0, 1, 0, 1, 0, 0, 1, 1]),
        ("INVx11_ASAP7_75t_R u(.A(a[0]), .Y(o[0]), .VDD(1'b1))", [1, 0, 1, 0, 1, 0, 1, 0]),
        (r"\$_ORNOT_ u(.A(a[0]), .B(a[1]), .Y(o[0]))", [1, 1, 0, 1, 1, 1, 0, 1]),
    ];
    for (cell, expected) in cases {
        let text = format!(
            "module m(input [7:0] a, b, output [15:0] o); {cell}; assign o[15:1] = 0; endmodule"
        );
        let products = import(&text).expect(cell).netlist.products();
        let found: Vec<u8> = (0..8).map(|a| products[a << 8] as u8).collect();
        assert_eq!(found, expected, "{cell}");
    }
}

#[test]
fn drivers_are_checked() {
    assert_item_error("assign o[15:1] = a * b;", &["line 1, column 42", "o[0] is undriven"]);
    assert_item_error("wire [3:1] w;\nassign o = a + w;", &["line 2", "net w[1] is undriven"]);
    assert_item_error(
        "assign o = a;\nassign o[3] = b[0];",
        &["line 3", "o[3] has a second driver"],
    );
    assert_item_error("assign o = a; assign a[0] = 1'b1;", &["net a[0] has a second driver"]);
    assert_item_error(
        "wire x, y;\nassign x = y ^ a[0];\nassign y = x & b[0];\nassign o = x;",
        &["line 2", "depends on itself"],
    );
    assert_item_error("assign o = a * c;", &["line 2, column 16", "c is not declared"]);
    assert_error(
        "module m(input [7:0] a, b, input c, output [15:0] o); assign o = a + c; endmodule",
        &["input c, which is neither operand"],
    );
    // What the product does not need may be open.
    import(
        "module m(input [7:0] a, b, input c, output [15:0] o, output p); wire w, x; assign x = \
            w & x; assign o = a * b; endmodule",
    )
    .unwrap();
}

#[test]
fn an_x_counts_where_it_reaches_the_product() {
    // Anded with what is 0 where it is, chosen where it is not, taken for equal.
    for sound in [
        "a * b + (b[7] & (b[7] ? 8'b1010_xxx0 : 8'd3) & 8'hF0 & 8'h0F)",
        "a[0] ? a * b : ~a[0] ? a * b : 16'hx",
        "(a > 255 ? 'bz : a) * b",
        "a * b | {16{a[0] & ~a[0]}} & 16'hzzzz",
        "a * b + (1 ? 0 : 4'd?)",
    ] {
        let table = import(&assigning(sound)).expect(sound).table;
        assert_eq!(table, ProductTable::exact(Operands::Unsigned), "{sound}");
    }
    let cases = [
        (
            "a[0] ? 8'b1x : a",
            "`8'b1x` is x or z and reaches bit 0 of the product for the operands 1 and 0",
        ),
        ("a * b + (b == 7 ? 4'b0z00 : 0)", "bit 2 of the product for the operands 0 and 7"),
        // Higher bits are x with the highest that is written.
        ("{6'bx & 6'b100000}", "bit 5 of the product for the operands 0 and 0"),
        ("a == 3 ? 'hx_f : 0", "bit 4 of the product for the operands 3 and 0"),
        ("(a[0] ? 1'bx : a[1]) ^ b[0]", "bit 0 of the product for the operands 1 and 0"),
        ("(a == 5 ? 1'bx : 0) ? 3 : 1", "bit 1 of the product for the operands 5 and 0"),
        ("!(a == 5 ? 2'bx : 0)", "bit 0 of the product for the operands 5 and 0"),
        ("a + (b[1] ? 4'dx : b)", "bit 0 of the product for the operands 0 and 2"),
    ];
    for (expression, expected) in cases {
        assert_error(&assigning(expression), &["line 3, column", expected]);
    }
}

#[test]
fn bad_declarations_and_constants_are_named() {
    assert_item_error("wire x;\nwire x;", &["line 3, column 6: x is declared twice", "line 2"]);
    assert_item_error("assign o = 8'b10x0;", &["line 2, column 12", "`8'b10x0`".trim_matches('`')]);
    assert_item_error("assign o = 4'bz;", &["x or z"]);
    assert_item_error("assign o = a[8];", &["a[8] is out of range", "[7:0]"]);
    assert_item_error("assign o = a[3:5];", &["a[3:5] is out of range"]);
    assert_item_error("assign o = 8'd256 + 8'q1;", &["line 2"]);
    assert_error("module m(inout [7:0] a); endmodule", &["port a is inout"]);
    assert_error("module m(a); endmodule", &["port a of module m without a direction"]);
    assert_error("module m(); endmodule module m(); endmodule", &["module m is declared twice"]);
    assert_error(
        "module m(input [7:0] a, b, output [15:0] o); assign o = a",
        &["found the end of the file", "expected `;`"],
    );
    assert_error("module m(input a); /* never", &["a comment without end"]);
    assert_error("", &["no module has two inputs"]);
    assert_error(
        "module m(input [8:0] a, b, output [15:0] o); endmodule",
        &["0 of its inputs have 8 bits", "input a of 9 bits"],
    );
}

#[test]
fn cells_and_hierarchy_are_checked() {
    assert_item_error("FOO17 u1(.A(a[0]), .Y(o[0]));", &["u1 is of unknown kind FOO17", "Liberty"]);
    assert_item_error("MUX2X1 u(.A(a[0]), .B(a[1]), .S(a[2]), .Y(o[0]));", &["disagree"]);
    assert_item_error("DFFPOSX1 r(.D(a[0]), .CLK(b[0]), .Q(o[0]));", &["sequential", "net o[0]"]);
    assert_item_error(r"\$_DLATCH_P_ r(.D(a[0]), .E(b[0]), .Q(o[0]));", &["net o[0]"]);
    assert_item_error("NAND2X1 u(a[0], a[1], o[0]);", &["named connections"]);
    assert_item_error("AND2X1 u(.A(a[0]), .Y(o[0]));", &["found inputs A, expected 2"]);
    assert_item_error("m u(a, b, o);", &["m contains an instance of itself"]);
    let half = "module h(input x, y, output s); assign s = x ^ y; endmodule ";
    let top = |instance: &str| {
        format!("{half} module m(input [7:0] a, b, output [15:0] o); {instance}; endmodule")
    };
    assert_error(&top("h u(.q(a[0]))"), &["found a connection to q, expected one of x, y, s"]);
    assert_error(&top("h u(.x(a[0]), .x(b[0]))"), &["port x is connected twice"]);
    assert_error(&top("h u(a[0], b[0], o[0], o[1])"), &["found 4 connections"]);
    assert_error(&top("h u(.x(a[0]), .s(o[0])); assign o[15:1] = 0"), &["net u.y is undriven"]);
}

#[test]
fn hostile_texts_are_bounded() {
    let deep = |open: &str, close: &str| {
        assigning(&format!("{}a{}", open.repeat(100_000), close.repeat(100_000)))
    };
    for (open, close) in [("(", ")"), ("{", "}"), ("~", ""), ("a - (b + ", ")"), ("a ? b : ", "")] {
        let result = import(&deep(open, close));
        assert!(open == "a ? b : " || result.unwrap_err().contains("nested more than"), "{open}");
    }
    // One level of every precedence in each parenthesis: the most stack for its depth.
    let all = "a || b && a | b ^ a & b == a < b << a + b * (";
    assert!(import(&deep(all, ")")).unwrap_err().contains("nested more than"));
    let chain = assigning(&"a - b - ".repeat(50_000)).replace("- ;", "- a;");
    assert!(import(&chain).unwrap_err().contains("nested more than"));
    assert_item_error("assign o = {99999999{a}};", &["exceeds the limit of 65536 copies"]);
    assert_item_error("assign o = {60000{{60000{a}}}};", &["exceeds the limit"]);
    for count in ["3000000000", "65536 * 65536"] {
        assert_item_error(&format!("assign o = {{{count}{{a}}}};"), &["limit of 65536 copies"]);
    }
    // -2^63 has no absolute value.
    assert_item_error("assign o = {-1073741824 * 1073741824 * 8{a}};", &["number of copies"]);
    for width in ["1000000000", "99999999999999999999999"] {
        assert_item_error(&format!("assign o = {width}'h0;"), &["limit of 4096 bits"]);
    }
    assert_item_error("wire [99999999:0] w;", &["exceeds the limit of 65536 bits"]);
    assert_item_error(
        "wire [65535:0] x, y; assign x = a, y = b, o = x * y;",
        &["exceeds the limit"],
    );
    let mut levels = String::from("module l0(input x); endmodule ");
    for level in 1..30 {
        let inner = level - 1;
        levels += &format!("module l{level}(input x); l{inner} u(x), v(x); endmodule ");
    }
    let text = levels + "module m(input [7:0] a, b, output [15:0] o); l29 u(a[0]); endmodule";
    assert_error(&text, &["exceeds the limit"]);
}

#[test]
fn a_module_that_is_not_used_may_be_beyond_the_subset() {
    let text = "module tb; reg x; initial x = 0; endmodule ".to_owned() + &assigning("a * b");
    assert_eq!(import(&text).unwrap().table, ProductTable::exact(Operands::Unsigned));
    assert_error(
        "module m(input [7:0] a, b, output [15:0] o);\n  reg r;\nendmodule",
        &["line 2, column 3: `reg` in module m"],
    );
}

#[test]
fn ports_are_found_by_name_among_several() {
    let text =
        "module m(input [7:0] p, a, b, output [15:0] q, o); assign o = a * b, q = p; endmodule";
    let ports = import(text).unwrap().ports;
    assert_eq!([&ports.a[..], &ports.b[..], &ports.out[..]], ["a", "b", "o"]);
    let text = text.replace(" a, b,", " c, d,").replace("a * b", "c * d");
    assert_error(&text, &["more than two of its inputs have 8 bits"]);
}

/// Tables read back as they were written.
#[test]
fn tables_survive_verilog() {
    let mut state = 1u32;
    let random: Vec<i32> = (0..256)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as i32
        })
        .collect();
    let tables = [
        ProductTable::exact(Operands::Signed),
        ProductTable::from_fn(Operands::SignedWeight, |w, a| {
            Operands::SignedWeight.product(w, a) & !0xFF
        }),
        ProductTable::from_fn(Operands::Unsigned, |w, a| (i32::from(w) * i32::from(a)) & !0xFF),
        ProductTable::from_fn(Operands::Unsigned, |w, a| random[usize::from(w & 15 | a << 4)]),
        ProductTable::from_fn(Operands::Signed, |_, _| -32768),
    ];
    for table in tables {
        let text = table_to_verilog(&table, "a table").unwrap();
        assert!(text.starts_with("module a_table("), "{}", &text[..60]);
        let options = VerilogOptions { operands: Some(table.operands()), ..Default::default() };
        let design = parse_verilog(&text).unwrap();
        let read = design.import(None, &options, &Library::default()).unwrap();
        assert_eq!(read.table, table);
        let signed = table.operands() == Operands::SignedWeight;
        assert_eq!(text.contains("input signed [7:0] A;\n  input [7:0] B;"), signed);
        // Its gates, written and read once more, are the same circuit.
        let again = import(&read.netlist.to_verilog("again")).unwrap();
        assert_eq!(again.netlist.products(), read.netlist.products());
    }
    let wide = ProductTable::from_fn(Operands::Signed, |_, _| 40_000);
    assert!(Netlist::from_table(&wide).unwrap_err().to_string().contains("40000"));
}

#[test]
fn json_netlists_are_checked() {
    let netlist = |cells: &str| {
        format!(
            r#"{{"modules": {{"m": {{"ports": {{
                "A": {{"direction": "input", "bits": [2,3,4,5,6,7,8,9]}},
                "B": {{"direction": "input", "bits": [10,11,12,13,14,15,16,17]}},
                "O": {{"direction": "output", "bits": [18,2,2,2,2,2,2,2,2,2,2,2,2,2,2,"0"]}}}},
              "cells": {{{cells}}},
              "netnames": {{"sum": {{"hide_name": 0, "bits": [18]}}}}}}}}}}"#
        )
    };
    let import = |json: &str| {
        let design = parse_yosys_json(json.as_bytes()).map_err(|error| error.to_string())?;
        let options = VerilogOptions::default();
        design.import(None, &options, &Library::default()).map_err(|error| error.to_string())
    };
    let cell = |kind: &str, pins: &str| {
        netlist(&format!(r#""c": {{"type": "{kind}", "connections": {{{pins}}}}}"#))
    };
    let and = cell("$_AND_", r#""A": [2], "B": [10], "Y": [18]"#);
    assert_eq!(import(&and).unwrap().netlist.products()[0x0101], 0x7FFF);
    let cases = [
        (netlist(""), "net sum is undriven"),
        (cell("$_AND_", r#""A": [2], "B": [18], "Y": [18]"#), "net sum depends on itself"),
        (
            cell("$_AND_", r#""A": [2], "B": ["x"], "Y": [18]"#),
            "is x or z and reaches bit 0 of the product for the operands 1 and 0",
        ),
        (cell("$_AND_", r#""A": [2], "B": [3], "Y": [2]"#), "second driver"),
        (cell("$_DFF_P_", r#""D": [2], "C": [3], "Q": [18]"#), "net sum is stored by cell c"),
        (cell("$dff", r#""D": [2], "CLK": [3], "Q": [18]"#), "net sum is stored by cell c"),
        (cell("$div", r#""A": [2], "B": [3], "Y": [18]"#), "techmap"),
        (cell("m", ""), "contains an instance of itself"),
        ("{}".to_owned(), "missing field `modules`"),
        (r#"{"modules": {"#.to_owned(), "EOF"),
        (and.replace("[18,", "[-18,"), "integer `-18`, expected a net's number"),
        (and.replace("input", "inout"), "is inout"),
    ];
    for (json, expected) in cases {
        let message = import(&json).unwrap_err();
        assert!(message.contains(expected), "{expected:?} is not in: {message}");
    }
    let deep = "[".repeat(1 << 20);
    assert!(import(&deep).is_err());
}

#[test]
fn liberty_files_are_checked() {
    let cases = [
        ("library (l) { cell (c) { pin (Y) { function : \"A", "line 1"),
        ("library (l) { cell (c) { } ", "`}` that closes library l"),
        ("library (l) { }", "a library with cells"),
        ("}", "expected a group"),
        ("", "the end of the file, expected library"),
        ("library (l) { 3 }", "after it"),
        (&"a(b){".repeat(1000), "nested at most 32 deep"),
    ];
    for (text, expected) in cases {
        let message = parse_liberty(text).unwrap_err().to_string();
        assert!(message.contains(expected), "{expected:?} is not in: {message}");
    }
    let text = "library(l){cell(c){pin(Y){direction:output;function:\"(A\";}}
                cell(d){latch(q,qn){}pin(Y){function:\"q\";}}}";
    let library = parse_liberty(text).unwrap();
    assert_eq!(library.len(), 2);
    for (kind, expected) in [("c", "a parenthesis is not closed"), ("d", "sequential")] {
        let text = format!(
            "module m(input [7:0] a, b, output [15:0] o); {kind} u(.A(a[0]), .Y(o[0])); endmodule"
        );
        let design = parse_verilog(&text).unwrap();
        let error = design.import(None, &VerilogOptions::default(), &library).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn functions_bind_as_in_liberty() {
    use crate::function::Function;
    let same = |left: &str, right: &str| {
        assert_eq!(Function::parse(left).unwrap(), Function::parse(right).unwrap(), "{left}");
    };
    same("A B + C", "(A*B)|C");
    same("A ^ B * C", "(A^B)&C");
    same("!A B'", "(!A)*(!B)");
    same("(A B)'", "!(A*B)");
    same(" !A^B ", "(A')^B");
    let deep = "(".repeat(100_000);
    for bad in ["", "A +", "(A", "A)", "A $ B", &deep] {
        assert!(Function::parse(bad).is_err(), "{bad:.9}");
    }
}
