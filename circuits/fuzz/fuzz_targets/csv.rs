#![no_main]
//! Tables in text.

use libfuzzer_sys::fuzz_target;
use recoup_circuits::table::parse_csv;
use recoup_circuits_fuzz::expand;

fuzz_target!(|input: &[u8]| {
    if let Ok(cells) = parse_csv(&expand(input)) {
        assert_eq!(cells.values().len(), 65536);
    }
});
