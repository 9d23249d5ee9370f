//! The header of a NumPy array file (.npy), versions 1 to 3.

use std::io::{self, Read};

use crate::data::store::fill;

/// NumPy pads headers to 64 bytes and warns above 10,000; more is no array of ours.
const MAX_TEXT_BYTES: usize = 1 << 16;

/// What the header says of the array.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    /// The NumPy type string, such as `<f4`.
    pub descr: String,
    /// First axis fastest.
    pub fortran_order: bool,
    pub shape: Vec<u64>,
    /// Length of the header: the offset of the elements.
    pub bytes: u64,
}

#[derive(Debug)]
pub(super) enum HeaderError {
    Read(io::Error),
    Malformed(&'static str),
}

impl Header {
    /// Reads up to the first element.
    pub fn read(reader: &mut impl Read) -> Result<Header, HeaderError> {
        let mut start = [0; 8];
        exact(reader, &mut start)?;
        if start[..6] != *b"\x93NUMPY" {
            return Err(HeaderError::Malformed("it does not start as a .npy file"));
        }
        let length_bytes = match start[6] {
            1 => 2,
            2 | 3 => 4,
            _ => return Err(HeaderError::Malformed("its .npy version is unknown")),
        };
        let mut length = [0; 4];
        exact(reader, &mut length[..length_bytes])?;
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX_TEXT_BYTES {
            return Err(HeaderError::Malformed("its header is too long"));
        }
        let mut text = vec![0; length];
        exact(reader, &mut text)?;
        let text = String::from_utf8_lossy(&text);
        let (descr, fortran_order, shape) =
            parse(&text).ok_or(HeaderError::Malformed("its header is not understood"))?;
        Ok(Header {
            descr,
            fortran_order,
            shape,
            bytes: (start.len() + length_bytes + length) as u64,
        })
    }
}

fn exact(reader: &mut impl Read, buffer: &mut [u8]) -> Result<(), HeaderError> {
    match fill(reader, buffer).map_err(HeaderError::Read)? {
        count if count < buffer.len() => Err(HeaderError::Malformed("it ends in its header")),
        _ => Ok(()),
    }
}

/// Parses `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`.
fn parse(text: &str) -> Option<(String, bool, Vec<u64>)> {
    let descr = match value(text, "'descr':")?.strip_prefix('\'') {
        Some(quoted) => quoted.split_once('\'')?.0.to_owned(),
        None => "structured".to_owned(),
    };
    let order = value(text, "'fortran_order':")?;
    let fortran_order = match order {
        _ if order.starts_with("False") => false,
        _ if order.starts_with("True") => true,
        _ => return None,
    };
    let (extents, _) = value(text, "'shape':")?.strip_prefix('(')?.split_once(')')?;
    let shape = extents
        .split(',')
        .map(str::trim)
        // A tuple of one ends in a comma.
        .filter(|extent| !extent.is_empty())
        .map(|extent| extent.parse().ok())
        .collect::<Option<Vec<u64>>>()?;
    Some((descr, fortran_order, shape))
}

/// The text after a key.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    Some(text.split_once(key)?.1.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(version: u8, text: &str) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY".to_vec();
        bytes.extend([version, 0]);
        let length = (text.len() as u32).to_le_bytes();
        bytes.extend(&length[..if version == 1 { 2 } else { 4 }]);
        bytes.extend(text.as_bytes());
        bytes
    }

    #[test]
    fn reads_every_version() {
        let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (10, 3), }   \n";
        for (version, bytes) in [(1, 10), (2, 12), (3, 12)] {
            let header = Header::read(&mut &npy(version, text)[..]).unwrap();
            let expected = Header {
                descr: "<f4".into(),
                fortran_order: false,
                shape: vec![10, 3],
                bytes: bytes + text.len() as u64,
            };
            assert_eq!(header, expected, "version {version}");
        }
    }

    #[test]
    fn reads_the_forms_of_a_tuple() {
        for (tuple, shape) in [("()", vec![]), ("(7,)", vec![7]), ("( 1,2 , 3)", vec![1, 2, 3])] {
            let text = format!("{{'descr': '|u1', 'fortran_order': True, 'shape': {tuple}, }}");
            let header = Header::read(&mut &npy(1, &text)[..]).unwrap();
            assert_eq!((header.shape, header.fortran_order), (shape, true));
        }
    }

    #[test]
    fn refuses_damage() {
        let good = npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (10, 3), }");
        for length in 0..good.len() {
            assert!(Header::read(&mut &good[..length]).is_err(), "{length}");
        }
        for text in [
            "",
            "{'fortran_order': False, 'shape': (1,)}",
            "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': [1]}",
        ] {
            let error = Header::read(&mut &npy(1, text)[..]);
            assert!(matches!(error, Err(HeaderError::Malformed(_))), "{text}");
        }
        assert!(Header::read(&mut &npy(9, "")[..]).is_err());
        let mut long = npy(2, "");
        long[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(Header::read(&mut &long[..]).is_err());
    }
}
