use crate::cells::{ArcKind, Cell, CellError, CellLibrary, Sense, Table, TruthTable};

/// A library with what real ones have: axes in either order, conditions, tables for both supply
/// pins, an inverting flip-flop with a reset, an output with an arc from another.
const LIBRARY: &str = r#"
library (small) {
  time_unit : "1ns"; voltage_unit : "1V"; capacitive_load_unit (1, pf);
  leakage_power_unit : "10pW"; nom_voltage : 1.5; default_max_capacitance : 0.4;
  lu_table_template (by_slew) { variable_1 : input_net_transition; variable_2 :
    total_output_net_capacitance; index_1 ("0.1, 0.2"); index_2 ("0.01, 0.02, 0.04"); }
  lu_table_template (by_load) { variable_1 : total_output_net_capacitance;
    variable_2 : input_net_transition; index_1 ("0.01, 0.02, 0.04"); index_2 ("0.1, 0.2"); }
  lu_table_template (setup) { variable_1 : related_pin_transition;
    variable_2 : constrained_pin_transition; index_1 ("0.1"); index_2 ("0.1, 0.2"); }
  power_lut_template (energy) { variable_1 : input_transition_time; index_1 ("0.1, 0.2"); }
  cell (NAND2) {
    area : 2.5; cell_leakage_power : 3;
    leakage_power () { value : 2; when : "A*B*!Y"; related_pg_pin : VDD; }
    leakage_power () { value : 0; when : "A*B*!Y"; related_pg_pin : VSS; }
    pin (A, B) { direction : input; capacitance : 9; rise_capacitance : 0.002;
      fall_capacitance : 0.001; }
    pin (Y) { direction : output; function : "(A B)'"; max_capacitance : 0.3;
      timing () { related_pin : "A B";
        cell_rise (by_slew) { values ("1, 2, 3", "4, 5, 7"); }
        rise_transition (scalar) { values ("0.5"); }
        cell_fall (by_load) { values ("1, 4", "2, 5", "3, 7"); }
        fall_transition (by_load) { index_1 ("0.1, 0.2, 0.3"); values ("1, 4", "2, 5", "3, 7"); }
      }
      internal_power () { related_pin : "A"; when : "B"; related_pg_pin : VDD;
        rise_power (energy) { values ("1, 2"); } fall_power (energy) { values ("1, 2"); } }
      internal_power () { related_pin : "A"; when : "B"; related_pg_pin : VSS;
        rise_power (energy) { values ("3, 4"); } fall_power (scalar) { values ("0"); } }
      internal_power () { related_pin : "B"; power (scalar) { values ("0.5"); } }
    }
  }
  cell (DFFR) {
    area : 9;
    ff (IQ, IQN) { clocked_on : "!CK"; next_state : "D'"; clear : "!R"; }
    pin (CK) { direction : input; capacitance : 0.003; clock : true; }
    pin (D) { direction : input; capacitance : 0.001;
      timing () { related_pin : "CK"; timing_type : setup_falling;
        rise_constraint (setup) { values ("0.03, 0.05"); }
        fall_constraint (setup) { values ("0.02, 0.04"); } }
      timing () { related_pin : "CK"; timing_type : setup_rising;
        rise_constraint (scalar) { values ("9"); } } }
    pin (R) { direction : input; capacitance : 0.001; }
    pin (QN) { direction : output; function : "IQN";
      timing () { related_pin : "CK"; timing_type : falling_edge; timing_sense : non_unate;
        cell_rise (scalar) { values ("0.2"); } rise_transition (scalar) { values ("0.1"); } }
      timing () { related_pin : "R"; timing_type : preset;
        cell_rise (scalar) { values ("0.2"); } rise_transition (scalar) { values ("0.1"); } } }
  }
  cell (HAI) {
    area : 4;
    pin (A) { direction : input; } pin (B) { direction : input; }
    pin (CON) { direction : output; function : "!(A*B)"; timing () { related_pin : "A B";
      cell_rise (scalar) { values ("1"); } rise_transition (scalar) { values ("1"); } } }
    pin (S) { direction : output; function : "A^B";
      timing () { related_pin : "A B";
        cell_rise (scalar) { values ("1"); } rise_transition (scalar) { values ("1"); } }
      timing () { related_pin : "CON"; timing_sense : negative_unate;
        cell_fall (scalar) { values ("1"); } fall_transition (scalar) { values ("1"); } } }
  }
  cell (TIE) { area : 1; pin (Y) { direction : output; function : "1"; } }
  cell (LATCH) { area : 1; latch (q, qn) { enable : "E"; } pin (E) { direction : input; } }
  cell (BUFZ) { area : 1; pin (Y) { direction : output; three_state : "E"; } }
  cell (WIDE) { area : 1; pin (A,B,C,D,E,F,G) { direction : input; } }
  cell (ENABLED) { area : 1; ff (IQ, IQN) { clocked_on : "CK"; next_state : "D*E + IQ*!E"; }
    pin (CK, D, E) { direction : input; } pin (Q) { direction : output; function : "IQ"; } }
  cell (UNTIMED) { area : 1; pin (A) { direction : input; }
    pin (Y) { direction : output; function : "!A"; } }
}"#;

fn library() -> CellLibrary {
    CellLibrary::parse(LIBRARY).unwrap()
}

fn cell<'a>(library: &'a CellLibrary, name: &str) -> &'a Cell {
    &library.cells[library.by_name[name]]
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9 * expected.abs().max(1.0), "{found} {expected}");
}

#[test]
fn gates_have_converted_units_and_tables_in_one_order() {
    let library = library();
    assert_eq!((library.name.as_str(), library.voltage_v), ("small", 1.5));
    let nand = cell(&library, "NAND2");
    let names: Vec<&str> = nand.pins.iter().map(|pin| pin.name.as_str()).collect();
    assert_eq!((names, nand.inputs), (vec!["A", "B", "Y"], 2));
    close(nand.area_um2, 2.5);
    close(nand.leakage_nw, 0.03);
    assert_eq!(nand.leakage_when.len(), 1);
    assert_eq!(nand.leakage_when[0].0, TruthTable { inputs: 2, bits: 0b1000 });
    close(nand.leakage_when[0].1, 0.02);
    close(nand.pins[0].capacitance_ff, 1.5);
    let output = &nand.pins[2];
    assert_eq!(output.function, Some(TruthTable { inputs: 2, bits: 0b0111 }));
    close(output.max_capacitance_ff.unwrap(), 300.0);
    assert_eq!(output.timing.len(), 2);
    let arc = &output.timing[1];
    assert_eq!((arc.related, arc.kind), (1, ArcKind::Delay(Sense::Negative)));
    assert_eq!(arc.rise_ps.slews_ps, [100.0, 200.0]);
    assert_eq!(arc.rise_ps.values, arc.fall_ps.values);
    close(arc.rise_ps.lookup(200.0, 40.0), 7000.0);
    // In the middle of four entries, and beyond the last ones.
    close(arc.rise_ps.lookup(150.0, 15.0), 3000.0);
    close(arc.rise_ps.lookup(300.0, 10.0), 7000.0);
    close(arc.rise_ps.lookup(100.0, 0.0), 0.0);
    close(arc.rise_slew_ps.lookup(1.0, 1e6), 500.0);
    assert_eq!(arc.fall_slew_ps.loads_ff.len(), 3);
    close(arc.fall_slew_ps.lookup(100.0, 300.0), 3000.0);
}

#[test]
fn energies_of_both_supply_pins_are_averaged_and_zeros_do_not_count() {
    let library = library();
    let power = &cell(&library, "NAND2").pins[2].power;
    assert_eq!(power.len(), 2);
    assert_eq!((power[0].related, power[1].related), (Some(0), Some(1)));
    assert_eq!(power[0].when, Some(TruthTable { inputs: 2, bits: 0b1100 }));
    // The unit of energy is 1 pF V^2 = 1000 fJ.
    close(power[0].rise_fj.lookup(100.0, 0.0), 2000.0);
    close(power[0].fall_fj.lookup(200.0, 0.0), 2000.0);
    close(power[1].rise_fj.lookup(0.0, 0.0), 500.0);
    assert_eq!(power[1].rise_fj, power[1].fall_fj);
}

#[test]
fn flip_flops_say_what_they_store_and_what_is_tied() {
    let library = library();
    let cell = cell(&library, "DFFR");
    let flip_flop = cell.flip_flop.as_ref().unwrap();
    assert_eq!((flip_flop.clock, flip_flop.falling), (0, true));
    assert_eq!(flip_flop.tied, [(2, true)]);
    assert_eq!(flip_flop.next_state, TruthTable::new(3, |v| v & 2 == 0));
    assert_eq!(cell.pins[3].function, Some(TruthTable::new(4, |v| v & 8 == 0)));
    assert_eq!(cell.pins[3].timing.len(), 1);
    assert_eq!(cell.pins[3].timing[0].kind, ArcKind::Delay(Sense::FallingEdge));
    let setup = &cell.pins[1].timing;
    assert_eq!((setup.len(), setup[0].kind, setup[0].related), (1, ArcKind::Setup, 0));
    close(setup[0].rise_ps.lookup(500.0, 150.0), 40.0);
}

#[test]
fn arcs_from_other_outputs_stand_apart() {
    let library = library();
    let sum = &cell(&library, "HAI").pins[3];
    assert_eq!(sum.timing.len(), 2);
    assert_eq!(sum.timing[0].kind, ArcKind::Delay(Sense::Both));
    assert_eq!(sum.timing_from_outputs.len(), 1);
    assert_eq!(sum.timing_from_outputs[0].related, 2);
    assert!(sum.timing_from_outputs[0].rise_ps.is_empty());
}

#[test]
fn what_cannot_be_used_is_left_out_with_the_reason() {
    let library = library();
    let names: Vec<&str> = library.cells.iter().map(|cell| cell.name.as_str()).collect();
    assert_eq!(names, ["NAND2", "DFFR", "HAI", "TIE"]);
    let reasons = [
        ("LATCH", "a latch"),
        ("BUFZ", "tri-state"),
        ("WIDE", "7 inputs"),
        ("ENABLED", "keeps its state"),
        ("UNTIMED", "no delay from A to Y"),
    ];
    assert_eq!(library.left_out.len(), reasons.len());
    assert_eq!(
        library.left_out_summary().unwrap(),
        "5 of 9 cells (1: it has 7 inputs, more than 6; 1: it has no delay from A to Y; 1: it is a \
         latch; 1: its flip-flop keeps its state at some edges; and other reasons)"
    );
    let two = LIBRARY.replace("cell (BUFZ)", "cell (L2) { latch (a, b) { } } cell (BUFZ)");
    let two = CellLibrary::parse(&two).unwrap().left_out_summary().unwrap();
    assert!(two.starts_with("6 of 10 cells (2: it is a latch; 1: "), "{two}");
    for ((cell, reason), (expected_cell, expected)) in library.left_out.iter().zip(reasons) {
        assert_eq!(cell, expected_cell);
        assert!(reason.contains(expected), "{cell}: {reason}");
    }
}

#[test]
fn an_error_names_the_place_and_what_was_expected() {
    let cases = [
        (
            "lu_table_template (by_load)",
            "lu_table_template (b)",
            "line 22, column 9: found unknown \
            table template by_load, expected scalar, or one that the library declares: b, by_slew",
        ),
        ("time_unit : \"1ns\";", "", "library small without time_unit, expected a unit"),
        ("capacitive_load_unit (1, pf);", "", "without capacitive_load_unit"),
        ("voltage_unit : \"1V\";", "", "without voltage_unit"),
        ("nom_voltage : 1.5;", "", "without nom_voltage"),
        ("\"1ns\"", "\"1 parsec\"", "found \"1 parsec\""),
        (
            "values (\"1, 2, 3\", \"4, 5, 7\")",
            "values (\"1, 2\")",
            "found 2 values in cell_rise, \
            expected 6",
        ),
        ("values (\"1, 2, 3\"", "values (\"1, x, 3\"", "found x in values, expected a number"),
        ("index_1 (\"0.1, 0.2, 0.3\")", "index_1 (\"0.1, 0.3, 0.2\")", "not ascending"),
        ("area : 2.5;", "area : -2.5;", "found area of -2.5, expected 0 or more"),
        ("area : 2.5;", "area : 2.5; dont_use : maybe;", "found dont_use : maybe, expected true"),
        ("rise_capacitance : 0.002", "rise_capacitance : -1", "rise_capacitance of -1, expected 0"),
        ("cell_leakage_power : 3", "cell_leakage_power : -3", "cell_leakage_power of -3"),
        ("{ value : 2;", "{ value : -2;", "found value of -2, expected 0 or more"),
        (
            "values (\"1, 2, 3\", \"4, 5, 7\")",
            "values (\"-1, -2, -3\", \"-4, -5, -7\")",
            "line 20, column 9: found negative times in cell_rise, expected times of 0 or more",
        ),
        (
            "values (\"1, 4\", \"2, 5\", \"3, 7\"); }\n      }",
            "values (\"1, 4\", \"-2, 5\", \"3, 7\"); }\n      }",
            "found negative times in fall_transition",
        ),
        (
            "library (small) {",
            "library (small) { include_file (\"more.lib\");",
            "found include_file",
        ),
        ("library (small)", "module (small)", "found the group module, expected library"),
    ];
    for (from, to, expected) in cases {
        assert!(LIBRARY.contains(from), "{from}");
        let message = CellLibrary::parse(&LIBRARY.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(message.contains(expected), "{expected:?} is not in: {message}");
    }
}

#[test]
fn files_are_merged_and_may_be_gzipped() {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(LIBRARY.as_bytes()).unwrap();
    std::fs::write(path("a.lib.gz"), packed.finish().unwrap()).unwrap();
    let header = &LIBRARY[..LIBRARY.find("  cell").unwrap()];
    let other = |text: &str| format!("{}{text} }}", header.replace("1ns", "1ps"));
    let tie = "cell (TIELO) { area : 1; pin (Y) { direction : output; function : \"0\"; } }";
    std::fs::write(path("b.lib"), other(tie)).unwrap();
    let merged = CellLibrary::read(&[path("a.lib.gz"), path("b.lib")]).unwrap();
    assert_eq!(merged.cells.len(), 5);
    assert_eq!(merged.by_name["TIELO"], 4);
    assert_eq!((merged.left_out.len(), merged.name.as_str()), (5, "small"));

    let again = CellLibrary::read(&[path("b.lib"), path("b.lib")]).unwrap_err();
    assert!(matches!(again, CellError::Duplicate { .. }), "{again}");
    std::fs::write(path("c.lib"), other("").replace("1.5", "1.2")).unwrap();
    let voltage = CellLibrary::read(&[path("b.lib"), path("c.lib")]).unwrap_err().to_string();
    assert!(voltage.contains("is for 1.2 V and"), "{voltage}");
    let none = CellLibrary::read(&[path("c.lib")]).unwrap_err().to_string();
    assert!(none.contains("none of its cells can be used; it has none"), "{none}");
    let missing = CellLibrary::read(&[path("d.lib")]).unwrap_err().to_string();
    assert!(missing.contains("d.lib: cannot be read"), "{missing}");
    std::fs::write(path("f.lib"), format!("\u{feff}{LIBRARY}")).unwrap();
    assert_eq!(CellLibrary::read(&[path("f.lib")]).unwrap().cells.len(), 4);
    let folder_error = CellLibrary::read(&[folder.path()]).unwrap_err().to_string();
    assert!(folder_error.contains("found a folder, expected a file"), "{folder_error}");
    let steering = other("cell (\u{1b}[31m) { area : 1; }");
    std::fs::write(path("g.lib"), steering).unwrap();
    let left_out = CellLibrary::read(&[path("g.lib")]).unwrap_err().to_string();
    assert!(left_out.contains(r"\u{1b}[31m: it has no output"), "{left_out}");
    std::fs::write(path("e.lib"), &LIBRARY[..LIBRARY.len() / 2]).unwrap();
    let cut = CellLibrary::read(&[path("e.lib")]).unwrap_err().to_string();
    assert!(cut.contains("e.lib: line "), "{cut}");
}

#[test]
fn words_are_64_evaluations_at_once() {
    let words = [0x5555_aaaa_1234_5678, 0x0f0f_0f0f_8765_4321, 0x00ff_00ff_dead_beef];
    let mut tables = 0;
    for bits in (0..256).step_by(7) {
        let table = TruthTable { inputs: 3, bits };
        let result = table.evaluate_words(&words);
        for lane in 0..64 {
            let v = (0..3).fold(0, |v, input| v | ((words[input] >> lane & 1) as u32) << input);
            assert_eq!(result >> lane & 1 == 1, table.value(v));
        }
        tables += 1;
    }
    assert_eq!(tables, 37);
    assert_eq!(TruthTable { inputs: 6, bits: u64::MAX }.constant(), Some(true));
    assert_eq!(TruthTable { inputs: 0, bits: 1 }.constant(), Some(true));
    assert_eq!(Table::default().lookup(1.0, 1.0), 0.0);
}

/// What libraries in use write, whether the standard has it or not.
#[test]
fn values_in_other_spellings() {
    let unit = "capacitive_load_unit (1, pf);";
    let nand = |text: &str| {
        let library = CellLibrary::parse(text).unwrap_or_else(|error| panic!("{error}"));
        cell(&library, "NAND2").clone()
    };
    for (spelling, scale) in [
        ("capacitive_load_unit (1, ff);", 1.0),
        ("capacitive_load_unit (1.0, \"fF\");", 1.0),
        ("capacitive_load_unit (1ff);", 1.0),
        ("capacitive_load_unit (1pf);", 1e3),
        ("capacitive_load_unit (\"1 pf\");", 1e3),
        ("capacitive_load_unit : \"1pf\";", 1e3),
        ("capacitive_load_unit : 10 ff;", 10.0),
        ("capacitive_load_unit (pf);", 1e3),
    ] {
        let pin = nand(&LIBRARY.replace(unit, spelling)).pins[0].capacitance_ff;
        close(pin, 0.0015 * scale);
    }
    let same = |from: &str, to: &str| {
        assert!(LIBRARY.contains(from), "{from}");
        let read = nand(&LIBRARY.replacen(from, to, 1));
        let first = nand(LIBRARY);
        assert_eq!(format!("{first:?}"), format!("{read:?}"), "{to}");
    };
    same("area : 2.5;", "area : 2.5; dont_use : \"false\"; dont_touch : false;;");
    same("function : \"(A B)'\";", "function : (A * B)';");
    same("when : \"A*B*!Y\";", "when : A * B * !Y;");
    same("power (scalar) { values (\"0.5\"); }", "power () { values (\"0.5\"); };");
    same("pin (A, B) {", "pin (A, B) ; {");
    same("related_pin : \"B\"; power", "related_pin : B; power");

    // An empty group has no energy.
    let none = LIBRARY.replace("power (scalar) { values (\"0.5\"); }", "power () { }");
    close(nand(&none).pins[2].power[1].rise_fj.lookup(0.0, 0.0), 0.0);
    let reasons = |from: &str, to: &str| {
        assert!(LIBRARY.contains(from), "{from}");
        CellLibrary::parse(&LIBRARY.replacen(from, to, 1)).unwrap().left_out.remove(0)
    };
    for (to, expected) in [
        ("area : 2.5; dont_use : \"true\";", "the library says dont_use"),
        ("area : 2.5; dont_use : TRUE ;", "the library says dont_use"),
        ("area : 2.5; statetable (\"A B\", \"Y\") { table : \"H - : - : N\"; }", "a state table"),
        ("area : 2.5; bus (D) { bus_type : b8; direction : input; }", "a cell with buses"),
    ] {
        let (cell, reason) = reasons("area : 2.5;", to);
        assert!(cell == "NAND2" && reason.contains(expected), "{cell}: {reason}");
    }
    let indexed = "power () { index_1 (\"0.1, 0.2\"); values (\"1, 2\"); }";
    let (_, reason) = reasons("power (scalar) { values (\"0.5\"); }", indexed);
    assert_eq!(reason, "its power has indices and no template for them");
}

/// Clock gates as libraries have them: named by an attribute, with a state table and a pin for tests;
/// and a latch with an and behind it.
#[test]
fn clock_gates_are_recognised_by_attribute_and_by_function() {
    let timing = "timing () { related_pin : \"CK\"; cell_rise (scalar) { values (\"0.1\"); }
        rise_transition (scalar) { values (\"0.1\"); } }";
    let marked = format!(
        "cell (GATE) {{ area : 2; clock_gating_integrated_cell : latch_posedge_precontrol;
           statetable (\"CK E T\", \"IQ\") {{ table : \"L L L : - : L\"; }}
           pin (IQ) {{ direction : internal; internal_node : \"IQ\"; }}
           pin (CK) {{ direction : input; clock_gate_clock_pin : true; }}
           pin (E) {{ direction : input; clock_gate_enable_pin : true; }}
           pin (T) {{ direction : input; clock_gate_test_pin : true; }}
           pin (G) {{ direction : output; state_function : \"CK * IQ\";
             clock_gate_out_pin : true; {timing} }} }}"
    );
    let latch = format!(
        "cell (GATE) {{ area : 2; latch (IQ, IQN) {{ enable : \"!CK\"; data_in : \"E + T\"; }}
           pin (CK, E, T) {{ direction : input; }}
           pin (G) {{ direction : output; function : \"CK * IQ\"; {timing} }} }}"
    );
    let with = |text: &str| {
        CellLibrary::parse(&LIBRARY.replace("cell (BUFZ)", &format!("{text} cell (BUFZ)")))
    };
    for text in [&marked, &latch] {
        let library = with(text).unwrap();
        let gate = cell(&library, "GATE");
        let pins = gate.clock_gate.clone().unwrap();
        assert_eq!((pins.clock, pins.enable, &pins.tied[..]), (0, 1, &[2][..]));
        assert_eq!(gate.pins[3].function.unwrap().bits, 0b1010_1000);
        assert_eq!(library.left_out.len(), 5);
        let all: Vec<usize> = (0..library.cells.len()).collect();
        assert_eq!(library.clock_gate(&all), library.by_name.get("GATE").copied());
        // No mapper may take it for an and of two.
        let is_and = TruthTable::new(3, |v| v & 1 == 1 && v & 6 != 0);
        assert_eq!(library.smallest(&all, is_and), None);
        let written = library.to_liberty(&all);
        let written = &written[written.find("cell (GATE)").unwrap()..];
        let written = &written[..written.find("  }\n  cell").unwrap_or(written.len())];
        assert!(written.contains("dont_use") && !written.contains("function"), "{written}");
    }
    for (text, from, to, reason) in [
        (&latch, "!CK", "CK", "it is a latch"),
        (&latch, "CK * IQ", "CK * IQN", "it is a latch"),
        (&marked, "latch_posedge", "latch_negedge", "it is a clock gate of another kind"),
        (&marked, "clock_gate_enable_pin : true", "", "does not say its clock and enable pins"),
    ] {
        let library = with(&text.replace(from, to)).unwrap();
        let found = library.left_out.iter().find(|(cell, _)| cell == "GATE").unwrap();
        assert!(found.1.contains(reason), "{found:?}");
    }
}

/// Whatever is missing, the result is a library or an error, never a panic.
#[test]
fn damaged_text_does_no_harm() {
    let (mut libraries, mut errors) = (0, 0);
    for place in 0..LIBRARY.len() {
        let without = format!("{}{}", &LIBRARY[..place], &LIBRARY[place + 1..]);
        for text in [&LIBRARY[..place], &without] {
            match CellLibrary::parse(text) {
                Ok(library) => {
                    let cells: Vec<usize> = (0..library.cells.len()).collect();
                    assert!(!library.to_liberty(&cells).is_empty());
                    libraries += 1;
                }
                Err(error) => {
                    assert!(error.line as usize <= text.lines().count() + 1, "{error}");
                    errors += 1;
                }
            }
        }
    }
    assert!(libraries > 1000 && errors > LIBRARY.len(), "{libraries} {errors}");
}

/// What is written for other tools is read back as what it was.
#[test]
fn a_written_library_reads_back() {
    let library = library();
    let cells: Vec<usize> = (0..library.cells.len()).collect();
    let again = CellLibrary::parse(&library.to_liberty(&cells)).unwrap();
    assert_eq!(again.left_out, []);
    for (first, second) in library.cells.iter().zip(&again.cells) {
        assert_eq!((&first.name, first.area_um2), (&second.name, second.area_um2));
        for (pin, other) in first.pins.iter().zip(&second.pins) {
            assert_eq!((&pin.name, pin.function), (&other.name, other.function));
            assert_eq!(pin.capacitance_ff, other.capacitance_ff);
        }
        let stored = |cell: &Cell| {
            cell.flip_flop.as_ref().map(|ff| (ff.clock, ff.falling, ff.next_state, ff.tied.clone()))
        };
        assert_eq!(stored(first), stored(second));
    }
    let rise = |library: &CellLibrary| cell(library, "NAND2").pins[2].timing[0].rise_ps.clone();
    assert_eq!(rise(&library), rise(&again));
}
