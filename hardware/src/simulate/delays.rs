//! Loads, slews and delays of a circuit, from the library's tables.

use crate::cells::{ArcKind, Cell, Sense, TimingArc, TruthTable};
use crate::mapped::NetId;

use super::activity::Layout;
use super::circuit::Circuit;
use super::zero_delay::function;

/// What the netlist does not say.
#[derive(Clone, Debug, PartialEq)]
pub struct DelayOptions {
    /// Capacitance of a wire, per pin that it reaches.
    pub wire_ff_per_sink: f64,
    /// Slew of the clock and of the input ports; `None` for the second entry of the first
    /// flip-flop's (else the first cell's) table.
    pub input_slew_ps: Option<f64>,
}

impl Default for DelayOptions {
    fn default() -> Self {
        Self { wire_ff_per_sink: 0.25, input_slew_ps: None }
    }
}

/// Loads, slews and delays.
#[derive(Clone, Debug)]
pub struct Delays {
    /// Load of each net: the pins that it reaches, and wire. A net at an output port bears what
    /// the input ports' nets do on average: units of an array drive units of the same kind.
    pub load_ff: Vec<f64>,
    /// The part of the load that is in this netlist, and switches with the net.
    pub own_load_ff: Vec<f64>,
    /// Slew of each net's falling and rising edge: the slowest arc's.
    pub slew_ps: Vec<[f64; 2]>,
    /// Delay of each cause of an output's transition, at the index that [`Layout::cause`] gives.
    pub delay_ps: Vec<f64>,
    /// Mean delay from the clock to a flip-flop's output; the input ports change then, as they
    /// come from registers too. 0 without flip-flops.
    pub clock_to_q_ps: f64,
}

impl Delays {
    /// Propagates slews through the circuit in order, and looks every delay up.
    pub fn new(circuit: &Circuit<'_>, layout: &Layout, options: &DelayOptions) -> Self {
        let nets = circuit.netlist.nets.len();
        let mut delays = Self {
            load_ff: Vec::new(),
            own_load_ff: own_loads(circuit, options.wire_ff_per_sink),
            slew_ps: vec![[input_slew(circuit, options); 2]; nets],
            delay_ps: vec![0.0; layout.length()],
            clock_to_q_ps: 0.0,
        };
        delays.load_ff = delays.own_load_ff.clone();
        let beyond = mean_input_load(circuit, &delays.own_load_ff);
        for &net in circuit.netlist.outputs.iter().flat_map(|port| &port.nets) {
            delays.load_ff[net] += beyond;
        }
        let mut clocked = (0.0, 0);
        for &instance in &circuit.flip_flops {
            let clock = circuit.cell(instance).flip_flop.as_ref().expect("a flip-flop").clock;
            for (output, net) in circuit.outputs(instance) {
                let arrivals = delays.look_up(circuit, layout, instance, output, net, clock);
                clocked = (clocked.0 + arrivals, clocked.1 + 1);
            }
        }
        delays.clock_to_q_ps = clocked.0 / f64::from(clocked.1.max(1));
        for &instance in &circuit.order {
            for (output, net) in circuit.outputs(instance) {
                // Below a clock gate is a tree as there is above it.
                if circuit.is_clock[net] {
                    continue;
                }
                delays.slew_ps[net] = [0.0; 2];
                for pin in 0..circuit.cell(instance).inputs {
                    delays.look_up(circuit, layout, instance, output, net, pin);
                }
            }
        }
        delays
    }

    /// Fills in the delays from one pin to one output, raises the output's slews, and returns the
    /// mean delay.
    fn look_up(
        &mut self,
        circuit: &Circuit<'_>,
        layout: &Layout,
        instance: usize,
        output: usize,
        net: NetId,
        pin: usize,
    ) -> f64 {
        let cell = circuit.cell(instance);
        let table = function(circuit, instance, output);
        let clocked = cell.flip_flop.is_some();
        let from = circuit.input(instance, pin);
        let load = self.load_ff[net];
        let (mut sum, mut count) = (0.0, 0);
        let mut slews = if clocked { [0.0; 2] } else { self.slew_ps[net] };
        for state in 0..layout.states(instance) {
            let rises = table.bits >> state & 1 == 1;
            let input_rises = state >> pin & 1 == 1;
            if clocked && !input_rises {
                continue;
            }
            let Some(arc) = arc(cell, output, pin, state, rises) else { continue };
            let slew = self.slew_ps[from][usize::from(input_rises)];
            let (delay, out_slew) = match rises {
                true => (&arc.rise_ps, &arc.rise_slew_ps),
                false => (&arc.fall_ps, &arc.fall_slew_ps),
            };
            let delay = delay.lookup(slew, load).max(0.0);
            self.delay_ps[layout.cause(instance, output, pin, state)] = delay;
            (sum, count) = (sum + delay, count + 1);
            // Only a change of this pin alone makes an edge whose slew counts.
            if clocked || (table.bits >> (state ^ 1 << pin) & 1 == 1) != rises {
                let worst = &mut slews[usize::from(rises)];
                *worst = worst.max(out_slew.lookup(slew, load));
            }
        }
        self.slew_ps[net] = slews;
        sum / f64::from(count.max(1))
    }
}

/// The arc from an input pin for an output that goes to `rises` in a state: the one whose
/// condition holds, else the one without condition, else any from that pin.
fn arc(cell: &Cell, output: usize, pin: usize, state: usize, rises: bool) -> Option<&TimingArc> {
    let input_rises = state >> pin & 1 == 1;
    let possible = |arc: &&TimingArc| {
        arc.related == pin
            && match arc.kind {
                ArcKind::Delay(Sense::Positive) => input_rises == rises,
                ArcKind::Delay(Sense::Negative) => input_rises != rises,
                ArcKind::Delay(Sense::Both) => true,
                ArcKind::Delay(Sense::RisingEdge) => input_rises,
                ArcKind::Delay(Sense::FallingEdge) => !input_rises,
                ArcKind::Setup | ArcKind::Hold => false,
            }
    };
    let arcs = || cell.pins[cell.inputs + output].timing.iter().filter(possible);
    arcs()
        .find(|arc| arc.when.is_some_and(|when| holds(when, state)))
        .or_else(|| arcs().find(|arc| arc.when.is_none()))
        .or_else(|| arcs().next())
}

/// A condition of a cell in a state; what is stored, the last bit of a flip-flop's state, may or
/// may not be among the condition's variables.
pub(crate) fn holds(when: TruthTable, state: usize) -> bool {
    let mask = (1 << when.inputs) - 1;
    when.bits >> (state & mask) & 1 == 1
}

fn own_loads(circuit: &Circuit<'_>, wire_ff_per_sink: f64) -> Vec<f64> {
    let pin = |sink: &super::Sink| {
        circuit.cell(sink.instance).pins[sink.pin].capacitance_ff + wire_ff_per_sink
    };
    circuit.sinks.iter().map(|sinks| sinks.iter().map(pin).sum()).collect()
}

fn mean_input_load(circuit: &Circuit<'_>, loads: &[f64]) -> f64 {
    let data = circuit.inputs.iter().filter(|&&net| !circuit.is_clock[net]);
    let (sum, count) = data.fold((0.0, 0), |(sum, count), &net| (sum + loads[net], count + 1));
    sum / f64::from(count.max(1))
}

fn input_slew(circuit: &Circuit<'_>, options: &DelayOptions) -> f64 {
    let cells = &circuit.library.cells;
    let table = |cell: &Cell| {
        let outputs = cell.pins[cell.inputs..].iter().flat_map(|pin| &pin.timing);
        outputs.map(|arc| &arc.rise_ps.slews_ps).find_map(|axis| axis.get(1).copied())
    };
    let flip_flops = cells.iter().filter(|cell| cell.flip_flop.is_some());
    options.input_slew_ps.or_else(|| flip_flops.chain(cells).find_map(table)).unwrap_or(0.0)
}
