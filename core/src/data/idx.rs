//! IDX files of unsigned bytes (the format of MNIST), plain or gzip.
//!
//! A header of big-endian words - a magic number that holds the element type and the number of
//! dimensions, then the dimensions - followed by the bytes, last dimension fastest.

use std::cmp::Ordering;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use recoup_circuits::npy::Element;

use super::DataError;
use super::pixels::{ImageShape, Layout};
use super::records::{Part, Records};
use super::store::{CopyError, LazyStore, Store, copy_declared, fill, open_file, spool_file};

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// The element type in the magic number.
const UNSIGNED_BYTE: u8 = 8;

/// What an IDX file holds, by its number of dimensions.
#[derive(Debug, Clone, Copy)]
struct Content<const RANK: usize> {
    name: &'static str,
}

const LABELS: Content<1> = Content { name: "labels" };
/// Count, rows, columns.
const IMAGES: Content<3> = Content { name: "images" };

impl<const RANK: usize> Content<RANK> {
    fn magic(self) -> [u8; 4] {
        [0, 0, UNSIGNED_BYTE, RANK as u8]
    }

    fn header_bytes(self) -> u64 {
        4 + 4 * RANK as u64
    }
}

fn magic_remedy(found: [u8; 4]) -> &'static str {
    if found == LABELS.magic() || found == IMAGES.magic() {
        "write idx:IMAGES,LABELS in this order"
    } else if found[..2] == [0, 0] && found[2] != UNSIGNED_BYTE {
        "only unsigned bytes (type 08) are supported"
    } else {
        "check that it is an IDX file of bytes, plain or gzip"
    }
}

/// An IDX stream, decompressed on the fly if it is gzip; the magic decides, not the name.
struct Input<'a> {
    path: &'a Path,
    reader: Box<dyn Read + 'a>,
    gzip: bool,
}

impl<'a> Input<'a> {
    fn new(mut reader: impl BufRead + 'a, path: &'a Path) -> Result<Input<'a>, DataError> {
        let start = reader.fill_buf().map_err(|source| DataError::Read {
            path: path.to_owned(),
            offset: 0,
            source,
        })?;
        let gzip = start.starts_with(&GZIP_MAGIC);
        let reader: Box<dyn Read> = match gzip {
            true => Box::new(MultiGzDecoder::new(reader)),
            false => Box::new(reader),
        };
        Ok(Input { path, reader, gzip })
    }

    /// Reads the header; gives the dimensions.
    fn dimensions<const RANK: usize>(
        &mut self,
        content: Content<RANK>,
    ) -> Result<[u32; RANK], DataError> {
        let mut magic = [0; 4];
        self.read_header_bytes(&mut magic, 0, content)?;
        if magic != content.magic() {
            return Err(DataError::IdxMagic {
                path: self.path.to_owned(),
                content: content.name,
                expected: content.magic(),
                found: magic,
                remedy: magic_remedy(magic),
            });
        }
        let mut dimensions = [0; RANK];
        for (axis, dimension) in dimensions.iter_mut().enumerate() {
            let mut word = [0; 4];
            self.read_header_bytes(&mut word, 4 + 4 * axis as u64, content)?;
            *dimension = u32::from_be_bytes(word);
        }
        Ok(dimensions)
    }

    fn read_header_bytes<const RANK: usize>(
        &mut self,
        bytes: &mut [u8; 4],
        offset: u64,
        content: Content<RANK>,
    ) -> Result<(), DataError> {
        let count =
            fill(&mut self.reader, bytes).map_err(|source| self.read_error(offset, source))?;
        if count < bytes.len() {
            return Err(DataError::IdxTruncated {
                path: self.path.to_owned(),
                expected_bytes: content.header_bytes(),
                found_bytes: offset + count as u64,
            });
        }
        Ok(())
    }

    /// Copies the rest of the stream, which must be `body_bytes` after `header_bytes`. Reading
    /// to the end makes the gzip decoder check its checksum.
    fn copy_body(
        &mut self,
        writer: &mut impl Write,
        header_bytes: u64,
        body_bytes: u64,
    ) -> Result<(), DataError> {
        match copy_declared(&mut self.reader, writer, body_bytes) {
            Ok(copied) => check_length(self.path, header_bytes + body_bytes, header_bytes + copied),
            Err(CopyError::Read { copied, source }) => {
                Err(self.read_error(header_bytes + copied, source))
            }
            Err(CopyError::Write(source)) => Err(DataError::spool(source)),
        }
    }

    fn read_error(&self, offset: u64, source: io::Error) -> DataError {
        let path = self.path.to_owned();
        match self.gzip {
            true => DataError::Gzip { path, decompressed_bytes: offset, source },
            false => DataError::Read { path, offset, source },
        }
    }
}

fn check_length(path: &Path, expected_bytes: u64, found_bytes: u64) -> Result<(), DataError> {
    let path = path.to_owned();
    match found_bytes.cmp(&expected_bytes) {
        Ordering::Less => Err(DataError::IdxTruncated { path, expected_bytes, found_bytes }),
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(DataError::IdxTrailing { path, expected_bytes }),
    }
}

/// Number and shape of the images from their header.
struct ImagesHeader {
    count: u64,
    shape: ImageShape,
    body_bytes: u64,
}

impl ImagesHeader {
    fn read(input: &mut Input) -> Result<ImagesHeader, DataError> {
        let dimensions = input.dimensions(IMAGES)?;
        let [count, height, width] = dimensions.map(u64::from);
        // Two 32-bit factors fit 64 bits, the third may not.
        let body_bytes = (height * width).checked_mul(count);
        match body_bytes {
            // Offsets are signed 64-bit numbers to the operating system.
            Some(body_bytes) if height * width > 0 && body_bytes < 1 << 62 => Ok(ImagesHeader {
                count,
                shape: ImageShape { channels: 1, height: height as usize, width: width as usize },
                body_bytes,
            }),
            _ => Err(DataError::IdxDimensions {
                path: input.path.to_owned(),
                dimensions: dimensions.to_vec(),
            }),
        }
    }

    fn records(&self, path: &Path, store: LazyStore, offset: u64) -> Records {
        Records {
            parts: vec![Part { path: path.to_owned(), store, first: 0, offset }],
            stride_bytes: self.shape.elements() as u64,
            element: Element::U8,
            shape: self.shape,
            layout: Layout::Chw,
        }
    }
}

/// Opens a file of images, and one of labels if there is one; gives the images, their number and
/// their labels. Compressed images stay so until they are needed.
pub(super) fn open(
    images: &Path,
    labels: Option<&Path>,
) -> Result<(Records, usize, Option<Vec<u32>>), DataError> {
    let (file, file_bytes) = open_file(images)?;
    let mut input = Input::new(BufReader::new(&file), images)?;
    let header = ImagesHeader::read(&mut input)?;
    let (store, offset) = if input.gzip {
        let path = images.to_owned();
        (LazyStore::new(move || decompress(&path)), 0)
    } else {
        let offset = IMAGES.header_bytes();
        check_length(images, offset + header.body_bytes, file_bytes)?;
        drop(input);
        (Store::file(file).into(), offset)
    };
    let labels = match labels {
        Some(labels) => {
            let (file, _) = open_file(labels)?;
            let mut input = Input::new(BufReader::new(file), labels)?;
            Some(read_labels(&mut input, images, header.count)?)
        }
        None => None,
    };
    Ok((header.records(images, store, offset), header.count as usize, labels))
}

/// Decompresses the images in a gzip file into a temporary one.
fn decompress(images: &Path) -> Result<Store, DataError> {
    let (file, _) = open_file(images)?;
    let mut input = Input::new(BufReader::new(file), images)?;
    let header = ImagesHeader::read(&mut input)?;
    let mut spool = spool_file()?;
    input.copy_body(&mut spool, IMAGES.header_bytes(), header.body_bytes)?;
    Ok(Store::file(spool))
}

/// The same from bytes; `path` names both in messages. Decompressed images stay in memory.
pub(super) fn from_bytes(
    path: &Path,
    images: &[u8],
    labels: &[u8],
) -> Result<(Records, Vec<u32>), DataError> {
    let mut input = Input::new(images, path)?;
    let header = ImagesHeader::read(&mut input)?;
    let mut bytes = Vec::new();
    input.copy_body(&mut bytes, IMAGES.header_bytes(), header.body_bytes)?;
    let labels = read_labels(&mut Input::new(labels, path)?, path, header.count)?;
    Ok((header.records(path, Store::memory(bytes).into(), 0), labels))
}

/// Reads the labels of `images` images. The count is compared before the labels are read:
/// what they may take is bounded by the images, which are there.
fn read_labels(input: &mut Input, images_path: &Path, images: u64) -> Result<Vec<u32>, DataError> {
    let [labels] = input.dimensions(LABELS)?.map(u64::from);
    if labels != images {
        return Err(DataError::Count {
            images_path: images_path.to_owned(),
            images,
            labels_path: input.path.to_owned(),
            labels,
        });
    }
    let mut bytes = Vec::new();
    input.copy_body(&mut bytes, LABELS.header_bytes(), labels)?;
    Ok(bytes.into_iter().map(u32::from).collect())
}

#[cfg(test)]
mod tests;
