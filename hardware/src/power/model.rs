//! The energy of every kind of transition.

use crate::cells::{Cell, PowerArc};
use crate::simulate::{Activity, Circuit, Delays, Layout, WHOLE, clock_pin, holds};

use super::clock_tree::ClockTree;
use super::role::Role;

/// What the netlist does not say.
#[derive(Clone, Debug, PartialEq)]
pub struct PowerOptions {
    /// Capacitance of a clock's wire, per pin that it reaches; data wires are in [`Delays`].
    pub clock_wire_ff_per_sink: f64,
    /// The clock tree; `None` for clock pins and their wire alone.
    pub clock_tree: Option<ClockTree>,
}

impl Default for PowerOptions {
    fn default() -> Self {
        Self { clock_wire_ff_per_sink: 0.25, clock_tree: Some(ClockTree::default()) }
    }
}

/// Energy per clock cycle, and leakage.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Energy {
    /// Inside cells, fJ.
    pub internal_fj: f64,
    /// Of charging nets: half of C V² per transition, fJ.
    pub switching_fj: f64,
    /// Leakage, nW.
    pub leakage_nw: f64,
}

impl Energy {
    /// Both kinds of dynamic energy, fJ.
    pub fn dynamic_fj(&self) -> f64 {
        self.internal_fj + self.switching_fj
    }

    /// Dynamic energy, and what leaks during a cycle, fJ.
    pub fn total_fj(&self, clock_ps: f64) -> f64 {
        // nW * ps = 1e-21 J = 1e-6 fJ.
        self.dynamic_fj() + self.leakage_nw * clock_ps * 1e-6
    }

    /// Power at a clock, µW.
    pub fn power_uw(&self, clock_ps: f64) -> f64 {
        // fJ / ps = mW.
        self.total_fj(clock_ps) / clock_ps * 1e3
    }

    /// This energy `times` over.
    pub fn times(&self, times: f64) -> Self {
        Self {
            internal_fj: self.internal_fj * times,
            switching_fj: self.switching_fj * times,
            leakage_nw: self.leakage_nw * times,
        }
    }
}

impl std::ops::AddAssign for Energy {
    fn add_assign(&mut self, other: Self) {
        self.internal_fj += other.internal_fj;
        self.switching_fj += other.switching_fj;
        self.leakage_nw += other.leakage_nw;
    }
}

/// Energies of a circuit's transitions.
pub struct PowerModel {
    /// Per counter of [`Layout`]: fJ per event, or nW where the counter is of a state.
    values: Vec<f64>,
    /// Per net: fJ per transition.
    toggle_fj: Vec<f64>,
    /// Which role each counter and each net counts for.
    instances: Vec<InstanceModel>,
    net_roles: Vec<Role>,
}

struct InstanceModel {
    role: Role,
    /// Internal and switching energy of the clock's net and tree, per pulse of the clock there.
    pulse_fj: [f64; 2],
    /// Counters of the pulses' rises.
    rises: Vec<usize>,
    /// Counters of clock pins, of everything else, of states. All of a clock gate is clock.
    clock: std::ops::Range<usize>,
    events: [std::ops::Range<usize>; 2],
    states: std::ops::Range<usize>,
}

impl PowerModel {
    /// Looks all energies up. `roles` has one entry per instance; nets count for the role of what
    /// drives them, those of input ports for [`Role::Registers`] unless all instances have one
    /// role.
    pub fn new(
        circuit: &Circuit<'_>,
        layout: &Layout,
        delays: &Delays,
        roles: &[Role],
        options: &PowerOptions,
    ) -> Self {
        let squared_v = circuit.library.voltage_v.powi(2);
        let port_role = match roles.first() {
            Some(first) if roles.iter().all(|role| role == first) => *first,
            _ => Role::Registers,
        };
        let mut net_roles = vec![port_role; circuit.netlist.nets.len()];
        let mut values = vec![0.0; layout.length()];
        let mut instances = Vec::new();
        for (instance, &role) in roles.iter().enumerate() {
            for (_, net) in circuit.outputs(instance) {
                net_roles[net] = role;
            }
            fill(&mut values, circuit, layout, delays, instance);
            instances.push(InstanceModel::new(circuit, layout, instance, role));
        }
        // Clocks are counted by their pulses.
        let half_squared = |(load_ff, is_clock): (&f64, &bool)| match is_clock {
            true => 0.0,
            false => 0.5 * load_ff * squared_v,
        };
        let nets = delays.own_load_ff.iter().zip(&circuit.is_clock);
        let mut model =
            Self { values, toggle_fj: nets.map(half_squared).collect(), instances, net_roles };
        model.add_clock(circuit, delays, options);
        model
    }

    fn add_clock(&mut self, circuit: &Circuit<'_>, delays: &Delays, options: &PowerOptions) {
        let squared_v = circuit.library.voltage_v.powi(2);
        for &instance in circuit.flip_flops.iter().chain(&circuit.clock_gates) {
            let cell = circuit.cell(instance);
            let clock = clock_pin(cell).expect("something clocked");
            let (pin_ff, wire_ff) =
                (cell.pins[clock].capacitance_ff, options.clock_wire_ff_per_sink);
            let mut pulse_fj = [0.0, (pin_ff + wire_ff) * squared_v];
            if let Some(tree) = options.clock_tree {
                let slew_ps = delays.slew_ps[circuit.input(instance, clock)][1];
                let (internal, switching) =
                    tree.energy_fj(circuit.library, pin_ff, wire_ff, slew_ps);
                pulse_fj[0] += internal;
                pulse_fj[1] += switching;
            }
            self.instances[instance].pulse_fj = pulse_fj;
        }
    }

    /// Mean energy per cycle of what was counted, by role.
    pub fn energy(&self, activity: &Activity) -> Vec<(Role, Energy)> {
        let mut energies = [Energy::default(); Role::ALL.len()];
        let cycles = activity.cycles.max(1) as f64;
        let per_cycle = 1.0 / (cycles * WHOLE as f64);
        let sum = |range: &std::ops::Range<usize>| -> f64 {
            let pairs = activity.events[range.clone()].iter().zip(&self.values[range.clone()]);
            pairs.map(|(&count, value)| count as f64 * value).sum()
        };
        // Clocks of a PE are a role of their own; those of other units are theirs.
        let clock_role = |role: Role| match role {
            Role::XLine | Role::MacPlus | Role::LoadPath => role,
            _ => Role::Clock,
        };
        for instance in &self.instances {
            let energy = &mut energies[instance.role as usize];
            energy.internal_fj += instance.events.iter().map(sum).sum::<f64>() * per_cycle;
            let seen: u64 = activity.events[instance.states.clone()].iter().sum();
            energy.leakage_nw += sum(&instance.states) / seen.max(1) as f64;
            let rises = instance.rises.iter().map(|&counter| activity.events[counter]);
            let pulses = rises.sum::<u64>() as f64 * per_cycle;
            let [internal_fj, switching_fj] = instance.pulse_fj.map(|energy| energy * pulses);
            let energy = &mut energies[clock_role(instance.role) as usize];
            energy.internal_fj += sum(&instance.clock) * per_cycle + internal_fj;
            energy.switching_fj += switching_fj;
        }
        let nets = activity.toggles.iter().zip(&self.toggle_fj).zip(&self.net_roles);
        for ((&toggles, toggle_fj), &role) in nets {
            energies[role as usize].switching_fj += toggles as f64 * toggle_fj / cycles;
        }
        let used = |(role, energy): (Role, Energy)| {
            (energy != Energy::default()).then_some((role, energy))
        };
        Role::ALL.into_iter().zip(energies).filter_map(used).collect()
    }
}

impl InstanceModel {
    fn new(circuit: &Circuit<'_>, layout: &Layout, instance: usize, role: Role) -> Self {
        let cell = circuit.cell(instance);
        let start = layout.pin(instance, 0, 0);
        let states = layout.occupancy(instance, 0);
        let clock = match &cell.flip_flop {
            None if cell.clock_gate.is_some() => start..states,
            None => start..start,
            Some(flip_flop) => {
                let first = layout.pin(instance, flip_flop.clock, 0);
                first..first + layout.states(instance)
            }
        };
        let rises = |pin: usize| {
            let states = (0..layout.states(instance)).filter(move |state| state >> pin & 1 == 1);
            states.map(|state| layout.pin(instance, pin, state)).collect()
        };
        Self {
            role,
            pulse_fj: [0.0; 2],
            rises: clock_pin(cell).map_or_else(Vec::new, rises),
            events: [start..clock.start, clock.end..states],
            clock,
            states: states..states + layout.states(instance),
        }
    }
}

/// Energies and leakage of one instance.
fn fill(
    values: &mut [f64],
    circuit: &Circuit<'_>,
    layout: &Layout,
    delays: &Delays,
    instance: usize,
) {
    let cell = circuit.cell(instance);
    for state in 0..layout.states(instance) {
        values[layout.occupancy(instance, state)] = leakage(cell, state);
        for pin in 0..cell.inputs {
            let rises = state >> pin & 1 == 1;
            let slew_ps = delays.slew_ps[circuit.input(instance, pin)][usize::from(rises)];
            // What an output of a clock gate does is counted for itself: before the pulse it is low.
            let pin_state = match &cell.clock_gate {
                Some(gate) if gate.clock == pin => state & !(1 << pin),
                _ => state,
            };
            let own = |arc: &&PowerArc| arc.related.is_none();
            values[layout.pin(instance, pin, state)] =
                energy(&cell.pins[pin].power, own, pin_state, rises, slew_ps, 0.0);
            for (output, net) in circuit.outputs(instance) {
                let description = &cell.pins[cell.inputs + output];
                let function = description.function.expect("outputs have functions");
                // A clock gate drives a tree of buffers where it cannot drive all that is below it.
                let load_ff = match (&cell.clock_gate, description.max_capacitance_ff) {
                    (Some(_), Some(most)) => delays.load_ff[net].min(most),
                    _ => delays.load_ff[net],
                };
                let caused = |arc: &&PowerArc| arc.related.is_none_or(|related| related == pin);
                values[layout.cause(instance, output, pin, state)] = energy(
                    &description.power,
                    caused,
                    state,
                    function.bits >> state & 1 == 1,
                    slew_ps,
                    load_ff,
                );
            }
        }
    }
}

/// The energy of an edge in a state: of the arc whose condition holds, else of the one without
/// condition. States that no arc names cost nothing.
fn energy(
    arcs: &[PowerArc],
    concerned: impl Fn(&&PowerArc) -> bool,
    state: usize,
    rises: bool,
    slew_ps: f64,
    load_ff: f64,
) -> f64 {
    let arcs = || arcs.iter().filter(&concerned);
    let arc = arcs()
        .find(|arc| arc.when.is_some_and(|when| holds(when, state)))
        .or_else(|| arcs().find(|arc| arc.when.is_none()));
    arc.map_or(0.0, |arc| {
        let table = if rises { &arc.rise_fj } else { &arc.fall_fj };
        table.lookup(slew_ps, load_ff)
    })
}

fn leakage(cell: &Cell, state: usize) -> f64 {
    let in_state = cell.leakage_when.iter().find(|(when, _)| holds(*when, state));
    in_state.map_or(cell.leakage_nw, |(_, value)| *value)
}
