//! The units by themselves, as they are printed.

use std::path::Path;

use recoup_circuits::netlist::{PortNames, VerilogOptions, read_yosys_json};
use recoup_core::control_variate::{CodeFunction, ControlFunction};
use recoup_core::multiplier::Multiplier;
use recoup_hardware::rtl::{
    ArrayRtl, Correction, File, Module, MultiplierCircuit, Options, Range, Sources, XFunction,
    mac_plus, x_line,
};
use recoup_kernels::WeightCoding::{self, Signed, Unsigned};

use crate::tools::{folder, icarus, run, text};

fn circuit(spec: &str, coding: WeightCoding) -> MultiplierCircuit {
    MultiplierCircuit::new(&spec.parse().unwrap(), coding).unwrap()
}

fn yosys(folder: &Path, script: &str) {
    let output = run(folder, "yosys", "yosys", &["-q", "-p", script]);
    assert!(output.status.success(), "{}", text(&output));
}

/// The printed multiplier, read by yosys: all 65,536 pairs.
#[test]
fn printed_multipliers_are_the_product_function() {
    for (spec, coding) in [
        ("exact", Unsigned),
        ("exact", Signed),
        ("perforated:3", Signed),
        ("truncated:8", Unsigned),
        ("truncated:8", Signed),
        ("recursive:4", Unsigned),
        ("mask:0x123456789abcdef0", Signed),
    ] {
        let multiplier: Multiplier = spec.parse().unwrap();
        let circuit = circuit(spec, coding);
        let folder = folder(&Sources::multiplier(&circuit).files);
        yosys(
            folder.path(),
            "read_verilog -sv *.sv; hierarchy -top multiplier; proc; flatten; opt; techmap; opt; \
             simplemap; opt_clean; write_json multiplier.json",
        );
        let ports = PortNames { a: "w".into(), b: "a".into(), out: "p".into() };
        let options = VerilogOptions { ports: Some(ports), ..VerilogOptions::default() };
        let path = folder.path().join("multiplier.json");
        let import = read_yosys_json(&path, Some("multiplier"), &options).unwrap();
        let expected = multiplier.table(coding);
        let signed = circuit.range().is_signed();
        for (at, &bits) in import.netlist.products().iter().enumerate() {
            let product = if signed { i32::from(bits as i16) } else { i32::from(bits) };
            assert_eq!(product, expected[at], "{spec} {coding:?} {} {}", at >> 8, at & 0xff);
        }
    }
}

/// The printed PE in Icarus Verilog: all 65,536 pairs of codes, each with one partial sum out of
/// all that its width holds.
#[test]
fn printed_pes_accumulate_all_pairs() {
    for (spec, coding, pipeline) in
        [("exact", Signed, false), ("truncated:8", Unsigned, false), ("perforated:3", Signed, true)]
    {
        let options = Options { pipeline, ..Options::new(16, 16, 16) };
        let design = ArrayRtl::new(circuit(spec, coding), options, None).unwrap();
        let mut files = Sources::pe(&design).files;
        let products = (0..1 << 16).map(|at: u32| {
            let product = design.circuit.product((at >> 8) as u8, at as u8);
            format!("{:08x}\n", product >> design.circuit.lsb())
        });
        files.push(File::new("products.hex", products.collect()));
        files.push(File::new("tb.sv", pe_testbench(&design)));
        let folder = folder(&files);
        let (passed, said) = icarus(folder.path());
        assert!(passed, "{spec}: {said}");
    }
}

fn pe_testbench(design: &ArrayRtl) -> String {
    let bits = design.ranges.psum.bits();
    let (weights, activations) = (design.pe_weight_bits(), design.pe_activation_bits());
    let pick = |name: &str, bits: &[usize]| {
        let parts: Vec<String> = bits.iter().rev().map(|bit| format!("{name}[{bit}]")).collect();
        format!("{{{}}}", parts.join(", "))
    };
    let delay = 1 + usize::from(design.options.pipeline);
    format!(
        "module tb;
  reg clk = 0;
  always #5 clk = !clk;
  reg load = 0;
  reg [7:0] w = 0;
  reg [7:0] a = 0;
  reg [{top}:0] psum_in = 0;
  wire [{top}:0] psum_out;
  pe dut (.clk(clk), .load(load), .w_in({w}), .w_out(), .a_in({a}), .a_out(),
          .psum_in(psum_in), .psum_out(psum_out));
  reg [31:0] products [0:65535];
  reg [{top}:0] expected;
  integer weight, code, failures;
  reg [31:0] random = 1;
  initial begin
    $readmemh(\"products.hex\", products);
    failures = 0;
    for (weight = 0; weight < 256; weight = weight + 1) begin
      @(negedge clk);
      w = weight;
      load = 1;
      for (code = 0; code <= 256 + {delay}; code = code + 1) begin
        @(negedge clk);
        load = 0;
        // The sum of the code that came {delay} + 1 cycles ago, with the partial sum of the last.
        if (code > {delay} && psum_out !== expected) failures = failures + 1;
        a = code;
        random = random * 1664525 + 1013904223;
        psum_in = random[31 -: {bits}];
        expected = psum_in + products[{{weight[7:0], 8'd0}} + code - {delay}] - ({constant});
      end
    end
    if (failures != 0) $fatal(1, \"FAIL: %0d of 65536\", failures);
    $display(\"PASS\");
    $finish;
  end
endmodule
",
        top = bits - 1,
        w = pick("w", &weights),
        a = pick("a", &activations),
        constant = design.pe_constant(),
    )
}

/// Proves that a printed unit equals a reference whose registers stand at the same places, for all
/// inputs and, after `cycles` cycles with the inputs that `setup` fixes, for all states.
fn assert_equivalent(module: &Module, reference: &str, cycles: usize, setup: &str) {
    let name = &module.name;
    let design = ArrayRtl::new(circuit("exact", Unsigned), Options::new(1, 1, 1), None).unwrap();
    let mut files = Sources::pe(&design).files;
    files.retain(|file| file.name != "pe.sv");
    files.push(File::new("unit.sv", module.to_system_verilog()));
    files.push(File::new("reference.sv", reference.into()));
    let folder = folder(&files);
    yosys(
        folder.path(),
        &format!(
            "read_verilog -sv *.sv; hierarchy -check; proc; flatten; memory; opt_clean; miter -equiv \
             -make_outputs -flatten reference {name} both; hierarchy -top both; opt; techmap; opt; \
             sat -verify -seq {cycles} -prove-skip {} {setup} -prove trigger 0 both",
            cycles - 1
        ),
    );
}

/// Every kind of x, for all codes of four rows and all sums of the tiles before.
#[test]
fn printed_x_lines_are_proven() {
    let multiplier: Multiplier = "truncated:4".parse().unwrap();
    let named = |function| CodeFunction::named(function, &multiplier).unwrap().x;
    let looked_up = [0, 3, 1, 2, 7, 7, 5, 4];
    let cases = (0..8).map(|code| format!("{code}: x = {};", looked_up[code]));
    let cases = format!("case (a[2:0]) {} endcase", cases.collect::<String>());
    for (x, body) in [
        (named(ControlFunction::LowBits), "x = a[3:0];"),
        (named(ControlFunction::AnyBit), "x = |a[3:0];"),
        (named(ControlFunction::Popcount), "x = 3'd0 + a[0] + a[1] + a[2] + a[3];"),
        (named(ControlFunction::Weighted), "x = 15 * a[0] + 14 * a[1] + 12 * a[2] + 8 * a[3];"),
        (std::array::from_fn(|code| looked_up[code % 8]), &cases),
    ] {
        let x = XFunction::new(x);
        let correction = Correction {
            term: Some((x, Range { low: 0, high: 15 })),
            c_frac: 4,
            c0: Range::default(),
            loads: Vec::new(),
        };
        let circuit = circuit("truncated:4", Unsigned);
        let design = ArrayRtl::new(circuit, Options::new(4, 2, 8), Some(correction)).unwrap();
        let top = design.ranges.x.bits() - 1;
        let reference = format!(
            "module reference (input clk, input [31:0] a, input [{top}:0] x_in,
                 output reg [{top}:0] x_out);
               function [7:0] x (input [7:0] a); {body} endfunction
               reg [{top}:0] row0, row1, row2, row3;
               always @(posedge clk) begin
                 row0 <= x(a[7:0]);
                 row1 <= row0 + x(a[15:8]);
                 row2 <= row1 + x(a[23:16]);
                 row3 <= row2 + x(a[31:24]);
                 x_out <= row3 + x_in;
               end
             endmodule"
        );
        assert_equivalent(&x_line(&design).unwrap(), &reference, 6, "");
    }
}

/// MAC+ with constants of both signs, for all C, X, partial sums and sums of the tiles before:
/// every tie of the rounding is among them.
#[test]
fn printed_mac_plus_is_proven() {
    for (c, c_frac, coding) in [
        (Range { low: -9, high: 14 }, 2, Signed),
        (Range { low: 0, high: 30 }, 3, Unsigned),
        (Range { low: 0, high: 6 }, 0, Unsigned),
    ] {
        let x = XFunction::new(std::array::from_fn(|code| code as u16 & 3));
        let c0 = Range { low: -40, high: 5 };
        let correction = Correction { term: Some((x, c)), c_frac, c0, loads: Vec::new() };
        let options = Options { c0_in_mac: true, ..Options::new(2, 2, 6) };
        let circuit = circuit("truncated:8", coding);
        let lsb = circuit.lsb();
        let design = ArrayRtl::new(circuit, options, Some(correction)).unwrap();
        let ranges = design.ranges;
        let port = |range: Range, name: &str| {
            let sign = if range.is_signed() { "signed" } else { "" };
            format!("input {sign} [{}:0] {name}", range.bits() - 1)
        };
        let half = (1 << c_frac) / 2;
        let reference = format!(
            "module reference (input clk, {psum}, {acc}, input last_in, output reg last_out,
                 input [{x}:0] x_in, output reg [{x}:0] x_out, input c_load, {c_in},
                 output reg [{c}:0] c_out, {c0_in}, output reg [{c0}:0] c0_out,
                 output reg [{result}:0] acc_out);
               wire signed [39:0] c = {c_signed}(c_out);
               wire signed [39:0] c0 = $signed(c0_out);
               wire signed [39:0] cx = c * $signed({{1'b0, x_in}});
               wire signed [39:0] whole = cx >>> {c_frac};
               wire [39:0] rest = cx - (whole <<< {c_frac});
               wire up = {c_frac} != 0 && (rest > {half} || rest == {half} && whole[0]);
               wire signed [39:0] p = psum;
               wire signed [39:0] a = acc_in;
               reg signed [39:0] sum;
               always @(posedge clk) begin
                 last_out <= last_in;
                 x_out <= x_in;
                 if (c_load) c_out <= c_in;
                 if (c_load) c0_out <= c0_in;
                 sum <= ((p + a) <<< {lsb}) + (last_in ? whole + up + c0 : 0);
                 acc_out <= sum;
               end
             endmodule",
            psum = port(ranges.psum, "psum"),
            acc = port(ranges.acc, "acc_in"),
            x = ranges.x.bits() - 1,
            c_in = port(c, "c_in"),
            c = c.bits() - 1,
            c0_in = port(c0, "c0_in"),
            c0 = c0.bits() - 1,
            c_signed = if c.is_signed() { "$signed" } else { "" },
            result = ranges.result.bits() - 1,
        );
        // The constants are loaded in the first cycle.
        let setup = "-set-at 1 in_c_load 1";
        assert_equivalent(&mac_plus(&design).unwrap(), &reference, 4, setup);
    }
}
