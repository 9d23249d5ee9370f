mod open_sta;

use std::path::{Path, PathBuf};

use recoup_core::multiplier::Multiplier;
use recoup_core::watch::Unwatched;
use recoup_kernels::WeightCoding;

use super::{Edge, Timing, TimingOptions};
use crate::cells::CellLibrary;
use crate::mapped::MappedNetlist;
use crate::rtl::{ArrayRtl, MultiplierCircuit, Options, Sources};
use crate::synthesis::{SynthesisOptions, synthesize};

/// The library of Debian's package qflow-tech-osu018.
const OSU018: &str = "/usr/share/qflow/tech/osu018/osu018_stdcells.lib";

/// An inverter whose delay is 10 ps + 0.1 slew + 2 load to rise, half of that to fall, and an
/// enabled one with two outputs, the second after the first; a flip-flop of 30 ps, 5 ps setup.
const SMALL: &str = r#"library (small) { time_unit : "1ps"; voltage_unit : "1V";
  capacitive_load_unit (1, ff); leakage_power_unit : "1nW"; nom_voltage : 1;
  lu_table_template (t) { variable_1 : input_net_transition; variable_2 :
    total_output_net_capacitance; index_1 ("0, 100"); index_2 ("0, 10"); }
  cell (INV) { area : 1; pin (A) { direction : input; capacitance : 3; }
    pin (Y) { direction : output; function : "!A"; timing () { related_pin : "A";
      cell_rise (t) { values ("10, 30", "20, 40"); } cell_fall (t) { values ("5, 15", "10, 20"); }
      rise_transition (t) { values ("0, 10", "0, 10"); } fall_transition (t) { values ("0, 20", "0, 20"); }
    } } }
  cell (TWO) { area : 1; pin (A) { direction : input; capacitance : 1; }
    pin (N) { direction : output; function : "!A"; timing () { related_pin : "A";
      cell_rise (scalar) { values ("10"); } rise_transition (scalar) { values ("50"); }
      cell_fall (scalar) { values ("10"); } fall_transition (scalar) { values ("50"); } } }
    pin (Y) { direction : output; function : "A"; timing () { related_pin : "A";
        cell_rise (scalar) { values ("1"); } rise_transition (scalar) { values ("1"); }
        cell_fall (scalar) { values ("1"); } fall_transition (scalar) { values ("1"); } }
      timing () { related_pin : "N"; timing_sense : negative_unate; timing_type :
        combinational_rise; cell_rise (t) { values ("7, 7", "17, 17"); }
        rise_transition (scalar) { values ("2"); } } } }
  cell (DFF) { area : 1; ff (IQ, IQN) { clocked_on : "C"; next_state : "D"; }
    pin (C) { direction : input; capacitance : 1; }
    pin (D) { direction : input; capacitance : 2; timing () { related_pin : "C"; timing_type :
      setup_rising; rise_constraint (scalar) { values ("5"); } fall_constraint (scalar) {
      values ("4"); } } }
    pin (Q) { direction : output; function : "IQ"; timing () { related_pin : "C"; timing_type :
      rising_edge; cell_rise (scalar) { values ("30"); } rise_transition (scalar) { values ("8"); }
      cell_fall (scalar) { values ("28"); } fall_transition (scalar) { values ("6"); } } } } }"#;

/// A flip-flop, two inverters, a flip-flop.
const CHAIN: &str = r#"{"modules": {"top": {"ports": {"clk": {"direction": "input", "bits": [2]},
    "d": {"direction": "input", "bits": [3]}, "q": {"direction": "output", "bits": [7]}}, "cells": {
  "a": {"type": "DFF", "connections": {"C": [2], "D": [3], "Q": [4]}},
  "b": {"type": "INV", "connections": {"A": [4], "Y": [5]}},
  "c": {"type": "INV", "connections": {"A": [5], "Y": [6]}},
  "e": {"type": "DFF", "connections": {"C": [2], "D": [6], "Q": [7]}}}}}}"#;

#[test]
fn a_chain_is_as_slow_as_by_hand() {
    let library = CellLibrary::parse(SMALL).unwrap();
    let netlist = MappedNetlist::from_yosys_json(CHAIN.as_bytes(), "top", &library).unwrap();
    let options = TimingOptions { wire_ff: 0.5, ..TimingOptions::default() };
    let timing = Timing::new(&netlist, &library, &options).unwrap();
    // Loads: 3 + 0.5 fF between the inverters, 2 + 0.5 fF at the end.
    // Falling at c: 30 + (10 + 0.1 * 6 + 2 * 3.5 after falling at 28) ... of both edges at the
    // start, the rise of Q at 30 makes b fall at 30 + (10 + 0.1 * 8 + 2 * 3.5) / 2 = 38.9 with a
    // slew of 7, c rise at 38.9 + 10 + 0.7 + 5 = 54.6, and 5 of setup. The fall of Q at 28 makes b
    // rise at 28 + 10 + 0.6 + 7 = 45.6 with a slew of 3.5, c fall at 45.6 + (10 + 0.35 + 5) / 2 =
    // 53.275, and 4 of setup.
    let path = &timing.critical;
    let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-9, "{path:?}");
    close(timing.fastest_clock_ps(), 59.6);
    close(path.setup_ps, 5.0);
    let points: Vec<(&str, &str, Edge)> = path
        .points
        .iter()
        .map(|point| (point.instance.as_str(), point.pin.as_str(), point.edge))
        .collect();
    let expected = [
        ("a", "Q", Edge::Rise),
        ("b", "Y", Edge::Fall),
        ("c", "Y", Edge::Rise),
        ("e", "D", Edge::Rise),
    ];
    assert_eq!(points, expected);
    for (point, arrival_ps) in path.points.iter().zip([30.0, 38.9, 54.6, 54.6]) {
        close(point.arrival_ps, arrival_ps);
    }
}

#[test]
fn an_output_waits_for_the_other_output_that_it_is_made_of() {
    let library = CellLibrary::parse(SMALL).unwrap();
    let json = r#"{"modules": {"top": {"ports": {"a": {"direction": "input", "bits": [2]},
        "y": {"direction": "output", "bits": [3]}},
        "cells": {"u": {"type": "TWO", "connections": {"A": [2], "Y": [3]}}}}}}"#;
    let netlist = MappedNetlist::from_yosys_json(json.as_bytes(), "top", &library).unwrap();
    let timing = Timing::new(&netlist, &library, &TimingOptions::default()).unwrap();
    let net = netlist.outputs[0].nets[0];
    // N falls at 10 with a slew of 50: Y rises 7 + 0.1 * 50 later.
    assert_eq!(timing.arrival_ps[net], [22.0, 1.0]);
    assert_eq!(timing.slew_ps[net], [2.0, 1.0]);
    assert_eq!(timing.critical.points.len(), 3);
    assert_eq!(timing.critical.points[0].instance, "n2");
}

fn circuit(multiplier: &str, coding: WeightCoding) -> MultiplierCircuit {
    let multiplier: Multiplier = multiplier.parse().unwrap();
    MultiplierCircuit::new(&multiplier, coding).unwrap()
}

fn multiplier(name: &str, coding: WeightCoding) -> Sources {
    Sources::multiplier(&circuit(name, coding))
}

fn pe(name: &str, coding: WeightCoding, rows: usize) -> Sources {
    let options = Options::new(rows, 1, rows);
    Sources::pe(&ArrayRtl::new(circuit(name, coding), options, None).unwrap())
}

fn column(name: &str, rows: usize) -> Sources {
    let options = Options::new(rows, 2, rows);
    let circuit = circuit(name, WeightCoding::Unsigned);
    Sources::array(&ArrayRtl::new(circuit, options, None).unwrap())
}

/// Greatest difference from OpenSTA, as a fraction.
fn compare(designs: &[Sources], library: &CellLibrary, files: &[PathBuf], unit_ps: f64) -> f64 {
    let options = SynthesisOptions::new(library);
    let mut greatest: f64 = 0.0;
    for design in designs {
        let result = synthesize(design, library, &options, &Unwatched).unwrap();
        let own_ps = result.timing.fastest_clock_ps();
        let netlist = &result.netlist;
        let their_ps =
            open_sta::fastest_clock_ps(netlist, library, &options.timing, files, unit_ps);
        let difference = own_ps / their_ps - 1.0;
        let cells = netlist.instances.len();
        println!(
            "{:10} {cells:6} cells: {own_ps:9.1} ps, OpenSTA {their_ps:9.1} ps, {:+.2} %",
            design.top,
            100.0 * difference
        );
        greatest = greatest.max(difference.abs());
    }
    greatest
}

#[test]
fn opensta_agrees() {
    let library = CellLibrary::read(&[OSU018])
        .unwrap_or_else(|error| panic!("{error}; apt install qflow-tech-osu018"));
    let designs = [
        multiplier("exact", WeightCoding::Unsigned),
        pe("truncated:7", WeightCoding::Signed, 16),
        column("perforated:3", 3),
    ];
    let greatest = compare(&designs, &library, &[OSU018.into()], 1000.0);
    assert!(greatest < 0.02, "{greatest}");
}

/// Ten designs on any library:
///
///     RECOUP_LIBERTY="a.lib b.lib" cargo test -p recoup-hardware ten_designs -- --ignored --nocapture
///
/// The files must not be gzipped, for OpenSTA.
#[test]
#[ignore = "needs a library in RECOUP_LIBERTY"]
fn ten_designs_agree_with_opensta() {
    let files = std::env::var("RECOUP_LIBERTY").expect("RECOUP_LIBERTY has the library's files");
    let files: Vec<PathBuf> = files.split_ascii_whitespace().map(PathBuf::from).collect();
    let library = CellLibrary::read(&files).unwrap();
    let unit_ps = time_unit_ps(&files[0]);
    let (unsigned, signed) = (WeightCoding::Unsigned, WeightCoding::Signed);
    let designs = [
        multiplier("exact", unsigned),
        multiplier("exact", signed),
        multiplier("truncated:6", unsigned),
        multiplier("recursive:4", signed),
        pe("exact", unsigned, 16),
        pe("exact", signed, 64),
        pe("perforated:3", unsigned, 16),
        pe("truncated:8", signed, 64),
        column("exact", 4),
        column("truncated:7", 8),
    ];
    let greatest = compare(&designs, &library, &files, unit_ps);
    assert!(greatest < 0.02, "{greatest}");
}

/// The unit that OpenSTA's commands take.
fn time_unit_ps(file: &Path) -> f64 {
    let text = std::fs::read_to_string(file).unwrap();
    let picoseconds = text.lines().any(|line| line.contains("time_unit") && line.contains("1ps"));
    if picoseconds { 1.0 } else { 1000.0 }
}
