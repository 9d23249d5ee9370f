//! What OpenSTA says of the same netlist.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cells::CellLibrary;
use crate::mapped::{MappedNetlist, NetId};
use crate::timing::TimingOptions;

/// A period that all paths fit into, ps.
const PERIOD_PS: f64 = 1e6;

/// The least period by OpenSTA; the libraries' files, whose time unit is `unit_ps`, are not
/// gzipped.
pub fn fastest_clock_ps(
    netlist: &MappedNetlist,
    library: &CellLibrary,
    options: &TimingOptions,
    files: &[PathBuf],
    unit_ps: f64,
) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("netlist.v"), verilog(netlist, library)).unwrap();
    std::fs::write(path("loads.spef"), spef(netlist, library, options.wire_ff)).unwrap();
    let script = script(netlist, library, options, files, unit_ps);
    std::fs::write(path("check.tcl"), script).unwrap();
    let output = Command::new("sta")
        .args(["-no_init", "-no_splash", "-exit", "check.tcl"])
        .current_dir(folder.path())
        .output()
        .unwrap_or_else(|error| panic!("sta: {error}; apt install opensta"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    let slack = said.lines().find_map(|line| line.strip_prefix("worst slack "));
    let slack: Option<f64> = slack.and_then(|slack| slack.trim().parse().ok());
    let slack = slack.unwrap_or_else(|| panic!("{said}"));
    PERIOD_PS - slack * unit_ps
}

fn script(
    netlist: &MappedNetlist,
    library: &CellLibrary,
    options: &TimingOptions,
    files: &[PathBuf],
    unit_ps: f64,
) -> String {
    let mut text = String::new();
    for file in files {
        let _ = writeln!(text, "read_liberty {{{}}}", Path::new(file).display());
    }
    let clocks = clocks(netlist, library);
    let period = PERIOD_PS / unit_ps;
    text.push_str(
        "read_verilog netlist.v\nlink_design top\nread_spef -pin_cap_included loads.spef\n",
    );
    let _ = match clocks.first() {
        Some(clock) => {
            writeln!(text, "create_clock -name clk -period {period} [get_ports n{clock}]")
        }
        None => writeln!(text, "create_clock -name clk -period {period}"),
    };
    let slew = options.input_slew_ps / unit_ps;
    for net in netlist.inputs.iter().flat_map(|port| &port.nets).filter(|net| !clocks.contains(net))
    {
        let _ = writeln!(text, "set_input_delay 0 -clock clk [get_ports n{net}]");
        let _ = writeln!(text, "set_input_transition {slew} [get_ports n{net}]");
    }
    if !clocks.is_empty() {
        let _ = writeln!(text, "set_clock_transition {} clk", options.clock_slew_ps / unit_ps);
    }
    text.push_str("set_output_delay 0 -clock clk [all_outputs]\nreport_worst_slack -digits 6\n");
    text
}

/// Nets at clock pins.
fn clocks(netlist: &MappedNetlist, library: &CellLibrary) -> Vec<NetId> {
    let clock = |instance: &crate::mapped::Instance| {
        let flip_flop = library.cells[instance.cell].flip_flop.as_ref()?;
        instance.nets[flip_flop.clock]
    };
    let mut clocks: Vec<NetId> = netlist.instances.iter().filter_map(clock).collect();
    clocks.sort_unstable();
    clocks.dedup();
    clocks
}

/// The netlist, flat; nets are called n and instances u, with their numbers. Every net of a port is
/// a port of its own.
fn verilog(netlist: &MappedNetlist, library: &CellLibrary) -> String {
    let nets = |ports: &[crate::mapped::Port]| -> Vec<NetId> {
        ports.iter().flat_map(|port| port.nets.iter().copied()).collect()
    };
    let inputs = nets(&netlist.inputs);
    // An output on a net that is no gate's would be a second name for it.
    let mut outputs = nets(&netlist.outputs);
    outputs.retain(|net| *net > 1 && !inputs.contains(net));
    outputs.sort_unstable();
    outputs.dedup();
    let name = |net: &NetId| match net {
        0 => "1'b0".to_owned(),
        1 => "1'b1".to_owned(),
        net => format!("n{net}"),
    };
    let list = |nets: &[NetId]| nets.iter().map(name).collect::<Vec<_>>().join(", ");
    let mut text = format!("module top ({});\n", list(&[&inputs[..], &outputs].concat()));
    let _ = writeln!(text, "  input {};\n  output {};", list(&inputs), list(&outputs));
    let wires: Vec<NetId> = (2..netlist.nets.len())
        .filter(|net| !inputs.contains(net) && !outputs.contains(net))
        .collect();
    let _ = writeln!(text, "  wire {};", list(&wires));
    for (index, instance) in netlist.instances.iter().enumerate() {
        let cell = &library.cells[instance.cell];
        let pins = cell.pins.iter().zip(&instance.nets);
        let pins = pins.filter_map(|(pin, net)| Some(format!(".{}({})", pin.name, name(&(*net)?))));
        let pins = pins.collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "  {} u{index} ({pins});", cell.name);
    }
    text + "endmodule\n"
}

/// Each net's load, pins and wires, as one capacitance: without resistances, OpenSTA takes the
/// given value for the whole load.
fn spef(netlist: &MappedNetlist, library: &CellLibrary, wire_ff: f64) -> String {
    let mut text = String::from(
        "*SPEF \"IEEE 1481-1998\"\n*DESIGN \"top\"\n*DATE \"-\"\n*VENDOR \"-\"\n*PROGRAM \"-\"\n\
         *VERSION \"-\"\n*DESIGN_FLOW \"-\"\n*DIVIDER /\n*DELIMITER :\n*BUS_DELIMITER [ ]\n\
         *T_UNIT 1 PS\n*C_UNIT 1 FF\n*R_UNIT 1 OHM\n*L_UNIT 1 HENRY\n\n",
    );
    let loads_ff = super::super::loads_ff(netlist, library, wire_ff);
    for (index, instance) in netlist.instances.iter().enumerate() {
        let cell = &library.cells[instance.cell];
        for (pin, net) in cell.pins.iter().zip(&instance.nets).skip(cell.inputs) {
            let Some(net) = net else { continue };
            let (pin, load_ff) = (&pin.name, loads_ff[*net]);
            let _ = writeln!(
                text,
                "*D_NET n{net} {load_ff}\n*CONN\n*I u{index}:{pin} O\n*CAP\n1 u{index}:{pin} \
                 {load_ff}\n*END\n"
            );
        }
    }
    text
}
