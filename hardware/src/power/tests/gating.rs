//! What a gated register takes, by hand from a Liberty file; and what idle parts of an array do.

use recoup_core::quantize::WeightScheme;
use recoup_core::watch::Unwatched;

use super::streams::{COMPUTING_PE, CYCLES, design, osu018, outputs};
use super::*;
use crate::rtl::{ClockGating, Options, Sources};
use crate::synthesis::SynthesisOptions;
use crate::units::ArrayUnits;

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
        bits[2] = ((cycle + 2) / 4).is_multiple_of(2);
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

/// The library of the other tests, with the clock gate of this file.
fn with_clock_gate() -> CellLibrary {
    let mut library = osu018();
    let gate = CellLibrary::parse(LIBRARY).unwrap();
    let gate = gate.cells.into_iter().find(|cell| cell.clock_gate.is_some()).unwrap();
    library.by_name.insert(gate.name.clone(), library.cells.len());
    library.cells.push(gate);
    library
}

/// The same sums in the cells of a PE, gated or not, in a row that computes; in an idle row what it would
/// hand on if it went on.
#[test]
fn gated_pes_compute_the_same() {
    let library = with_clock_gate();
    for (tile, row) in [(1, 2), (2, 1)] {
        let of = |clock_gating| {
            let change = |options: &mut Options| options.clock_gating = clock_gating;
            let (design, vectors) = design("truncated:6", WeightScheme::U8Channel, change);
            let workload = Workload::of_vectors(&vectors);
            let scene = Scene::new(&design, &workload);
            let excerpt = Excerpt { group: 0, filter: 1, tile, row, start: 5 };
            let sources = Sources::pe(&design);
            let has_gate = sources.files.iter().any(|file| file.name == "recoup_clock_gate.sv");
            assert_eq!(has_gate, clock_gating == ClockGating::Idle);
            outputs(&library, &sources, "psum_out", scene, COMPUTING_PE, excerpt)
        };
        let plain = of(ClockGating::None);
        assert_eq!(plain[6..], of(ClockGating::Weights)[6..]);
        let gated = of(ClockGating::Idle);
        if tile == 1 {
            assert_eq!(plain[6..], gated[6..]);
        } else {
            // One product on four rows is in the last one: no other has any.
            assert_eq!(gated[6..], [gated[6]; CYCLES - 6]);
        }
    }
}

/// One filter of one product on 4 x 3 PEs: what is gated leaves one PE's clock and the gates'.
#[test]
fn idle_rows_and_columns_stand_still() {
    let library = with_clock_gate();
    let clock_ps = 10_000.0;
    let of = |clock_gating: ClockGating| {
        let change = |options: &mut Options| options.clock_gating = clock_gating;
        let (design, vectors) = design("exact", WeightScheme::U8Channel, change);
        let mut workload = Workload::of_vectors(&vectors);
        (workload.depth, workload.filters) = (1, 1);
        let options = SynthesisOptions::new(&library);
        let units = ArrayUnits::synthesize(design, &library, &options, &Unwatched).unwrap();
        let area_um2 = units.area_um2(&library);
        let models =
            units.models(&library, &DelayOptions::default(), &PowerOptions::default()).unwrap();
        let scenes = [Scene::new(&units.design, &workload)];
        let options = EstimateOptions {
            relative_error: 0.02,
            ..EstimateOptions::new(Mode::ZeroDelay, clock_ps)
        };
        let result = estimate(&models, &scenes, &options, &Unwatched).unwrap();
        let clock = result.per_cycle().into_iter().find(|(role, _)| *role == Role::Clock).unwrap();
        let has_unit = units.unit(Unit::WeightGate).is_some();
        (clock.1.dynamic_fj(), result.layers[0].loading_fj, area_um2, has_unit)
    };
    let plain = of(ClockGating::None);
    let [weights, idle] = [ClockGating::Weights, ClockGating::Idle].map(of);
    assert_eq!([plain.3, weights.3, idle.3], [false, true, true]);
    // 8 of the 26 flip-flops of a PE are weights; their multiplexers go too.
    assert!(weights.0 < 0.8 * plain.0 && weights.2 < plain.2, "{weights:?}, {plain:?}");
    assert!(idle.0 < 0.3 * plain.0, "{idle:?}, {plain:?}");
    // Their clock is then part of loading.
    assert!(weights.1 > plain.1, "{weights:?}, {plain:?}");
}

/// Without such a cell multiplexers hold what would be gated.
#[test]
fn a_library_without_clock_gates_has_multiplexers() {
    let library = osu018();
    let change = |options: &mut Options| options.clock_gating = ClockGating::Idle;
    let (design, _) = design("exact", WeightScheme::U8Channel, change);
    let options = SynthesisOptions::new(&library);
    let kinds = [Unit::Pe, Unit::WeightGate];
    let units =
        ArrayUnits::synthesize_some(design, &kinds, &library, &options, &Unwatched).unwrap();
    assert!(!units.design.options.gate_cells && units.unit(Unit::WeightGate).is_none());
    let pe = &units.unit(Unit::Pe).unwrap().netlist;
    assert!(pe.inputs.iter().any(|port| port.name == "row_on"));
    assert!(pe.instances.iter().all(|it| library.cells[it.cell].clock_gate.is_none()));
}
