//! Designs as files.

use super::array::array;
use super::circuit::MultiplierCircuit;
use super::constants::constants;
use super::design::ArrayRtl;
use super::error::RtlError;
use super::load_sums::load_sums;
use super::mac_plus::mac_plus;
use super::module::Module;
use super::multiplier::multiplier;
use super::pe::{pe, weight_gate};
use super::testbench::testbench;
use super::vectors::Vectors;
use super::x_line::x_line;

const FULL_ADDER: &str = "// Full adder: 2 co + s = a + b + c. Map it onto the library's cell.
module recoup_fa (
    input wire a,
    input wire b,
    input wire c,
    output wire s,
    output wire co
);
  assign s = a ^ b ^ c;
  assign co = (a & b) | (c & (a ^ b));
endmodule
";

const HALF_ADDER: &str = "// Half adder: 2 co + s = a + b. Map it onto the library's cell.
module recoup_ha (
    input wire a,
    input wire b,
    output wire s,
    output wire co
);
  assign s = a ^ b;
  assign co = a & b;
endmodule
";

const CLOCK_GATE: &str = "// Clock gate: gclk is clk where enable was 1 before its rising edge. Map it onto the library's cell.
module recoup_clock_gate (
    input wire clk,
    input wire enable,
    output wire gclk
);
  reg open;
  always_latch begin
    if (!clk) open = enable;
  end
  assign gclk = clk & open;
endmodule
";

/// The name of the module that gates a clock.
pub const CLOCK_GATE_MODULE: &str = "recoup_clock_gate";

/// A file by its name in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its content.
    pub text: String,
}

impl File {
    /// A file.
    pub fn new(name: &str, text: String) -> Self {
        Self { name: name.to_string(), text }
    }

    fn of(module: &Module) -> Self {
        Self::new(&format!("{}.sv", module.name), module.to_system_verilog())
    }
}

/// SystemVerilog for synthesis.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The top module.
    pub top: String,
    /// One module per file, `recoup_fa.sv` and `recoup_ha.sv` included.
    pub files: Vec<File>,
}

impl Sources {
    fn new(top: &str, modules: &[Module]) -> Self {
        let mut files: Vec<File> = modules.iter().map(File::of).collect();
        files.push(File::new("recoup_fa.sv", FULL_ADDER.into()));
        files.push(File::new("recoup_ha.sv", HALF_ADDER.into()));
        if files.iter().any(|file| file.text.contains(CLOCK_GATE_MODULE)) {
            files.push(File::new("recoup_clock_gate.sv", CLOCK_GATE.into()));
        }
        Self { top: top.into(), files }
    }

    /// The multiplier alone: w, a, p.
    pub fn multiplier(circuit: &MultiplierCircuit) -> Self {
        Self::new("multiplier", &[multiplier(circuit)])
    }

    /// One PE alone.
    pub fn pe(design: &ArrayRtl) -> Self {
        Self::new("pe", &[pe(design)])
    }

    /// The x line alone, if the design has one.
    pub fn x_line(design: &ArrayRtl) -> Option<Self> {
        Some(Self::new("x_line", &[x_line(design)?]))
    }

    /// One MAC+ alone, if the design has any.
    pub fn mac_plus(design: &ArrayRtl) -> Option<Self> {
        Some(Self::new("mac_plus", &[mac_plus(design)?]))
    }

    /// What gates the clock of the weights of one column, if the design has it.
    pub fn weight_gate(design: &ArrayRtl) -> Option<Self> {
        Some(Self::new("weight_gate", &[weight_gate(design)?]))
    }

    /// The sums of what one column is loaded with, if the design makes constants.
    pub fn load_sums(design: &ArrayRtl) -> Option<Self> {
        Some(Self::new("load_sums", &[load_sums(design)?]))
    }

    /// What makes constants, if the design does.
    pub fn constants(design: &ArrayRtl) -> Option<Self> {
        Some(Self::new("constants", &[constants(design)?]))
    }

    /// The array, with all that it instantiates: `pe_r_c`, `x_line`, `mac_plus_c`, `load_sums_c`,
    /// `constants`.
    pub fn array(design: &ArrayRtl) -> Self {
        let modules = [
            Some(pe(design)),
            weight_gate(design),
            x_line(design),
            mac_plus(design),
            load_sums(design),
            constants(design),
        ];
        let modules: Vec<Module> = modules.into_iter().flatten().collect();
        let mut sources = Self::new("array", &modules);
        sources.files.push(File::new("array.sv", array(design)));
        sources
    }
}

/// Sources, the multiplier alone, the testbench with its vectors.
///
/// # Errors
/// When the vectors do not fit the design.
pub fn files(design: &ArrayRtl, vectors: &Vectors) -> Result<Vec<File>, RtlError> {
    let mut files = vec![File::of(&multiplier(&design.circuit))];
    files.extend(Sources::array(design).files);
    files.extend(testbench(design, vectors)?);
    Ok(files)
}

/// What simulates the testbench in the folder: Icarus Verilog and Verilator.
pub const SIMULATE: [&str; 2] = [
    "iverilog -g2012 -s tb -o tb.vvp *.sv && vvp -n tb.vvp",
    "verilator --binary --timing -Wno-fatal --top-module tb *.sv && obj_dir/Vtb",
];
