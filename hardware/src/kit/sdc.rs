//! What synthesis and timing are told, `array.sdc`, and which files there are, `array.f`.

use crate::rtl::{ArrayRtl, File, ports};

use super::axi::Axi;

/// Percent of a period that inputs arrive after the clock, and that outputs are wanted before it.
pub const OUTSIDE: usize = 30;

/// The constraints of the array: its clock, and delays at its ports.
pub fn array(design: &ArrayRtl, clock_ps: f64) -> File {
    let ports = ports(design);
    let names = |input: bool| {
        let ports = ports.iter().filter(move |port| port.input == input && port.name != "clk");
        ports.map(|port| port.name.to_owned()).collect::<Vec<_>>()
    };
    File::new("array.sdc", sdc("clk", &names(true), &names(false), clock_ps))
}

/// The constraints of its wrapper.
pub fn array_axi(axi: &Axi, clock_ps: f64) -> File {
    let mut inputs = vec!["aresetn".to_owned()];
    let mut outputs = vec!["error".to_owned()];
    for (name, input) in axi.streams.iter().flat_map(|stream| stream.port_names()) {
        if input { inputs.push(name) } else { outputs.push(name) }
    }
    File::new("array_axi.sdc", sdc("aclk", &inputs, &outputs, clock_ps))
}

/// Ports by their names, and no commands that only some tools have.
fn sdc(clock: &str, inputs: &[String], outputs: &[String], clock_ps: f64) -> String {
    format!(
        "# A clock of {clock_ps} ps; {OUTSIDE} % of it for what drives the inputs, and as much for what reads
# the outputs. Where the library's unit of time is ps, set ns to 1000 before this is read.
if {{![info exists ns]}} {{ set ns 1.0 }}
set period [expr {{{period:?} * $ns}}]
create_clock -name {clock} -period $period [get_ports {clock}]
set_input_delay [expr {{0.{OUTSIDE} * $period}}] -clock {clock} [get_ports {{
    {inputs}
}}]
set_output_delay [expr {{0.{OUTSIDE} * $period}}] -clock {clock} [get_ports {{
    {outputs}
}}]
",
        period = clock_ps / 1000.0,
        inputs = inputs.join("\n    "),
        outputs = outputs.join("\n    "),
    )
}

/// What array and wrapper are made of, a file each line, what is instantiated first.
pub fn filelist(files: &[File]) -> String {
    let tops = ["array.sv", "array_axi.sv"];
    let names = || files.iter().map(|file| file.name.as_str());
    let apart = |name: &str| tops.contains(&name) || ["tb.sv", "multiplier.sv"].contains(&name);
    let units = names().filter(|name| name.ends_with(".sv") && !apart(name));
    let tops = tops.into_iter().filter(|top| names().any(|name| name == *top));
    units.chain(tops).map(|name| format!("{name}\n")).collect()
}
