//! A cell: its pins, what its outputs compute, what it stores.

use std::collections::HashMap;

use recoup_circuits::liberty::{Function, Group};

use super::super::{Cell, FlipFlop, Pin, TruthTable};
use super::Fault;
use super::clock_gate::{self, is_gate_by_attribute};
use super::header::Header;

/// The names in a cell's functions: pins, and what a flip-flop stores.
pub(super) struct Names<'a> {
    /// The input pins, which are the variables of truth tables.
    pub inputs: Vec<&'a str>,
    /// The output pins, which `when` may name too.
    pub outputs: Vec<(&'a str, TruthTable)>,
    /// What is stored and its inverse.
    pub(super) state: Option<[&'a str; 2]>,
}

impl<'a> Names<'a> {
    /// Number of variables: of a flip-flop the state is one more, the last.
    fn variables(&self) -> usize {
        self.inputs.len() + usize::from(self.state.is_some())
    }

    /// Place of a pin.
    pub fn pin(&self, name: &str) -> Option<usize> {
        let outputs = self.outputs.iter().map(|(output, _)| output);
        self.inputs.iter().chain(outputs).position(|pin| *pin == name)
    }

    /// The truth table of a function such as `A * !QN`.
    pub fn truth_table(&self, text: &str) -> Result<TruthTable, Fault> {
        let function = Function::parse(text)
            .map_err(|reason| Fault::LeftOut(format!("its function \"{text:.60}\": {reason}")))?;
        let value = |name: &str, v: u32| {
            let bit = |place: usize| v >> place & 1 == 1;
            let input = self.inputs.iter().position(|input| *input == name).map(bit);
            let output = || self.outputs.iter().find(|(output, _)| *output == name);
            let [state, inverse] = self.state.unwrap_or([""; 2]);
            match name {
                name if name == state => Some(bit(self.inputs.len())),
                name if name == inverse => Some(!bit(self.inputs.len())),
                _ => input.or_else(|| output().map(|(_, function)| function.value(v))),
            }
        };
        if let Some(unknown) = function.pins().iter().find(|pin| value(pin, 0).is_none()) {
            let reason =
                format!("its function \"{text:.60}\" reads {unknown:.60}, which is no pin");
            return Err(Fault::LeftOut(reason));
        }
        Ok(TruthTable::new(self.variables(), |v| {
            function.evaluate(&|name| value(name, v).unwrap_or(false))
        }))
    }
}

impl Header<'_> {
    pub fn cell(&self, group: &Group) -> Result<Cell, Fault> {
        self.check_kind(group)?;
        let by_attribute = is_gate_by_attribute(group)?;
        let pins = pins(group, by_attribute)?;
        let of = |wanted: &'static str| {
            pins.iter().filter(move |(_, pin)| pin.value("direction") == Some(wanted))
        };
        let flip_flop = group.groups("ff").next();
        let latch = group.groups("latch").next().filter(|_| !by_attribute);
        let state = flip_flop.or(latch);
        let state = state.map(|ff| [ff.name(), ff.names.get(1).copied().unwrap_or("")]);
        let inputs: Vec<&str> = of("input").map(|(name, _)| *name).collect();
        let mut names = Names { inputs, outputs: Vec::new(), state };
        if names.variables() > TruthTable::MAX_INPUTS {
            let (found, most) = (names.variables(), TruthTable::MAX_INPUTS);
            return Err(left_out(&format!("it has {found} inputs, more than {most}")));
        }
        let gate = match (by_attribute, latch) {
            (true, _) => Some(clock_gate::by_attribute(&pins, &names)?),
            (false, Some(latch)) => Some(clock_gate::by_function(latch, &pins, &mut names)?),
            (false, None) => None,
        };
        for (name, pin) in of("output") {
            if let Some(gate) = &gate {
                names.outputs.push((name, clock_gate::function(gate, names.inputs.len())));
                continue;
            }
            let Some(function) = pin.value("function") else {
                return Err(left_out(&format!("its output {name} has no function")));
            };
            let function = names.truth_table(function)?;
            names.outputs.push((name, function));
        }
        if names.outputs.is_empty() {
            return Err(left_out("it has no output"));
        }
        let flip_flop = flip_flop.map(|ff| stored(ff, &names)).transpose()?;
        let area = self.size(group, "area")?;
        let area_um2 = area.ok_or_else(|| left_out("it has no area"))?;
        let mut cell = Cell {
            name: group.name().to_owned(),
            area_um2,
            leakage_nw: 0.0,
            leakage_when: Vec::new(),
            pins: Vec::new(),
            inputs: names.inputs.len(),
            flip_flop,
            clock_gate: gate,
        };
        (cell.leakage_nw, cell.leakage_when) = self.leakage(group, &names)?;
        for (place, (name, pin)) in of("input").chain(of("output")).enumerate() {
            let function = place.checked_sub(cell.inputs).map(|output| names.outputs[output].1);
            let mut read = Pin { name: (*name).to_owned(), function, ..Pin::default() };
            read.capacitance_ff = self.capacitance_ff(pin)?;
            if function.is_some() {
                let most = self.value(pin, "max_capacitance")?;
                let most = most.map(|value| value * self.units.capacitance_ff);
                read.max_capacitance_ff = most.or(self.default_max_capacitance_ff);
            }
            self.timing(pin, &names, &cell, &mut read)?;
            read.power = self.power(pin, &names, &cell)?;
            cell.pins.push(read);
        }
        check_delays(&cell)?;
        Ok(cell)
    }

    /// Whether a cell of this kind can be used.
    fn check_kind(&self, group: &Group) -> Result<(), Fault> {
        let kinds = [
            ("latch_bank", "a bank of latches"),
            ("ff_bank", "a bank of flip-flops"),
            ("bus", "a cell with buses"),
            ("bundle", "a cell with bundles"),
        ];
        for (kind, what) in kinds {
            if group.groups(kind).next().is_some() {
                return Err(left_out(&format!("it is {what}")));
            }
        }
        let is_gate = is_gate_by_attribute(group)?;
        if !is_gate && group.groups("statetable").next().is_some() {
            return Err(left_out("it is described by a state table"));
        }
        if group.groups("ff").count() > 1 {
            return Err(left_out("it has several flip-flops"));
        }
        if self.is_set(group, "dont_use")? {
            return Err(left_out("the library says dont_use"));
        }
        Ok(())
    }

    /// Mean of rise and fall, where the file distinguishes them.
    fn capacitance_ff(&self, pin: &Group) -> Result<f64, Fault> {
        let rise = self.size(pin, "rise_capacitance")?;
        let fall = self.size(pin, "fall_capacitance")?;
        let value = match (rise, fall) {
            (Some(rise), Some(fall)) => Some((rise + fall) / 2.0),
            _ => self.size(pin, "capacitance")?,
        };
        Ok(value.unwrap_or(0.0) * self.units.capacitance_ff)
    }
}

pub(super) fn left_out(reason: &str) -> Fault {
    Fault::LeftOut(reason.to_owned())
}

/// The pins by name; `pin (A, B)` describes two. Those inside a clock gate are left out.
fn pins<'a, 'g>(
    group: &'g Group<'a>,
    is_gate: bool,
) -> Result<Vec<(&'a str, &'g Group<'a>)>, Fault> {
    let mut pins = Vec::new();
    for pin in group.groups("pin") {
        let name = pin.name();
        if pin.value("three_state").is_some() {
            return Err(left_out(&format!("its pin {name} is tri-state")));
        }
        match pin.value("direction") {
            Some("input" | "output") => {}
            // What its latch holds.
            Some("internal") if is_gate => continue,
            Some(other) => return Err(left_out(&format!("its pin {name} is {other:.20}"))),
            None => return Err(left_out(&format!("its pin {name} has no direction"))),
        }
        pins.extend(pin.names.iter().map(|name| (*name, pin)));
    }
    Ok(pins)
}

/// What a flip-flop stores, and when.
fn stored(ff: &Group, names: &Names) -> Result<FlipFlop, Fault> {
    let literal = |function: &str| -> Result<(usize, bool), Fault> {
        let table = names.truth_table(function)?;
        let pin = (0..names.inputs.len()).find(|&pin| {
            table == TruthTable::new(names.variables(), |v| v >> pin & 1 == 1)
                || table == TruthTable::new(names.variables(), |v| v >> pin & 1 == 0)
        });
        let pin =
            pin.ok_or_else(|| left_out(&format!("its {function:.40} is not a single pin")))?;
        Ok((pin, table.value(0)))
    };
    let Some(clocked_on) = ff.value("clocked_on") else {
        return Err(left_out("its flip-flop has no clock"));
    };
    let (clock, falling) = literal(clocked_on)?;
    let Some(next) = ff.value("next_state") else {
        return Err(left_out("its flip-flop has no next state"));
    };
    let next = names.truth_table(next)?;
    let state = names.inputs.len();
    if next.depends_on(state) {
        return Err(left_out("its flip-flop keeps its state at some edges"));
    }
    let mut tied: HashMap<usize, bool> = HashMap::new();
    for function in ["clear", "preset"].iter().filter_map(|name| ff.value(name)) {
        // Where the function is 0.
        let (pin, inverted) = literal(function)?;
        if tied.insert(pin, inverted).is_some_and(|other| other != inverted) {
            return Err(left_out("its flip-flop is always set or reset"));
        }
    }
    let next_state = TruthTable::new(state, |v| next.value(v));
    let mut tied: Vec<(usize, bool)> = tied.into_iter().collect();
    tied.sort_unstable();
    Ok(FlipFlop { clock, falling, next_state, tied })
}

/// Every input that an output's value depends on has a delay to it, and the clock.
fn check_delays(cell: &Cell) -> Result<(), Fault> {
    for output in &cell.pins[cell.inputs..] {
        let Some(function) = output.function else { continue };
        let causes = |input: &usize| match &cell.flip_flop {
            Some(flip_flop) => *input == flip_flop.clock,
            None => match &cell.clock_gate {
                Some(gate) => *input == gate.clock,
                None => function.depends_on(*input),
            },
        };
        let has_arc = |input: usize| output.timing.iter().any(|arc| arc.related == input);
        if let Some(input) = (0..cell.inputs).filter(causes).find(|input| !has_arc(*input)) {
            let (input, output) = (&cell.pins[input].name, &output.name);
            return Err(left_out(&format!("it has no delay from {input} to {output}")));
        }
        let state = cell.inputs;
        if cell.flip_flop.is_some() && (0..state).any(|input| function.depends_on(input)) {
            let name = &output.name;
            return Err(left_out(&format!("its output {name} is more than what is stored")));
        }
    }
    Ok(())
}
