//! NumPy archives: a zip container of arrays, each a header in Python syntax and the elements.

mod header;

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::Path;

use zip::CompressionMethod;
use zip::ZipArchive;
use zip::read::ZipFile;

use super::DataError;
use super::element::{Element, Number};
use super::pixels::{ImageShape, Layout};
use super::records::{Part, Records};
use super::store::{CopyError, Store, copy_declared, open_file, spool_file};
use header::{Header, HeaderError};

const X_SHAPES: &str = "give N x C x H x W, N x H x W x C, N x H x W or N x F, no extent being 0";
const X_TYPES: &str = "use uint8, another integer type of 8 to 64 bits, float32 or float64";
const Y_SHAPES: &str = "give one label for each image, N; numpy.ravel flattens";
const Y_TYPES: &str = "use an integer type of 8 to 64 bits";

type Zip = ZipArchive<BufReader<File>>;

/// Opens an archive; gives the images `x` and the labels `y`.
pub(super) fn open(path: &Path) -> Result<(Records, Vec<u32>), DataError> {
    let (file, _) = open_file(path)?;
    let mut zip = ZipArchive::new(BufReader::new(file)).map_err(|source| {
        let place = "the zip directory".into();
        container_error(path, place, source)
    })?;
    for array in ["x", "y"] {
        require(&zip, path, array)?;
    }

    let x = Array::open(&mut zip, path, "x", X_TYPES)?;
    let (shape, layout) = x.image_shape()?;
    let count = x.shape[0];
    let element = x.element;
    let (spool, offset) = x.place()?;
    let labels = Array::open(&mut zip, path, "y", Y_TYPES)?.labels(count)?;

    let file = spool.unwrap_or_else(|| zip.into_inner().into_inner());
    let records = Records {
        parts: vec![Part { path: path.to_owned(), store: Store::file(file), first: 0, offset }],
        stride_bytes: (shape.elements() * element.bytes()) as u64,
        element,
        shape,
        layout,
    };
    Ok((records, labels))
}

fn container_error(
    path: &Path,
    place: String,
    source: impl std::error::Error + Send + Sync + 'static,
) -> DataError {
    DataError::NpzContainer { path: path.to_owned(), place, source: Box::new(source) }
}

/// Checks that an array is there, so that the message of one that is not can list the others.
fn require(zip: &Zip, path: &Path, array: &'static str) -> Result<(), DataError> {
    let found: Vec<String> = zip
        .file_names_raw()
        .map(|name| String::from_utf8_lossy(name).replace(".npy", ""))
        .collect();
    match found.iter().any(|name| name == array) {
        true => Ok(()),
        false => Err(DataError::NpzMissing { path: path.to_owned(), array, found }),
    }
}

/// An array of the archive, read up to its elements.
struct Array<'a> {
    path: &'a Path,
    name: &'static str,
    member: ZipFile<'a, BufReader<File>>,
    header_bytes: u64,
    shape: Vec<u64>,
    /// The NumPy type string that `element` stands for.
    descr: String,
    element: Element,
    /// Size of all elements.
    body_bytes: u64,
}

impl<'a> Array<'a> {
    fn open(
        zip: &'a mut Zip,
        path: &'a Path,
        name: &'static str,
        types: &'static str,
    ) -> Result<Array<'a>, DataError> {
        let mut member = zip
            .by_name(&format!("{name}.npy"))
            .map_err(|source| container_error(path, format!("array {name}"), source))?;
        let header = Header::read(&mut member).map_err(|error| match error {
            HeaderError::Read(source) => container_error(path, format!("array {name}"), source),
            HeaderError::Malformed(detail) => damaged(path, name, detail.into()),
        })?;
        let Some(element) = Element::from_numpy(&header.descr) else {
            return Err(DataError::NpzDtype {
                path: path.to_owned(),
                array: name,
                dtype: header.descr,
                expected: types,
            });
        };
        if header.fortran_order {
            return Err(DataError::NpzShape {
                path: path.to_owned(),
                array: name,
                shape: header.shape,
                expected: "it is in Fortran order; save numpy.ascontiguousarray of it",
            });
        }
        let body_bytes = header
            .shape
            .iter()
            .try_fold(element.bytes() as u64, |product, &n| product.checked_mul(n))
            // Offsets are signed 64-bit numbers to the operating system.
            .filter(|&bytes| bytes < 1 << 62)
            .ok_or_else(|| {
                let detail = format!("the shape {:?} cannot be addressed", header.shape);
                damaged(path, name, detail)
            })?;
        Ok(Array {
            path,
            name,
            member,
            header_bytes: header.bytes,
            shape: header.shape,
            descr: header.descr,
            element,
            body_bytes,
        })
    }

    fn shape_error(&self, expected: &'static str) -> DataError {
        DataError::NpzShape {
            path: self.path.to_owned(),
            array: self.name,
            shape: self.shape.clone(),
            expected,
        }
    }

    /// The shape and layout of one image of `x`.
    fn image_shape(&self) -> Result<(ImageShape, Layout), DataError> {
        let extents: Vec<usize> = self.shape.iter().map(|&extent| extent as usize).collect();
        let is_channels = |extent| extent == 1 || extent == 3;
        let (channels, height, width, layout) = match extents[..] {
            [_, features] => (1, 1, features, Layout::Chw),
            [_, height, width] => (1, height, width, Layout::Chw),
            [_, height, width, channels] if is_channels(channels) && !is_channels(height) => {
                (channels, height, width, Layout::Hwc)
            }
            [_, channels, height, width] => (channels, height, width, Layout::Chw),
            _ => return Err(self.shape_error(X_SHAPES)),
        };
        let shape = ImageShape { channels, height, width };
        // No image at all is reported by the caller, as for every format.
        if extents[1..].contains(&0) {
            return Err(self.shape_error(X_SHAPES));
        }
        Ok((shape, layout))
    }

    /// Makes the elements readable by offset: gives a temporary file with the decompressed
    /// ones, or none if they are stored plainly in the archive, and the offset of the first.
    fn place(mut self) -> Result<(Option<File>, u64), DataError> {
        match (self.member.compression(), self.member.data_start()) {
            (CompressionMethod::Stored, Some(start)) => {
                // Read once all the same: the checksum is compared at the end.
                self.copy_elements(&mut io::sink())?;
                Ok((None, start + self.header_bytes))
            }
            _ => {
                let mut spool = spool_file()?;
                self.copy_elements(&mut spool)?;
                Ok((Some(spool), 0))
            }
        }
    }

    /// The labels in `y`, which must be `count`. Compared before they are read: what they may
    /// take is bounded by the images, which are there.
    fn labels(mut self, count: u64) -> Result<Vec<u32>, DataError> {
        let [labels] = self.shape[..] else {
            return Err(self.shape_error(Y_SHAPES));
        };
        if labels != count {
            return Err(DataError::Count {
                images_path: self.path.to_owned(),
                images: count,
                labels_path: self.path.to_owned(),
                labels,
            });
        }
        let mut bytes = Vec::new();
        self.copy_elements(&mut bytes)?;
        let decode = |(index, stored)| match self.element.decode(stored) {
            Number::Integer(label) => u32::try_from(label).map_err(|_| DataError::NpzLabel {
                path: self.path.to_owned(),
                index,
                label,
            }),
            Number::Float(_) => Err(DataError::NpzDtype {
                path: self.path.to_owned(),
                array: self.name,
                dtype: self.descr.clone(),
                expected: Y_TYPES,
            }),
        };
        bytes.chunks_exact(self.element.bytes()).enumerate().map(decode).collect()
    }

    /// Copies the elements, which must fill the member; the zip reader compares the checksum
    /// at its end.
    fn copy_elements(&mut self, writer: &mut impl Write) -> Result<(), DataError> {
        match copy_declared(&mut self.member, writer, self.body_bytes) {
            Ok(copied) if copied == self.body_bytes => Ok(()),
            Ok(copied) => {
                let relation = match copied < self.body_bytes {
                    true => format!("{copied} bytes"),
                    false => "more".into(),
                };
                let expected = self.body_bytes;
                let detail = format!("{relation} where the header declares {expected} bytes");
                Err(damaged(self.path, self.name, detail))
            }
            Err(CopyError::Read { copied, source }) => {
                let place = format!("array {} beyond byte {copied}", self.name);
                Err(container_error(self.path, place, source))
            }
            Err(CopyError::Write(source)) => Err(DataError::spool(source)),
        }
    }
}

fn damaged(path: &Path, array: &'static str, detail: String) -> DataError {
    DataError::NpzArray { path: path.to_owned(), array, detail }
}

#[cfg(test)]
mod tests;
