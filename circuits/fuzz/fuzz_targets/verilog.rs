#![no_main]
//! Verilog text with a Liberty file after it, separated by `%%%`.

use libfuzzer_sys::fuzz_target;
use recoup_circuits::netlist::{Library, VerilogOptions, parse_liberty, parse_verilog};

fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    let (verilog, liberty) = text.split_once("%%%").unwrap_or((&text, ""));
    let library = match liberty {
        "" => Library::default(),
        liberty => parse_liberty(liberty).unwrap_or_default(),
    };
    let Ok(design) = parse_verilog(verilog) else { return };
    let Ok(import) = design.import(None, &VerilogOptions::default(), &library) else { return };
    // What was read can be written and read again.
    let text = import.netlist.to_verilog("again");
    let again = parse_verilog(&text).unwrap();
    let again = again.import(None, &VerilogOptions::default(), &Library::default()).unwrap();
    assert_eq!(again.netlist.products(), import.netlist.products());
});
