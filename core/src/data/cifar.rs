//! CIFAR-10 and CIFAR-100, binary version.

use std::path::{Path, PathBuf};

use recoup_circuits::npy::Element;

use super::DataError;
use super::pixels::{ImageShape, Layout};
use super::records::{Part, Records};
use super::store::{Store, open_file};

const SHAPE: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CifarKind {
    Cifar10,
    Cifar100,
}

impl CifarKind {
    fn name(self) -> &'static str {
        match self {
            CifarKind::Cifar10 => "CIFAR-10",
            CifarKind::Cifar100 => "CIFAR-100",
        }
    }

    fn classes(self) -> u8 {
        match self {
            CifarKind::Cifar10 => 10,
            CifarKind::Cifar100 => 100,
        }
    }

    /// CIFAR-10 has one label; CIFAR-100 the coarse one, then the fine one.
    fn label_bytes(self) -> u64 {
        match self {
            CifarKind::Cifar10 => 1,
            CifarKind::Cifar100 => 2,
        }
    }

    fn record_bytes(self) -> u64 {
        self.label_bytes() + SHAPE.elements() as u64
    }

    /// What to say of a file whose length suits the other kind, or neither.
    fn length_remedy(self, bytes: u64) -> &'static str {
        let other = match self {
            CifarKind::Cifar10 => CifarKind::Cifar100,
            CifarKind::Cifar100 => CifarKind::Cifar10,
        };
        if !bytes.is_multiple_of(other.record_bytes()) {
            "it is incomplete or not the binary version; fetch it again"
        } else if self == CifarKind::Cifar10 {
            "it looks like CIFAR-100; use cifar100:"
        } else {
            "it looks like CIFAR-10; use cifar10:"
        }
    }
}

/// Opens a file, or the files of a directory; gives the images and their labels.
pub(super) fn open(path: &Path, kind: CifarKind) -> Result<(Records, Vec<u32>), DataError> {
    let files = if path.is_dir() { files_of(path)? } else { vec![path.to_owned()] };
    let mut labels = Vec::new();
    let mut parts = Vec::new();
    for path in files {
        let first = labels.len();
        let store = read_labels(&path, kind, &mut labels)?;
        parts.push(Part { path, store: store.into(), first, offset: kind.label_bytes() });
    }
    let records = Records {
        parts,
        stride_bytes: kind.record_bytes(),
        element: Element::U8,
        shape: SHAPE,
        layout: Layout::Chw,
    };
    Ok((records, labels))
}

/// The files `test*.bin` if there are any, so that the original layout with its training
/// batches gives the test set; else all `*.bin`. Sorted by name.
fn files_of(directory: &Path) -> Result<Vec<PathBuf>, DataError> {
    let failed = |source| DataError::open(directory, source);
    let mut files = Vec::new();
    for entry in directory.read_dir().map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "bin") {
            files.push(path);
        }
    }
    let is_test = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("test"))
    };
    if files.iter().any(is_test) {
        files.retain(is_test);
    }
    if files.is_empty() {
        return Err(DataError::CifarNoFiles { path: directory.to_owned() });
    }
    files.sort();
    Ok(files)
}

/// Checks the length of a file and appends its labels.
fn read_labels(path: &Path, kind: CifarKind, labels: &mut Vec<u32>) -> Result<Store, DataError> {
    let (file, bytes) = open_file(path)?;
    if !bytes.is_multiple_of(kind.record_bytes()) {
        return Err(DataError::CifarLength {
            path: path.to_owned(),
            bytes,
            record_bytes: kind.record_bytes(),
            format: kind.name(),
            remedy: kind.length_remedy(bytes),
        });
    }
    let store = Store::file(file);
    for record in 0..bytes / kind.record_bytes() {
        // The fine label is the last byte before the pixels.
        let offset = record * kind.record_bytes() + kind.label_bytes() - 1;
        let mut label = [0];
        store.read_exact_at(&mut label, offset).map_err(|source| DataError::Read {
            path: path.to_owned(),
            offset,
            source,
        })?;
        if label[0] >= kind.classes() {
            return Err(DataError::CifarLabel {
                path: path.to_owned(),
                record,
                offset,
                label: label[0],
                classes: kind.classes(),
                format: kind.name(),
            });
        }
        labels.push(label[0].into());
    }
    Ok(store)
}

#[cfg(test)]
mod tests;
