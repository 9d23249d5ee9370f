//! Netlists in all forms against the functions that they should compute.

use std::path::{Path, PathBuf};

use recoup_circuits::netlist::{
    NetlistError, VerilogImport, VerilogOptions, read_verilog, read_verilog_files, read_yosys_json,
};
use recoup_circuits::{Operands, ProductTable};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/netlists").join(name)
}

/// Without yosys, which only the tests that say so may use.
fn options() -> VerilogOptions {
    VerilogOptions { yosys: PathBuf::from("no-such-program"), ..Default::default() }
}

fn read(name: &str) -> VerilogImport {
    let options = VerilogOptions { cells: vec![fixture("small.lib")], ..options() };
    let import = if name.ends_with(".json") {
        read_yosys_json(&fixture(name), None, &options)
    } else {
        read_verilog(&fixture(name), None, &options)
    };
    import.unwrap_or_else(|error| panic!("{error}"))
}

/// The products without the partial products of columns below `dropped`.
fn truncated(dropped: u32) -> ProductTable {
    ProductTable::from_fn(Operands::Unsigned, |weight, activation| {
        let bits = (0..8).flat_map(|i| (0..8).map(move |j| (i, j)));
        bits.filter(|(i, j)| i + j >= dropped)
            .map(|(i, j)| i32::from(weight >> i & activation >> j & 1) << (i + j))
            .sum()
    })
}

/// The products without the `dropped` lowest bits of the activation, the second operand.
fn perforated(dropped: u32) -> ProductTable {
    ProductTable::from_fn(Operands::Unsigned, |weight, activation| {
        i32::from(weight) * (i32::from(activation) >> dropped << dropped)
    })
}

#[track_caller]
fn assert_equal(table: &ProductTable, expected: &ProductTable) {
    assert_eq!(table.operands(), expected.operands());
    let mut pairs = table.products().iter().zip(expected.products()).enumerate();
    if let Some((place, (found, expected))) = pairs.find(|(_, (found, expected))| found != expected)
    {
        panic!("{} * {}: found {found}, expected {expected}", place >> 8, place & 0xFF);
    }
}

#[test]
fn every_form_gives_its_table() {
    let cases = [
        ("array_assign.v", ProductTable::exact(Operands::Unsigned)),
        ("array_pdkgen.v", truncated(3)),
        ("array_cells.v", truncated(6)),
        ("baugh_wooley.v", ProductTable::exact(Operands::Signed)),
        ("operators.v", perforated(3)),
        ("gates.v", perforated(4)),
        ("yosys_generic.v", ProductTable::exact(Operands::Unsigned)),
        ("yosys_mapped.v", truncated(4)),
        ("yosys_gates.json", perforated(5)),
        ("yosys_words.json", perforated(2)),
    ];
    for (name, expected) in cases {
        println!("{name}");
        assert_equal(&read(name).table, &expected);
    }
}

#[test]
fn top_ports_and_comments_are_told() {
    let import = read("array_pdkgen.v");
    assert_eq!(import.top, "mul8u_trunc3");
    let ports = &import.ports;
    assert_eq!([&ports.a[..], &ports.b[..], &ports.out[..]], ["A", "B", "O"]);
    assert!(import.comments.contains("// MAE% = 0.00648 %"), "{}", import.comments);
    assert!(import.comments.contains("/* mod */"));
    assert!(!import.by_yosys);
    assert!(read("yosys_gates.json").by_yosys);
    // A comes first though B was declared first.
    assert_eq!(read("gates.v").ports.a, "A");
}

#[test]
fn swapped_operands_exchange_weight_and_activation() {
    let options = VerilogOptions { swap: true, ..options() };
    let import = read_verilog(&fixture("operators.v"), None, &options).unwrap();
    let table = perforated(3);
    let exchanged = ProductTable::from_fn(Operands::Unsigned, |w, a| table.product(a, w));
    assert_equal(&import.table, &exchanged);
}

#[test]
fn given_operands_that_the_products_contradict() {
    for (operands, words) in [
        (Operands::Signed, "read as signed operands, the products are "),
        (Operands::SignedWeight, "read as signed weight, the first operand, the products are "),
    ] {
        let options = VerilogOptions { operands: Some(operands), ..options() };
        let error = read_verilog(&fixture("array_assign.v"), None, &options).unwrap_err();
        let message = error.to_string();
        assert!(message.contains(words), "{message}");
        assert!(message.contains("read as unsigned operands, 0; leave the option"), "{message}");
    }
    let options = VerilogOptions { operands: Some(Operands::Unsigned), ..options() };
    let error = read_verilog(&fixture("baugh_wooley.v"), None, &options).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("read as signed operands, 0; leave the option"), "{message}");
    assert!(read_verilog(&fixture("array_assign.v"), None, &options).is_ok());
}

#[test]
fn cells_without_their_library_are_named() {
    let error = read_verilog(&fixture("yosys_mapped.v"), None, &options()).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("yosys_mapped.v: line "), "{message}");
    assert!(message.contains("is of unknown kind ") && message.contains("Liberty"), "{message}");
}

#[test]
fn without_yosys_the_construct_is_named() {
    let error = read_verilog(&fixture("always.v"), None, &options()).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("line 2, column 19: a parameter list"), "{message}");
    assert!(message.contains("apt install yosys"), "{message}");
    let NetlistError::InFile { source, .. } = error else { panic!("{error:?}") };
    assert!(matches!(*source, NetlistError::NeedsYosys { .. }));
}

/// EvoApproxLib's MUX2X1 chooses B by S; in other libraries it may invert.
#[test]
fn a_multiplexer_is_known_if_the_file_is_of_evoapproxlib() {
    let text = "module m(A, B, O); input [7:0] A, B; output [15:0] O;
        MUX2X1 n(.A(A[0]), .B(A[1]), .S(B[0]), .Y(O[0])); assign O[15:1] = 0; endmodule";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mux.v");
    let read = |comment: &str| {
        std::fs::write(&path, format!("/* {comment} */ {text}")).unwrap();
        read_verilog(&path, None, &options())
    };
    let table = read("part of EvoApproxLib library").unwrap().table;
    for (weight, activation, expected) in [(1, 0, 1), (1, 1, 0), (2, 0, 0), (2, 1, 1)] {
        assert_eq!(table.product(weight, activation), expected);
    }
    assert!(read("").unwrap_err().to_string().contains("libraries disagree"));
}

#[test]
fn huge_files_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge");
    // Sparse: takes no space on the disk.
    std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    let verilog = read_verilog(&path, None, &options()).unwrap_err().to_string();
    assert!(
        verilog.ends_with(
            "the file exceeds the limit of 16 MiB; a multiplier of 8 x 8 bits \
                               is far smaller"
        ),
        "{verilog}"
    );
    let json = read_yosys_json(&path, None, &options()).unwrap_err().to_string();
    assert!(json.contains("limit of 64 MiB"), "{json}");
    let missing = read_verilog(&folder.path().join("none.v"), None, &options()).unwrap_err();
    assert!(missing.to_string().contains("none.v: cannot be read: "), "{missing}");
}

/// Needs yosys: fails without it, lest it be skipped unseen.
fn with_yosys(text: &str, top: Option<&str>) -> Result<VerilogImport, NetlistError> {
    let started = std::process::Command::new("yosys").arg("-V").output();
    assert!(started.is_ok(), "this test runs yosys; install it: apt install yosys");
    let folder = tempfile::tempdir().unwrap();
    // A name that a shell or yosys would take apart.
    let path = folder.path().join("a file; with 'quotes'.v");
    std::fs::write(&path, text).unwrap();
    read_verilog(&path, top, &VerilogOptions::default())
}

#[test]
fn yosys_translates_behavioural_code() {
    let text = std::fs::read_to_string(fixture("always.v")).unwrap();
    let import = with_yosys(&text, None).unwrap();
    assert_equal(&import.table, &perforated(1));
    assert!(import.by_yosys);
    assert!(import.comments.contains("MAE = 63.75"));
    assert_eq!(import.top, "multiplier");
}

#[test]
fn yosys_reads_functions_and_case() {
    let text = "
        module other(input a, output b); assign b = a; endmodule
        module mult(input [7:0] x, input [7:0] y, output [15:0] z);
          function [9:0] times(input [7:0] v, input [1:0] digit);
            case (digit)
              2'd0: times = 0;
              2'd1: times = v;
              2'd2: times = {v, 1'b0};
              default: times = v + {v, 1'b0};
            endcase
          endfunction
          assign z = times(x, y[1:0]) + (times(x, y[3:2]) << 2)
                     + (times(x, y[5:4]) << 4) + (times(x, y[7:6]) << 6);
        endmodule";
    for top in [None, Some("mult")] {
        let import = with_yosys(text, top).unwrap();
        assert_equal(&import.table, &ProductTable::exact(Operands::Unsigned));
    }
}

#[test]
fn registers_are_refused_through_yosys() {
    let text = "
        module mult(input clk, input [7:0] a, b, output reg [15:0] o);
          always @(posedge clk) o <= a * b;
        endmodule";
    let message = with_yosys(text, None).unwrap_err().to_string();
    assert!(message.contains("sequential logic: net o["), "{message}");
    assert!(message.contains("$_DFF_P_"), "{message}");
}

#[test]
fn what_yosys_refuses_is_told_with_its_words() {
    let text = "module m(input [7:0] a, b, output [15:0] o); parameter P = ; endmodule";
    let message = with_yosys(text, None).unwrap_err().to_string();
    assert!(message.contains("syntax error"), "{message}");
}

/// The default of a `casez`, a case that ends early, and selects beyond a vector are x; here the
/// product takes none of them.
#[test]
fn an_x_that_no_operands_take_is_sound() {
    let log_multiplier = "
        module mult(input [7:0] a, b, output [15:0] o);
          function [3:0] log(input [7:0] v);
            casez (v)
              8'b1???????: log = 7; 8'b01??????: log = 6; 8'b001?????: log = 5;
              8'b0001????: log = 4; 8'b00001???: log = 3; 8'b000001??: log = 2;
              8'b0000001?: log = 1; 8'b00000001: log = 0; default: log = 4'bxxxx;
            endcase
          endfunction
          wire [3:0] ka = log(a), kb = log(b);
          wire [15:0] p = (a << kb) + (b << ka) - (16'd1 << (ka + kb));
          assign o = (a == 0 || b == 0) ? 16'd0 : p;
        endmodule";
    let expected = ProductTable::from_fn(Operands::Unsigned, |a, b| {
        if a == 0 || b == 0 {
            return 0;
        }
        let (ka, kb) = (a.ilog2(), b.ilog2());
        (i32::from(a) << kb) + (i32::from(b) << ka) - (1 << (ka + kb))
    });
    assert_equal(&with_yosys(log_multiplier, None).unwrap().table, &expected);

    // Four bits from the highest 1 on; the select goes below the vector where the 1 is low.
    let segments = |otherwise: &str| {
        format!(
            "module mult(input [7:0] a, b, output [15:0] o);
              wire [2:0] k = a[7] ? 7 : a[6] ? 6 : a[5] ? 5 : a[4] ? 4 : a[3] ? 3 : a[2] ? 2 : a[1];
              wire signed [4:0] low = $signed({{2'b0, k}}) - 5'sd3;
              wire [7:0] top = a < {otherwise} ? a : a[low +: 4] << (low[4] ? 3'd0 : low[2:0]);
              assign o = top * b;
            endmodule"
        )
    };
    let expected = ProductTable::from_fn(Operands::Unsigned, |a, b| {
        let low = a.max(1).ilog2().saturating_sub(3);
        i32::from(a >> low << low) * i32::from(b)
    });
    assert_equal(&with_yosys(&segments("8"), None).unwrap().table, &expected);
    let message = with_yosys(&segments("4"), None).unwrap_err().to_string();
    assert!(message.contains("reaches bit 0 of the product for the operands 4 and 1"), "{message}");
}

#[test]
fn an_x_that_operands_take_is_refused_with_them() {
    let text = "
        module mult(input [7:0] a, b, output reg [15:0] o);
          always @* case (b[7:6]) 0, 1, 2: o = a * b; default: o = 16'bx; endcase
        endmodule";
    let message = with_yosys(text, None).unwrap_err().to_string();
    let expected = "a constant in module mult is x or z and reaches bit 0 of the product for the \
                    operands 0 and 192 (as bytes)";
    assert!(message.contains(expected), "{message}");
}

#[test]
fn a_circuit_may_be_in_several_files() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let top = write(
        "top.v",
        "// MAE = 0\nmodule top(input [7:0] a, b, output [15:0] o);\n inner u(.a(a), .b(b), .o(o));\nendmodule",
    );
    let plain = write(
        "plain.v",
        "module inner(input [7:0] a, b, output [15:0] o); assign o = a * b; endmodule // 2",
    );
    let behavioural = write(
        "always.v",
        "`define W 16\nmodule inner(input [7:0] a, b, output reg [`W-1:0] o); always @* o = a * b; endmodule",
    );
    for (inner, by_yosys) in [(&plain, false), (&behavioural, true)] {
        for paths in [[&top, inner], [inner, &top]] {
            let paths = paths.map(PathBuf::clone);
            let import = read_verilog_files(&paths, None, &VerilogOptions::default()).unwrap();
            assert_equal(&import.table, &ProductTable::exact(Operands::Unsigned));
            assert_eq!((import.top.as_str(), import.by_yosys), ("top", by_yosys));
            assert!(import.comments.contains("MAE = 0"));
        }
    }
    let failing = |paths: &[&PathBuf]| {
        let paths: Vec<PathBuf> = paths.iter().map(|path| (*path).clone()).collect();
        read_verilog_files(&paths, None, &VerilogOptions::default()).unwrap_err().to_string()
    };
    let message = failing(&[&top, &plain, &top]);
    let expected =
        "top.v: file 3, line 2, column 1: module top is declared twice, first at file 1, line 2";
    assert!(message.contains(expected), "{message}");
    let broken = write(
        "broken.v",
        "module inner(input [7:0] a, b, output [15:0] o);\n assign o = a * c;\nendmodule",
    );
    let message = failing(&[&top, &broken]);
    assert!(
        message.contains("broken.v: file 2, line 2, column 17: c is not declared"),
        "{message}"
    );
    let message = failing(&[&top, &folder.path().join("none.v")]);
    assert!(message.contains("none.v: cannot be read") && !message.contains("top.v"), "{message}");
}

/// Names and texts of a file are told without what would steer a terminal.
#[test]
fn messages_have_no_control_characters() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a\u{1b}[2J.v");
    let verilog = "module \\m\u{1b}[31m (input [7:0] \\a\u{7} , b, output [15:0] o); assign o = \\q\u{9b} ; endmodule";
    let json = "{\"modules\": {\"m\\u001b[31m\": {\"ports\": {\"\\u0007\": {\"direction\": \"input\", \"bits\": [2]}}, \"cells\": {}}}}";
    std::fs::write(&path, verilog).unwrap();
    let first = read_verilog(&path, None, &options()).unwrap_err().to_string();
    std::fs::write(&path, json).unwrap();
    let second = read_yosys_json(&path, None, &options()).unwrap_err().to_string();
    for (message, name) in [(first, r"q\u{9b} is not declared"), (second, r"module m\u{1b}[31m: ")]
    {
        assert!(message.contains(r"a\u{1b}[2J.v: ") && message.contains(name), "{message}");
        assert!(!message.contains(char::is_control), "{message:?}");
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("m.v");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let verilog = read_verilog(&pipe, None, &options()).unwrap_err();
    let json = read_yosys_json(&pipe, None, &options()).unwrap_err();
    let cells = VerilogOptions { cells: vec![pipe.clone()], ..options() };
    let liberty = read_verilog(&fixture("gates.v"), None, &cells).unwrap_err();
    for error in [verilog, json, liberty] {
        let message = error.to_string();
        assert!(
            message.contains("m.v: cannot be read: found a pipe (FIFO), expected"),
            "{message}"
        );
    }
}

/// A loop of 1e8 steps is no error, and would take all memory there is.
#[test]
fn yosys_has_a_limit_of_memory() {
    // Says what it may have, instead of what is wrong with the source.
    let error = failure_of("ulimit -v >&2; exit 1");
    assert!(error.ends_with("failed: 4194304"), "{error}");
    // The last words of the true one where memory ends.
    let error = failure_of("echo '  what():  std::bad_alloc' >&2; exit 134");
    assert!(error.ends_with("it ran out of memory, of which it may have 4 GiB"), "{error}");
}

/// What is said of a program in the place of yosys that runs `script` on a file.
fn failure_of(script: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("yosys");
    std::fs::write(&program, format!("#!/bin/sh\n[ \"$1\" = -V ] && exit\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let options = VerilogOptions { yosys: program, ..VerilogOptions::default() };
    read_verilog(&fixture("always.v"), None, &options).unwrap_err().to_string()
}

#[test]
fn yosys_may_know_syntax_that_is_not_known_here() {
    let text = "
        module mult(input [7:0] a, b, output [15:0] o);
          assign o = a * b;
        endmodule : mult";
    let import = with_yosys(text, None).unwrap();
    assert!(import.by_yosys);
    assert_equal(&import.table, &ProductTable::exact(Operands::Unsigned));
    // Where yosys does not help, the first error is the better one.
    let message = with_yosys("module m(input [7:0] a, b; endmodule", None).unwrap_err().to_string();
    assert!(message.contains("line 1, column 26: found `;`, expected `)`"), "{message}");
}
