//! Zero-delay simulation, 64 streams at a time.

use crate::mapped::NetId;

use super::Stimulus;
use super::activity::{Activity, Layout, OCCUPANCY_EVERY, WHOLE};
use super::circuit::Circuit;
use super::program::{Compiler, Operation, run};

/// Streams that run side by side.
pub const LANES: usize = 64;

/// The simulator: net values in words of [`LANES`] streams. Every net has one value per cycle, so
/// glitches are not seen, and an output's transition is shared by the input pins that could have
/// caused it.
pub struct ZeroDelay<'a> {
    circuit: &'a Circuit<'a>,
    layout: Layout,
    operations: Vec<Operation>,
    /// Per flip-flop: where it is, and its next state's value in `values`.
    registers: Vec<Register>,
    /// Values of the nets, then of stored states, then intermediate ones.
    values: Vec<u64>,
    before: Vec<u64>,
    gates: Vec<Gate>,
    /// Which states gates were in before and after, see [`Gate::first_pair`].
    pairs: Vec<u32>,
    activity: Activity,
    /// Since the start: the first cycle has nothing to compare with.
    cycle: u64,
    bits: Vec<bool>,
}

/// A combinational instance, as counting sees it.
struct Gate {
    instance: usize,
    /// Nets of its input pins.
    inputs: Vec<u32>,
    /// Its state in each lane after the last step.
    states: [u8; LANES],
    /// Of k inputs there are 4^k counters from here on, by the state before and after.
    first_pair: usize,
}

impl Gate {
    /// The states from the values of the nets.
    fn states(&self, values: &[u64]) -> [u8; LANES] {
        let mut states = [0; LANES];
        for (pin, &net) in self.inputs.iter().enumerate() {
            let word = values[net as usize];
            for (lane, state) in states.iter_mut().enumerate() {
                *state |= ((word >> lane & 1) as u8) << pin;
            }
        }
        states
    }
}

struct Register {
    instance: usize,
    state: usize,
    next_state: usize,
}

impl<'a> ZeroDelay<'a> {
    /// Compiles the circuit. All nets and states begin at 0.
    pub fn new(circuit: &'a Circuit<'a>) -> Self {
        let nets = circuit.netlist.nets.len();
        let states = nets + circuit.flip_flops.len();
        let mut next_states = Vec::new();
        let mut operations = Vec::new();
        let mut outputs = Vec::new();
        let mut length = states;
        // The outputs of flip-flops follow their states, before everything else.
        for (index, &instance) in circuit.flip_flops.iter().enumerate() {
            let mut inputs = pins(circuit, instance);
            inputs.push((nets + index) as u32);
            let mut compiler = Compiler::new(&mut operations, &inputs, states as u32);
            for (output, net) in circuit.outputs(instance) {
                let free = compiler.compile(function(circuit, instance, output), net as u32);
                length = length.max(free as usize);
            }
        }
        for &instance in &circuit.order {
            let inputs = pins(circuit, instance);
            outputs.clear();
            outputs.extend(circuit.outputs(instance));
            let mut compiler = Compiler::new(&mut operations, &inputs, states as u32);
            for &(output, net) in &outputs {
                let free = compiler.compile(function(circuit, instance, output), net as u32);
                length = length.max(free as usize);
            }
        }
        // What is stored next, where no later operation overwrites it.
        let mut registers = Vec::new();
        let first_next = length;
        length += circuit.flip_flops.len();
        for (index, &instance) in circuit.flip_flops.iter().enumerate() {
            let inputs = pins(circuit, instance);
            let flip_flop = circuit.cell(instance).flip_flop.as_ref().expect("a flip-flop");
            let result = first_next + index;
            let scratch = first_next + circuit.flip_flops.len();
            let mut compiler = Compiler::new(&mut next_states, &inputs, scratch as u32);
            let free = compiler.compile(flip_flop.next_state, result as u32);
            length = length.max(free as usize);
            registers.push(Register { instance, state: nets + index, next_state: result });
        }
        operations.extend(next_states);
        let layout = Layout::new(circuit);
        let mut values = vec![0; length];
        values[1] = u64::MAX;
        let mut pairs = 0;
        let gates = circuit.order.iter().map(|&instance| {
            let inputs = pins(circuit, instance);
            let first_pair = pairs;
            pairs += 1 << (2 * inputs.len());
            Gate { instance, inputs, states: [0; LANES], first_pair }
        });
        Self {
            gates: gates.collect(),
            pairs: vec![0; pairs],
            activity: Activity::new(circuit, &layout),
            circuit,
            layout,
            operations,
            registers,
            before: values.clone(),
            values,
            cycle: 0,
            bits: vec![false; circuit.inputs.len()],
        }
    }

    /// Where the counters are.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Runs `cycles` clock cycles of [`LANES`] streams.
    ///
    /// # Panics
    /// When there are not [`LANES`] stimuli.
    pub fn run(&mut self, stimuli: &mut [impl Stimulus], cycles: u64) {
        assert_eq!(stimuli.len(), LANES, "one stimulus per lane");
        for _ in 0..cycles {
            let mut words = vec![0; self.circuit.inputs.len()];
            for (lane, stimulus) in stimuli.iter_mut().enumerate() {
                stimulus.next(&mut self.bits);
                for (word, &bit) in words.iter_mut().zip(&self.bits) {
                    *word |= u64::from(bit) << lane;
                }
            }
            self.step(&words);
        }
    }

    /// One clock cycle: the edge, the values of the input ports' bits after it, and all that
    /// follows from both.
    pub fn step(&mut self, inputs: &[u64]) {
        self.before.copy_from_slice(&self.values);
        for (register, enable) in self.registers.iter().zip(&self.circuit.enables) {
            let (old, next) = (self.before[register.state], self.before[register.next_state]);
            let passes = enable.map_or(u64::MAX, |net| self.before[net]);
            self.values[register.state] = passes & next | !passes & old;
        }
        for (&net, &word) in self.circuit.inputs.iter().zip(inputs) {
            self.values[net] = if Some(net) == self.circuit.clock { 0 } else { word };
        }
        run(&self.operations, &mut self.values);
        self.count();
        self.cycle += 1;
    }

    /// The value of a net in all streams.
    pub fn value(&self, net: NetId) -> u64 {
        self.values[net]
    }

    /// Forgets what has been counted.
    pub fn clear(&mut self) {
        self.activity.clear();
        self.pairs.fill(0);
    }

    /// Takes what has been counted since the last call.
    pub fn take(&mut self) -> Activity {
        for index in 0..self.gates.len() {
            self.attribute(index);
        }
        self.pairs.fill(0);
        let empty = Activity::new(self.circuit, &self.layout);
        std::mem::replace(&mut self.activity, empty)
    }

    fn count(&mut self) {
        let counts = self.cycle > 0;
        let sample = counts && self.cycle.is_multiple_of(OCCUPANCY_EVERY);
        for gate in &mut self.gates {
            let states = gate.states(&self.values);
            let before = std::mem::replace(&mut gate.states, states);
            if sample {
                for &state in &states {
                    let counter = self.layout.occupancy(gate.instance, state.into());
                    self.activity.events[counter] += WHOLE;
                }
            }
            if !counts || states == before {
                continue;
            }
            let pairs = &mut self.pairs[gate.first_pair..][..1 << (2 * gate.inputs.len())];
            for (&old, &new) in before.iter().zip(&states) {
                pairs[usize::from(old) << gate.inputs.len() | usize::from(new)] += 1;
            }
        }
        if !counts {
            return;
        }
        self.activity.cycles += LANES as u64;
        for (net, toggles) in self.activity.toggles.iter_mut().enumerate() {
            *toggles += u64::from((self.values[net] ^ self.before[net]).count_ones());
        }
        for index in 0..self.registers.len() {
            self.count_register(index);
        }
        for &instance in &self.circuit.clock_gates {
            self.count_clock_gate(instance);
        }
    }

    /// Turns a gate's counts of states before and after into events.
    fn attribute(&mut self, index: usize) {
        let Self { circuit, layout, gates, pairs, activity, .. } = self;
        let Gate { instance, ref inputs, first_pair, .. } = gates[index];
        let states = 1 << inputs.len();
        let outputs: Vec<(usize, u64)> = circuit
            .outputs(instance)
            .map(|(output, _)| (output, function(circuit, instance, output).bits))
            .collect();
        for (old, new) in (0..states).flat_map(|old| (0..states).map(move |new| (old, new))) {
            let count = u64::from(pairs[first_pair + (old << inputs.len() | new)]);
            if count == 0 || old == new {
                continue;
            }
            for pin in (0..inputs.len()).filter(|pin| (old ^ new) >> pin & 1 == 1) {
                activity.events[layout.pin(instance, pin, new)] += count * WHOLE;
            }
            for &(output, bits) in &outputs {
                if (bits >> old ^ bits >> new) & 1 == 0 {
                    continue;
                }
                let causes = causes(bits, old, new);
                let share = count * (WHOLE / u64::from(causes.count_ones()));
                for pin in (0..inputs.len()).filter(|pin| causes >> pin & 1 == 1) {
                    activity.events[layout.cause(instance, output, pin, new)] += share;
                }
            }
        }
    }

    /// The pulses at a clock gate, and those that it lets through. Its other pins are counted as a
    /// gate's.
    fn count_clock_gate(&mut self, instance: usize) {
        let Self { circuit, layout, values, before, activity, .. } = self;
        let pins = circuit.cell(instance).clock_gate.as_ref().expect("a clock gate");
        for lane in 0..LANES {
            let edge = state(circuit, instance, before, lane) | 1 << pins.clock;
            let fallen = state(circuit, instance, values, lane) & !(1 << pins.clock);
            activity.events[layout.pin(instance, pins.clock, edge)] += WHOLE;
            activity.events[layout.pin(instance, pins.clock, fallen)] += WHOLE;
            if edge >> pins.enable & 1 == 1 {
                for (output, _) in circuit.outputs(instance) {
                    for state in [edge, edge & !(1 << pins.clock)] {
                        activity.events[layout.cause(instance, output, pins.clock, state)] += WHOLE;
                    }
                }
            }
        }
    }

    /// The data pins change while the clock is high: most of what a register reads settles in the
    /// first half of a cycle.
    fn count_register(&mut self, index: usize) {
        let Self { circuit, layout, values, before, activity, registers, .. } = self;
        let Register { instance, state: stored, .. } = registers[index];
        let cell = circuit.cell(instance);
        let clock = cell.flip_flop.as_ref().expect("a flip-flop").clock;
        let sample = self.cycle.is_multiple_of(OCCUPANCY_EVERY);
        let enable = circuit.enables[index];
        for lane in 0..LANES {
            let bit = |values: &[u64]| (values[stored] >> lane & 1) as usize;
            // A gated clock's net holds the enable.
            let full = |pins: &[u64], kept: &[u64]| {
                state(circuit, instance, pins, lane) & !(1 << clock) | bit(kept) << cell.inputs
            };
            let low = full(values, values);
            let changed = full(before, values) ^ low;
            let passes = enable.is_none_or(|net| before[net] >> lane & 1 == 1);
            let high = if passes { low | 1 << clock } else { low };
            for pin in (0..cell.inputs).filter(|&pin| pin != clock && changed >> pin & 1 == 1) {
                activity.events[layout.pin(instance, pin, high)] += WHOLE;
            }
            if sample {
                // Half of the time each.
                activity.events[layout.occupancy(instance, low)] += WHOLE / 2;
                activity.events[layout.occupancy(instance, high)] += WHOLE / 2;
            }
            if !passes {
                continue;
            }
            // The edge: the data of before, and what was stored before.
            let edge = full(before, before);
            activity.events[layout.pin(instance, clock, edge | 1 << clock)] += WHOLE;
            let after = full(before, values) | 1 << clock;
            for (output, _) in circuit.outputs(instance) {
                let bits = function(circuit, instance, output).bits;
                if (bits >> (edge | 1 << clock) ^ bits >> after) & 1 == 1 {
                    activity.events[layout.cause(instance, output, clock, after)] += WHOLE;
                }
            }
            activity.events[layout.pin(instance, clock, low)] += WHOLE;
        }
    }
}

/// The input pins that changed and whose change alone, the others settled, turns the output; all
/// that changed where there is none.
fn causes(bits: u64, old: usize, new: usize) -> usize {
    let changed = old ^ new;
    let decides = |pin: &usize| (bits >> new ^ bits >> (new ^ 1 << pin)) & 1 == 1;
    let deciding = (0..6).filter(|pin| changed >> pin & 1 == 1).filter(decides);
    match deciding.fold(0, |set, pin| set | 1 << pin) {
        0 => changed,
        set => set,
    }
}

/// The input pins of an instance in one lane, pin 0 in bit 0.
fn state(circuit: &Circuit<'_>, instance: usize, values: &[u64], lane: usize) -> usize {
    (0..circuit.cell(instance).inputs).fold(0, |state, pin| {
        state | ((values[circuit.input(instance, pin)] >> lane & 1) as usize) << pin
    })
}

fn pins(circuit: &Circuit<'_>, instance: usize) -> Vec<u32> {
    (0..circuit.cell(instance).inputs).map(|pin| circuit.input(instance, pin) as u32).collect()
}

/// The function of an output, by its ordinal among the outputs.
pub(super) fn function(
    circuit: &Circuit<'_>,
    instance: usize,
    output: usize,
) -> crate::cells::TruthTable {
    let cell = circuit.cell(instance);
    cell.pins[cell.inputs + output].function.expect("outputs of usable cells have functions")
}
