//! A mapped netlist, checked and put into the order of evaluation.

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

/// A netlist with its library, ready to simulate: one clock, no combinational cycle, one driver
/// per net.
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
    /// Nets of the bits of the input ports, in the order of [`super::Stimulus`].
    pub inputs: Vec<NetId>,
    /// The clock's net, if there are flip-flops.
    pub clock: Option<NetId>,
    /// Who reads each net.
    pub sinks: Vec<Vec<Sink>>,
    /// The instance and the output pin that drive each net; `None` for ports and constants.
    pub drivers: Vec<Option<Sink>>,
}

impl<'a> Circuit<'a> {
    /// Checks `netlist` and orders it.
    ///
    /// # Errors
    /// An unconnected input, an undriven or doubly driven net, a combinational cycle, a clock that
    /// is not one port's: with the names of instance and net.
    pub fn new(
        library: &'a CellLibrary,
        netlist: &'a MappedNetlist,
    ) -> Result<Self, SimulateError> {
        let inputs: Vec<NetId> =
            netlist.inputs.iter().flat_map(|port| port.nets.iter().copied()).collect();
        let mut circuit = Self {
            library,
            netlist,
            order: Vec::new(),
            flip_flops: Vec::new(),
            inputs,
            clock: None,
            sinks: vec![Vec::new(); netlist.nets.len()],
            drivers: vec![None; netlist.nets.len()],
        };
        circuit.connect()?;
        circuit.find_clock()?;
        circuit.sort()?;
        Ok(circuit)
    }

    /// The cell of an instance.
    pub fn cell(&self, instance: usize) -> &'a Cell {
        &self.library.cells[self.netlist.instances[instance].cell]
    }

    /// The net at an input pin of an instance.
    pub fn input(&self, instance: usize, pin: usize) -> NetId {
        self.netlist.instances[instance].nets[pin].expect("connect() has checked the inputs")
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

    fn connect(&mut self) -> Result<(), SimulateError> {
        let netlist = self.netlist;
        let mut from_port = vec![false; netlist.nets.len()];
        from_port[..2.min(netlist.nets.len())].fill(true);
        self.inputs.iter().for_each(|&net| from_port[net] = true);
        for (index, instance) in netlist.instances.iter().enumerate() {
            let cell = self.cell(index);
            for (pin, description) in cell.pins.iter().enumerate() {
                let net = instance.nets.get(pin).copied().flatten();
                match net {
                    Some(net) if pin < cell.inputs => {
                        self.sinks[net].push(Sink { instance: index, pin });
                    }
                    Some(net) => {
                        let first = match self.drivers[net] {
                            Some(other) => netlist.instances[other.instance].name.clone(),
                            None if from_port[net] => "an input port or a constant".into(),
                            None => {
                                self.drivers[net] = Some(Sink { instance: index, pin });
                                continue;
                            }
                        };
                        return Err(SimulateError::DrivenTwice {
                            netlist: netlist.name.clone(),
                            net: netlist.nets[net].clone(),
                            first,
                            second: instance.name.clone(),
                        });
                    }
                    None if pin < cell.inputs => {
                        return Err(SimulateError::Unconnected {
                            netlist: netlist.name.clone(),
                            instance: instance.name.clone(),
                            cell: cell.name.clone(),
                            pin: description.name.clone(),
                        });
                    }
                    None => {}
                }
            }
        }
        for (net, sinks) in self.sinks.iter().enumerate() {
            if let (Some(sink), None, false) = (sinks.first(), self.drivers[net], from_port[net]) {
                return Err(SimulateError::Undriven {
                    netlist: netlist.name.clone(),
                    net: netlist.nets[net].clone(),
                    instance: netlist.instances[sink.instance].name.clone(),
                });
            }
        }
        Ok(())
    }

    fn find_clock(&mut self) -> Result<(), SimulateError> {
        let netlist = self.netlist;
        for (index, instance) in netlist.instances.iter().enumerate() {
            let Some(flip_flop) = &self.cell(index).flip_flop else { continue };
            let net = self.input(index, flip_flop.clock);
            if !self.inputs.contains(&net) || self.clock.is_some_and(|clock| clock != net) {
                return Err(SimulateError::Clock {
                    netlist: netlist.name.clone(),
                    instance: instance.name.clone(),
                    net: netlist.nets[net].clone(),
                });
            }
            if flip_flop.falling {
                return Err(SimulateError::FallingEdge {
                    netlist: netlist.name.clone(),
                    instance: instance.name.clone(),
                });
            }
            self.clock = Some(net);
            self.flip_flops.push(index);
        }
        Ok(())
    }

    /// Kahn's algorithm over the combinational instances.
    fn sort(&mut self) -> Result<(), SimulateError> {
        let count = self.netlist.instances.len();
        let mut waiting: Vec<usize> = (0..count)
            .map(|index| {
                let cell = self.cell(index);
                let combinational = |&pin: &usize| {
                    self.drivers[self.input(index, pin)]
                        .is_some_and(|driver| self.cell(driver.instance).flip_flop.is_none())
                };
                (0..cell.inputs).filter(combinational).count()
            })
            .collect();
        let is_gate = |index: &usize| self.cell(*index).flip_flop.is_none();
        let mut order: Vec<usize> =
            (0..count).filter(|index| is_gate(index) && waiting[*index] == 0).collect();
        let mut next = 0;
        while next < order.len() {
            for (_, net) in self.outputs(order[next]) {
                for sink in &self.sinks[net] {
                    waiting[sink.instance] -= 1;
                    if waiting[sink.instance] == 0 && is_gate(&sink.instance) {
                        order.push(sink.instance);
                    }
                }
            }
            next += 1;
        }
        if let Some(stuck) = (0..count).find(|index| is_gate(index) && waiting[*index] > 0) {
            return Err(SimulateError::Cycle {
                netlist: self.netlist.name.clone(),
                instance: self.netlist.instances[self.on_cycle(stuck, &waiting)].name.clone(),
            });
        }
        self.order = order;
        Ok(())
    }

    /// Walks back from an instance that waits until one comes twice: that one is on the cycle.
    fn on_cycle(&self, from: usize, waiting: &[usize]) -> usize {
        let mut seen = vec![false; waiting.len()];
        let mut at = from;
        while !std::mem::replace(&mut seen[at], true) {
            at = (0..self.cell(at).inputs)
                .filter_map(|pin| self.drivers[self.input(at, pin)])
                .map(|driver| driver.instance)
                .find(|&driver| self.cell(driver).flip_flop.is_none() && waiting[driver] > 0)
                .expect("what waits reads something that waits");
        }
        at
    }
}
