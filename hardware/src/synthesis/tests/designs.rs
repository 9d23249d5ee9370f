//! Small designs.

use std::fmt::Write;

use crate::rtl::{File, Sources};

/// The adders as they are in generated sources.
const ADDERS: &str = "module recoup_fa(input wire a, input wire b, input wire c, output wire s,
    output wire co);
  assign s = a ^ b ^ c;
  assign co = (a & b) | (c & (a ^ b));
endmodule
module recoup_ha(input wire a, input wire b, output wire s, output wire co);
  assign s = a ^ b;
  assign co = a & b;
endmodule
";

/// The statements that add the products of w and a, and more bits from column 0 on, and the two
/// rows that are left.
fn carry_save(width: usize, more: &[String]) -> (String, [String; 2]) {
    let mut columns: Vec<Vec<String>> = vec![Vec::new(); width + 1];
    for (column, bit) in more.iter().enumerate() {
        columns[column].push(bit.clone());
    }
    for (i, l) in (0..64).map(|pair| (pair / 8, pair % 8)) {
        columns[i + l].push(format!("(a[{i}] & w[{l}])"));
    }
    let mut text = String::new();
    for column in 0..width {
        while columns[column].len() > 2 {
            let bits: Vec<String> = columns[column].drain(..3).collect();
            let name = format!("{column}_{}", columns[column + 1].len() + columns[column].len());
            let [a, b, c] = &bits[..] else { unreachable!("three bits") };
            let _ = writeln!(text, "  wire s{name}, c{name};");
            let _ = writeln!(
                text,
                "  recoup_fa add{name}(.a({a}), .b({b}), .c({c}), .s(s{name}), .co(c{name}));"
            );
            columns[column].push(format!("s{name}"));
            columns[column + 1].push(format!("c{name}"));
        }
    }
    let row = |place: usize| {
        let bit = |column: &Vec<String>| column.get(place).cloned().unwrap_or("1'b0".to_owned());
        let bits: Vec<String> = columns[..width].iter().rev().map(bit).collect();
        format!("{{{}}}", bits.join(", "))
    };
    (text, [row(0), row(1)])
}

fn sources(top: &str, text: String) -> Sources {
    let files =
        vec![File::new(&format!("{top}.sv"), text), File::new("adders.sv", ADDERS.to_owned())];
    Sources { top: top.to_owned(), files }
}

/// Two PEs in a row: psum + w a in registers, the activation passed on.
pub fn pair() -> Sources {
    let more: Vec<String> = (0..20).map(|bit| format!("psum_in[{bit}]")).collect();
    let (statements, [first, second]) = carry_save(20, &more);
    let text = format!(
        "module pe(input wire clk, input wire load, input wire [7:0] a_in, input wire [19:0] \
         psum_in,\n    output reg [7:0] a, output reg [19:0] psum, output wire always_on);\n  reg \
         [7:0] w;\n{statements}  assign always_on = 1'b1;\n  always @(posedge clk) begin\n    a <= \
         a_in;\n    if (load) w <= psum_in[7:0];\n    psum <= {first} + {second};\n  \
         end\nendmodule\nmodule pair(input wire clk, input wire load, input wire [7:0] a_in,\n    \
         output wire [7:0] a_out, output wire [19:0] psum, output wire on);\n  wire [7:0] a;\n  \
         wire [19:0] first;\n  pe pe_0_0(.clk(clk), .load(load), .a_in(a_in), .psum_in(20'd0), \
         .a(a), .psum(first),\n    .always_on());\n  pe pe_0_1(.clk(clk), .load(load), .a_in(a), \
         .psum_in(first), .a(a_out), .psum(psum),\n    .always_on(on));\nendmodule\n"
    );
    sources("pair", text)
}
