//! Data sources: labelled images read one at a time, preprocessed into a model's input.
//!
//! ```no_run
//! use recoup::data::{DataSpec, Dataset, Preprocess, Preprocessor, select};
//!
//! # fn main() -> Result<(), recoup::data::DataError> {
//! let spec: DataSpec = "cifar10:test_batch.bin".parse()?;
//! let preprocess: Preprocess = "cifar10".parse()?;
//! let dataset = Dataset::open(&spec)?;
//! let preprocessor = Preprocessor::new(&preprocess, &dataset.image_info(), &[3, 32, 32])?;
//! let mut input = vec![0.0; 3 * 32 * 32];
//! for index in select(dataset.len(), Some(1000), Some(7))? {
//!     let label = dataset.read_input(index, &preprocessor, &mut input)?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Memory does not grow with the pixels: plain files are read by offset, compressed ones are
//! decompressed once into an anonymous temporary file. Only the labels, 4 bytes an image, and
//! for a folder the file names are held.

mod cifar;
mod element;
mod error;
mod folder;
mod idx;
mod npz;
mod pixels;
mod preprocess;
mod preprocessor;
mod records;
mod resize;
mod select;
mod spec;
mod store;

use std::path::Path;

pub use error::DataError;
pub use pixels::{Image, ImageInfo, ImageShape, Layout, Pixels};
pub use preprocess::{Preprocess, Preset};
pub use preprocessor::Preprocessor;
pub use select::{hold_out, select, select_others, shuffle};
pub use spec::DataSpec;

use cifar::CifarKind;
use folder::Folder;
use records::Records;

/// An image and its class.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The image as stored, before any preprocessing.
    pub image: Image,
    /// The class, counted from 0.
    pub label: u32,
}

/// An opened set of labelled images, with random access from any thread.
#[derive(Debug)]
pub struct Dataset {
    name: String,
    images: Images,
    labels: Vec<u32>,
    classes: Option<usize>,
}

#[derive(Debug)]
enum Images {
    Records(Records),
    Folder(Folder),
}

impl Dataset {
    /// Opens the data set and checks what can be checked without decoding every image: sizes,
    /// counts, labels, checksums of compressed files.
    pub fn open(spec: &DataSpec) -> Result<Dataset, DataError> {
        let name = spec.to_string();
        match spec {
            DataSpec::Cifar10(path) => {
                let (records, labels) = cifar::open(path, CifarKind::Cifar10)?;
                Dataset::of_records(name, records, labels, Some(10))
            }
            DataSpec::Cifar100(path) => {
                let (records, labels) = cifar::open(path, CifarKind::Cifar100)?;
                Dataset::of_records(name, records, labels, Some(100))
            }
            DataSpec::Idx { images, labels } => {
                let (records, labels) = idx::open(images, labels)?;
                Dataset::of_records(name, records, labels, None)
            }
            DataSpec::Npz(path) => {
                let (records, labels) = npz::open(path)?;
                Dataset::of_records(name, records, labels, None)
            }
            DataSpec::Folder(path) => {
                let (folder, labels) = Folder::open(path)?;
                let classes = Some(folder.class_names().len());
                Ok(Dataset { name, images: Images::Folder(folder), labels, classes })
            }
        }
    }

    /// A data set from the bytes of an IDX image file and an IDX label file, plain or gzip,
    /// such as `include_bytes!` gives. `name` stands for the files in messages.
    pub fn idx_from_bytes(name: &str, images: &[u8], labels: &[u8]) -> Result<Dataset, DataError> {
        let (records, labels) = idx::from_bytes(Path::new(name), images, labels)?;
        Dataset::of_records(name.to_owned(), records, labels, None)
    }

    fn of_records(
        name: String,
        records: Records,
        labels: Vec<u32>,
        classes: Option<usize>,
    ) -> Result<Dataset, DataError> {
        if labels.is_empty() {
            return Err(DataError::Empty { name });
        }
        Ok(Dataset { name, images: Images::Records(records), labels, classes })
    }

    /// The specification the data set was opened with, or the name of an embedded one.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of images; never 0.
    #[expect(clippy::len_without_is_empty, reason = "opening an empty set fails")]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Number of classes where the format fixes it: CIFAR and folders.
    pub fn classes(&self) -> Option<usize> {
        self.classes
    }

    /// The folder names in label order; `None` for formats without class names.
    pub fn class_names(&self) -> Option<&[String]> {
        match &self.images {
            Images::Records(_) => None,
            Images::Folder(folder) => Some(folder.class_names()),
        }
    }

    /// Size and type of the images.
    pub fn image_info(&self) -> ImageInfo {
        match &self.images {
            Images::Records(records) => records.image_info(),
            Images::Folder(_) => ImageInfo { shape: None, eight_bit: true },
        }
    }

    /// Class of the image at `index`, counted from 0.
    ///
    /// # Panics
    /// If `index` is not below [`len`](Self::len).
    pub fn label(&self, index: usize) -> u32 {
        self.labels[index]
    }

    /// Reads one image and its label.
    ///
    /// # Panics
    /// If `index` is not below [`len`](Self::len).
    pub fn read(&self, index: usize) -> Result<Sample, DataError> {
        let label = self.labels[index];
        let image = match &self.images {
            Images::Records(records) => records.read(index)?,
            Images::Folder(folder) => folder.read(index)?,
        };
        Ok(Sample { image, label })
    }

    /// Reads one image, writes the model input made of it to `input`, and gives its label.
    ///
    /// # Panics
    /// If `index` is not below [`len`](Self::len) or `input` has another length than
    /// [`Preprocessor::elements`].
    pub fn read_input(
        &self,
        index: usize,
        preprocessor: &Preprocessor,
        input: &mut [f32],
    ) -> Result<u32, DataError> {
        let sample = self.read(index)?;
        preprocessor.apply(&sample.image, input).map_err(|source| DataError::Unsuited {
            place: match &self.images {
                Images::Records(_) => format!("image {index} of {}", self.name),
                Images::Folder(folder) => folder.file(index).display().to_string(),
            },
            source: Box::new(source),
        })?;
        Ok(sample.label)
    }

    /// Checks that the labels mean something to a model with `outputs` classes: all are below
    /// `outputs`, and a folder has exactly `outputs` classes, because its labels are positions
    /// among the sorted folder names and a missing class would shift those after it.
    pub fn check_outputs(&self, outputs: usize) -> Result<(), DataError> {
        if let Images::Folder(folder) = &self.images
            && folder.class_names().len() != outputs
        {
            return Err(DataError::FolderClassCount {
                path: folder.path().to_owned(),
                classes: folder.class_names().len(),
                outputs,
            });
        }
        match self.labels.iter().position(|&l| l as usize >= outputs) {
            Some(index) => Err(DataError::LabelBeyondOutputs {
                name: self.name.clone(),
                index,
                label: self.labels[index],
                outputs,
            }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
