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
            inputs,
            clock: None,
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
}
