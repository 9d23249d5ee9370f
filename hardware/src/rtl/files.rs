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

/// All files of a design: sources, the multiplier alone, the testbench with its vectors, README.
///
/// # Errors
/// When the vectors do not fit the design.
pub fn files(design: &ArrayRtl, vectors: &Vectors) -> Result<Vec<File>, RtlError> {
    let mut files = vec![File::of(&multiplier(&design.circuit))];
    files.extend(Sources::array(design).files);
    files.extend(testbench(design, vectors)?);
    files.push(File::new("README.txt", readme(design, &files)));
    Ok(files)
}

/// Every file that a design may have, and what it is.
const MEANINGS: [(&str, &str); 23] = [
    ("array.sv", "the array, synthesis top: pe_r_c, x_line, mac_plus_c"),
    ("pe.sv", "processing element: multiplier with the partial sum in its tree, registers"),
    ("weight_gate.sv", "lets the clock through to a column's weights while they are loaded"),
    ("x_line.sv", "sums x of the control variate, once for all columns"),
    ("mac_plus.sv", "end of a column: sum of the tiles before, and V"),
    ("load_sums.sv", "beside the top of a column: sums of what it is loaded with"),
    ("constants.sv", "makes C and C0 of each column's sums, once for all columns"),
    ("multiplier.sv", "the multiplier alone: p = p(w, a)"),
    ("recoup_fa.sv", "full adder, to be mapped onto the library's cell"),
    ("recoup_ha.sv", "half adder, likewise"),
    ("recoup_clock_gate.sv", "clock gate, likewise"),
    ("tb.sv", "self-checking testbench, simulation top"),
    ("weights.hex", "weight codes, [filter][product]"),
    ("activations.hex", "activation codes, [position][product]"),
    ("c.hex", "C of each filter"),
    ("c0.hex", "C0 of each filter"),
    ("g.hex", "what each bit of a loaded weight adds to C, in 1/256 of its unit"),
    ("m.hex", "what it adds to the mean error, in 1/256"),
    ("x0.hex", "what C is multiplied by and C0 less by"),
    ("sum_w.hex", "sum of the weights of each filter"),
    ("bias.hex", "what is added to a filter's sums behind the array"),
    ("expected.hex", "the emulator's accumulators, [position][filter]"),
    ("README.txt", "this list"),
];

/// The names of all files that a design may have.
pub fn file_names() -> impl Iterator<Item = &'static str> {
    MEANINGS.iter().map(|(name, _)| *name)
}

/// What simulates the testbench in the folder: Icarus Verilog and Verilator.
pub const SIMULATE: [&str; 2] = [
    "iverilog -g2012 -s tb -o tb.vvp *.sv && vvp -n tb.vvp",
    "verilator --binary --timing -Wno-fatal --top-module tb *.sv && obj_dir/Vtb",
];

/// Where the emulator's gains are.
const BEHIND: &str = "
Behind the array, the sums of a filter get its bias and are multiplied by its constant g s_w s_a when
they become codes again. Gains g, and the means that they change, are in these two: no module here
depends on them.
";

/// How a controller has constants made.
fn made(columns: usize, latency: usize, wait: usize) -> String {
    format!(
        "
The array makes C and C0 of what it is loaded with. A layer's numbers are written with layer_load,
those of bit 7 of a weight first. Weights count for the constants while count is 1, the first ones of
a filter with first. After the last tile make is 1 for {columns} cycles. {latency} cycles later made is 1, with
the constants of the last column, then those of the one before it, and so on. The first position may
enter {wait} cycles after make begins. made_sum_w are sums of weights, and made_c0 is C0 for what is behind
the array, unless the array adds it.
"
    )
}

/// How a controller stops what a tile does not use.
fn idle(settling: usize) -> String {
    format!(
        "
A tile that does not fill the rows of PEs is in the last ones; those above get weights of 0 and a code
whose x is 0. row_on and column_on are 1 while weights are loaded. {settling} cycles after the last weight
row_on may be 0 for rows that the tile does not use, and column_on for columns without a filter at once.
"
    )
}

fn readme(design: &ArrayRtl, files: &[File]) -> String {
    let options = &design.options;
    let mut text = format!(
        "{}x{} array of {}, up to {} products per output.\n\n",
        options.rows,
        options.columns,
        design.circuit.name(),
        options.depth
    );
    for (name, meaning) in MEANINGS.iter().filter(|(name, _)| files.iter().any(|f| f.name == *name))
    {
        text += &format!("{name:<20} {meaning}\n");
    }
    text += BEHIND;
    if let Some((latency, wait)) = design.constants_latency().zip(design.constants_wait()) {
        text += &made(options.columns, latency, wait);
    }
    if design.gates_idle() {
        text += &idle(design.settling());
    }
    text += "\nTo run the testbench in this folder, with Icarus Verilog or Verilator:\n\n";
    SIMULATE.iter().for_each(|command| text += &format!("    {command}\n"));
    text
}
