//! Results that were computed before, by the hash of all they depend on.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::Mapped;

/// The result, if it is there and whole.
pub fn find(folder: &Path, key: &str) -> Option<Mapped> {
    let read = |extension: &str| -> Option<Vec<u8>> {
        let file = File::open(folder.join(format!("{key}.{extension}.gz"))).ok()?;
        let mut content = Vec::new();
        GzDecoder::new(file).read_to_end(&mut content).ok()?;
        Some(content)
    };
    let verilog = String::from_utf8(read("v")?).ok()?;
    Some(Mapped { json: read("json")?, verilog })
}

/// Keeps a result. Its files appear whole or not at all.
pub fn store(folder: &Path, key: &str, mapped: &Mapped) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (extension, content) in [("v", mapped.verilog.as_bytes()), ("json", &mapped.json)] {
        let mut draft = tempfile::NamedTempFile::new_in(folder)?;
        let mut packed = GzEncoder::new(&mut draft, Compression::fast());
        packed.write_all(content)?;
        packed.finish()?;
        draft.persist(folder.join(format!("{key}.{extension}.gz"))).map_err(|error| error.error)?;
    }
    Ok(())
}
