//! NumPy archives: a zip container of arrays, each a header in Python syntax and the elements.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::Path;

use recoup_circuits::npy::{Descr, Element, Header, HeaderBytes, HeaderError, Number};
use zip::CompressionMethod;
use zip::ZipArchive;
use zip::read::ZipFile;

use super::DataError;
use super::memory::record_shape;
use super::pixels::{ImageShape, Layout};
use super::records::{Part, Records};
use super::store::{CopyError, LazyStore, Store, copy_declared, open_file, spool_file};

const X_SHAPES: &str = "give N x C x H x W, N x H x W x C, N x H x W or N x F, or another shape of \
                        at least two axes that the model takes as it is, no extent being 0";
const X_TYPES: &str = "use uint8, another integer type of 8 to 64 bits, float32 or float64";
const Y_SHAPES: &str = "give one label for each image, N; numpy.ravel flattens";
const Y_TYPES: &str = "use an integer type of 8 to 64 bits";

/// Images, unless the caller asks for arrays by name.
const X: &str = "x";
/// Labels.
const Y: &str = "y";

type Zip = ZipArchive<BufReader<File>>;

/// An opened archive.
pub(super) struct Archive {
    /// The arrays asked for, in that order.
    pub arrays: Vec<NamedRecords>,
    /// Number of records, the first extent of every array.
    pub count: usize,
    /// Those of the array `y`, if there is one.
    pub labels: Option<Vec<u32>>,
}

/// An array of the archive.
pub(super) struct NamedRecords {
    pub name: String,
    /// Extents of a record.
    pub shape: Vec<usize>,
    pub records: Records,
}

/// Opens an archive; gives the images `x`, or the arrays with the given names, and the labels.
/// Elements are checked, and decompressed, when they are needed.
pub(super) fn open(path: &Path, names: Option<&[&str]>) -> Result<Archive, DataError> {
    let mut zip = open_zip(path)?;
    let names = names.unwrap_or(&[X]);
    for name in names {
        require(&zip, path, name)?;
    }
    let has_labels = members(&zip).any(|name| name == Y) && !names.contains(&Y);

    let mut arrays = Vec::new();
    let mut first: Option<(&str, u64)> = None;
    for &name in names {
        let array = Array::open(&mut zip, path, name, X_TYPES)?;
        let (shape, layout) = array.record_shape()?;
        // What the zip directory declares is checked before anything is decompressed.
        array.check_length(array.member.size().saturating_sub(array.header_bytes))?;
        let count = array.shape[0];
        match first {
            Some((other, expected)) if count != expected => {
                return Err(array.count_error(other, expected));
            }
            _ => first = first.or(Some((name, count))),
        }
        arrays.push(NamedRecords {
            name: name.to_owned(),
            shape: array.shape[1..].iter().map(|&extent| extent as usize).collect(),
            records: array.records(shape, layout),
        });
    }
    let count = first.map_or(0, |(_, count)| count);
    let labels = match has_labels {
        true => Some(Array::open(&mut zip, path, Y, Y_TYPES)?.labels(count)?),
        false => None,
    };
    Ok(Archive { arrays, count: count as usize, labels })
}

/// Whether an archive holds images: the array `x`.
pub(super) fn has_images(path: &Path) -> Result<bool, DataError> {
    has(path, X)
}

/// Whether an archive holds an array of this name.
pub(super) fn has(path: &Path, array: &str) -> Result<bool, DataError> {
    Ok(members(&open_zip(path)?).any(|name| name == array))
}

fn open_zip(path: &Path) -> Result<Zip, DataError> {
    let (file, _) = open_file(path)?;
    ZipArchive::new(BufReader::new(file))
        .map_err(|source| container_error(path, "the zip directory".into(), source))
}

/// The names of the arrays.
fn members(zip: &Zip) -> impl Iterator<Item = String> {
    zip.file_names_raw().map(|name| String::from_utf8_lossy(name).replace(".npy", ""))
}

fn container_error(
    path: &Path,
    place: String,
    source: impl std::error::Error + Send + Sync + 'static,
) -> DataError {
    DataError::NpzContainer { path: path.to_owned(), place, source: Box::new(source) }
}

/// Checks that an array is there, so that the message of one that is not can list the others.
fn require(zip: &Zip, path: &Path, array: &str) -> Result<(), DataError> {
    let found: Vec<String> = members(zip).collect();
    match found.iter().any(|name| name == array) {
        true => Ok(()),
        false => Err(DataError::NpzMissing { path: path.to_owned(), array: array.into(), found }),
    }
}

/// The NumPy type string, whether the first axis is the fastest, and the shape.
fn parse(header: &Header) -> Option<(&str, bool, Vec<u64>)> {
    let descr = match header.descr()? {
        Descr::Plain(descr) => descr,
        Descr::Structured => "structured",
    };
    let extents = header.extents()?.into_iter().map(|extent| extent.parse().ok());
    Some((descr, header.fortran_order()?, extents.collect::<Option<_>>()?))
}

/// An array of the archive, read up to its elements.
struct Array<'a> {
    path: &'a Path,
    name: &'a str,
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
        name: &'a str,
        types: &'static str,
    ) -> Result<Array<'a>, DataError> {
        let mut member = zip
            .by_name(&format!("{name}.npy"))
            .map_err(|source| container_error(path, format!("array {name}"), source))?;
        let bytes = HeaderBytes::read(&mut member).map_err(|error| match error {
            HeaderError::Read(source) => container_error(path, format!("array {name}"), source),
            HeaderError::End => damaged(path, name, "it ends in its header".into()),
            HeaderError::Magic => damaged(path, name, "it does not start as a .npy file".into()),
            HeaderError::Version(_) => damaged(path, name, "its .npy version is unknown".into()),
            HeaderError::Length(_) => damaged(path, name, "its header is too long".into()),
        })?;
        let header = Header::new(String::from_utf8_lossy(&bytes.text));
        let (descr, fortran_order, shape) = parse(&header)
            .ok_or_else(|| damaged(path, name, "its header is not understood".into()))?;
        let Some(element) = Element::from_numpy(descr) else {
            return Err(DataError::NpzDtype {
                path: path.to_owned(),
                array: name.into(),
                dtype: descr.to_owned(),
                expected: types,
            });
        };
        if fortran_order {
            return Err(DataError::NpzShape {
                path: path.to_owned(),
                array: name.into(),
                shape,
                expected: "it is in Fortran order; save numpy.ascontiguousarray of it",
            });
        }
        let body_bytes = shape
            .iter()
            .try_fold(element.bytes() as u64, |product, &n| product.checked_mul(n))
            // Offsets are signed 64-bit numbers to the operating system.
            .filter(|&bytes| bytes < 1 << 62)
            .ok_or_else(|| {
                let detail = format!("the shape {shape:?} cannot be addressed");
                damaged(path, name, detail)
            })?;
        Ok(Array {
            path,
            name,
            member,
            header_bytes: bytes.end() as u64,
            descr: descr.to_owned(),
            shape,
            element,
            body_bytes,
        })
    }

    fn shape_error(&self, expected: &'static str) -> DataError {
        DataError::NpzShape {
            path: self.path.to_owned(),
            array: self.name.into(),
            shape: self.shape.clone(),
            expected,
        }
    }

    fn record_shape(&self) -> Result<(ImageShape, Layout), DataError> {
        let extents: Vec<usize> = self.shape.iter().map(|&extent| extent as usize).collect();
        record_shape(&extents).ok_or_else(|| self.shape_error(X_SHAPES))
    }

    /// The elements, readable by record: in a temporary file where they are compressed, else in
    /// the archive itself.
    fn records(self, shape: ImageShape, layout: Layout) -> Records {
        let stored = match (self.member.compression(), self.member.data_start()) {
            (CompressionMethod::Stored, Some(start)) => Some(start + self.header_bytes),
            _ => None,
        };
        let (path, name) = (self.path.to_owned(), self.name.to_owned());
        let body_bytes = self.body_bytes;
        let store = LazyStore::new(move || place(&path, &name, body_bytes, stored.is_some()));
        Records {
            parts: vec![Part {
                path: self.path.to_owned(),
                store,
                first: 0,
                offset: stored.unwrap_or(0),
            }],
            stride_bytes: (shape.elements() * self.element.bytes()) as u64,
            element: self.element,
            shape,
            layout,
        }
    }

    /// The error of an array with another number of records than the first one.
    fn count_error(&self, first: &str, expected: u64) -> DataError {
        DataError::NpzCount {
            path: self.path.to_owned(),
            array: self.name.into(),
            records: self.shape[0],
            first: first.into(),
            expected,
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
                array: self.name.into(),
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
            Ok(copied) => self.check_length(copied),
            Err(CopyError::Read { copied, source }) => {
                let place = format!("array {} beyond byte {copied}", self.name);
                Err(container_error(self.path, place, source))
            }
            Err(CopyError::Write(source)) => Err(DataError::spool(source)),
        }
    }

    /// Compares the bytes that there are with those of the header.
    fn check_length(&self, found: u64) -> Result<(), DataError> {
        let relation = match found.cmp(&self.body_bytes) {
            Ordering::Equal => return Ok(()),
            Ordering::Less => format!("{found} bytes"),
            Ordering::Greater => "more".into(),
        };
        let expected = self.body_bytes;
        let detail = format!("{relation} where the header declares {expected} bytes");
        Err(damaged(self.path, self.name, detail))
    }
}

/// Reads the elements of an array once, as the checksum is compared at their end: into a
/// temporary file, or to nowhere if they are `stored` plainly in the archive.
fn place(path: &Path, name: &str, body_bytes: u64, stored: bool) -> Result<Store, DataError> {
    let mut zip = open_zip(path)?;
    let mut array = Array::open(&mut zip, path, name, X_TYPES)?;
    if array.body_bytes != body_bytes {
        return Err(damaged(path, name, "it changed while in use".into()));
    }
    if stored {
        array.copy_elements(&mut io::sink())?;
        drop(array);
        return Ok(Store::file(zip.into_inner().into_inner()));
    }
    let mut spool = spool_file()?;
    array.copy_elements(&mut spool)?;
    Ok(Store::file(spool))
}

fn damaged(path: &Path, array: &str, detail: String) -> DataError {
    DataError::NpzArray { path: path.to_owned(), array: array.into(), detail }
}

#[cfg(test)]
pub(super) mod tests;
