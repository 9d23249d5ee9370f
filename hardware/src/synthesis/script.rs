//! What yosys is told to do.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::SynthesisOptions;
use crate::cells::{Adder, Cell, CellId, CellLibrary, Selection, TruthTable};
use crate::rtl::{CLOCK_GATE_MODULE, File, Sources};

/// The files and scripts of a run.
pub struct Recipe {
    /// Names and texts of files beside the sources.
    pub files: Vec<(&'static str, String)>,
    /// Reads the sources; ends before anything is mapped.
    pub elaborate: String,
    /// Its end is fixed; its beginning depends on the adders that are to be inverted.
    map: String,
}

impl Recipe {
    pub fn new(
        sources: &Sources,
        library: &CellLibrary,
        selection: &Selection,
        options: &SynthesisOptions,
    ) -> Self {
        let adders = [
            ("recoup_fa", library.full_adder(&selection.cells)),
            ("recoup_ha", library.half_adder(&selection.cells)),
        ];
        let mut cells = selection.cells.clone();
        cells.extend(selection.ties.iter().flatten());
        cells.extend(selection.clock_gate);
        let gate = selection.clock_gate.map(|id| &library.cells[id]);
        let files = vec![
            ("cells.lib", library.to_liberty(&cells)),
            ("adders.v", adder_modules(library, &adders) + &clock_gate_module(gate)),
            ("constraints", constraints(library, selection, options)),
            ("abc.script", abc_script(options)),
        ];
        Self {
            files,
            elaborate: elaborate(sources, &adders, gate.is_some()),
            map: map_script(library, selection, options),
        }
    }

    /// Maps onto cells, with these instances of the full adder inverted.
    pub fn map(&self, inverted: &[String]) -> String {
        let mut script = String::from("read_rtlil elaborated.il\nread_liberty -lib cells.lib\n");
        let simple = |c: char| c.is_ascii_alphanumeric() || "_$./".contains(c);
        let names: Vec<&str> =
            inverted.iter().map(String::as_str).filter(|name| name.chars().all(simple)).collect();
        for names in names.chunks(100) {
            let _ = writeln!(script, "chtype -set recoup_fa_inverted {}", names.join(" "));
        }
        script + &self.map
    }

    /// The hash of all that the result depends on.
    pub fn key(&self, sources: &Sources, yosys_version: &str) -> String {
        let mut hash = Sha256::new();
        let mut add = |part: &str| {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        };
        [yosys_version, &sources.top, &self.elaborate, &self.map].into_iter().for_each(&mut add);
        for (name, text) in &self.files {
            add(name);
            add(text);
        }
        for File { name, text } in &sources.files {
            add(name);
            add(text);
        }
        hash.finalize().iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

fn elaborate(sources: &Sources, adders: &[(&str, Option<Adder>)], has_gate: bool) -> String {
    let names: Vec<&str> = sources.files.iter().map(|file| file.name.as_str()).collect();
    let top = &sources.top;
    let mut script = format!("read_verilog -sv {}\n", names.join(" "));
    let _ = writeln!(script, "hierarchy -check -top {top}");
    script.push_str("setattr -mod -set keep_hierarchy 1 *\n");
    for (name, adder) in adders {
        let _ = match adder {
            Some(_) => writeln!(script, "blackbox {name}"),
            None => writeln!(script, "setattr -mod -unset keep_hierarchy {name}"),
        };
    }
    let gate_file = format!("{CLOCK_GATE_MODULE}.sv");
    if has_gate && sources.files.iter().any(|file| file.name == gate_file) {
        let _ = writeln!(script, "blackbox {CLOCK_GATE_MODULE}");
    }
    // Up to word-level cells: what comes after would look into the adders.
    let _ = writeln!(script, "synth -flatten -top {top} -run begin:fine");
    // Functions of eight bits have become read-only memories: they are gates here.
    script.push_str(
        "memory_map\nopt -fast -full\nwrite_rtlil elaborated.il\nwrite_json elaborated.json\n",
    );
    script
}

fn map_script(library: &CellLibrary, selection: &Selection, options: &SynthesisOptions) -> String {
    let mut script = String::from(
        "techmap\ntechmap -map adders.v\ntechmap\nopt -fast\ndfflibmap -liberty cells.lib\nopt\n\
         setundef -zero\nabc -liberty cells.lib -constr constraints -script abc.script",
    );
    if let Some(clock_ps) = options.clock_ps {
        let _ = write!(script, " -D {clock_ps}");
    }
    script.push_str("\nopt_clean -purge\n");
    let tied = |cell: CellId| {
        let cell = &library.cells[cell];
        format!("{} {}", cell.name, cell.pins[0].name)
    };
    if let [Some(low), Some(high)] = selection.ties {
        let (low, high) = (tied(low), tied(high));
        let _ = writeln!(script, "hilomap -singleton -hicell {high} -locell {low}");
    }
    script.push_str(
        "rename -enumerate -pattern _%_\nopt_clean -purge\nwrite_json netlist.json\nwrite_verilog \
         -noattr netlist.v\n",
    );
    script
}

/// Modules that stand for the library's adders.
fn adder_modules(library: &CellLibrary, adders: &[(&str, Option<Adder>)]) -> String {
    let mut text = String::new();
    for (name, adder) in adders {
        let Some(adder) = adder else { continue };
        let cell = &library.cells[adder.cell];
        let ports = &["a", "b", "c"][..cell.inputs];
        let not = |inverted: bool| if inverted { "~" } else { "" };
        for all_inverted in [false, true] {
            let suffix = if all_inverted { "_inverted" } else { "" };
            let inputs = cell
                .pins
                .iter()
                .zip(ports)
                .map(|(pin, port)| format!(".{}({}{port})", pin.name, not(all_inverted)));
            let inputs = inputs.collect::<Vec<_>>().join(", ");
            let (sum, carry) = (&cell.pins[adder.sum].name, &cell.pins[adder.carry].name);
            let (not_sum, not_carry) = (
                not(adder.sum_inverted != all_inverted),
                not(adder.carry_inverted != all_inverted),
            );
            let _ = writeln!(
                text,
                "module {name}{suffix}(input {}, output s, co);\n  wire sum, carry;\n  {} adder \
                 ({inputs}, .{sum}(sum), .{carry}(carry));\n  assign s = {not_sum}sum;\n  assign \
                 co = {not_carry}carry;\nendmodule",
                ports.join(", "),
                cell.name
            );
        }
    }
    text
}

/// The module that stands for the library's clock gate; nothing without one.
fn clock_gate_module(gate: Option<&Cell>) -> String {
    let Some((cell, gate)) = gate.and_then(|cell| Some((cell, cell.clock_gate.as_ref()?))) else {
        return String::new();
    };
    let pin = |pin: usize| &cell.pins[pin].name;
    let tied: String = gate.tied.iter().map(|&tied| format!(", .{}(1'b0)", pin(tied))).collect();
    format!(
        "module {CLOCK_GATE_MODULE}(input clk, enable, output gclk);\n  {} gate (.{}(clk), \
         .{}(enable){tied}, .{}(gclk));\nendmodule\n",
        cell.name,
        pin(gate.clock),
        pin(gate.enable),
        pin(cell.inputs),
    )
}

/// What abc is told of the surroundings: the smallest buffer drives inputs, and outputs drive two
/// inverters.
fn constraints(library: &CellLibrary, selection: &Selection, options: &SynthesisOptions) -> String {
    let smallest = |bits: u64| {
        library
            .smallest(&selection.cells, TruthTable { inputs: 1, bits })
            .map(|id| &library.cells[id])
    };
    let buffer = smallest(0b10).map_or("", |cell| cell.name.as_str());
    let pin_ff = smallest(0b01).map_or(0.0, |cell| cell.pins[0].capacitance_ff);
    let load_ff = 2.0 * (pin_ff + options.timing.wire_ff);
    format!("set_driving_cell {buffer}\nset_load {load_ff} [all_outputs]\n")
}

/// Maps, buffers and sizes. Structures are exchanged locally only (dch): more of it (dc2) makes the
/// final adder, whose late inputs abc does not know of, slower by a tenth; none costs circuits that
/// are no trees a fifth of their area.
fn abc_script(options: &SynthesisOptions) -> String {
    let target = options.clock_ps.map_or_else(String::new, |clock_ps| format!(" -D {clock_ps}"));
    format!(
        "strash\n&get -n\n&st\n&dch\n&nf\n&put\nbuffer -c\ntopo\nupsize{target}\ndnsize{target}\n\
         stime -p\n"
    )
}
