//! The formats of tables: by the name of a file, or by what is in it.

use std::{ffi::OsStr, path::Path};

use super::{
    c_array::parse_c_header,
    cells::Cells,
    error::ParseError,
    npy::{self, parse_npy},
    options::ElementType,
    raw::{self, parse_raw},
    text::{self, parse_csv},
};

/// How a file keeps a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Little-endian numbers and nothing else.
    Raw,
    /// A NumPy array.
    Npy,
    /// 256 lines of 256 numbers.
    Csv,
    /// An array of C.
    CHeader,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Raw, Self::Npy, Self::Csv, Self::CHeader];

    /// The extensions of its files; the first is the usual one.
    pub fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Raw => &["bin", "raw"],
            Self::Npy => &["npy"],
            Self::Csv => &["csv", "tsv", "txt"],
            Self::CHeader => &["h", "c"],
        }
    }

    /// The format that the extension of a file names.
    pub fn of_path(path: &Path) -> Option<Self> {
        let extension = extension(path)?;
        Self::ALL.into_iter().find(|format| format.extensions().contains(&&*extension))
    }

    /// The format that bytes look like.
    pub fn of_content(bytes: &[u8]) -> Option<Self> {
        if npy::is_npy(bytes) {
            return Some(Self::Npy);
        }
        // Text is never raw: the first product is 0, which is no character.
        match str::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => {
                if text.contains('{') {
                    Some(Self::CHeader)
                } else {
                    text.contains(|c: char| c.is_ascii_digit()).then_some(Self::Csv)
                }
            }
            _ => raw::is_size(bytes.len()).then_some(Self::Raw),
        }
    }

    /// The size of the largest file.
    pub fn max_bytes(self) -> usize {
        match self {
            Self::Raw => raw::MAX_BYTES,
            Self::Npy => npy::MAX_BYTES,
            Self::Csv | Self::CHeader => text::MAX_BYTES,
        }
    }

    /// Reads the numbers of a file; `element` matters to raw products alone.
    ///
    /// # Errors
    /// If the bytes are not in this format.
    pub fn parse(self, bytes: &[u8], element: Option<ElementType>) -> Result<Cells, ParseError> {
        match self {
            Self::Raw => parse_raw(bytes, element),
            Self::Npy => parse_npy(bytes),
            Self::Csv => parse_csv(bytes),
            Self::CHeader => parse_c_header(bytes),
        }
    }
}

/// How a file is packed, by its extension.
pub(super) fn packing_of_path(path: &Path) -> Option<&'static str> {
    match &*extension(path)? {
        "npz" => Some(".npz (zip)"),
        "zip" => Some("zip"),
        "gz" | "tgz" => Some("gzip"),
        "xz" => Some("xz"),
        "bz2" => Some("bzip2"),
        "zst" => Some("Zstandard"),
        "7z" => Some("7-Zip"),
        _ => None,
    }
}

/// How bytes are packed, by what they start with.
pub(super) fn packing_of_content(bytes: &[u8]) -> Option<&'static str> {
    // A raw table may start with anything.
    if raw::is_size(bytes.len()) {
        return None;
    }
    let starts: [(&[u8], &str); 6] = [
        (b"PK\x03\x04", "zip"),
        (b"\x1f\x8b", "gzip"),
        (b"\xfd7zXZ\0", "xz"),
        (b"BZh", "bzip2"),
        (b"\x28\xb5\x2f\xfd", "Zstandard"),
        (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    ];
    starts.into_iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, kind)| kind)
}

fn extension(path: &Path) -> Option<String> {
    path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_extension() {
        for (name, format) in [
            ("a.bin", Some(Format::Raw)),
            ("a.RAW", Some(Format::Raw)),
            ("a.npy", Some(Format::Npy)),
            ("a.b.csv", Some(Format::Csv)),
            ("a.txt", Some(Format::Csv)),
            ("a.h", Some(Format::CHeader)),
            ("a", None),
            ("csv", None),
            ("a.v", None),
        ] {
            assert_eq!(Format::of_path(Path::new(name)), format, "{name}");
        }
    }

    #[test]
    fn by_content() {
        for (bytes, format) in [
            (&b"\x93NUMPY\x01"[..], Some(Format::Npy)),
            (b"1,2,3\n", Some(Format::Csv)),
            (b"x = {1, 2};", Some(Format::CHeader)),
            (&[0; 131072], Some(Format::Raw)),
            (&[0xff; 262144], Some(Format::Raw)),
            // 65,536 lines of one digit are as long as 65,536 products of 16 bits.
            (&b"0\n".repeat(65536), Some(Format::Csv)),
            (&[0; 1000], None),
            (b"", None),
            (b"words alone", None),
        ] {
            assert_eq!(Format::of_content(bytes), format);
        }
    }
}
