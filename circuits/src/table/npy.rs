//! NumPy arrays (.npy) of whole numbers, 256 x 256 or 65,536 long.

use super::{
    cells::{Cells, SIDE, Stored, other_width},
    error::{ParseError, Place, quote},
};
use crate::{
    ProductTable,
    npy::{
        Descr, Element, Header, HeaderBytes, HeaderError, LENGTH_START, MAGIC, MAX_HEADER_BYTES,
        Number,
    },
};

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
    let (header, data) = split_header(bytes)?;
    let array = Array::new(&header)?;
    let expected = array.element.bytes() * ProductTable::LEN;
    if data.len() != expected {
        let found = format!("{} bytes of products", data.len());
        let expected = format!("{expected} bytes, as the header says");
        return Err(ParseError::new(Place::Byte(bytes.len()), found, expected));
    }
    let element = |index: usize| {
        let start = index * array.element.bytes();
        array.element.decode(&data[start..start + array.element.bytes()])
    };
    // The first axis is the fastest in Fortran order.
    let transposed = |index: usize| index % SIDE * SIDE + index / SIDE;
    let products = (0..ProductTable::LEN).map(|index| {
        let found = match element(if array.transposed { transposed(index) } else { index }) {
            Number::Integer(value) => match i32::try_from(value) {
                Ok(product) => return Ok(product),
                Err(_) => value.to_string(),
            },
            Number::Float(value) => value.to_string(),
        };
        let expected = "a product that fits 32 bits with a sign";
        Err(ParseError::new(Place::Product(index), found, expected))
    });
    Ok(Cells::plain(products.collect::<Result<_, _>>()?, Stored::Numbers))
}

/// The header, and the bytes after it.
fn split_header(bytes: &[u8]) -> Result<(Header, &[u8]), ParseError> {
    let mut data = bytes;
    let header = HeaderBytes::read(&mut data).map_err(|error| header_error(error, bytes))?;
    let text = String::from_utf8(header.text).map_err(|error| {
        let place = Place::Byte(header.start + error.utf8_error().valid_up_to());
        ParseError::new(place, "a byte that is no text", "a header in UTF-8")
    })?;
    Ok((Header::new(text), data))
}

fn header_error(error: HeaderError, bytes: &[u8]) -> ParseError {
    let header = "the header of a .npy file";
    match error {
        HeaderError::End if is_npy(bytes) => {
            ParseError::new(Place::Byte(bytes.len()), "the end of the file", header)
        }
        HeaderError::End | HeaderError::Magic => {
            let expected = "\\x93NUMPY, as every .npy file starts";
            ParseError::new(Place::Byte(0), "another start", expected)
        }
        HeaderError::Version(version) => {
            let found = format!("version {version}");
            ParseError::new(Place::Byte(MAGIC.len()), found, "version 1, 2 or 3")
        }
        HeaderError::Length(length) => {
            let found = format!("a header of {length} bytes");
            let expected = format!("at most {MAX_HEADER_BYTES}");
            ParseError::new(Place::Byte(LENGTH_START), found, expected)
        }
        HeaderError::Read(source) => ParseError::new(Place::File, source.to_string(), header),
    }
}

/// What the header says of the array.
struct Array {
    element: Element,
    /// Whether the second index varies slowest.
    transposed: bool,
}

impl Array {
    fn new(header: &Header) -> Result<Self, ParseError> {
        let missing = |key: &str| {
            let found = format!("the header {}", quote(&header.to_string()));
            ParseError::new(Place::File, found, format!("{key} with a value of its kind"))
        };
        let Some(Descr::Plain(descr)) = header.descr() else { return Err(missing("'descr'")) };
        let element = Element::from_numpy(descr).filter(|element| element.is_integer());
        let element = element.ok_or_else(|| {
            let expected = "an integer type; convert with astype(numpy.int32), after rounding";
            ParseError::new(Place::File, format!("elements of type {}", quote(descr)), expected)
        })?;
        let fortran = header.fortran_order().ok_or_else(|| missing("'fortran_order'"))?;
        let extents = header.extents().ok_or_else(|| missing("'shape'"))?;
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
