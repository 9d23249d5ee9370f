//! Liberty files, gzipped or not, as text.

use std::io::{self, Error, ErrorKind, Read};
use std::path::Path;

use flate2::bufread::GzDecoder;

use super::MAX_LIBERTY;
use crate::regular_file;

/// What gzipped data begin with.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// The text of a Liberty file, plain or gzipped.
///
/// # Errors
/// When it cannot be read, is longer than [`MAX_LIBERTY`], is damaged or goes on after its gzipped
/// data, or is in UTF-16.
pub fn read_liberty(path: &Path) -> io::Result<String> {
    let mut content = Vec::new();
    read_limited(regular_file(path)?, &mut content)?;
    let content = if content.starts_with(GZIP) { unpack(&content)? } else { content };
    if [[0xff, 0xfe], [0xfe, 0xff]].iter().any(|mark| content.starts_with(mark)) {
        return Err(wrong("found the byte order mark of UTF-16, expected text in UTF-8"));
    }
    // What is not UTF-8 stands in comments.
    Ok(match String::from_utf8(content) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidData, message.into())
}

/// Reads no more than a library has, and adds it to `content`.
fn read_limited(from: impl Read, content: &mut Vec<u8>) -> io::Result<()> {
    let most = MAX_LIBERTY - content.len();
    from.take(most as u64 + 1).read_to_end(content)?;
    if content.len() > MAX_LIBERTY {
        let limit_mib = MAX_LIBERTY >> 20;
        return Err(Error::new(
            ErrorKind::FileTooLarge,
            format!("found more than {limit_mib} MiB, expected one library"),
        ));
    }
    Ok(())
}

/// All of the gzipped files that stand one after the other.
fn unpack(mut packed: &[u8]) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    while packed.starts_with(GZIP) {
        read_limited(GzDecoder::new(&mut packed), &mut content).map_err(|error| {
            match error.kind() {
                ErrorKind::FileTooLarge => error,
                _ => wrong(format!("its gzipped data are damaged ({error}); get it again")),
            }
        })?;
    }
    // Archivers fill up blocks with zeros.
    if packed.iter().any(|&byte| byte != 0) {
        let bytes = packed.len();
        return Err(wrong(format!(
            "found {bytes} bytes after the end of its gzipped data, expected none; get it again, or \
             unpack it and give the plain file"
        )));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzipped(text: &str) -> Vec<u8> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(text.as_bytes()).unwrap();
        packed.finish().unwrap()
    }

    #[test]
    fn plain_and_gzipped_files_give_their_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("l.lib");
        let read = |content: &[u8]| {
            std::fs::write(&path, content).unwrap();
            read_liberty(&path).map_err(|error| error.to_string())
        };
        let text = "library (l) { }";
        let packed = gzipped(text);
        assert_eq!(read(text.as_bytes()).unwrap(), text);
        assert_eq!(read(b"a \xff b").unwrap(), "a \u{fffd} b");
        assert_eq!(read(&packed).unwrap(), text);
        assert_eq!(read(&[gzipped("a"), gzipped("b"), vec![0; 512]].concat()).unwrap(), "ab");
        let cases = [
            ([&packed[..], b"more"].concat(), "found 4 bytes after the end of its gzipped data"),
            (packed[..packed.len() - 5].to_vec(), "its gzipped data are damaged ("),
            ([&packed[..9], &[0xff; 9], &packed[18..]].concat(), "its gzipped data are damaged ("),
            (b"\xff\xfel\0i\0".to_vec(), "found the byte order mark of UTF-16"),
            (gzipped(&" ".repeat(MAX_LIBERTY + 1)), "found more than 128 MiB"),
        ];
        for (content, expected) in cases {
            let message = read(&content).unwrap_err();
            assert!(message.starts_with(expected), "{message}");
        }
        std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        let message = read_liberty(&path).unwrap_err().to_string();
        assert!(message.starts_with("found more than 128 MiB"), "{message}");
    }
}
