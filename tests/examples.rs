//! The examples run, and give what they promise.

#[path = "../examples/array.rs"]
#[expect(dead_code, reason = "its main writes to where it is run")]
mod array;
#[path = "../examples/evaluate.rs"]
mod evaluate;
#[path = "../examples/explore.rs"]
mod explore;
#[path = "../examples/own_multiplier.rs"]
mod own_multiplier;

#[test]
fn a_network_on_two_multipliers() {
    evaluate::main().unwrap();
}

#[test]
fn a_multiplier_of_ones_own() {
    own_multiplier::main().unwrap();
}

#[test]
fn the_least_power_under_a_limit() {
    explore::main().unwrap();
}

#[test]
fn an_array_as_verilog() {
    let folder = tempfile::tempdir().unwrap();
    array::write(folder.path()).unwrap();
    let array = std::fs::read_to_string(folder.path().join("array.sv")).unwrap();
    // Four products in each PE, and four columns beside one another.
    assert!(array.contains("pe_0_0") && !array.contains("pe_1_"), "{array}");
    let line = std::fs::read_to_string(folder.path().join("x_line.sv")).unwrap();
    assert!(line.contains("module x_line"), "{line}");
}
