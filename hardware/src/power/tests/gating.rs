//! What a gated register takes, by hand from a Liberty file; and what idle parts of an array do.

use super::*;

/// A flip-flop and a clock gate with round numbers: fF, fJ, and 2 V.
const LIBRARY: &str = r#"library (gated) {
  time_unit : "1ps"; voltage_unit : "1V"; leakage_power_unit : "1nW";
  capacitive_load_unit (1, ff); nom_voltage : 2.0;
  cell (DFF) { area : 4; cell_leakage_power : 16;
    ff (IQ, IQN) { clocked_on : "CK"; next_state : "D"; }
    pin (D) { direction : input; capacitance : 0.5;
      internal_power () { rise_power (scalar) { values ("0.5"); } fall_power (scalar) { values ("0.25"); } } }
    pin (CK) { direction : input; clock : true; capacitance : 0.75;
      internal_power () { rise_power (scalar) { values ("2"); } fall_power (scalar) { values ("1"); } } }
    pin (Q) { direction : output; function : "IQ";
      timing () { related_pin : "CK"; timing_type : rising_edge;
        cell_rise (scalar) { values ("20"); } rise_transition (scalar) { values ("5"); }
        cell_fall (scalar) { values ("20"); } fall_transition (scalar) { values ("5"); } }
      internal_power () { related_pin : "CK";
        rise_power (scalar) { values ("4"); } fall_power (scalar) { values ("2"); } } } }
  cell (GATE) { area : 3; cell_leakage_power : 8;
    clock_gating_integrated_cell : "latch_posedge";
    statetable ("CK E", "IQ") { table : "L L : - : L , L H : - : H , H - : - : N"; }
    pin (IQ) { direction : internal; internal_node : "IQ"; }
    pin (CK) { direction : input; capacitance : 1.75; clock_gate_clock_pin : true;
      internal_power () { when : "!E * !G";
        rise_power (scalar) { values ("0.5"); } fall_power (scalar) { values ("0.25"); } }
      internal_power () { when : "E * !G";
        rise_power (scalar) { values ("0.125"); } fall_power (scalar) { values ("0.0625"); } } }
    pin (E) { direction : input; capacitance : 0.5; clock_gate_enable_pin : true;
      timing () { related_pin : "CK"; timing_type : setup_rising;
        rise_constraint (scalar) { values ("30"); } fall_constraint (scalar) { values ("30"); } }
      internal_power () { rise_power (scalar) { values ("1"); } fall_power (scalar) { values ("3"); } } }
    pin (G) { direction : output; state_function : "CK * IQ"; clock_gate_out_pin : true;
      timing () { related_pin : "CK"; timing_sense : positive_unate;
        cell_rise (scalar) { values ("10"); } rise_transition (scalar) { values ("5"); }
        cell_fall (scalar) { values ("10"); } fall_transition (scalar) { values ("5"); } }
      internal_power () { related_pin : "CK";
        rise_power (scalar) { values ("8"); } fall_power (scalar) { values ("16"); } } } }
}"#;

#[test]
fn a_gated_register_by_hand() {
    let library = CellLibrary::parse(LIBRARY).unwrap();
    let mut builder = Builder::new(&library);
    let clock = builder.input("clk", 1)[0];
    let enable = builder.input("e", 1)[0];
    let d = builder.input("d", 1)[0];
    let gated = builder.cell("GATE", &[clock, enable])[0];
    let q = builder.cell("DFF", &[d, gated])[0];
    builder.output("q", &[q]);
    // One edge of four passes; d changes two cycles before.
    let stimulus = |cycle: u64, bits: &mut [bool]| {
        bits[1] = cycle.is_multiple_of(4);
        bits[2] = (cycle + 2) / 4 % 2 == 0;
    };
    for energy in both_modes(&library, &builder.netlist, Role::Registers, stimulus, 64) {
        let [(Role::Registers, data), (Role::Clock, clock)] = energy[..] else {
            panic!("{energy:?}");
        };
        // A quarter of a transition per cycle each of d and q, half of them rise.
        let internal = 0.25 * ((0.5 + 0.25) / 2.0 + (4.0 + 2.0) / 2.0);
        assert!((data.internal_fj - internal).abs() < 1e-9, "{data:?}");
        // Nets d and e, 0.5 + 0.25 fF at 2 V, of which e has twice as many transitions.
        let switching = 0.5 * 0.75 * 4.0 * (0.25 + 0.5);
        assert!((data.switching_fj - switching).abs() < 1e-9, "{data:?}");
        // The gate's clock pin rises and falls in each cycle; of four rises one sees the enable, which
        // is 1 before it, and of four falls one, that after the enable has risen.
        let pin = (3.0 * (0.5 + 0.25) + 0.125 + 0.0625) / 4.0;
        // A pulse of four passes: the gate's output, and the flip-flop's clock pin.
        let passes = (8.0 + 16.0 + 2.0 + 1.0) / 4.0;
        let enable = (1.0 + 3.0) / 4.0;
        assert!((clock.internal_fj - (pin + passes + enable)).abs() < 1e-9, "{clock:?}");
        // 1.75 + 0.25 fF in each cycle, 0.75 + 0.25 fF in one of four.
        assert!((clock.switching_fj - (8.0 + 4.0 / 4.0)).abs() < 1e-9, "{clock:?}");
        assert_eq!(data.leakage_nw, 24.0);
    }
}
