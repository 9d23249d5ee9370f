//! Raw products: 65,536 little-endian numbers and nothing else.

use super::{
    cells::{Cells, Stored, other_width},
    error::{ParseError, Place},
    options::ElementType,
};
use crate::ProductTable;

const BYTES_16: usize = 2 * ProductTable::LEN;
const BYTES_32: usize = 4 * ProductTable::LEN;

/// The size of the largest raw table.
pub(super) const MAX_BYTES: usize = BYTES_32;

/// Whether a file of this size can be raw.
pub(super) fn is_size(bytes: usize) -> bool {
    bytes == BYTES_16 || bytes == BYTES_32
}

/// What to say of a raw table of another width: an odd power of 2 is 16-bit products, an even one
/// those of 32 bits.
pub(super) fn other_width_of_bytes(bytes: u64) -> String {
    [2, 4]
        .map(|size| other_width(if bytes.is_multiple_of(size) { bytes / size } else { 0 }))
        .concat()
}

/// Reads raw products; the size decides between 16 and 32 bits, `element` is for the sign and
/// has to agree.
///
/// # Errors
/// If the size is not that of 65,536 products.
pub fn parse_raw(bytes: &[u8], element: Option<ElementType>) -> Result<Cells, ParseError> {
    let expected = match element {
        Some(element) => {
            let size = element.bytes() * ProductTable::LEN;
            (bytes.len() != size).then(|| format!("{size} bytes, 65,536 products of {element}"))
        }
        None => (!is_size(bytes.len())).then(|| {
            format!("{BYTES_16} bytes (65,536 products of 16 bits) or {BYTES_32} (of 32 bits)")
        }),
    };
    if let Some(expected) = expected {
        let expected = expected + &other_width_of_bytes(bytes.len() as u64);
        return Err(ParseError::new(Place::File, format!("{} bytes", bytes.len()), expected));
    }
    if bytes.len() == BYTES_32 {
        let (values, _) = bytes.as_chunks();
        let values = values.iter().map(|&v| i32::from_le_bytes(v)).collect();
        return Ok(Cells::plain(values, Stored::Numbers));
    }
    let (values, _) = bytes.as_chunks();
    let values = values.iter().map(|&v| i32::from(u16::from_le_bytes(v))).collect();
    Ok(Cells::plain(values, Stored::Bits16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_decides_the_width() {
        let mut bytes = vec![0; BYTES_16];
        bytes[2..4].copy_from_slice(&[0xfe, 0xff]);
        assert_eq!(parse_raw(&bytes, None).unwrap().values()[1], 65534);
        let mut bytes = vec![0; BYTES_32];
        bytes[4..8].copy_from_slice(&[0xfe, 0xff, 0xff, 0xff]);
        assert_eq!(parse_raw(&bytes, None).unwrap().values()[1], -2);
    }

    #[test]
    fn every_other_size_is_an_error() {
        for size in [0, 1, BYTES_16 - 1, BYTES_16 + 1, 3 * 65536, BYTES_32 - 4, BYTES_32 + 1] {
            let error = parse_raw(&vec![0; size], None).unwrap_err().to_string();
            assert_eq!(
                error,
                format!(
                    "found {size} bytes, expected 131072 bytes (65,536 products of 16 bits) or \
                     262144 (of 32 bits)"
                )
            );
        }
    }

    #[test]
    fn a_declared_type_has_to_agree_with_the_size() {
        let short = vec![0; BYTES_16];
        assert!(parse_raw(&short, Some(ElementType::I16)).is_ok());
        let error = parse_raw(&short, Some(ElementType::I32)).unwrap_err().to_string();
        assert_eq!(error, "found 131072 bytes, expected 262144 bytes, 65,536 products of i32");
        assert!(parse_raw(&vec![0; BYTES_32], Some(ElementType::U16)).is_err());
    }
}
