#![no_main]
//! Netlists as yosys' `write_json` writes them.

use libfuzzer_sys::fuzz_target;
use recoup_circuits::netlist::{Library, VerilogOptions, parse_yosys_json};

fuzz_target!(|input: &[u8]| {
    if let Ok(design) = parse_yosys_json(input) {
        let _ = design.import(None, &VerilogOptions::default(), &Library::default());
    }
});
