//! Files appear whole or not at all.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, Result, bail};

/// Temporary files to be removed on Ctrl-C.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// On Ctrl-C or termination, removes unfinished files and ends with exit code 130.
pub fn clean_up_on_interrupt() {
    let handler = || {
        if let Ok(paths) = UNFINISHED.lock() {
            for path in paths.iter() {
                let _ = std::fs::remove_file(path);
            }
        }
        std::process::exit(130);
    };
    // Only fails when a handler exists already; then there is nothing to add.
    let _ = ctrlc::set_handler(handler);
}

/// Whether a file can be put at `target`; for asking before a long computation.
///
/// # Errors
/// When `target` exists and is not to be replaced or is no plain file, or its folder does not
/// exist.
pub fn check(target: &Path, replace: bool) -> Result<()> {
    if target.is_dir() {
        bail!("{}: is a folder; give the name of a file in it", target.display());
    }
    // The finished file takes the place of what is there: never of a device or a link.
    if target.symlink_metadata().is_ok_and(|metadata| !metadata.is_file()) {
        bail!("{}: is a link or a device, not a file; give another name", target.display());
    }
    if !replace && target.exists() {
        bail!("{}: exists already; give another name, or --force to replace it", target.display());
    }
    let folder = folder_of(target);
    if !folder.is_dir() {
        bail!(
            "{}: cannot be written, there is no folder {}; make it first",
            target.display(),
            folder.display()
        );
    }
    Ok(())
}

fn folder_of(target: &Path) -> &Path {
    match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A file under construction beside its final place.
pub struct Draft {
    file: tempfile::NamedTempFile,
    target: PathBuf,
}

impl Draft {
    /// Starts a file that [`Draft::finish`] will put at `target`.
    ///
    /// # Errors
    /// As [`check`], and when the folder cannot be written.
    pub fn new(target: &Path, replace: bool) -> Result<Self> {
        check(target, replace)?;
        let file = tempfile::NamedTempFile::new_in(folder_of(target))
            .with_context(|| format!("{}: cannot be written", target.display()))?;
        if let Ok(mut paths) = UNFINISHED.lock() {
            paths.push(file.path().into());
        }
        Ok(Self { file, target: target.into() })
    }

    /// The file, to be written and sought in.
    pub fn file(&mut self) -> &mut std::fs::File {
        self.file.as_file_mut()
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// When the disk is full, or the place cannot be taken.
    pub fn finish(mut self) -> Result<()> {
        let context = || format!("{}: cannot be written", self.target.display());
        self.file.flush().with_context(context)?;
        // Temporary files are private; results are as readable as other files.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let permissions = std::fs::Permissions::from_mode(0o644);
            self.file.as_file().set_permissions(permissions).with_context(context)?;
        }
        let path = self.file.path().to_path_buf();
        self.file.persist(&self.target).map_err(|error| error.error).with_context(context)?;
        if let Ok(mut paths) = UNFINISHED.lock() {
            paths.retain(|unfinished| *unfinished != path);
        }
        Ok(())
    }
}

/// Writes `bytes` to `target`, whole or not at all.
///
/// # Errors
/// As [`Draft`].
pub fn write(target: &Path, bytes: &[u8], replace: bool) -> Result<()> {
    let mut draft = Draft::new(target, replace)?;
    draft
        .file()
        .write_all(bytes)
        .with_context(|| format!("{}: cannot be written", target.display()))?;
    draft.finish()
}
