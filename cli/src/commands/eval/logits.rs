//! The class scores of an evaluation as a NumPy file.

use crate::output::{self, Draft};
use anyhow::{Context, Result, bail};
use recoup_circuits::npy;
use recoup_core::accuracy::Scores;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Scores of an earlier run are replaced; a model or an image file named by mistake is not.
pub fn check_logits(path: &Path) -> Result<()> {
    output::check(path, true)?;
    let Ok(file) = File::open(path) else { return Ok(()) };
    let mut start = Vec::new();
    file.take(npy::MAGIC.len() as u64)
        .read_to_end(&mut start)
        .with_context(|| format!("{}: cannot be replaced", path.display()))?;
    if start != npy::MAGIC {
        bail!("{}: exists and is no .npy file; give another name", path.display());
    }
    Ok(())
}

/// Class scores of all results in one array.
pub struct Logits {
    pub draft: Draft,
    start: u64,
    shape: [usize; 3],
}

impl Logits {
    /// An array of this shape.
    pub fn new(path: &Path, shape: [usize; 3]) -> Result<Self> {
        let mut draft = Draft::new(path, true)?;
        let [results, images, classes] = shape;
        let header = npy::header("<f4", &format!("({results}, {images}, {classes}, )"));
        draft
            .file()
            .write_all(&header)
            .with_context(|| format!("{}: cannot be written", path.display()))?;
        Ok(Self { draft, start: header.len() as u64, shape })
    }
}

impl Scores for Logits {
    fn save(&mut self, candidate: usize, first: usize, scores: &[f32]) -> std::io::Result<()> {
        let [_, images, classes] = self.shape;
        let element = (candidate * images + first) * classes;
        let bytes: Vec<u8> = scores.iter().flat_map(|score| score.to_le_bytes()).collect();
        let file = self.draft.file();
        file.seek(SeekFrom::Start(self.start + 4 * element as u64))?;
        file.write_all(&bytes)
    }
}
