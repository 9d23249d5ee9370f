//! A model of the clock tree, which a netlist before placement does not have.

use crate::cells::{Cell, CellLibrary, TruthTable};

/// Buffers that each drive `fan_out` pins, level upon level; every pin of the tree has the wire
/// that other pins have. The levels above the lowest are shared by whole arrays, so a flip-flop
/// bears 1/fan_out of a buffer of the lowest level, 1/fan_out² of the next, and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockTree {
    /// Pins per buffer.
    pub fan_out: usize,
}

impl Default for ClockTree {
    fn default() -> Self {
        Self { fan_out: 16 }
    }
}

impl ClockTree {
    /// Internal and switching energy of the tree per flip-flop and clock cycle, fJ; nothing if the
    /// library has no buffer. `pin_ff` is the clock pin's capacitance, without wire.
    pub fn energy_fj(
        &self,
        library: &CellLibrary,
        pin_ff: f64,
        wire_ff: f64,
        slew_ps: f64,
    ) -> (f64, f64) {
        let fan_out = self.fan_out.max(2) as f64;
        let leaf_load = fan_out * (pin_ff + wire_ff);
        let Some(buffer) = smallest_buffer(library, leaf_load) else { return (0.0, 0.0) };
        let own_ff = buffer.pins[0].capacitance_ff + wire_ff;
        let internal = |load_ff: f64| -> f64 {
            let arcs = buffer.pins[1].power.iter();
            arcs.map(|arc| {
                arc.rise_fj.lookup(slew_ps, load_ff) + arc.fall_fj.lookup(slew_ps, load_ff)
            })
            .next()
            .unwrap_or(0.0)
        };
        // Buffers of all levels per flip-flop: 1 / (fan_out - 1), of them 1 / fan_out at the leaves.
        let (leaves, above) = (1.0 / fan_out, 1.0 / (fan_out * (fan_out - 1.0)));
        let switching = own_ff * library.voltage_v.powi(2) * (leaves + above);
        (leaves * internal(leaf_load) + above * internal(fan_out * own_ff), switching)
    }
}

/// The smallest buffer that may drive the load, or the largest there is.
fn smallest_buffer(library: &CellLibrary, load_ff: f64) -> Option<&Cell> {
    let identity = TruthTable { inputs: 1, bits: 0b10 };
    let is_buffer = |cell: &&Cell| {
        cell.inputs == 1 && cell.pins.len() == 2 && cell.pins[1].function == Some(identity)
    };
    let buffers = || library.cells.iter().filter(is_buffer);
    let strong = |cell: &&Cell| cell.pins[1].max_capacitance_ff.is_none_or(|most| most >= load_ff);
    let by_area = |left: &&Cell, right: &&Cell| left.area_um2.total_cmp(&right.area_um2);
    buffers().filter(strong).min_by(by_area).or_else(|| buffers().max_by(by_area))
}
