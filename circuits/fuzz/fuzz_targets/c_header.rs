#![no_main]
//! Arrays of C.

use libfuzzer_sys::fuzz_target;
use recoup_circuits::table::parse_c_header;
use recoup_circuits_fuzz::expand;

fuzz_target!(|input: &[u8]| {
    if let Ok(cells) = parse_c_header(&expand(input)) {
        assert_eq!(cells.values().len(), 65536);
    }
});
