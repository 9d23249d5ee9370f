//! Event-driven simulation with the cells' delays.

use crate::cells::Cell;
use crate::mapped::NetId;

use super::Stimulus;
use super::activity::{Activity, Layout, OCCUPANCY_EVERY, WHOLE};
use super::circuit::Circuit;
use super::delays::Delays;
use super::wheel::{SLOTS, Wheel};
use super::zero_delay::function;

/// The simulator of one stream. Delays are inertial: an output whose inputs would turn it back
/// before its delay is over does not move.
///
/// Each cycle runs until nothing moves any more; the slowest arrival is kept, to be compared with
/// the clock's period.
pub struct EventDriven<'a> {
    circuit: &'a Circuit<'a>,
    layout: Layout,
    /// Length of a tick.
    tick_ps: f64,
    /// Ticks of each cause of a transition; indices as in [`Layout`].
    delays: Vec<u32>,
    input_delay: u32,
    half_period: u64,
    gates: Vec<Gate>,
    outputs: Vec<Output>,
    /// Pins that read net n: `sinks[first_sink[n]..first_sink[n + 1]]`.
    sinks: Vec<Reader>,
    first_sink: Vec<u32>,
    values: Vec<bool>,
    /// Which counter the pending transition of each net belongs to.
    cause: Vec<u32>,
    pending: Vec<bool>,
    wheel: Wheel,
    activity: Activity,
    slowest_ticks: u64,
    counting: bool,
    bits: Vec<bool>,
}

/// An input port's transition has no cause in the circuit.
const NO_CAUSE: u32 = u32::MAX;

struct Gate {
    /// Input pins, and what is stored as the last variable.
    state: u32,
    /// First counter of its input pins, and the distance from pin to pin.
    pin_counters: u32,
    variables: u32,
    first_output: u32,
    outputs: u32,
    /// Of a flip-flop or clock gate: the bit of its clock pin in the state, which is kept at 0.
    clock_mask: u32,
    /// Whether its clock is high in the first half of this cycle.
    pulsed: bool,
}

struct Output {
    net: NetId,
    table: u64,
    /// First counter of this output's causes.
    counters: u32,
    /// The table's value in the gate's state; the net's value follows it.
    value: bool,
}

#[derive(Clone, Copy)]
struct Reader {
    gate: u32,
    pin: u32,
}

impl<'a> EventDriven<'a> {
    /// Compiles the circuit with `delays`; the clock's period says when it falls. Nets begin as
    /// the gates make them with all inputs and states 0.
    pub fn new(circuit: &'a Circuit<'a>, delays: &Delays, clock_ps: f64) -> Self {
        let layout = Layout::new(circuit);
        let nets = circuit.netlist.nets.len();
        let longest = delays.delay_ps.iter().copied().fold(delays.clock_to_q_ps, f64::max);
        let tick_ps = tick(longest);
        let ticks = |ps: f64| ((ps / tick_ps).round() as u32).clamp(1, SLOTS as u32 - 1);
        let mut simulator = Self {
            circuit,
            tick_ps,
            delays: delays.delay_ps.iter().map(|&ps| ticks(ps)).collect(),
            input_delay: ticks(delays.clock_to_q_ps),
            half_period: (clock_ps / 2.0 / tick_ps) as u64,
            gates: Vec::new(),
            outputs: Vec::new(),
            sinks: Vec::new(),
            first_sink: Vec::new(),
            values: vec![false; nets],
            cause: vec![NO_CAUSE; nets],
            pending: vec![false; nets],
            wheel: Wheel::new(nets),
            activity: Activity::new(circuit, &layout),
            slowest_ticks: 0,
            counting: false,
            bits: vec![false; circuit.inputs.len()],
            layout,
        };
        simulator.values[1] = true;
        simulator.compile();
        simulator.settle();
        simulator
    }

    fn compile(&mut self) {
        let circuit = self.circuit;
        for instance in 0..circuit.netlist.instances.len() {
            let cell = circuit.cell(instance);
            let first_output = self.outputs.len() as u32;
            for (output, net) in circuit.outputs(instance) {
                self.outputs.push(Output {
                    net,
                    table: function(circuit, instance, output).bits,
                    counters: self.layout.cause(instance, output, 0, 0) as u32,
                    value: false,
                });
            }
            self.gates.push(Gate {
                state: 0,
                pin_counters: self.layout.pin(instance, 0, 0) as u32,
                variables: Circuit::variables(cell) as u32,
                first_output,
                outputs: self.outputs.len() as u32 - first_output,
                clock_mask: clock_pin(cell).map_or(0, |pin| 1 << pin),
                pulsed: false,
            });
        }
        for (net, sinks) in circuit.sinks.iter().enumerate() {
            self.first_sink.push(self.sinks.len() as u32);
            // Clocks are not simulated as nets.
            if !circuit.is_clock[net] {
                let readers = sinks
                    .iter()
                    .map(|sink| Reader { gate: sink.instance as u32, pin: sink.pin as u32 });
                self.sinks.extend(readers);
            }
        }
        self.first_sink.push(self.sinks.len() as u32);
    }

    /// Gives every net the value that follows from inputs and states.
    fn settle(&mut self) {
        let circuit = self.circuit;
        for &instance in circuit.flip_flops.iter().chain(&circuit.order) {
            let cell = circuit.cell(instance);
            let state = (0..cell.inputs).fold(0, |state, pin| {
                state | u32::from(self.values[circuit.input(instance, pin)]) << pin
            });
            let gate = &mut self.gates[instance];
            gate.state = state;
            for output in gate.first_output..gate.first_output + gate.outputs {
                let output = &mut self.outputs[output as usize];
                output.value = output.table >> state & 1 == 1;
                self.values[output.net] = output.value;
            }
        }
        // The flip-flops' inputs were not known when they were looked at.
        for &instance in &circuit.flip_flops {
            for pin in 0..circuit.cell(instance).inputs {
                let bit = u32::from(self.values[circuit.input(instance, pin)]) << pin;
                self.gates[instance].state = self.gates[instance].state & !(1 << pin) | bit;
            }
        }
    }

    /// Where the counters are.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The resolution of time.
    pub fn tick_ps(&self) -> f64 {
        self.tick_ps
    }

    /// Ticks of the cause at an index of [`Layout::cause`].
    #[cfg(test)]
    pub(super) fn ticks(&self, cause: usize) -> u32 {
        self.delays[cause]
    }

    /// Ticks from the edge to the change of the input ports.
    #[cfg(test)]
    pub(super) fn input_ticks(&self) -> u32 {
        self.input_delay
    }

    /// The latest transition after an edge so far.
    pub fn slowest_ps(&self) -> f64 {
        self.slowest_ticks as f64 * self.tick_ps
    }

    /// The value of a net at the end of the last cycle.
    pub fn value(&self, net: NetId) -> bool {
        self.values[net]
    }

    /// Runs `cycles` clock cycles of a stream. The very first cycle is not counted.
    pub fn run(&mut self, stimulus: &mut impl Stimulus, cycles: u64) {
        let mut bits = std::mem::take(&mut self.bits);
        for _ in 0..cycles {
            stimulus.next(&mut bits);
            self.step(&bits);
        }
        self.bits = bits;
    }

    /// One clock cycle: the edge, then the values of the input ports' bits as long after it as a
    /// flip-flop takes, and all that follows.
    pub fn step(&mut self, inputs: &[bool]) {
        self.wheel.restart();
        self.clock_edge();
        for (&net, &bit) in self.circuit.inputs.iter().zip(inputs) {
            if self.values[net] != bit && Some(net) != self.circuit.clock {
                self.cause[net] = NO_CAUSE;
                self.wheel.schedule(net as u32, self.input_delay);
            }
        }
        while let Some(net) = self.wheel.pop() {
            self.toggle(net as usize);
        }
        self.slowest_ticks = self.slowest_ticks.max(self.wheel.now());
        if self.counting {
            self.activity.cycles += 1;
            self.count_clock_falls_and_states();
        } else {
            // What the first cycle did is the way from an arbitrary beginning.
            self.activity.clear();
            self.slowest_ticks = 0;
            self.counting = true;
        }
    }

    /// Forgets what has been counted.
    pub fn clear(&mut self) {
        self.activity.clear();
    }

    /// Takes what has been counted since the last call.
    pub fn take(&mut self) -> Activity {
        let empty = Activity::new(self.circuit, &self.layout);
        std::mem::replace(&mut self.activity, empty)
    }

    /// Stores the next states and schedules the outputs that they turn.
    fn clock_edge(&mut self) {
        for &instance in &self.circuit.clock_gates {
            let pins = self.circuit.cell(instance).clock_gate.as_ref().expect("a clock gate");
            let gate = &mut self.gates[instance];
            gate.pulsed = true;
            let (clock, high) = (pins.clock as u32, gate.state | gate.clock_mask);
            let counter = gate.pin_counters + (clock << gate.variables) + high;
            self.activity.events[counter as usize] += WHOLE;
            if gate.state >> pins.enable & 1 == 1 {
                for output in gate.first_output..gate.first_output + gate.outputs {
                    let causes = self.outputs[output as usize].counters + (clock << gate.variables);
                    // The pulse that passes rises, and will fall.
                    for state in [high, high & !gate.clock_mask] {
                        self.activity.events[(causes + state) as usize] += WHOLE;
                    }
                }
            }
        }
        for (&instance, &enable) in self.circuit.flip_flops.iter().zip(&self.circuit.enables) {
            let cell = self.circuit.cell(instance);
            let flip_flop = cell.flip_flop.as_ref().expect("a flip-flop");
            let clock = flip_flop.clock as u32;
            let gate = &mut self.gates[instance];
            gate.pulsed = enable.is_none_or(|net| self.values[net]);
            if !gate.pulsed {
                continue;
            }
            let high = gate.state | 1 << clock;
            let counter = gate.pin_counters + (clock << gate.variables) + high;
            self.activity.events[counter as usize] += WHOLE;
            let stored = flip_flop.next_state.bits >> (gate.state & !(u32::MAX << cell.inputs)) & 1;
            gate.state = high & !(1 << cell.inputs) | (stored as u32) << cell.inputs;
            for output in gate.first_output..gate.first_output + gate.outputs {
                let output = &mut self.outputs[output as usize];
                let value = output.table >> gate.state & 1 == 1;
                if value != output.value {
                    output.value = value;
                    let cause = output.counters + (clock << gate.variables) + gate.state;
                    self.cause[output.net] = cause;
                    self.pending[output.net] = true;
                    self.wheel.schedule(output.net as u32, self.delays[cause as usize]);
                }
            }
            gate.state &= !gate.clock_mask;
        }
    }

    /// A net changes now: counts it, and looks at the gates that read it.
    fn toggle(&mut self, net: NetId) {
        self.values[net] = !self.values[net];
        self.pending[net] = false;
        self.activity.toggles[net] += 1;
        if self.cause[net] != NO_CAUSE {
            self.activity.events[self.cause[net] as usize] += WHOLE;
        }
        let high = self.wheel.now() < self.half_period;
        let readers = self.first_sink[net] as usize..self.first_sink[net + 1] as usize;
        for index in readers {
            let Reader { gate, pin } = self.sinks[index];
            let gate = &mut self.gates[gate as usize];
            gate.state ^= 1 << pin;
            // In the first half of the cycle a flip-flop's clock is high.
            let clock = if high && gate.pulsed { gate.clock_mask } else { 0 };
            let counter = gate.pin_counters + (pin << gate.variables) + (gate.state | clock);
            self.activity.events[counter as usize] += WHOLE;
            if gate.clock_mask != 0 {
                continue;
            }
            for output in gate.first_output..gate.first_output + gate.outputs {
                let output = &mut self.outputs[output as usize];
                let value = output.table >> gate.state & 1 == 1;
                if value == output.value {
                    continue;
                }
                output.value = value;
                if std::mem::replace(&mut self.pending[output.net], false) {
                    self.wheel.cancel(output.net as u32);
                } else {
                    let cause = output.counters + (pin << gate.variables) + gate.state;
                    self.cause[output.net] = cause;
                    self.pending[output.net] = true;
                    self.wheel.schedule(output.net as u32, self.delays[cause as usize]);
                }
            }
        }
    }

    /// The end of a cycle: the clock has fallen; and, now and then, the states.
    fn count_clock_falls_and_states(&mut self) {
        let Self { circuit, gates, layout, activity, .. } = self;
        for &instance in circuit.flip_flops.iter().chain(&circuit.clock_gates) {
            let gate = &gates[instance];
            if !gate.pulsed {
                continue;
            }
            let clock = gate.clock_mask.trailing_zeros();
            let counter = gate.pin_counters + (clock << gate.variables) + gate.state;
            activity.events[counter as usize] += WHOLE;
        }
        if activity.cycles.is_multiple_of(OCCUPANCY_EVERY) {
            for (instance, gate) in gates.iter().enumerate() {
                let clock = if gate.pulsed { gate.clock_mask } else { 0 };
                let (low, high) = (gate.state, gate.state | clock);
                // Half of the time each.
                activity.events[layout.occupancy(instance, low as usize)] += WHOLE / 2;
                activity.events[layout.occupancy(instance, high as usize)] += WHOLE / 2;
            }
        }
    }
}

/// The clock pin of a flip-flop or clock gate.
pub(crate) fn clock_pin(cell: &Cell) -> Option<usize> {
    let of_gate = cell.clock_gate.as_ref().map(|gate| gate.clock);
    cell.flip_flop.as_ref().map(|flip_flop| flip_flop.clock).or(of_gate)
}

/// The finest of 1, 2, 5, 10 .. hundredths of a ps with which the longest delay fits the wheel.
fn tick(longest_ps: f64) -> f64 {
    let steps = (0..).flat_map(|power| [1.0, 2.0, 5.0].map(|step| step * 10_f64.powi(power - 2)));
    let mut steps = steps;
    steps.find(|step| longest_ps / step < (SLOTS - 2) as f64).expect("steps grow without bound")
}
