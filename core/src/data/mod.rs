//! Data sources: images, or other arrays, read one at a time and preprocessed into a model's
//! input; with labels, if there are any.
//!
//! ```no_run
//! use recoup_core::data::{DataSpec, Dataset, Preprocess, select};
//!
//! # fn main() -> Result<(), recoup_core::data::DataError> {
//! let spec: DataSpec = "cifar10:test_batch.bin".parse()?;
//! let preprocess: Preprocess = "cifar10".parse()?;
//! let dataset = Dataset::open(&spec)?;
//! let preprocessor = dataset.preprocessor(&preprocess, &[3, 32, 32])?;
//! let labels = dataset.labels()?;
//! let mut input = vec![0.0; 3 * 32 * 32];
//! for index in select(dataset.len(), Some(1000), Some(7))? {
//!     dataset.read_input(index, &preprocessor, &mut input)?;
//!     println!("class {}: {:?}", labels[index], &input[..3]);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Memory does not grow with the pixels: plain files are read by offset, compressed ones are
//! decompressed once into an anonymous temporary file. Only the labels, 4 bytes an image, and
//! for a folder the file names are held.

mod cifar;
mod classes;
mod dataset;
mod decode;
mod error;
mod folder;
mod idx;
mod memory;
mod npz;
mod pixels;
mod preprocess;
mod preprocessor;
mod records;
mod resize;
mod sampler;
mod select;
mod spec;
mod store;

pub use dataset::{ArrayInfo, Dataset, Sample};
pub use error::DataError;
pub use memory::{Elements, MemoryArray};
pub use pixels::{Image, ImageInfo, ImageShape, Layout, Pixels};
pub use preprocess::{KEYS, PRESETS, Preprocess, Preset};
pub use preprocessor::Preprocessor;
pub use sampler::{InputTensor, Sampler};
pub use select::{hold_out, select, select_others, shuffle};
pub use spec::{DataSpec, FORMS};

#[cfg(test)]
mod tests;
