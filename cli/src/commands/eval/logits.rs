//! The class scores of an evaluation as a NumPy file.

use crate::output::{self, Draft};
use anyhow::{Context, Result, bail};
use recoup_circuits::npy;
use recoup_core::accuracy::Outputs;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;
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
    images: usize,
    /// Where they lie among all outputs.
    classes: Range<usize>,
}

impl Logits {
    /// For so many results and images.
    pub fn new(path: &Path, [results, images]: [usize; 2], classes: Range<usize>) -> Result<Self> {
        let mut draft = Draft::new(path, true)?;
        let header = npy::header("<f4", &format!("({results}, {images}, {}, )", classes.len()));
        draft
            .file()
            .write_all(&header)
            .with_context(|| format!("{}: cannot be written", path.display()))?;
        Ok(Self { draft, start: header.len() as u64, images, classes })
    }
}

impl Outputs for Logits {
    fn save(
        &mut self,
        candidate: Option<usize>,
        first: usize,
        outputs: &[Vec<f32>],
    ) -> std::io::Result<()> {
        let Some(candidate) = candidate else { return Ok(()) };
        let element = (candidate * self.images + first) * self.classes.len();
        let scores = outputs.iter().flat_map(|outputs| &outputs[self.classes.clone()]);
        let bytes: Vec<u8> = scores.flat_map(|score| score.to_le_bytes()).collect();
        let file = self.draft.file();
        file.seek(SeekFrom::Start(self.start + 4 * element as u64))?;
        file.write_all(&bytes)
    }
}
