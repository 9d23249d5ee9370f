//! SystemVerilog from a folder.

use std::io;
use std::path::{Path, PathBuf};

use recoup_circuits::{printable_path, read_text};
use recoup_core::hint::Hint;

use super::files::{File, Sources};

/// Why a folder has nothing to synthesise.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The folder, or a file in it.
    #[error("{}: cannot be read: {source}", printable_path(path))]
    Io {
        /// What cannot be read.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// No file of it is SystemVerilog.
    #[error(
        "{}: no SystemVerilog to synthesise; expected files ending in .sv or .v",
        printable_path(folder)
    )]
    Empty {
        /// The folder.
        folder: PathBuf,
    },
    /// Several modules, none of which is called `array`.
    #[error("{}: which module? there are {modules}", printable_path(folder))]
    Top {
        /// The folder.
        folder: PathBuf,
        /// The modules.
        modules: String,
    },
}

impl FolderError {
    /// What would help, where the text does not say it.
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::Io { .. } => None,
            Self::Empty { .. } => Some(Hint::WriteArray),
            Self::Top { .. } => Some(Hint::NameModule),
        }
    }
}

impl Sources {
    /// All SystemVerilog in a folder but the testbench. The top is the module `top`, or else
    /// `array`, or the only one.
    ///
    /// # Errors
    /// When a file cannot be read, or it is open which module is meant.
    pub fn read(folder: &Path, top: Option<&str>) -> Result<Self, FolderError> {
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            |source| FolderError::Io { path, source }
        };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(unreadable(folder))? {
            let path = entry.map_err(unreadable(folder))?.path();
            let extension = path.extension().and_then(|extension| extension.to_str());
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
            if !matches!(extension, Some("sv" | "v")) || name == "tb.sv" {
                continue;
            }
            files.push(File::new(name, read_text(&path).map_err(unreadable(&path))?));
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let stem = |file: &File| file.name.rsplit_once('.').map_or("", |(stem, _)| stem).to_owned();
        let folder = || folder.to_owned();
        let top = match (top, &files[..]) {
            (Some(top), _) => top.to_owned(),
            (None, []) => return Err(FolderError::Empty { folder: folder() }),
            (None, [only]) => stem(only),
            (None, several) if several.iter().any(|file| stem(file) == "array") => "array".into(),
            (None, several) => {
                let modules = several.iter().map(stem).collect::<Vec<_>>().join(", ");
                return Err(FolderError::Top { folder: folder(), modules });
            }
        };
        Ok(Self { top, files })
    }
}
