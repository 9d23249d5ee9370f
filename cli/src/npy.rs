//! NumPy's .npy format, version 1.0, little-endian, C order.

/// What every file starts with.
pub const MAGIC: &[u8] = b"\x93NUMPY";

/// The header of an array; the elements follow it.
pub fn header(descr: &str, shape: &[usize]) -> Vec<u8> {
    let dims: String = shape.iter().map(|dim| format!("{dim}, ")).collect();
    let mut dictionary =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({dims}), }}");
    // The elements start at a multiple of 64 bytes; 10 bytes come before the dictionary.
    while (10 + dictionary.len() + 1) % 64 != 0 {
        dictionary.push(' ');
    }
    dictionary.push('\n');
    let mut bytes = [MAGIC, b"\x01\x00"].concat();
    bytes.extend((dictionary.len() as u16).to_le_bytes());
    bytes.extend(dictionary.into_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_header_is_aligned_and_complete() {
        let header = super::header("<i4", &[256, 256]);
        assert_eq!(header.len() % 64, 0);
        assert_eq!(&header[..8], b"\x93NUMPY\x01\x00");
        let text = std::str::from_utf8(&header[10..]).unwrap();
        assert!(
            text.starts_with("{'descr': '<i4', 'fortran_order': False, 'shape': (256, 256, ), }")
        );
        assert!(text.ends_with('\n'));
    }
}
