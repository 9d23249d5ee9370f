//! A directory with one folder of images for each class.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageReader};

use super::DataError;
use super::pixels::{Image, ImageShape, Layout, Pixels};

/// The list of image files; images are decoded when read.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    class_names: Vec<String>,
    files: Vec<PathBuf>,
}

impl Folder {
    /// Lists the files of all classes; gives them with their labels. Files are told by their
    /// extensions, hidden ones and `Thumbs.db` are passed over.
    pub fn open(path: &Path) -> Result<(Folder, Vec<u32>), DataError> {
        let (directories, beside): (Vec<_>, Vec<_>) =
            list(path)?.into_iter().partition(|entry| entry.is_dir());
        if let Some(file) = beside.iter().find(|file| !is_image(file)) {
            return Err(DataError::FolderForeignFile { path: file.clone() });
        }
        if directories.is_empty() {
            return Err(DataError::FolderNoClasses { path: path.to_owned() });
        }
        if let Some(image) = beside.first() {
            return Err(DataError::FolderMixed { path: image.clone() });
        }
        let mut folder =
            Folder { path: path.to_owned(), class_names: Vec::new(), files: Vec::new() };
        let mut labels = Vec::new();
        for (directory, label) in directories.into_iter().zip(0..) {
            let files = list(&directory)?;
            if files.is_empty() {
                return Err(DataError::FolderEmptyClass { path: directory });
            }
            if let Some(nested) = files.iter().find(|file| file.is_dir()) {
                return Err(DataError::FolderNested { path: nested.clone() });
            }
            if let Some(file) = files.iter().find(|file| !is_image(file)) {
                return Err(DataError::FolderForeignFile { path: file.clone() });
            }
            labels.resize(labels.len() + files.len(), label);
            folder.files.extend(files);
            let name = directory.file_name().unwrap_or_default();
            folder.class_names.push(name.to_string_lossy().into_owned());
        }
        Ok((folder, labels))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    pub fn file(&self, index: usize) -> &Path {
        &self.files[index]
    }

    /// Decodes an image, told by its content: 8-bit grey for a grey file, else RGB. Alpha is
    /// dropped and the EXIF orientation ignored, as torchvision does.
    pub fn read(&self, index: usize) -> Result<Image, DataError> {
        let path = &self.files[index];
        let decode_error =
            |source| DataError::Decode { path: path.clone(), source: Box::new(source) };
        let decoded = ImageReader::open(path)
            .map_err(|source| DataError::open(path, source))?
            .with_guessed_format()
            .map_err(|source| DataError::open(path, source))?
            .decode()
            .map_err(decode_error)?;
        Ok(eight_bit(decoded))
    }
}

fn eight_bit(decoded: DynamicImage) -> Image {
    let (width, height) = (decoded.width() as usize, decoded.height() as usize);
    let (channels, pixels) = match decoded.color().has_color() {
        true => (3, decoded.into_rgb8().into_raw()),
        false => (1, decoded.into_luma8().into_raw()),
    };
    Image {
        shape: ImageShape { channels, height, width },
        layout: Layout::Hwc,
        pixels: Pixels::U8(pixels),
    }
}

/// The entries of a directory that count, sorted by name byte by byte.
fn list(directory: &Path) -> Result<Vec<PathBuf>, DataError> {
    let failed = |source| DataError::open(directory, source);
    let mut entries = Vec::new();
    for entry in directory.read_dir().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        if name != "Thumbs.db" && !name.as_encoded_bytes().starts_with(b".") {
            entries.push(entry.path());
        }
    }
    entries.sort_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
    Ok(entries)
}

fn is_image(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    ["png", "jpg", "jpeg"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests;
