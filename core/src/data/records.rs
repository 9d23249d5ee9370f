//! Images of one size stored one after the other.

use std::path::PathBuf;

use recoup_circuits::npy::{Element, Kind};

use super::DataError;
use super::pixels::{Image, ImageInfo, ImageShape, Layout, Pixels};
use super::store::LazyStore;

/// Equal records over one or more files: CIFAR, IDX and npz once their headers are read.
#[derive(Debug)]
pub(super) struct Records {
    pub parts: Vec<Part>,
    /// From the start of one image to the start of the next.
    pub stride_bytes: u64,
    pub element: Element,
    pub shape: ImageShape,
    pub layout: Layout,
}

/// A run of records in one store.
#[derive(Debug)]
pub(super) struct Part {
    /// Name for messages.
    pub path: PathBuf,
    pub store: LazyStore,
    /// Index of the first image of this part in the data set.
    pub first: usize,
    /// Offset of that image.
    pub offset: u64,
}

impl Records {
    pub fn image_info(&self) -> ImageInfo {
        ImageInfo { shape: Some(self.shape), eight_bit: self.element.kind == Kind::U8 }
    }

    /// Decompresses what is still compressed, and checks it.
    pub fn load(&self) -> Result<(), DataError> {
        self.parts.iter().try_for_each(|part| part.store.get().map(drop))
    }

    /// Reads the image at `index`, which the caller has checked against the number of images.
    pub fn read(&self, index: usize) -> Result<Image, DataError> {
        let part = &self.parts[self.parts.partition_point(|part| part.first <= index) - 1];
        let offset = part.offset + (index - part.first) as u64 * self.stride_bytes;
        let mut stored = vec![0; self.shape.elements() * self.element.bytes()];
        part.store.get()?.read_exact_at(&mut stored, offset).map_err(|source| DataError::Read {
            path: part.path.clone(),
            offset,
            source,
        })?;
        let pixels = if self.element.kind == Kind::U8 {
            Pixels::U8(stored)
        } else {
            let values: Vec<f32> = stored
                .chunks_exact(self.element.bytes())
                .map(|bytes| self.element.decode(bytes).to_f32())
                .collect();
            if let Some(element) = values.iter().position(|value| !value.is_finite()) {
                return Err(DataError::NotFinite { path: part.path.clone(), index, element });
            }
            Pixels::F32(values)
        };
        Ok(Image { shape: self.shape, layout: self.layout, pixels })
    }
}
