//! Slews and arrival times through one cell.

use super::{Analysis, Cause, Edge};
use crate::cells::{ArcKind, Sense, Table, TimingArc};

/// What is known of an output pin: slew, arrival time and cause for each edge.
#[derive(Clone, Copy)]
struct Output {
    slew_ps: [f64; 2],
    arrival_ps: [f64; 2],
    cause: [Option<Cause>; 2],
}

const SILENT: Output =
    Output { slew_ps: [0.0; 2], arrival_ps: [f64::NEG_INFINITY; 2], cause: [None; 2] };

impl Output {
    /// An edge that may be the latest or the slowest.
    fn edge(&mut self, edge: Edge, slew_ps: f64, arrival_ps: f64, cause: Option<Cause>) {
        let edge = edge as usize;
        self.slew_ps[edge] = self.slew_ps[edge].max(slew_ps);
        if arrival_ps > self.arrival_ps[edge] {
            self.arrival_ps[edge] = arrival_ps;
            self.cause[edge] = cause;
        }
    }
}

impl Analysis<'_> {
    /// The outputs of a flip-flop, at the clock's edge.
    pub fn launch(&mut self, index: usize) {
        let instance = &self.netlist.instances[index];
        let cell = &self.library.cells[instance.cell];
        for (pin, net) in cell.pins.iter().zip(&instance.nets).skip(cell.inputs) {
            let Some(net) = *net else { continue };
            let mut output = SILENT;
            for arc in &pin.timing {
                for edge in Edge::BOTH {
                    let (delay, slew) = tables(arc, edge);
                    if !delay.is_empty() {
                        let at = (self.options.clock_slew_ps, self.load_ff[net]);
                        output.edge(edge, slew.lookup(at.0, at.1), delay.lookup(at.0, at.1), None);
                    }
                }
            }
            self.store(net, output);
        }
    }

    /// The outputs of a gate whose inputs are known.
    pub fn gate(&mut self, index: usize) {
        let instance = &self.netlist.instances[index];
        let cell = &self.library.cells[instance.cell];
        let mut outputs = vec![SILENT; cell.pins.len() - cell.inputs];
        // Those that others depend on first.
        for from_outputs in [false, true] {
            for (place, pin) in cell.pins[cell.inputs..].iter().enumerate() {
                if pin.timing_from_outputs.is_empty() == from_outputs {
                    continue;
                }
                let net = instance.nets[cell.inputs + place];
                let load_ff = net.map_or(0.0, |net| self.load_ff[net]);
                let mut output = SILENT;
                for arc in &pin.timing {
                    let Some(related) = instance.nets[arc.related] else { continue };
                    let from = Output {
                        slew_ps: self.slew_ps[related],
                        arrival_ps: self.arrival_ps[related],
                        cause: Edge::BOTH.map(|edge| Some((related, edge))),
                    };
                    propagate(arc, &from, load_ff, &mut output);
                }
                for arc in &pin.timing_from_outputs {
                    // The path goes on from what caused the other output.
                    let from = outputs[arc.related - cell.inputs];
                    propagate(arc, &from, load_ff, &mut output);
                }
                outputs[place] = output;
                if let Some(net) = net {
                    self.store(net, output);
                }
            }
        }
    }

    fn store(&mut self, net: usize, output: Output) {
        self.slew_ps[net] = output.slew_ps;
        self.arrival_ps[net] = output.arrival_ps;
        self.cause[net] = output.cause;
    }
}

fn tables(arc: &TimingArc, edge: Edge) -> (&Table, &Table) {
    match edge {
        Edge::Rise => (&arc.rise_ps, &arc.rise_slew_ps),
        Edge::Fall => (&arc.fall_ps, &arc.fall_slew_ps),
    }
}

/// What an arc makes of the edges of the pin that it comes from.
fn propagate(arc: &TimingArc, from: &Output, load_ff: f64, output: &mut Output) {
    let ArcKind::Delay(sense) = arc.kind else { return };
    for edge in Edge::BOTH {
        let causes: &[Edge] = match (sense, edge) {
            (Sense::Positive, Edge::Rise) | (Sense::Negative, Edge::Fall) => &[Edge::Rise],
            (Sense::Positive, Edge::Fall) | (Sense::Negative, Edge::Rise) => &[Edge::Fall],
            (Sense::Both, _) => &Edge::BOTH,
            (Sense::RisingEdge, _) => &[Edge::Rise],
            (Sense::FallingEdge, _) => &[Edge::Fall],
        };
        let (delay, slew) = tables(arc, edge);
        if delay.is_empty() {
            continue;
        }
        for cause in causes.iter().map(|cause| *cause as usize) {
            if from.arrival_ps[cause] == f64::NEG_INFINITY {
                continue;
            }
            let slew_in = from.slew_ps[cause];
            let arrival_ps = from.arrival_ps[cause] + delay.lookup(slew_in, load_ff);
            output.edge(edge, slew.lookup(slew_in, load_ff), arrival_ps, from.cause[cause]);
        }
    }
}
