//! Energies against calculations by hand.

mod gating;
mod streams;

use super::*;
use crate::cells::CellLibrary;
use crate::mapped::MappedNetlist;
use crate::simulate::fixtures::{Builder, Random, accumulator, library};
use crate::simulate::{Circuit, DelayOptions, Delays, EventDriven, LANES, Layout, ZeroDelay};

const NO_TREE: PowerOptions = PowerOptions { clock_wire_ff_per_sink: 0.25, clock_tree: None };

/// The energy per cycle in both modes, with all instances of one role.
fn both_modes(
    library: &CellLibrary,
    netlist: &MappedNetlist,
    role: Role,
    mut stimulus: impl FnMut(u64, &mut [bool]),
    cycles: u64,
) -> [Vec<(Role, Energy)>; 2] {
    let circuit = Circuit::new(library, netlist).unwrap();
    let layout = Layout::new(&circuit);
    let delays = Delays::new(&circuit, &layout, &DelayOptions::default());
    let roles = vec![role; netlist.instances.len()];
    let model = PowerModel::new(&circuit, &layout, &delays, &roles, &NO_TREE);
    let mut zero_delay = ZeroDelay::new(&circuit);
    let mut events = EventDriven::new(&circuit, &delays, 1000.0);
    let mut bits = vec![false; circuit.inputs.len()];
    for cycle in 0..=cycles {
        stimulus(cycle, &mut bits);
        let words: Vec<u64> = bits.iter().map(|&bit| if bit { u64::MAX } else { 0 }).collect();
        zero_delay.step(&words);
        events.step(&bits);
    }
    [model.energy(&zero_delay.take()), model.energy(&events.take())]
}

#[test]
fn an_inverter_by_hand() {
    let library = library();
    let mut builder = Builder::new(&library);
    let a = builder.input("a", 1)[0];
    let y = builder.cell("INV", &[a])[0];
    builder.output("y", &[y]);
    let stimulus = |cycle: u64, bits: &mut [bool]| bits[0] = cycle % 2 == 1;
    for energy in both_modes(&library, &builder.netlist, Role::Multiplier, stimulus, 64) {
        // One transition per cycle: half rise with 0.25 fJ, half fall with 0.125 fJ. The input net
        // is 0.5 fF and 0.25 fF of wire at 2 V: 0.5 * 0.75 * 4 fJ. The output has no load here.
        let expected = Energy { internal_fj: 0.1875, switching_fj: 1.5, leakage_nw: 8.0 };
        assert_eq!(energy, [(Role::Multiplier, expected)]);
        // At 1 ns: 1.6875 fJ and 8 nW * 1 ns = 0.000008 fJ... 1.6875 µW and 8 nW.
        assert!((expected.power_uw(1000.0) - 1.6955).abs() < 1e-9);
    }
}

#[test]
fn a_flip_flop_by_hand() {
    let library = library();
    let mut builder = Builder::new(&library);
    let clock = builder.input("clk", 1)[0];
    let d = builder.input("d", 1)[0];
    let q = builder.cell("DFF", &[d, clock])[0];
    builder.cell("INV", &[q]);
    builder.output("q", &[q]);
    // d changes in every second cycle: 0 1 1 0.
    let stimulus = |cycle: u64, bits: &mut [bool]| bits[1] = cycle.div_ceil(2) % 2 == 1;
    for energy in both_modes(&library, &builder.netlist, Role::Registers, stimulus, 64) {
        let [(Role::Registers, data), (Role::Clock, clock)] = energy[..] else {
            panic!("{energy:?}");
        };
        // Half a transition per cycle each of d (0.0625 and 0.03125 fJ), q (1 and 2 fJ) and the
        // inverter (0.25 and 0.125 fJ).
        let mean = |rise: f64, fall: f64| (rise + fall) / 2.0;
        let internal = 0.5 * (mean(0.0625, 0.03125) + mean(1.0, 2.0) + mean(0.25, 0.125));
        assert!((data.internal_fj - internal).abs() < 1e-9, "{data:?}");
        // Nets d and q: half of 0.75 fF * 4 V² per transition.
        assert!((data.switching_fj - 0.5 * (1.5 + 1.5)).abs() < 1e-9, "{data:?}");
        // The clock's pin: 0.5 and 0.25 fJ, and (0.75 + 0.25) fF * 4 V².
        assert!((clock.internal_fj - 0.75).abs() < 1e-9, "{clock:?}");
        assert!((clock.switching_fj - 4.0).abs() < 1e-9, "{clock:?}");
        assert_eq!(data.leakage_nw, 24.0);
    }
}

#[test]
fn conditions_choose_the_energy() {
    use crate::cells::{Table, TruthTable};
    let mut library = library();
    let id = library.by_name["NAND2"];
    let output = &mut library.cells[id].pins[2];
    // B's transitions, with A high: 3 fJ rising.
    let mut conditional = output.power[1].clone();
    conditional.when = Some(TruthTable { inputs: 2, bits: 0b1010 });
    conditional.rise_fj = Table::scalar(3.0);
    output.power.push(conditional);
    library.cells[id].leakage_when = vec![(TruthTable { inputs: 2, bits: 0b1000 }, 20.0)];
    let mut builder = Builder::new(&library);
    let b = builder.input("b", 1)[0];
    let y = builder.cell("NAND2", &[1, b])[0];
    builder.output("y", &[y]);
    let stimulus = |cycle: u64, bits: &mut [bool]| bits[0] = cycle % 2 == 1;
    for energy in both_modes(&library, &builder.netlist, Role::Multiplier, stimulus, 256) {
        assert_eq!(energy[0].1.internal_fj, (3.0 + 0.125) / 2.0);
    }
}

#[test]
fn a_clock_tree_by_hand() {
    let library = library();
    // Leaves: 1/4 of a buffer with 0.25 + 0.125 fJ; above them 1/12. Each buffer's input: 0.75 fF.
    let (internal, switching) = ClockTree { fan_out: 4 }.energy_fj(&library, 0.75, 0.25, 10.0);
    assert!((internal - 0.375 * (1.0 / 4.0 + 1.0 / 12.0)).abs() < 1e-9, "{internal}");
    assert!((switching - 0.75 * 4.0 * (1.0 / 4.0 + 1.0 / 12.0)).abs() < 1e-9, "{switching}");
}

#[test]
fn glitches_cost_and_lanes_agree() {
    let library = library();
    let netlist = accumulator(&library);
    let circuit = Circuit::new(&library, &netlist).unwrap();
    let layout = Layout::new(&circuit);
    let delays = Delays::new(&circuit, &layout, &DelayOptions::default());
    let roles = roles(Unit::Pe, &circuit);
    let model = PowerModel::new(&circuit, &layout, &delays, &roles, &NO_TREE);
    let total = |energy: Vec<(Role, Energy)>| -> f64 {
        energy.iter().map(|(_, energy)| energy.dynamic_fj()).sum()
    };
    let mut zero_delay = ZeroDelay::new(&circuit);
    let mut stimuli: Vec<Random> = (0..LANES as u64).map(Random).collect();
    zero_delay.run(&mut stimuli, 200);
    let settled = total(model.energy(&zero_delay.take()));
    let mut events = EventDriven::new(&circuit, &delays, 1000.0);
    events.run(&mut Random(1), 10_000);
    let moved = total(model.energy(&events.take()));
    assert!(moved > 1.05 * settled && moved < 2.0 * settled, "{settled} fJ, {moved} fJ");
}

#[test]
fn roles_follow_the_partial_sum() {
    let library = library();
    let mut builder = Builder::new(&library);
    let clock = builder.input("clk", 1)[0];
    let load = builder.input("load", 1)[0];
    let w_in = builder.input("w_in", 1)[0];
    let psum_in = builder.input("psum_in", 1)[0];
    let hold = builder.cell("NAND2", &[load, w_in])[0];
    let w = builder.cell("DFF", &[hold, clock])[0];
    let product = builder.cell("INV", &[w])[0];
    let sum = builder.cell("XOR2", &[product, psum_in])[0];
    let late = builder.cell("BUF", &[sum])[0];
    let psum = builder.cell("DFF", &[late, clock])[0];
    builder.output("psum_out", &[psum]);
    let circuit = Circuit::new(&library, &builder.netlist).unwrap();
    let expected = [
        Role::Registers,
        Role::Registers,
        Role::Multiplier,
        Role::Adder,
        Role::Adder,
        Role::Registers,
    ];
    assert_eq!(roles(Unit::Pe, &circuit), expected);
}
