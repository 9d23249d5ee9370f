//! The same netlist and stimuli in Icarus Verilog, transition by transition.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::*;

/// Writes netlist and test bench; net i is n_i. With `ticks`, every instance is a module of its own, with its
/// delays in specify paths; without, cells take no time. The stimuli come from a file of one line
/// per cycle.
fn verilog(circuit: &Circuit<'_>, ticks: Option<&EventDriven<'_>>, period: u64) -> String {
    let netlist = circuit.netlist;
    let mut text = String::from("`timescale 1ps/1ps\n");
    let mut instances = String::new();
    for index in 0..netlist.instances.len() {
        module(&mut text, circuit, index, ticks);
        let nets = netlist.instances[index].nets.iter().flatten();
        let nets: Vec<String> = nets.map(|net| format!("n_{net}")).collect();
        writeln!(instances, "  c{index} u{index} ({});", nets.join(", ")).unwrap();
    }
    let wires: Vec<String> = (0..netlist.nets.len()).map(|net| format!("n_{net}")).collect();
    let wires = wires.join(", ");
    let inputs = circuit.inputs.len();
    let mut drive = String::new();
    for (bit, &net) in circuit.inputs.iter().enumerate() {
        match Some(net) == circuit.clock {
            true => writeln!(drive, "  assign n_{net} = clock;").unwrap(),
            false => writeln!(drive, "  assign n_{net} = held[{bit}];").unwrap(),
        }
    }
    let delay = ticks.map_or(0, |simulator| simulator.input_ticks());
    write!(
        text,
        "module tb;
  wire {wires};
  reg [{inputs}-1:0] lines [0:{CYCLES}-1];
  reg [{inputs}-1:0] held = 0;
  reg clock = 0;
  integer cycle;
  assign n_0 = 1'b0;
  assign n_1 = 1'b1;
{drive}{instances}  initial begin
    $readmemb(\"stimuli\", lines);
    $dumpfile(\"out.vcd\");
    $dumpvars(1, tb);
    #{period};
    for (cycle = 0; cycle < {CYCLES}; cycle = cycle + 1) begin
      clock = 1;
      held <= #{delay} lines[cycle];
      #({period} / 2) clock = 0;
      #({period} / 2);
    end
    $finish;
  end
endmodule
"
    )
    .unwrap();
    text
}

fn module(text: &mut String, circuit: &Circuit<'_>, index: usize, ticks: Option<&EventDriven<'_>>) {
    let cell = circuit.cell(index);
    let pin = |pin: usize| format!("p{pin}");
    let outputs: Vec<(usize, NetId)> = circuit.outputs(index).collect();
    let inputs: Vec<String> = (0..cell.inputs).map(pin).collect();
    let ports: Vec<String> = (0..cell.inputs)
        .map(|input| format!("input {}", pin(input)))
        .chain(outputs.iter().map(|(output, _)| format!("output {}", pin(cell.inputs + output))))
        .collect();
    writeln!(text, "module c{index} ({});", ports.join(", ")).unwrap();
    if let Some(flip_flop) = &cell.flip_flop {
        let (next, width) = (flip_flop.next_state.bits, 1 << cell.inputs);
        let select: Vec<&str> = inputs.iter().rev().map(String::as_str).collect();
        writeln!(text, "  reg state = 0;\n  wire [{width}-1:0] next = {next};").unwrap();
        let clock = pin(flip_flop.clock);
        writeln!(text, "  always @(posedge {clock}) state <= next[{{{}}}];", select.join(", "))
            .unwrap();
    }
    for &(output, _) in &outputs {
        let function = cell.pins[cell.inputs + output].function.unwrap();
        // One look-up, as a sum of products would have hazards; of a flip-flop, what is stored
        // alone, so that there is no way from its input to its output.
        let (bits, select) = match &cell.flip_flop {
            Some(_) => (
                function.bits >> ((1 << cell.inputs) - 1) & 1
                    | (function.bits >> ((2 << cell.inputs) - 1) & 1) << 1,
                "state".into(),
            ),
            None => {
                let select: Vec<&str> = inputs.iter().rev().map(String::as_str).collect();
                (function.bits, select.join(", "))
            }
        };
        let (name, width) = (pin(cell.inputs + output), 64);
        writeln!(text, "  wire [{width}-1:0] f{output} = 64'd{bits};").unwrap();
        writeln!(text, "  assign {name} = f{output}[{{{select}}}];").unwrap();
    }
    if let Some(simulator) = ticks {
        writeln!(text, "  specify").unwrap();
        for &(output, _) in &outputs {
            paths(text, circuit, index, output, simulator);
        }
        writeln!(text, "  endspecify").unwrap();
    }
    writeln!(text, "endmodule").unwrap();
}

/// One path per input pin and state of the others in which the pin turns the output.
fn paths(
    text: &mut String,
    circuit: &Circuit<'_>,
    index: usize,
    output: usize,
    simulator: &EventDriven<'_>,
) {
    let cell = circuit.cell(index);
    let function = cell.pins[cell.inputs + output].function.unwrap();
    let to = format!("p{}", cell.inputs + output);
    let ticks = |pin, state| simulator.ticks(simulator.layout().cause(index, output, pin, state));
    if let Some(flip_flop) = &cell.flip_flop {
        let clock = flip_flop.clock;
        // Of the states, the output needs only what is stored.
        let state = |value: bool| {
            let states = 0..1_usize << (cell.inputs + 1);
            states
                .filter(|state| state >> clock & 1 == 1)
                .find(|state| (function.bits >> state & 1 == 1) == value)
                .unwrap()
        };
        let (rise, fall) = (ticks(clock, state(true)), ticks(clock, state(false)));
        writeln!(text, "    (p{clock} => {to}) = ({rise}, {fall});").unwrap();
        return;
    }
    let names: Vec<String> = (0..cell.inputs).map(|pin| format!("p{pin}")).collect();
    for pin in 0..cell.inputs {
        for low in (0..1_usize << cell.inputs).filter(|state| state >> pin & 1 == 0) {
            let high = low | 1 << pin;
            let value = |state: usize| function.bits >> state & 1 == 1;
            let (rise, fall) = match (value(low), value(high)) {
                (false, true) => (ticks(pin, high), ticks(pin, low)),
                (true, false) => (ticks(pin, low), ticks(pin, high)),
                _ => continue,
            };
            let condition = match cell.inputs {
                1 => String::new(),
                _ => format!("if ({}) ", literals(&names, low, !(1 << pin))),
            };
            writeln!(text, "    {condition}(p{pin} => {to}) = ({rise}, {fall});").unwrap();
        }
    }
}

/// The conjunction that holds in a state, of the variables in `mask`.
fn literals(names: &[String], state: usize, mask: usize) -> String {
    let literals: Vec<String> = names
        .iter()
        .enumerate()
        .filter(|(variable, _)| mask >> variable & 1 == 1)
        .map(|(variable, name)| match state >> variable & 1 {
            1 => name.clone(),
            _ => format!("~{name}"),
        })
        .collect();
    if literals.is_empty() { "1'b1".into() } else { format!("({})", literals.join(" & ")) }
}

/// Transitions of each net after time `from`, one value per time stamp; what a signal is at
/// `from` is its beginning.
fn transitions(path: &Path, nets: usize, from: u64) -> Vec<u64> {
    let text = fs::read_to_string(path).unwrap();
    let mut names: HashMap<&str, usize> = HashMap::new();
    let mut changes = vec![0; nets];
    let mut value: Vec<char> = vec!['x'; nets];
    let mut pending: HashMap<usize, char> = HashMap::new();
    let mut now = 0;
    let mut settle = |pending: &mut HashMap<usize, char>, now: u64| {
        for (net, new) in pending.drain() {
            if value[net] != new {
                changes[net] += u64::from(now >= from);
                value[net] = new;
            }
        }
    };
    for line in text.lines() {
        if let Some(declaration) = line.strip_prefix("$var wire 1 ") {
            let words: Vec<&str> = declaration.split_whitespace().collect();
            if let Some(net) = words[1].strip_prefix("n_") {
                names.insert(words[0], net.parse().unwrap());
            }
        } else if let Some(time) = line.strip_prefix('#') {
            settle(&mut pending, now);
            now = time.parse().unwrap();
        } else if let Some(bit) = line.chars().next().filter(|bit| "01xz".contains(*bit))
            && let Some(&net) = names.get(&line[1..])
        {
            pending.insert(net, bit);
        }
    }
    settle(&mut pending, now);
    assert_eq!(names.len(), nets, "all nets are in the VCD");
    changes
}

const CYCLES: usize = 500;

/// Transitions in Icarus from the second cycle on.
fn icarus(circuit: &Circuit<'_>, ticks: Option<&EventDriven<'_>>, seed: u64) -> Vec<u64> {
    let folder = tempfile::tempdir().unwrap();
    let period = 20_000;
    fs::write(folder.path().join("tb.v"), verilog(circuit, ticks, period)).unwrap();
    let mut bits = vec![false; circuit.inputs.len()];
    let mut stimulus = Random(seed);
    let mut lines = String::new();
    for _ in 0..CYCLES {
        stimulus.next(&mut bits);
        lines.extend(bits.iter().rev().map(|&bit| if bit { '1' } else { '0' }));
        lines.push('\n');
    }
    fs::write(folder.path().join("stimuli"), lines).unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap_or_else(|error| panic!("{program}: {error}; apt-get install iverilog"));
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{program}: {text}");
    };
    run("iverilog", &["-g2012", "-gspecify", "-o", "tb", "tb.v"]);
    run("vvp", &["-n", "tb"]);
    let nets = circuit.netlist.nets.len();
    transitions(&folder.path().join("out.vcd"), nets, 2 * period)
}

/// Compares both simulators with Icarus and returns how many transitions there were.
fn compare(circuit: &Circuit<'_>) -> (u64, u64) {
    let data = data_nets(circuit);
    let mut zero_delay = ZeroDelay::new(circuit);
    let mut stimuli: Vec<Random> = (0..LANES).map(|_| Random(5)).collect();
    zero_delay.run(&mut stimuli, CYCLES as u64);
    let counted = zero_delay.take().toggles;
    let expected = icarus(circuit, None, 5);
    let mut settled = 0;
    for &net in &data {
        assert_eq!(counted[net], expected[net] * LANES as u64, "net {net} without delays");
        settled += expected[net];
    }

    let delays = Delays::new(circuit, &Layout::new(circuit), &DelayOptions::default());
    let mut events = EventDriven::new(circuit, &delays, 1000.0);
    events.run(&mut Random(5), CYCLES as u64);
    let counted = events.take().toggles;
    let expected = icarus(circuit, Some(&events), 5);
    let sum = |counts: &[u64]| data.iter().map(|&net| counts[net]).sum::<u64>();
    let (ours, theirs) = (sum(&counted), sum(&expected));
    let apart: u64 = data.iter().map(|&net| counted[net].abs_diff(expected[net])).sum();
    println!("{ours} transitions, Icarus {theirs}, settled {settled}, apart {apart}");
    assert!(apart as f64 <= 0.03 * theirs as f64, "{ours} and {theirs}, apart {apart}");
    (settled, ours)
}

#[test]
fn toggles_are_those_of_icarus() {
    let library = library();
    let netlist = accumulator(&library);
    let circuit = Circuit::new(&library, &netlist).unwrap();
    let (settled, moved) = compare(&circuit);
    assert!(moved > settled, "the circuit has glitches");
}

#[test]
fn toggles_of_a_synthesised_multiplier_are_those_of_icarus() {
    use crate::cells::CellLibrary;
    use crate::rtl::{ArrayRtl, MultiplierCircuit, Options, Sources};
    use crate::synthesis::{SynthesisOptions, synthesize};
    use recoup_core::watch::Unwatched;
    let path = "/usr/share/qflow/tech/osu018/osu018_stdcells.lib";
    let library = CellLibrary::read(&[path])
        .unwrap_or_else(|error| panic!("{error}; apt install qflow-tech-osu018"));
    let multiplier = "truncated:5".parse().unwrap();
    let unsigned = recoup_kernels::WeightCoding::Unsigned;
    let circuit = MultiplierCircuit::new(&multiplier, unsigned).unwrap();
    let design = ArrayRtl::new(circuit, Options::new(4, 4, 4), None).unwrap();
    let options = SynthesisOptions::new(&library);
    let synthesis = synthesize(&Sources::pe(&design), &library, &options, &Unwatched).unwrap();
    let circuit = Circuit::new(&library, &synthesis.netlist).unwrap();
    let (settled, moved) = compare(&circuit);
    assert!(moved as f64 > 1.05 * settled as f64, "the PE has glitches");
}
