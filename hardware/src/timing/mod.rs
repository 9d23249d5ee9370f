//! Static timing of a mapped netlist: loads of nets, slews and arrival times from the tables of
//! the cells, the critical path and with it the fastest clock.
//!
//! The clock is ideal: it arrives everywhere at once. A net's load is the capacitance of the pins
//! it drives and a length of wire for each of them; a wire has no delay of its own. All arcs
//! count, whatever their conditions.

mod arcs;
#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::cells::{ArcKind, CellLibrary};
use crate::mapped::{Driver, MappedError, MappedNetlist, NetId, Port};

/// Assumptions of the analysis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimingOptions {
    /// Capacitance of the wire to each pin that a net drives, an output port included.
    pub wire_ff: f64,
    /// Slew at the input ports, which are stable at time 0.
    pub input_slew_ps: f64,
    /// Slew of the clock.
    pub clock_slew_ps: f64,
}

impl Default for TimingOptions {
    fn default() -> Self {
        Self { wire_ff: 0.25, input_slew_ps: 0.0, clock_slew_ps: 0.0 }
    }
}

/// An edge of a net.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Edge {
    /// From 0 to 1.
    Rise,
    /// From 1 to 0.
    Fall,
}

impl Edge {
    /// Both, in the order of the pairs in [`Timing`].
    pub const BOTH: [Self; 2] = [Self::Rise, Self::Fall];
}

/// Where a path begins or ends, or a cell that it runs through.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PathPoint {
    /// The instance; at ports, the port's bit.
    pub instance: String,
    /// The cell; empty at ports.
    pub cell: String,
    /// The pin: the output of a cell on the way, the data input of the flip-flop at the end.
    pub pin: String,
    /// The edge there.
    pub edge: Edge,
    /// When it arrives, from the clock's edge on.
    pub arrival_ps: f64,
}

/// A path, from a flip-flop or an input port to a flip-flop or an output port.
#[derive(Clone, Debug, PartialEq)]
pub struct CriticalPath {
    /// Its points in their order.
    pub points: Vec<PathPoint>,
    /// What the flip-flop at its end needs before the next edge; 0 at a port.
    pub setup_ps: f64,
    /// Arrival time and setup time.
    pub total_ps: f64,
}

/// Timing of a netlist. Pairs are for the rising and the falling edge of a net.
#[derive(Clone, Debug)]
pub struct Timing {
    /// Load of each net.
    pub load_ff: Vec<f64>,
    /// Slews of each net, the greatest where several arcs drive it.
    pub slew_ps: Vec<[f64; 2]>,
    /// Latest arrival times of each net; negative infinity for what never changes.
    pub arrival_ps: Vec<[f64; 2]>,
    /// The longest path; without points if there is none.
    pub critical: CriticalPath,
}

impl Timing {
    /// The least period at which all paths are in time; of a combinational netlist, its delay.
    pub fn fastest_clock_ps(&self) -> f64 {
        self.critical.total_ps
    }

    /// Analyses a netlist.
    ///
    /// # Errors
    /// When gates form a loop, or a net has several drivers.
    pub fn new(
        netlist: &MappedNetlist,
        library: &CellLibrary,
        options: &TimingOptions,
    ) -> Result<Self, MappedError> {
        let mut analysis = Analysis::new(netlist, library, options)?;
        for (index, instance) in netlist.instances.iter().enumerate() {
            if library.cells[instance.cell].flip_flop.is_some() {
                analysis.launch(index);
            }
        }
        for index in netlist.order(library)? {
            // What a clock gate lets through is the clock, which is ideal.
            if library.cells[netlist.instances[index].cell].clock_gate.is_none() {
                analysis.gate(index);
            }
        }
        let critical = analysis.critical();
        let Analysis { load_ff, slew_ps, arrival_ps, .. } = analysis;
        Ok(Self { load_ff, slew_ps, arrival_ps, critical })
    }
}

/// The load of each net: pins, and wire for each of them.
pub fn loads_ff(netlist: &MappedNetlist, library: &CellLibrary, wire_ff: f64) -> Vec<f64> {
    let mut loads = vec![0.0; netlist.nets.len()];
    for instance in &netlist.instances {
        let cell = &library.cells[instance.cell];
        for (pin, net) in cell.pins.iter().zip(&instance.nets).take(cell.inputs) {
            if let Some(net) = net {
                loads[*net] += pin.capacitance_ff + wire_ff;
            }
        }
    }
    for net in netlist.outputs.iter().flat_map(|port| &port.nets) {
        loads[*net] += wire_ff;
    }
    loads
}

/// Which edge of which net an arrival time comes from.
type Cause = (NetId, Edge);

struct Analysis<'a> {
    netlist: &'a MappedNetlist,
    library: &'a CellLibrary,
    options: &'a TimingOptions,
    drivers: Vec<Option<Driver>>,
    load_ff: Vec<f64>,
    slew_ps: Vec<[f64; 2]>,
    arrival_ps: Vec<[f64; 2]>,
    /// `None` at the beginning of paths.
    cause: Vec<[Option<Cause>; 2]>,
}

/// The end of a path.
struct End<'a> {
    net: NetId,
    edge: Edge,
    /// Instance and pin, or a port and its bit.
    at: Result<(usize, usize), (&'a Port, usize)>,
    setup_ps: f64,
    total_ps: f64,
}

impl<'a> Analysis<'a> {
    fn new(
        netlist: &'a MappedNetlist,
        library: &'a CellLibrary,
        options: &'a TimingOptions,
    ) -> Result<Self, MappedError> {
        let nets = netlist.nets.len();
        let mut analysis = Self {
            netlist,
            library,
            options,
            drivers: netlist.drivers(library)?,
            load_ff: loads_ff(netlist, library, options.wire_ff),
            slew_ps: vec![[0.0; 2]; nets],
            arrival_ps: vec![[f64::NEG_INFINITY; 2]; nets],
            cause: vec![[None; 2]; nets],
        };
        for net in netlist.inputs.iter().flat_map(|port| &port.nets) {
            analysis.slew_ps[*net] = [options.input_slew_ps; 2];
            analysis.arrival_ps[*net] = [0.0; 2];
        }
        Ok(analysis)
    }

    /// The latest end of a path.
    fn critical(&self) -> CriticalPath {
        let mut worst: Option<End<'a>> = None;
        let mut consider = |end: End<'a>| {
            if end.total_ps > worst.as_ref().map_or(f64::NEG_INFINITY, |worst| worst.total_ps) {
                worst = Some(end);
            }
        };
        for port in &self.netlist.outputs {
            for (bit, &net) in port.nets.iter().enumerate() {
                for edge in Edge::BOTH {
                    let total_ps = self.arrival_ps[net][edge as usize];
                    let at = Err((port, bit));
                    consider(End { net, edge, at, setup_ps: 0.0, total_ps });
                }
            }
        }
        for (index, instance) in self.netlist.instances.iter().enumerate() {
            let cell = &self.library.cells[instance.cell];
            // The enable of a clock gate has a setup time too.
            let clock = match (&cell.flip_flop, &cell.clock_gate) {
                (Some(flip_flop), _) => flip_flop.clock,
                (None, Some(gate)) => gate.clock,
                (None, None) => continue,
            };
            let data = (0..cell.inputs).filter(|pin| *pin != clock);
            for (pin, net) in data.filter_map(|pin| Some((pin, instance.nets[pin]?))) {
                for edge in Edge::BOTH {
                    let setups =
                        cell.pins[pin].timing.iter().filter(|arc| arc.kind == ArcKind::Setup);
                    let slew_ps = self.slew_ps[net][edge as usize];
                    let setup_ps = setups
                        .map(|arc| [&arc.rise_ps, &arc.fall_ps][edge as usize])
                        .filter(|table| !table.is_empty())
                        .map(|table| table.lookup(self.options.clock_slew_ps, slew_ps))
                        .fold(f64::NEG_INFINITY, f64::max);
                    let setup_ps = if setup_ps.is_finite() { setup_ps } else { 0.0 };
                    let total_ps = self.arrival_ps[net][edge as usize] + setup_ps;
                    consider(End { net, edge, at: Ok((index, pin)), setup_ps, total_ps });
                }
            }
        }
        match worst {
            Some(end) => self.path(end),
            None => CriticalPath { points: Vec::new(), setup_ps: 0.0, total_ps: 0.0 },
        }
    }

    /// The way to an end.
    fn path(&self, end: End<'_>) -> CriticalPath {
        let arrival = |net: NetId, edge: Edge| self.arrival_ps[net][edge as usize];
        let (instance, cell, pin) = match end.at {
            Ok((index, pin)) => self.names(index, pin),
            Err((port, bit)) => {
                let name = match port.nets.len() {
                    1 => port.name.clone(),
                    _ => format!("{}[{bit}]", port.name),
                };
                (name, String::new(), String::new())
            }
        };
        let arrival_ps = arrival(end.net, end.edge);
        let mut points = vec![PathPoint { instance, cell, pin, edge: end.edge, arrival_ps }];
        let mut at = Some((end.net, end.edge));
        while let Some((net, edge)) = at {
            let (instance, cell, pin) = match self.drivers[net] {
                Some((index, pin)) => self.names(index, pin),
                None => (self.netlist.nets[net].clone(), String::new(), String::new()),
            };
            points.push(PathPoint { instance, cell, pin, edge, arrival_ps: arrival(net, edge) });
            at = self.cause[net][edge as usize];
        }
        points.reverse();
        CriticalPath { points, setup_ps: end.setup_ps, total_ps: end.total_ps }
    }

    fn names(&self, index: usize, pin: usize) -> (String, String, String) {
        let instance = &self.netlist.instances[index];
        let cell = &self.library.cells[instance.cell];
        (instance.name.clone(), cell.name.clone(), cell.pins[pin].name.clone())
    }
}
