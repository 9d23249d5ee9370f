//! A directory with one folder of images for each class, or with images alone.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use recoup_circuits::check_regular;

use super::pixels::Image;
use super::{DataError, classes, decode};

/// The list of image files; images are decoded when read.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// In the order of the labels.
    class_names: Vec<String>,
    /// What is doubtful about that order.
    note: Option<String>,
    /// By class folder, these byte by byte: the order of the classes does not number the images.
    files: Vec<PathBuf>,
}

impl Folder {
    /// Lists the files of all classes; gives them with their labels, unless there are no class
    /// folders. Files are told by their extensions, hidden ones and `Thumbs.db` are passed over.
    pub fn open(path: &Path) -> Result<(Folder, Option<Vec<u32>>), DataError> {
        let (directories, beside): (Vec<_>, Vec<_>) =
            list(path)?.into_iter().partition(|entry| entry.is_dir());
        check_images(&beside)?;
        let mut folder = Folder {
            path: path.to_owned(),
            class_names: Vec::new(),
            note: None,
            files: Vec::new(),
        };
        if directories.is_empty() {
            if beside.is_empty() {
                return Err(DataError::FolderNoClasses { path: path.to_owned() });
            }
            folder.files = beside;
            return Ok((folder, None));
        }
        if let Some(image) = beside.into_iter().next() {
            return Err(DataError::FolderMixed { path: image });
        }
        let mut names = Vec::new();
        let mut labels = Vec::new();
        for (directory, label) in directories.into_iter().zip(0..) {
            let files = list(&directory)?;
            if files.is_empty() {
                return Err(DataError::FolderEmptyClass { path: directory });
            }
            if let Some(nested) = files.iter().find(|file| file.is_dir()) {
                return Err(DataError::FolderNested { path: nested.clone() });
            }
            check_images(&files)?;
            labels.resize(labels.len() + files.len(), label);
            folder.files.extend(files);
            let name = directory.file_name().unwrap_or_default();
            names.push(name.to_string_lossy().into_owned());
        }
        let mut distinct = HashSet::new();
        if let Some(class) = names.iter().find(|name| !distinct.insert(*name)) {
            let (path, class) = (path.to_owned(), class.clone());
            return Err(DataError::FolderNames { path, class });
        }
        folder.class_names = names.clone();
        let mut sorted = names;
        let note = classes::sort(&mut sorted);
        folder.reorder(sorted, &mut labels);
        folder.note = note;
        Ok((folder, Some(labels)))
    }

    /// Takes the order of the classes from a file and changes `labels` accordingly.
    pub fn order_classes(&mut self, file: &Path, labels: &mut [u32]) -> Result<(), DataError> {
        let names = classes::read(file, &self.path, &self.class_names)?;
        self.reorder(names, labels);
        Ok(())
    }

    /// Gives the classes, which are `names` in another order, new labels.
    fn reorder(&mut self, names: Vec<String>, labels: &mut [u32]) {
        let places: HashMap<&str, u32> = names.iter().map(String::as_str).zip(0..).collect();
        let new: Vec<u32> = self.class_names.iter().map(|name| places[name.as_str()]).collect();
        labels.iter_mut().for_each(|label| *label = new[*label as usize]);
        self.class_names = names;
        self.note = None;
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    pub fn file(&self, index: usize) -> &Path {
        &self.files[index]
    }

    pub fn len(&self) -> usize {
        self.files.len()
    }

    pub fn read(&self, index: usize) -> Result<Image, DataError> {
        decode::read(&self.files[index])
    }
}

/// Checks by name and kind that these are images, without opening them.
fn check_images(files: &[PathBuf]) -> Result<(), DataError> {
    if let Some(file) = files.iter().find(|file| !is_image(file)) {
        return Err(DataError::FolderForeignFile { path: file.clone() });
    }
    for file in files {
        check_regular(file).map_err(|source| DataError::open(file, source))?;
    }
    Ok(())
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
