//! Files of limited size.

use std::io::Read;
use std::path::Path;

use super::error::NetlistError;
use crate::regular_file;

/// The content, if it is not longer than `limit` bytes; nothing more is read.
pub(crate) fn read_limited(path: &Path, limit: usize) -> Result<Vec<u8>, NetlistError> {
    let mut content = Vec::new();
    regular_file(path)?.take(limit as u64 + 1).read_to_end(&mut content)?;
    if content.len() > limit {
        return Err(NetlistError::TooLarge {
            what: "the file".to_owned(),
            limit: format!("{} MiB", limit >> 20),
        });
    }
    Ok(content)
}

/// The content as text; what is not UTF-8, as in names in comments, is replaced.
pub(crate) fn read_text(path: &Path, limit: usize) -> Result<String, NetlistError> {
    Ok(String::from_utf8_lossy(&read_limited(path, limit)?).into_owned())
}
