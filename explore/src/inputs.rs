//! The images of an exploration, decoded once.

use std::borrow::Cow;
use std::ops::Range;

use recoup_core::accuracy::{EvaluateError, Images, LabelledInput};
use recoup_core::data::DataError;
use recoup_core::numeric::hex;
use recoup_core::watch::{Watch, go_on};
use sha2::{Digest, Sha256};

use crate::hash;

/// Model inputs with their classes, in the order of the test. As many as fit a given memory are
/// kept, the others are read again whenever they are needed.
pub struct Inputs<'a> {
    images: Images<'a>,
    kept: Vec<LabelledInput>,
    sha256: String,
}

impl<'a> Inputs<'a> {
    /// Reads all images once, for their hash, and keeps `bytes` of them. A step of the work is an
    /// image.
    ///
    /// # Errors
    /// When an image cannot be read, or `watch` stops the work.
    pub fn read(
        images: Images<'a>,
        bytes: usize,
        watch: &dyn Watch,
    ) -> Result<Self, EvaluateError> {
        let most = bytes / (size_of::<f32>() * images.sampler.elements()).max(1);
        let mut hash = Sha256::new();
        let mut inputs = Self { images, kept: Vec::new(), sha256: String::new() };
        let batch = inputs.images.batch.max(1);
        watch.begin("reading images", inputs.len());
        for start in (0..inputs.len()).step_by(batch) {
            go_on(watch)?;
            let batch = inputs.images.read(start..(start + batch).min(inputs.len()))?;
            for LabelledInput { input, label } in &batch {
                hash::update(&mut hash, input);
                hash.update((*label as u64).to_le_bytes());
            }
            watch.advance(batch.len());
            let room = most.saturating_sub(start);
            inputs.kept.extend(batch.into_iter().take(room));
        }
        watch.end();
        inputs.sha256 = hex(&hash.finalize());
        Ok(inputs)
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.images.indices.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.images.indices.is_empty()
    }

    /// SHA-256 of all inputs and classes in their order.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Some consecutive images, no more than a batch of them.
    ///
    /// # Errors
    /// When an image that is not kept cannot be read.
    pub fn get(&self, range: Range<usize>) -> Result<Cow<'_, [LabelledInput]>, DataError> {
        let range = range.start..range.end.min(range.start + self.images.batch.max(1));
        match self.kept.get(range.clone()) {
            Some(kept) => Ok(Cow::Borrowed(kept)),
            None => self.images.read(range).map(Cow::Owned),
        }
    }
}
