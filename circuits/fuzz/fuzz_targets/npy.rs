#![no_main]
//! NumPy arrays: a header from the input, then products of each width.

use libfuzzer_sys::fuzz_target;
use recoup_circuits::table::parse_npy;

fuzz_target!(|input: &[u8]| {
    let _ = parse_npy(input);
    // The header says how many bytes follow: its length is at 8 or at 8 to 11.
    let Some(&[version, _, low, high]) = input.get(6..10) else { return };
    let start = if version == 1 { 10 } else { 12 } + usize::from(u16::from_le_bytes([low, high]));
    for width in [1, 2, 4, 8] {
        let mut bytes = input.to_vec();
        bytes.resize(start + width * 65536, 0);
        if let Ok(cells) = parse_npy(&bytes) {
            assert_eq!(cells.values().len(), 65536);
        }
    }
});
