//! NumPy arrays (.npy) of whole numbers, 256 x 256 or 65,536 long.

use super::{
    cells::{Cells, SIDE, Stored, other_width},
    error::{ParseError, Place, quote},
};
use crate::ProductTable;

const MAGIC: &[u8] = b"\x93NUMPY";

/// NumPy pads headers to 64 bytes and warns above 10,000; more is no array of ours.
const MAX_HEADER_BYTES: usize = 1 << 16;

/// The size of the largest file: a header, and products of 64 bits.
pub(super) const MAX_BYTES: usize = MAX_HEADER_BYTES + 8 * ProductTable::LEN;

/// Whether bytes start as a .npy file.
pub(super) fn is_npy(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Reads an array of any integer type, byte order and axis order.
///
/// # Errors
/// If it is no such array, if it is not 256 x 256 or 65,536 long, if a product does not fit 32
/// bits.
pub fn parse_npy(bytes: &[u8]) -> Result<Cells, ParseError> {
    let (text, data) = split_header(bytes)?;
    let header = Header::parse(text)?;
    let expected = header.element.bytes * ProductTable::LEN;
    if data.len() != expected {
        let found = format!("{} bytes of products", data.len());
        let expected = format!("{expected} bytes, as the header says");
        return Err(ParseError::new(Place::Byte(bytes.len()), found, expected));
    }
    let element = |index: usize| {
        let start = index * header.element.bytes;
        header.element.read(&data[start..start + header.element.bytes])
    };
    // The first axis is the fastest in Fortran order.
    let transposed = |index: usize| index % SIDE * SIDE + index / SIDE;
    let products = (0..ProductTable::LEN).map(|index| {
        let value = element(if header.transposed { transposed(index) } else { index });
        i32::try_from(value).map_err(|_| {
            let expected = "a product that fits 32 bits with a sign";
            ParseError::new(Place::Product(index), value.to_string(), expected)
        })
    });
    Ok(Cells::plain(products.collect::<Result<_, _>>()?, Stored::Numbers))
}

/// The text of the header, and the bytes after it.
fn split_header(bytes: &[u8]) -> Result<(&str, &[u8]), ParseError> {
    let truncated = || {
        ParseError::new(
            Place::Byte(bytes.len()),
            "the end of the file",
            "the header of a .npy file",
        )
    };
    if !is_npy(bytes) {
        let found = "another start";
        let expected = "\\x93NUMPY, as every .npy file starts";
        return Err(ParseError::new(Place::Byte(0), found, expected));
    }
    let version = *bytes.get(MAGIC.len()).ok_or_else(truncated)?;
    let length_bytes = match version {
        1 => 2,
        2 | 3 => 4,
        _ => {
            let found = format!("version {version}");
            return Err(ParseError::new(Place::Byte(MAGIC.len()), found, "version 1, 2 or 3"));
        }
    };
    let length_start = MAGIC.len() + 2;
    let text_start = length_start + length_bytes;
    let mut length = [0; 4];
    let stored = bytes.get(length_start..text_start).ok_or_else(truncated)?;
    length[..length_bytes].copy_from_slice(stored);
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_HEADER_BYTES {
        let found = format!("a header of {length} bytes");
        let expected = format!("at most {MAX_HEADER_BYTES}");
        return Err(ParseError::new(Place::Byte(length_start), found, expected));
    }
    let text = bytes.get(text_start..text_start + length).ok_or_else(truncated)?;
    let text = str::from_utf8(text).map_err(|error| {
        let place = Place::Byte(text_start + error.valid_up_to());
        ParseError::new(place, "a byte that is no text", "a header in UTF-8")
    })?;
    Ok((text, &bytes[text_start + length..]))
}

/// What the header says of the array.
struct Header {
    element: Element,
    /// Whether the second index varies slowest.
    transposed: bool,
}

impl Header {
    /// Parses `{'descr': '<i2', 'fortran_order': False, 'shape': (256, 256), }`.
    fn parse(text: &str) -> Result<Self, ParseError> {
        let missing = |key: &str| {
            let expected = format!("{key} with a value of its kind");
            ParseError::new(Place::File, format!("the header {}", quote(text)), expected)
        };
        let descr = value(text, "'descr':")
            .and_then(|descr| descr.strip_prefix('\''))
            .and_then(|descr| descr.split_once('\''))
            .ok_or_else(|| missing("'descr'"))?
            .0;
        let element = Element::parse(descr).ok_or_else(|| {
            let expected = "an integer type; convert with astype(numpy.int32), after rounding";
            ParseError::new(Place::File, format!("elements of type {}", quote(descr)), expected)
        })?;
        let fortran = match value(text, "'fortran_order':") {
            Some(order) if order.starts_with("False") => false,
            Some(order) if order.starts_with("True") => true,
            _ => return Err(missing("'fortran_order'")),
        };
        let shape = value(text, "'shape':")
            .and_then(|shape| shape.strip_prefix('('))
            .and_then(|shape| shape.split_once(')'))
            .ok_or_else(|| missing("'shape'"))?
            .0;
        let extents: Vec<_> = shape.split(',').map(str::trim).filter(|e| !e.is_empty()).collect();
        let matrix = match extents[..] {
            ["256", "256"] => true,
            ["65536"] => false,
            _ => {
                let found = format!("shape ({})", extents.join(", "));
                let products = extents
                    .iter()
                    .try_fold(1u64, |product, extent| product.checked_mul(extent.parse().ok()?));
                let hint = other_width(products.unwrap_or(0));
                let expected = format!("shape (256, 256) or (65536,){hint}");
                return Err(ParseError::new(Place::File, found, expected));
            }
        };
        Ok(Self { element, transposed: fortran && matrix })
    }
}

/// The text after a key.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    Some(text.split_once(key)?.1.trim_start())
}

/// An integer type of NumPy.
struct Element {
    bytes: usize,
    signed: bool,
    big_endian: bool,
}

impl Element {
    /// Parses a type string such as `<i2`.
    fn parse(descr: &str) -> Option<Self> {
        let (order, kind, bytes) = match *descr.as_bytes() {
            [order, kind, bytes] => (order, kind, bytes),
            _ => return None,
        };
        let bytes = match bytes {
            b'1' | b'2' | b'4' | b'8' => usize::from(bytes - b'0'),
            _ => return None,
        };
        let big_endian = match order {
            b'<' => false,
            b'>' => true,
            b'|' if bytes == 1 => false,
            _ => return None,
        };
        let signed = match kind {
            b'i' => true,
            b'u' => false,
            _ => return None,
        };
        Some(Self { bytes, signed, big_endian })
    }

    /// The number that `bytes` stand for.
    fn read(&self, bytes: &[u8]) -> i128 {
        let mut bits = 0u64;
        for index in 0..self.bytes {
            let byte = bytes[if self.big_endian { index } else { self.bytes - 1 - index }];
            bits = bits << 8 | u64::from(byte);
        }
        let unused = 64 - 8 * self.bytes;
        if self.signed {
            i128::from((bits << unused).cast_signed() >> unused)
        } else {
            i128::from(bits)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A .npy file, as NumPy writes it.
    fn npy(version: u8, header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([version, 0]);
        let length = (header.len() as u32).to_le_bytes();
        bytes.extend(&length[..if version == 1 { 2 } else { 4 }]);
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    fn header(descr: &str, fortran: &str, shape: &str) -> String {
        format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n")
    }

    fn message(bytes: &[u8]) -> String {
        parse_npy(bytes).unwrap_err().to_string()
    }

    #[test]
    fn every_integer_type() {
        let value = |index: usize| index as i64 % 251 - 125;
        for version in [1, 2, 3] {
            for (descr, width, big) in [
                ("|i1", 1, false),
                ("<i2", 2, false),
                (">i2", 2, true),
                ("<i4", 4, false),
                (">i4", 4, true),
                ("<i8", 8, false),
                (">i8", 8, true),
            ] {
                let data: Vec<u8> = (0..65536)
                    .flat_map(|index| {
                        let mut bytes = value(index).to_le_bytes()[..width].to_vec();
                        if big {
                            bytes.reverse();
                        }
                        bytes
                    })
                    .collect();
                let bytes = npy(version, &header(descr, "False", "(256, 256)"), &data);
                let cells = parse_npy(&bytes).unwrap();
                for (index, &product) in cells.values().iter().enumerate() {
                    assert_eq!(i64::from(product), value(index), "{descr} {index}");
                }
            }
        }
    }

    #[test]
    fn types_without_a_sign() {
        for (descr, width, highest) in
            [("|u1", 1, 255), ("<u2", 2, 65535), (">u2", 2, 65535), ("<u4", 4, -1), ("<u8", 8, -1)]
        {
            let bytes = npy(1, &header(descr, "False", "(65536,)"), &vec![0xff; width * 65536]);
            match highest {
                -1 => assert!(message(&bytes).starts_with("product [0][0]: found "), "{descr}"),
                _ => assert_eq!(parse_npy(&bytes).unwrap().values(), [highest; 65536], "{descr}"),
            }
        }
    }

    #[test]
    fn fortran_order_exchanges_the_axes_of_a_matrix_only() {
        let data: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
        let matrix = npy(1, &header("<u2", "True", "(256, 256)"), &data);
        assert_eq!(parse_npy(&matrix).unwrap().values()[..2], [0, 256]);
        let vector = npy(1, &header("<u2", "True", "(65536,)"), &data);
        assert_eq!(parse_npy(&vector).unwrap().values()[..2], [0, 1]);
    }

    #[test]
    fn refuses_what_is_no_table() {
        let data = vec![0; 4 * 65536];
        for (descr, shape, expected) in [
            ("<f4", "(256, 256)", "found elements of type '<f4', expected an integer type"),
            ("|b1", "(256, 256)", "found elements of type '|b1', expected an integer type"),
            ("<i4", "(256, 255)", "found shape (256, 255), expected shape (256, 256) or (65536,)"),
            ("<i4", "(1, 65536)", "found shape (1, 65536), expected shape"),
            ("<i4", "()", "found shape (), expected shape"),
            ("<i8", "(65536,)", "byte 262216: found 262144 bytes of products, expected 524288"),
            ("<i2", "(65536,)", "byte 262216: found 262144 bytes of products, expected 131072"),
        ] {
            let message = message(&npy(1, &header(descr, "False", shape), &data));
            assert!(message.starts_with(expected), "{message}");
        }
        for text in ["", "{}", "{'descr': [('a', '<i4')], 'fortran_order': False}"] {
            assert!(message(&npy(1, text, &data)).contains("'descr' with a value"), "{text}");
        }
        let structured = "{'descr': '<i4', 'fortran_order': 0, 'shape': (65536,)}";
        assert!(message(&npy(1, structured, &data)).contains("'fortran_order' with a value"));
        assert!(message(&npy(7, "", &data)).starts_with("byte 6: found version 7"));
    }

    #[test]
    fn refuses_a_file_cut_anywhere() {
        let good = npy(2, &header("|u1", "False", "(65536,)"), &vec![1; 65536]);
        assert!(parse_npy(&good).is_ok());
        for length in (0..200).chain([good.len() - 1]) {
            assert!(parse_npy(&good[..length]).is_err(), "{length}");
        }
        let mut long = npy(2, "", &[]);
        long[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(message(&long).starts_with("byte 8: found a header of 4294967295 bytes"));
    }
}
