//! Clock gates: cells that the library names so, and latches with an and behind them.

use recoup_circuits::liberty::Group;

use super::super::{ClockGate, TruthTable};
use super::Fault;
use super::cell::{Names, left_out};

/// The attribute that says what kind of clock gate a cell is.
const ATTRIBUTE: &str = "clock_gating_integrated_cell";

/// Whether the library names the cell a gate of clocks at whose rising edge flip-flops store.
pub(super) fn is_gate_by_attribute(cell: &Group) -> Result<bool, Fault> {
    match cell.value(ATTRIBUTE) {
        None => Ok(false),
        // "obs" would be an output more.
        Some(kind) if kind.starts_with("latch_posedge") && !kind.contains("obs") => Ok(true),
        Some(_) => Err(left_out("it is a clock gate of another kind")),
    }
}

/// The gate whose pins the library marks.
pub(super) fn by_attribute(pins: &[(&str, &Group)], names: &Names) -> Result<ClockGate, Fault> {
    let marked = |mark: &str| {
        let is_marked = |(_, pin): &&(&str, &Group)| pin.value(mark) == Some("true");
        let found = pins.iter().find(is_marked);
        found.and_then(|(name, _)| names.inputs.iter().position(|input| input == name))
    };
    let (clock, enable) = (marked("clock_gate_clock_pin"), marked("clock_gate_enable_pin"));
    let (Some(clock), Some(enable)) = (clock, enable) else {
        return Err(left_out("it is a clock gate that does not say its clock and enable pins"));
    };
    gate(names, clock, enable)
}

/// The gate that a latch is, which holds its enable while the clock is high, with the conjunction of
/// both as the only output.
pub(super) fn by_function<'a>(
    latch: &Group<'a>,
    pins: &[(&'a str, &Group<'a>)],
    names: &mut Names<'a>,
) -> Result<ClockGate, Fault> {
    let is_latch = || left_out("it is a latch");
    let table = |name: &str| names.truth_table(latch.value(name).unwrap_or("0"));
    let (opens, holds) = (table("enable")?, table("data_in")?);
    let inputs = names.inputs.len();
    let variables = inputs + 1;
    let literal = |pin: usize, value: u32| TruthTable::new(variables, |v| v >> pin & 1 == value);
    let clock = (0..inputs).find(|&pin| opens == literal(pin, 0)).ok_or_else(is_latch)?;
    // Its enable alone opens it, and so may others, which are tied to 0.
    let enable = (0..inputs).find(|&pin| holds.depends_on(pin) && holds.value(1 << pin));
    let enable = enable.filter(|_| !holds.value(0)).ok_or_else(is_latch)?;
    let passes = TruthTable::new(variables, |v| v >> clock & 1 == 1 && v >> inputs & 1 == 1);
    let mut outputs = pins.iter().filter(|(_, pin)| pin.value("direction") == Some("output"));
    let (output, others) = (outputs.next(), outputs.next());
    let function = output.and_then(|(_, pin)| pin.value("function"));
    let function = names.truth_table(function.ok_or_else(is_latch)?)?;
    if function != passes || others.is_some() {
        return Err(is_latch());
    }
    // Conditions are of the pins alone from here on.
    names.state = None;
    gate(names, clock, enable)
}

fn gate(names: &Names, clock: usize, enable: usize) -> Result<ClockGate, Fault> {
    let tied = (0..names.inputs.len()).filter(|pin| ![clock, enable].contains(pin)).collect();
    Ok(ClockGate { clock, enable, tied })
}

/// The output when the latch has taken the enable.
pub(super) fn function(gate: &ClockGate, inputs: usize) -> TruthTable {
    let is_one = |v: u32, pin: usize| v >> pin & 1 == 1;
    TruthTable::new(inputs, |v| {
        let opens = is_one(v, gate.enable) || gate.tied.iter().any(|&pin| is_one(v, pin));
        is_one(v, gate.clock) && opens
    })
}
