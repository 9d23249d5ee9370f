//! The simulators against loops over the definition, against each other, and against Icarus.

mod icarus;

use super::fixtures::{Builder, Random, accumulator, library};
use super::*;
use crate::mapped::{MappedNetlist, NetId};

/// The values of all nets, cycle by cycle: the definition.
fn naive(circuit: &Circuit<'_>, stimulus: &mut impl Stimulus, cycles: usize) -> Vec<Vec<bool>> {
    let nets = circuit.netlist.nets.len();
    let mut values = vec![false; nets];
    values[1] = true;
    let mut stored = vec![false; circuit.netlist.instances.len()];
    let mut bits = vec![false; circuit.inputs.len()];
    let mut all = Vec::new();
    let evaluate = |values: &[bool], stored: &[bool], instance: usize, bits: u64| {
        let cell = circuit.cell(instance);
        let pins = (0..cell.inputs).map(|pin| values[circuit.input(instance, pin)]);
        let state = pins
            .chain([stored[instance]])
            .enumerate()
            .fold(0, |state, (variable, bit)| state | usize::from(bit) << variable);
        bits >> (state % (1 << Circuit::variables(cell))) & 1 == 1
    };
    for cycle in 0..cycles {
        stimulus.next(&mut bits);
        if cycle > 0 {
            let next: Vec<bool> = circuit
                .flip_flops
                .iter()
                .map(|&instance| values[circuit.input(instance, 0)])
                .collect();
            circuit.flip_flops.iter().zip(next).for_each(|(&at, bit)| stored[at] = bit);
        }
        for (&net, &bit) in circuit.inputs.iter().zip(&bits) {
            values[net] = bit && Some(net) != circuit.clock;
        }
        for _ in 0..circuit.netlist.instances.len() {
            for instance in 0..circuit.netlist.instances.len() {
                let cell = circuit.cell(instance);
                for (output, net) in circuit.outputs(instance) {
                    let function = cell.pins[cell.inputs + output].function.unwrap();
                    values[net] = evaluate(&values, &stored, instance, function.bits);
                }
            }
        }
        all.push(values.clone());
    }
    all
}

fn data_nets(circuit: &Circuit<'_>) -> Vec<NetId> {
    (0..circuit.netlist.nets.len()).filter(|&net| Some(net) != circuit.clock).collect()
}

#[test]
fn zero_delay_is_the_definition_in_every_lane() {
    let library = library();
    let netlist = accumulator(&library);
    let circuit = Circuit::new(&library, &netlist).unwrap();
    let expected: Vec<_> =
        (0..LANES as u64).map(|lane| naive(&circuit, &mut Random(lane), 50)).collect();
    let mut simulator = ZeroDelay::new(&circuit);
    let mut stimuli: Vec<_> = (0..LANES as u64).map(Random).collect();
    let mut toggles = vec![0; netlist.nets.len()];
    for cycle in 0..50 {
        simulator.run(&mut stimuli, 1);
        for net in data_nets(&circuit) {
            for (lane, values) in expected.iter().enumerate() {
                assert_eq!(simulator.value(net) >> lane & 1 == 1, values[cycle][net], "{net}");
                if cycle > 0 && values[cycle][net] != values[cycle - 1][net] {
                    toggles[net] += 1;
                }
            }
        }
    }
    let activity = simulator.take();
    assert_eq!(activity.toggles, toggles);
    assert_eq!(activity.cycles, 49 * 64);
    every_transition_has_its_causes(&circuit, simulator.layout(), &activity);
}

/// Output transitions, summed over causes and states, are the nets' toggles.
fn every_transition_has_its_causes(circuit: &Circuit<'_>, layout: &Layout, activity: &Activity) {
    let mut compared = 0;
    for instance in 0..circuit.netlist.instances.len() {
        let states = layout.states(instance);
        for (output, net) in circuit.outputs(instance) {
            let inputs = circuit.cell(instance).inputs;
            let causes = (0..inputs).flat_map(|pin| (0..states).map(move |state| (pin, state)));
            let events: u64 = causes
                .map(|(pin, state)| activity.events[layout.cause(instance, output, pin, state)])
                .sum();
            assert_eq!(events, activity.toggles[net] * WHOLE, "{net}");
            compared += 1;
        }
        for pin in 0..circuit.cell(instance).inputs {
            let net = circuit.input(instance, pin);
            let events: u64 =
                (0..states).map(|state| activity.events[layout.pin(instance, pin, state)]).sum();
            let toggles = if Some(net) == circuit.clock {
                2 * activity.cycles
            } else {
                activity.toggles[net]
            };
            assert_eq!(events, toggles * WHOLE, "{net}");
        }
    }
    assert!(compared > 0);
}

#[test]
fn with_delays_the_same_values_and_more_transitions() {
    let library = library();
    let netlist = accumulator(&library);
    let circuit = Circuit::new(&library, &netlist).unwrap();
    let layout = Layout::new(&circuit);
    let delays = Delays::new(&circuit, &layout, &DelayOptions::default());
    let expected = naive(&circuit, &mut Random(3), 400);
    let mut simulator = EventDriven::new(&circuit, &delays, 1000.0);
    let mut stimulus = Random(3);
    for values in &expected {
        simulator.run(&mut stimulus, 1);
        for net in data_nets(&circuit) {
            assert_eq!(simulator.value(net), values[net], "{net}");
        }
    }
    let activity = simulator.take();
    assert_eq!(activity.cycles, 399);
    every_transition_has_its_causes(&circuit, simulator.layout(), &activity);
    let settled: u64 = data_nets(&circuit)
        .iter()
        .map(|&net| expected.windows(2).filter(|pair| pair[0][net] != pair[1][net]).count() as u64)
        .sum();
    let moved: u64 = activity.toggles.iter().sum();
    assert!(moved > settled && (moved - settled).is_multiple_of(2), "{moved} after {settled}");
}

/// An exclusive or of a signal and its copy after some buffers: a pulse as long as the buffers
/// take, which passes if it is longer than the gate's delay.
fn pulse(buffers: usize) -> u64 {
    let library = library();
    let mut builder = Builder::new(&library);
    let a = builder.input("a", 1)[0];
    let late = (0..buffers).fold(a, |net, _| builder.cell("BUF", &[net])[0]);
    let out = builder.cell("XOR2", &[a, late])[0];
    builder.output("out", &[out]);
    let netlist = builder.netlist;
    let circuit = Circuit::new(&library, &netlist).unwrap();
    let delays = Delays::new(&circuit, &Layout::new(&circuit), &DelayOptions::default());
    let mut simulator = EventDriven::new(&circuit, &delays, 1000.0);
    (0..11).for_each(|cycle| simulator.step(&[cycle % 2 == 1]));
    simulator.take().toggles[out]
}

#[test]
fn only_pulses_longer_than_the_delay_pass() {
    // A buffer takes about 13 ps, the exclusive or about 18.
    assert_eq!(pulse(1), 0);
    assert_eq!(pulse(2), 20);
    assert_eq!(pulse(3), 20);
}

#[test]
fn delays_by_hand() {
    let library = library();
    let mut builder = Builder::new(&library);
    let a = builder.input("a", 1)[0];
    let first = builder.cell("INV", &[a])[0];
    let second = builder.cell("INV", &[first])[0];
    builder.output("y", &[second]);
    let netlist = builder.netlist;
    let circuit = Circuit::new(&library, &netlist).unwrap();
    let layout = Layout::new(&circuit);
    let options = DelayOptions { wire_ff_per_sink: 0.25, input_slew_ps: Some(20.0) };
    let delays = Delays::new(&circuit, &layout, &options);
    // One pin and its wire: 0.5 + 0.25; behind the output port the same again.
    assert_eq!(delays.load_ff[first], 0.75);
    assert_eq!((delays.load_ff[second], delays.own_load_ff[second]), (0.75, 0.0));
    // Rising: 5 + 0.1 * 20 + 2 * 0.75; slew 4 + 2 + 1.5, falling 5 + 2 + 1.5.
    let near = |left: f64, right: f64| assert!((left - right).abs() < 1e-9, "{left} {right}");
    near(delays.delay_ps[layout.cause(0, 0, 0, 0)], 8.5);
    near(delays.delay_ps[layout.cause(0, 0, 0, 1)], 10.5);
    near(delays.slew_ps[first][1], 7.5);
    near(delays.slew_ps[first][0], 8.5);
    // The second inverter rises when the first falls: 5 + 0.85 + 1.5.
    near(delays.delay_ps[layout.cause(1, 0, 0, 0)], 7.35);
}

fn error(change: impl Fn(&mut MappedNetlist)) -> String {
    let library = library();
    let mut netlist = accumulator(&library);
    change(&mut netlist);
    Circuit::new(&library, &netlist).unwrap_err().to_string()
}

#[test]
fn bad_netlists_are_named() {
    // Instances 0 to 5 are the lowest bit's: NAND2, INV, XOR2, BUF, FA, DFF.
    let cycle = error(|netlist| netlist.instances[0].nets[0] = netlist.instances[3].nets[1]);
    assert!(cycle.contains("combinational loop through u"), "{cycle}");
    let open = error(|netlist| netlist.instances[2].nets[1] = None);
    assert!(open.contains("u2 of XOR2: its input B is not connected"), "{open}");
    let gated = error(|netlist| netlist.instances[5].nets[1] = netlist.instances[0].nets[2]);
    assert!(gated.contains("the clock of acc0 is net"), "{gated}");
}
