//! What a simulation counts.

use super::circuit::Circuit;

/// One event in the units of [`Activity::events`]. Without delays an output's transition may have
/// up to six causes at once, which then share it; 60 is divisible by 1 to 6.
pub const WHOLE: u64 = 60;

/// States are looked at every so many cycles only; leakage needs no more.
pub(super) const OCCUPANCY_EVERY: u64 = 16;

/// Where the counters of each instance are. An instance with n input pins, o outputs and k state
/// variables (its inputs and, of a flip-flop, what it stores) has n 2^k counters of transitions of
/// its pins, then o n 2^k of transitions of its outputs by the causing pin, then 2^k of the states
/// it was seen in. The state is the one after the transition, so that it also says the direction.
/// (Of a clock pin's rise: before what is stored changes.)
#[derive(Clone, Debug)]
pub struct Layout {
    blocks: Vec<Block>,
    length: usize,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    first: usize,
    inputs: usize,
    outputs: usize,
    variables: usize,
}

impl Layout {
    /// The layout for a circuit.
    pub fn new(circuit: &Circuit<'_>) -> Self {
        let mut length = 0;
        let blocks = (0..circuit.netlist.instances.len())
            .map(|instance| {
                let cell = circuit.cell(instance);
                let block = Block {
                    first: length,
                    inputs: cell.inputs,
                    outputs: cell.pins.len() - cell.inputs,
                    variables: Circuit::variables(cell),
                };
                length += (block.inputs * (1 + block.outputs) + 1) << block.variables;
                block
            })
            .collect();
        Self { blocks, length }
    }

    /// Number of counters.
    pub fn length(&self) -> usize {
        self.length
    }

    /// States of an instance.
    pub fn states(&self, instance: usize) -> usize {
        1 << self.blocks[instance].variables
    }

    /// Counter of transitions of an input pin into `state`.
    pub fn pin(&self, instance: usize, pin: usize, state: usize) -> usize {
        let block = &self.blocks[instance];
        block.first + (pin << block.variables) + state
    }

    /// Counter of transitions of an output that `pin` caused by entering `state`.
    pub fn cause(&self, instance: usize, output: usize, pin: usize, state: usize) -> usize {
        let block = &self.blocks[instance];
        block.first + ((block.inputs * (1 + output) + pin) << block.variables) + state
    }

    /// Counter of the times that an instance was seen in `state`.
    pub fn occupancy(&self, instance: usize, state: usize) -> usize {
        let block = &self.blocks[instance];
        block.first + ((block.inputs * (1 + block.outputs)) << block.variables) + state
    }
}

/// Counts of one or several runs of the same circuit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Clock cycles, over all streams.
    pub cycles: u64,
    /// Transitions of each net. The clock's net is left out: it has two per cycle.
    pub toggles: Vec<u64>,
    /// In units of 1 / [`WHOLE`], see [`Layout`].
    pub events: Vec<u64>,
}

impl Activity {
    /// Nothing counted yet.
    pub fn new(circuit: &Circuit<'_>, layout: &Layout) -> Self {
        Self {
            cycles: 0,
            toggles: vec![0; circuit.netlist.nets.len()],
            events: vec![0; layout.length()],
        }
    }

    /// Adds the counts of another run of the same circuit.
    pub fn merge(&mut self, other: &Self) {
        self.cycles += other.cycles;
        self.toggles.iter_mut().zip(&other.toggles).for_each(|(count, more)| *count += more);
        self.events.iter_mut().zip(&other.events).for_each(|(count, more)| *count += more);
    }

    /// Forgets all counts.
    pub fn clear(&mut self) {
        self.cycles = 0;
        self.toggles.fill(0);
        self.events.fill(0);
    }
}
