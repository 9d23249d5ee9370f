//! NumPy's array files (.npy): the header, read in versions 1 to 3 and written in version 1, and
//! the elements.

mod element;

use std::fmt;
use std::io::{self, Read};

pub use element::{Element, Kind, Number};

/// What every file starts with.
pub const MAGIC: &[u8] = b"\x93NUMPY";

/// Where the length of the header stands: behind the magic bytes and two of the version.
pub const LENGTH_START: usize = MAGIC.len() + 2;

/// NumPy pads headers to 64 bytes and warns above 10,000; more is no array of ours.
pub const MAX_HEADER_BYTES: usize = 1 << 16;

/// The text before the elements, in Python: `{'descr': '<f4', 'fortran_order': False, 'shape':
/// (2, 3), }`. Its values are looked for one by one, as who reads them decides what lacks first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header(String);

/// The type of the elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Descr<'a> {
    /// A type string, such as `<f4`; [`Element::from_numpy`] parses it.
    Plain(&'a str),
    /// Several fields, or something else.
    Structured,
}

/// The bytes of a header, which may be no text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderBytes {
    /// The text.
    pub text: Vec<u8>,
    /// Where the text starts in the file.
    pub start: usize,
}

/// Why there is no header.
#[derive(Debug)]
pub enum HeaderError {
    /// The input cannot be read.
    Read(io::Error),
    /// The input ends.
    End,
    /// It does not start as a .npy file.
    Magic,
    /// Another version than 1, 2 or 3.
    Version(u8),
    /// More than [`MAX_HEADER_BYTES`].
    Length(usize),
}

impl HeaderBytes {
    /// Reads up to the first element.
    ///
    /// # Errors
    /// If the input is no .npy file, ends in the header or cannot be read.
    pub fn read(reader: &mut impl Read) -> Result<HeaderBytes, HeaderError> {
        let start = exact(reader, LENGTH_START)?;
        if !start.starts_with(MAGIC) {
            return Err(HeaderError::Magic);
        }
        let length_bytes = match start[MAGIC.len()] {
            1 => 2,
            2 | 3 => 4,
            version => return Err(HeaderError::Version(version)),
        };
        let mut length = [0; 4];
        length[..length_bytes].copy_from_slice(&exact(reader, length_bytes)?);
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX_HEADER_BYTES {
            return Err(HeaderError::Length(length));
        }
        Ok(HeaderBytes { text: exact(reader, length)?, start: LENGTH_START + length_bytes })
    }

    /// Where the elements start in the file.
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

fn exact(reader: &mut impl Read, count: usize) -> Result<Vec<u8>, HeaderError> {
    let mut bytes = Vec::with_capacity(count);
    reader.take(count as u64).read_to_end(&mut bytes).map_err(HeaderError::Read)?;
    if bytes.len() < count { Err(HeaderError::End) } else { Ok(bytes) }
}

impl Header {
    /// A header with this text.
    pub fn new(text: impl Into<String>) -> Header {
        Header(text.into())
    }

    /// The type of the elements; None if there is none.
    pub fn descr(&self) -> Option<Descr<'_>> {
        match self.value("'descr':")?.strip_prefix('\'') {
            Some(quoted) => Some(Descr::Plain(quoted.split_once('\'')?.0)),
            None => Some(Descr::Structured),
        }
    }

    /// Whether the first axis is the fastest; None if it does not say.
    pub fn fortran_order(&self) -> Option<bool> {
        match self.value("'fortran_order':")? {
            order if order.starts_with("False") => Some(false),
            order if order.starts_with("True") => Some(true),
            _ => None,
        }
    }

    /// The extents as they are written; None if there is no tuple.
    pub fn extents(&self) -> Option<Vec<&str>> {
        let (extents, _) = self.value("'shape':")?.strip_prefix('(')?.split_once(')')?;
        // A tuple of one ends in a comma.
        Some(extents.split(',').map(str::trim).filter(|extent| !extent.is_empty()).collect())
    }

    /// The text after a key.
    fn value(&self, key: &str) -> Option<&str> {
        Some(self.0.split_once(key)?.1.trim_start())
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A header in version 1, for elements in C order that follow it. `shape`: a tuple in Python.
pub fn header(descr: &str, shape: &str) -> Vec<u8> {
    let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let start = LENGTH_START + 2;
    // The elements start at a multiple of 64 bytes, as NumPy has it.
    let width = (start + text.len() + 1).next_multiple_of(64) - start - 1;
    let mut bytes = [MAGIC, b"\x01\x00"].concat();
    bytes.extend((width as u16 + 1).to_le_bytes());
    bytes.extend(format!("{text:<width$}\n").as_bytes());
    bytes
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
        let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (10, 3), }\n";
        for (version, start) in [(1, 10), (2, 12), (3, 12)] {
            let mut input = npy(version, text);
            input.extend([1, 2, 3]);
            let mut rest = &input[..];
            let bytes = HeaderBytes::read(&mut rest).unwrap();
            assert_eq!((rest, bytes.start), (&[1, 2, 3][..], start), "version {version}");
            assert_eq!(bytes.end(), input.len() - 3);
            let header = Header::new(String::from_utf8(bytes.text).unwrap());
            assert_eq!(header.descr(), Some(Descr::Plain("<f4")));
            assert_eq!(header.fortran_order(), Some(false));
            assert_eq!(header.extents(), Some(vec!["10", "3"]));
        }
    }

    #[test]
    fn reads_the_forms_of_a_tuple() {
        for (tuple, extents) in [
            ("()", vec![]),
            ("(7,)", vec!["7"]),
            ("( 1,2 , 3)", vec!["1", "2", "3"]),
            ("(-1)", vec!["-1"]),
        ] {
            let text = format!("{{'descr': '|u1', 'fortran_order': True, 'shape': {tuple}, }}");
            let header = Header::new(text);
            assert_eq!((header.extents(), header.fortran_order()), (Some(extents), Some(true)));
        }
    }

    #[test]
    fn says_what_lacks() {
        let lacks = |text: &str| {
            let header = Header::new(text);
            (header.descr().is_none(), header.fortran_order().is_none(), header.extents().is_none())
        };
        assert_eq!(lacks(""), (true, true, true));
        assert_eq!(lacks("{'descr': '<f4', 'shape': [1]}"), (false, true, true));
        assert_eq!(lacks("{'descr': '<f4', 'fortran_order': 0}"), (false, true, true));
        assert_eq!(lacks("{'descr': '<f4"), (true, true, true));
        let fields = Header::new("{'descr': [('a', '<i4')], }");
        assert_eq!(fields.descr(), Some(Descr::Structured));
    }

    #[test]
    fn refuses_damage() {
        let read = |bytes: &[u8]| HeaderBytes::read(&mut &*bytes).unwrap_err();
        let good = npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (10, 3), }");
        for length in 0..good.len() {
            assert!(matches!(read(&good[..length]), HeaderError::End), "{length}");
        }
        assert!(matches!(read(&[b"\x93NUMPX", &good[6..]].concat()), HeaderError::Magic));
        assert!(matches!(read(&npy(9, "")), HeaderError::Version(9)));
        let mut long = npy(2, "");
        long[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(matches!(read(&long), HeaderError::Length(0xffff_ffff)));
    }

    #[test]
    fn a_written_header_is_aligned_and_complete() {
        // 128 bytes filled to the last, and one byte more.
        for (blanks, length) in [(0, 128), (59, 128), (60, 192)] {
            let shape = format!("(256{})", " ".repeat(blanks));
            let header = header("<i4", &shape);
            assert_eq!(header.len(), length, "{blanks}");
            assert_eq!(&header[..8], b"\x93NUMPY\x01\x00");
            assert_eq!(header[8..10], [length as u8 - 10, 0]);
            let text = std::str::from_utf8(&header[10..]).unwrap();
            let start = format!("{{'descr': '<i4', 'fortran_order': False, 'shape': {shape}, }}");
            assert!(text.starts_with(&start) && text.ends_with('\n'), "{text}");
        }
    }
}
