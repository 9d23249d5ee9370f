//! A mapped netlist, checked and put into the order of evaluation.

use std::collections::HashMap;

use crate::cells::{Cell, CellLibrary};
use crate::mapped::{MappedNetlist, NetId};

use super::SimulateError;

/// A pin that reads a net.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sink {
    /// Index of the instance.
    pub instance: usize,
    /// Its pin.
    pub pin: usize,
}

/// What the names of ports end in through which a gated clock comes. What a stimulus gives for such a
/// port is the gate's enable: whether the next edge passes.
pub const GATED_CLOCK: &str = "_gclk";

/// A netlist with its library, ready to simulate: one clock, of which gates may hold back edges, no
/// combinational cycle, one driver per net.
#[derive(Clone, Debug)]
pub struct Circuit<'a> {
    /// The cells.
    pub library: &'a CellLibrary,
    /// The netlist.
    pub netlist: &'a MappedNetlist,
    /// Combinational instances, each after those that it reads.
    pub order: Vec<usize>,
    /// Flip-flops.
    pub flip_flops: Vec<usize>,
    /// For each flip-flop the net that lets an edge of the clock through to it if it is 1 before the
    /// edge; `None` if all pass.
    pub enables: Vec<Option<NetId>>,
    /// Clock gates.
    pub clock_gates: Vec<usize>,
    /// Nets of the bits of the input ports, in the order of [`super::Stimulus`].
    pub inputs: Vec<NetId>,
    /// The clock's net, if there are flip-flops or clock gates.
    pub clock: Option<NetId>,
    /// Whether a net carries a clock, gated or not: its pulses follow from the enables.
    pub is_clock: Vec<bool>,
    /// Who reads each net.
    pub sinks: Vec<Vec<Sink>>,
}

impl<'a> Circuit<'a> {
    /// Checks `netlist` and orders it.
    ///
    /// # Errors
    /// A netlist that is none, see [`MappedError`](crate::mapped::MappedError); a clock that is not
    /// one port's, or flip-flops at its falling edge.
    pub fn new(
        library: &'a CellLibrary,
        netlist: &'a MappedNetlist,
    ) -> Result<Self, SimulateError> {
        netlist.check(library)?;
        let inputs: Vec<NetId> =
            netlist.inputs.iter().flat_map(|port| port.nets.iter().copied()).collect();
        let mut circuit = Self {
            library,
            netlist,
            order: netlist.order(library)?,
            flip_flops: Vec::new(),
            enables: Vec::new(),
            clock_gates: Vec::new(),
            inputs,
            clock: None,
            is_clock: vec![false; netlist.nets.len()],
            sinks: vec![Vec::new(); netlist.nets.len()],
        };
        for (index, instance) in netlist.instances.iter().enumerate() {
            for pin in 0..circuit.cell(index).inputs {
                let net = instance.nets[pin].expect("check() has seen that inputs are connected");
                circuit.sinks[net].push(Sink { instance: index, pin });
            }
        }
        circuit.find_clock()?;
        Ok(circuit)
    }

    /// The cell of an instance.
    pub fn cell(&self, instance: usize) -> &'a Cell {
        &self.library.cells[self.netlist.instances[instance].cell]
    }

    /// The net at an input pin of an instance.
    pub fn input(&self, instance: usize, pin: usize) -> NetId {
        self.netlist.instances[instance].nets[pin].expect("new() has checked the inputs")
    }

    /// The output pins of an instance that drive a net: ordinal among the outputs, and the net.
    pub fn outputs(&self, instance: usize) -> impl Iterator<Item = (usize, NetId)> + use<'a> {
        let inputs = self.cell(instance).inputs;
        let nets = &self.netlist.instances[instance].nets[inputs..];
        nets.iter().enumerate().filter_map(|(output, net)| net.map(|net| (output, net)))
    }

    /// Variables of a cell's state: its input pins and, of a flip-flop, what it stores.
    pub fn variables(cell: &Cell) -> usize {
        cell.inputs + usize::from(cell.flip_flop.is_some())
    }

    fn find_clock(&mut self) -> Result<(), SimulateError> {
        let netlist = self.netlist;
        let mut gates: HashMap<NetId, usize> = HashMap::new();
        for index in 0..netlist.instances.len() {
            let Some(gate) = &self.cell(index).clock_gate else { continue };
            self.take_clock(index, self.input(index, gate.clock))?;
            self.clock_gates.push(index);
            gates.extend(self.outputs(index).map(|(_, net)| (net, index)));
        }
        let gated_ports: Vec<NetId> = netlist
            .inputs
            .iter()
            .filter(|port| port.name.ends_with(GATED_CLOCK))
            .flat_map(|port| port.nets.iter().copied())
            .collect();
        for (index, instance) in netlist.instances.iter().enumerate() {
            let Some(flip_flop) = &self.cell(index).flip_flop else { continue };
            let net = self.input(index, flip_flop.clock);
            let enable = match gates.get(&net) {
                Some(&gate) => {
                    let pins = self.cell(gate).clock_gate.as_ref().expect("a clock gate");
                    Some(self.input(gate, pins.enable))
                }
                None if gated_ports.contains(&net) => Some(net),
                None => {
                    self.take_clock(index, net)?;
                    None
                }
            };
            if flip_flop.falling {
                return Err(SimulateError::FallingEdge {
                    netlist: netlist.name.clone(),
                    instance: instance.name.clone(),
                });
            }
            self.is_clock[net] = true;
            self.flip_flops.push(index);
            self.enables.push(enable);
        }
        gates.keys().for_each(|&net| self.is_clock[net] = true);
        Ok(())
    }

    /// Takes the net at a clock pin for the clock, of which there is one.
    fn take_clock(&mut self, instance: usize, net: NetId) -> Result<(), SimulateError> {
        if !self.inputs.contains(&net) || self.clock.is_some_and(|clock| clock != net) {
            return Err(SimulateError::Clock {
                netlist: self.netlist.name.clone(),
                instance: self.netlist.instances[instance].name.clone(),
                net: self.netlist.nets[net].clone(),
            });
        }
        self.clock = Some(net);
        self.is_clock[net] = true;
        Ok(())
    }
}
