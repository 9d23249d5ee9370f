use super::{MappedError, MappedNetlist};
use crate::cells::{Cell, CellLibrary, FlipFlop, Pin, TruthTable};

fn cell(name: &str, inputs: &[&str], outputs: &[(&str, u64)]) -> Cell {
    let variables = inputs.len() as u8;
    let pin = |name: &&str| Pin { name: (*name).to_owned(), ..Pin::default() };
    let output = |(name, bits): &(&str, u64)| Pin {
        name: (*name).to_owned(),
        function: Some(TruthTable { inputs: variables, bits: *bits }),
        ..Pin::default()
    };
    Cell {
        name: name.to_owned(),
        area_um2: 1.5,
        leakage_nw: 0.0,
        leakage_when: Vec::new(),
        pins: inputs.iter().map(pin).chain(outputs.iter().map(output)).collect(),
        inputs: inputs.len(),
        flip_flop: None,
        clock_gate: None,
    }
}

fn library() -> CellLibrary {
    let next_state = TruthTable::new(3, |v| v & 2 != 0);
    let flip_flop = FlipFlop { clock: 0, falling: false, next_state, tied: vec![(2, true)] };
    let mut dff = cell("DFF", &["C", "D", "R"], &[("Q", 0)]);
    dff.flip_flop = Some(flip_flop);
    let cells = vec![
        cell("NAND", &["A", "B"], &[("Y", 0b0111)]),
        cell("HALF", &["A", "B"], &[("S", 0b0110), ("C", 0b1000)]),
        cell("HIGH", &[], &[("Y", 1)]),
        dff,
    ];
    let by_name = cells.iter().enumerate().map(|(id, cell)| (cell.name.clone(), id)).collect();
    CellLibrary { cells, by_name, ..CellLibrary::default() }
}

fn read(modules: &str) -> Result<MappedNetlist, MappedError> {
    let json = format!("{{\"modules\": {{{}}}}}", modules.replace('\'', "\""));
    MappedNetlist::from_yosys_json(json.as_bytes(), "top", &library())
}

/// A module with an input a of two bits, 2 and 3, an output y of `y`, and cells.
fn top(y: &str, cells: &str) -> String {
    format!(
        "'top': {{'ports': {{'a': {{'direction': 'input', 'bits': [2, 3]}}, 'y': {{'direction': \
         'output', 'bits': [{y}]}}}}, 'cells': {{{cells}}}, 'netnames': {{'a': {{'hide_name': 0, \
         'bits': [2, 3]}}, '$1': {{'hide_name': 1, 'bits': [4]}}, 'y': {{'hide_name': 0, 'bits': \
         [{y}]}}}}}}"
    )
}

fn instance(name: &str, kind: &str, pins: &[(&str, &str)]) -> String {
    let pins: Vec<String> = pins.iter().map(|(pin, net)| format!("'{pin}': [{net}]")).collect();
    format!("'{name}': {{'type': '{kind}', 'connections': {{{}}}}}", pins.join(", "))
}

#[test]
fn kept_units_are_flattened_with_their_paths() {
    let inner = "'unit': {'ports': {'i': {'direction': 'input', 'bits': [7]}, 'o': {'direction': \
        'output', 'bits': [8]}, 'same': {'direction': 'output', 'bits': [7]}, 'one': {'direction': \
        'output', 'bits': ['1']}}, 'cells': {'g': {'type': 'NAND', 'connections': {'A': [7], 'B': \
        [7], 'Y': [8]}}}, 'netnames': {'o': {'hide_name': 0, 'bits': [8]}}}";
    let unit = |name: &str, i: &str, o: &str, same: &str, one: &str| {
        instance(name, "unit", &[("i", i), ("o", o), ("same", same), ("one", one)])
    };
    let cells = [unit("u", "2", "4", "5", "6"), unit("v", "5", "9", "10", "11")].join(", ");
    let netlist = read(&format!("{}, {inner}", top("4, 9, 10, 11, 3", &cells))).unwrap();
    let names: Vec<&str> = netlist.instances.iter().map(|found| found.name.as_str()).collect();
    assert_eq!(names, ["u/g", "v/g"]);
    let outputs = &netlist.outputs[0].nets;
    let name = |net: usize| netlist.nets[net].as_str();
    assert_eq!(name(outputs[0]), "y[0]");
    // v's input is u's, passed on; so is v's own.
    assert_eq!(netlist.instances[0].nets[0], netlist.instances[1].nets[0]);
    assert_eq!(outputs[2], netlist.inputs[0].nets[0]);
    assert_eq!((outputs[3], outputs[4]), (1, netlist.inputs[0].nets[1]));
    assert_eq!(netlist.units(&library()).len(), 2);
    assert_eq!(netlist.area_um2(&library()), 3.0);
}

#[test]
fn outputs_of_one_cell_are_evaluated_together() {
    let bits = |name: &str, from: usize, direction: &str, count: usize| {
        let bits: Vec<String> = (from..from + count).map(|bit| bit.to_string()).collect();
        format!("'{name}': {{'direction': '{direction}', 'bits': [{}]}}", bits.join(", "))
    };
    let ports = [bits("a", 2, "input", 8), bits("b", 10, "input", 8), bits("y", 18, "output", 2)];
    let half = instance("h", "HALF", &[("A", "2"), ("B", "10"), ("S", "18"), ("C", "19")]);
    let json = format!("'top': {{'ports': {{{}}}, 'cells': {{{half}}}}}", ports.join(", "));
    let netlist = read(&json).unwrap();
    let table = netlist.product_table(&library(), ["a", "b"], "y").unwrap();
    assert!((0..1 << 16).all(|v| table[v] == (v as u64 >> 8 & 1) + (v as u64 & 1)));
    let missing = netlist.product_table(&library(), ["a", "x"], "y").unwrap_err().to_string();
    assert!(
        missing.contains("has no input x of 8 bits; its ports: a [8], b [8], y [2]"),
        "{missing}"
    );
}

#[test]
fn what_is_no_netlist_of_cells_is_an_error_with_names() {
    let nand = |name: &str, a: &str, b: &str, y: &str| {
        instance(name, "NAND", &[("A", a), ("B", b), ("Y", y)])
    };
    let dff = |r: &str| instance("ff", "DFF", &[("C", "2"), ("D", "3"), ("R", r), ("Q", "4")]);
    let two = |first: String, second: String| top("4", &[first, second].join(", "));
    let cases = [
        (top("4", &instance("g", "$_DLATCH_P_", &[])), "1 cells are not mapped", "g of kind $_DL"),
        (top("4", &nand("g", "2", "5", "4")), "net n5 is read by g", "nothing drives"),
        (top("4", ""), "read by output y", "nothing drives"),
        (two(nand("g", "2", "3", "4"), nand("h", "2", "3", "4")), "driven by g and by h", "y"),
        (top("4", &nand("g", "3", "3", "2")), "net a[0] is driven by input a and by g", "one"),
        (two(nand("g", "2", "5", "4"), nand("h", "4", "3", "5")), "loop through", "h, g"),
        (
            top("4", &instance("g", "NAND", &[("A", "2"), ("Y", "4")])),
            "input B is not",
            "g of NAND",
        ),
        (top("4", &instance("g", "NAND", &[("X", "2")])), "has no pin X", "g of NAND"),
        (top("4", &instance("g", "NAND", &[("A", "2, 3")])), "2 nets at pin A", "g of NAND"),
        (top("4", &dff("3")), "its pin R is used; expected a constant 1", "ff of DFF"),
        (top("4", &dff("'0'")), "its pin R is used", "ff of DFF"),
        (top("4", &instance("t", "top", &[("a", "2, 3"), ("y", "4")])), "top contains", "itself"),
        ("'other': {'ports': {}, 'cells': {}}".to_owned(), "no module top", "it has other"),
        ("'top': 3".to_owned(), "not what yosys' write_json gives", "a module with \"ports\""),
    ];
    for (json, first, second) in cases {
        let message = read(&json).unwrap_err().to_string();
        assert!(
            message.contains(first) && message.contains(second),
            "{first}, {second}: {message}"
        );
    }
}

#[test]
fn a_tied_pin_may_be_driven_by_a_tie_cell() {
    let tie = instance("t", "HIGH", &[("Y", "5")]);
    let dff = instance("ff", "DFF", &[("C", "2"), ("D", "3"), ("R", "5"), ("Q", "4")]);
    let netlist = read(&top("4", &[tie, dff].join(", "))).unwrap();
    let sequential = netlist.product_table(&library(), ["a", "a"], "y");
    assert!(sequential.is_err());
    assert_eq!(netlist.order(&library()).unwrap().len(), 1);
}
