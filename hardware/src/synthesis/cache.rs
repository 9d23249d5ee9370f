//! Results that were computed before, by the hash of all they depend on.

use std::fmt;
use std::io::{Error, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use flate2::bufread::GzDecoder;
use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};

use recoup_circuits::{printable_path, regular_file};

use super::Mapped;

/// The files of an entry.
const EXTENSIONS: [&str; 2] = ["json", "v"];

/// An entry that cannot be what was stored.
#[derive(Debug)]
pub struct Damaged {
    path: PathBuf,
    reason: String,
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let path = printable_path(&self.path);
        write!(f, "{path}: is not what was kept there ({}): discarded, and made again", self.reason)
    }
}

fn path(folder: &Path, key: &str, extension: &str) -> PathBuf {
    folder.join(format!("{key}.{extension}.gz"))
}

/// What goes with a content, so that another one in its place is noticed.
fn digest(key: &str, extension: &str, content: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{key}.{extension}\0"));
    hash.update(content);
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The result, if it is there.
///
/// # Errors
/// When something is there that was not stored so.
pub fn find(folder: &Path, key: &str) -> Result<Option<Mapped>, Damaged> {
    let contents = EXTENSIONS.map(|extension| {
        let path = path(folder, key, extension);
        match read(&path, key, extension) {
            Ok(content) => Ok(Some(content)),
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                Ok(None)
            }
            Err(error) => Err(Damaged { path, reason: error.to_string() }),
        }
    });
    let [json, verilog] = contents;
    let (Some(json), Some(verilog)) = (json?, verilog?) else { return Ok(None) };
    // Its digest is right: yosys' output, made into text before it was stored.
    Ok(Some(Mapped { json, verilog: String::from_utf8_lossy(&verilog).into_owned() }))
}

fn read(path: &Path, key: &str, extension: &str) -> std::io::Result<Vec<u8>> {
    let mut packed = Vec::new();
    regular_file(path)?.read_to_end(&mut packed)?;
    let mut rest = &packed[..];
    let mut decoder = GzDecoder::new(&mut rest);
    let mut content = Vec::new();
    decoder.read_to_end(&mut content)?;
    let wrong = |reason: &str| Err(Error::new(ErrorKind::InvalidData, reason));
    let stored = decoder.header().and_then(|header| header.comment()).unwrap_or_default().to_vec();
    match () {
        () if stored.is_empty() => wrong("it has no digest"),
        () if stored != digest(key, extension, &content).as_bytes() => wrong("its digest differs"),
        () if !rest.is_empty() => wrong("bytes follow its gzipped data"),
        () => Ok(content),
    }
}

/// Removes an entry.
pub fn discard(folder: &Path, key: &str) {
    for extension in EXTENSIONS {
        let path = path(folder, key, extension);
        // What cannot be removed is replaced, or said when that fails.
        let _ = std::fs::remove_file(&path);
    }
}

/// Keeps a result. Its files appear whole or not at all.
///
/// # Errors
/// When the folder cannot be written, with its path.
pub fn store(folder: &Path, key: &str, mapped: &Mapped) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (extension, content) in [("v", mapped.verilog.as_bytes()), ("json", &mapped.json)] {
        let mut draft = tempfile::NamedTempFile::new_in(folder)?;
        let comment = digest(key, extension, content);
        let mut packed = GzBuilder::new().comment(comment).write(&mut draft, Compression::fast());
        packed.write_all(content)?;
        packed.finish()?;
        draft.persist(path(folder, key, extension)).map_err(|error| error.error)?;
    }
    Ok(())
}
