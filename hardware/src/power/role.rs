//! What the instances of a unit are for.

use std::collections::HashSet;
use std::fmt;

use super::streams::Unit;
use crate::mapped::NetId;
use crate::simulate::Circuit;

/// What a part of the power is spent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Gates of a PE that depend on the operand registers alone: partial products, and the part of
    /// the tree that they go through before the partial sum.
    Multiplier,
    /// Gates of a PE that depend on the partial sum from above.
    Adder,
    /// Flip-flops' data and outputs, and the gates that decide what they take in; nets that a
    /// unit's input ports drive, which neighbours' flip-flops charge.
    Registers,
    /// Clock pins, their wire and the clock tree.
    Clock,
    /// The x line, its clock included.
    XLine,
    /// MAC+, its clock included.
    MacPlus,
    /// What makes constants of loaded weights, its clock included.
    LoadPath,
}

impl Role {
    /// All, in the order of reports.
    pub const ALL: [Self; 7] = [
        Self::Multiplier,
        Self::Adder,
        Self::Registers,
        Self::Clock,
        Self::XLine,
        Self::MacPlus,
        Self::LoadPath,
    ];
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Multiplier => "multiplier",
            Self::Adder => "adder",
            Self::Registers => "registers",
            Self::Clock => "clock",
            Self::XLine => "x line",
            Self::MacPlus => "MAC+",
            Self::LoadPath => "load path",
        })
    }
}

/// The role of each instance of a unit, without regard to its clock pins.
pub fn roles(unit: Unit, circuit: &Circuit<'_>) -> Vec<Role> {
    let all = |role| vec![role; circuit.netlist.instances.len()];
    match unit {
        Unit::Pe => roles_of_pe(circuit),
        Unit::WeightGate => all(Role::Registers),
        Unit::XLine => all(Role::XLine),
        Unit::MacPlus => all(Role::MacPlus),
        Unit::LoadSums | Unit::Constants => all(Role::LoadPath),
    }
}

/// The role of each instance of a PE.
///
/// A gate that depends on a port whose name begins with `psum`, through gates alone, is adder; one
/// that depends on another port decides what a register takes in; what is left depends on
/// registers alone and is multiplier.
pub fn roles_of_pe(circuit: &Circuit<'_>) -> Vec<Role> {
    let ports = |is_psum: bool| {
        let ports = circuit.netlist.inputs.iter();
        ports
            .filter(move |port| port.name.starts_with("psum") == is_psum)
            .flat_map(|port| port.nets.iter().copied())
    };
    let adder = reached(circuit, ports(true));
    let takes_in = reached(circuit, ports(false));
    (0..circuit.netlist.instances.len())
        .map(|instance| {
            let cell = circuit.cell(instance);
            if cell.flip_flop.is_some() || cell.clock_gate.is_some() {
                Role::Registers
            } else if adder.contains(&instance) {
                Role::Adder
            } else if takes_in.contains(&instance) {
                Role::Registers
            } else {
                Role::Multiplier
            }
        })
        .collect()
}

/// The instances that depend on some nets through gates.
fn reached(circuit: &Circuit<'_>, nets: impl Iterator<Item = NetId>) -> HashSet<usize> {
    let mut dirty: HashSet<NetId> = nets.collect();
    let mut reached = HashSet::new();
    for &instance in &circuit.order {
        let inputs = circuit.cell(instance).inputs;
        if (0..inputs).any(|pin| dirty.contains(&circuit.input(instance, pin))) {
            dirty.extend(circuit.outputs(instance).map(|(_, net)| net));
            reached.insert(instance);
        }
    }
    reached
}
