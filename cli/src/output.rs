//! Files appear whole or not at all.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};

/// Temporary files and folders to be removed on Ctrl-C.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Exit code after Ctrl-C or termination.
const INTERRUPTED: i32 = 130;

/// Whether what runs asks [`is_interrupted`], and whether it is to stop.
static ASKS: AtomicBool = AtomicBool::new(false);
static STOP: AtomicBool = AtomicBool::new(false);

/// Work that Ctrl-C does not end at once: it asks [`is_interrupted`], stops, and cleans up more
/// than files. Then the program ends.
pub fn interruptible<T>(work: impl FnOnce() -> T) -> T {
    ASKS.store(true, Ordering::SeqCst);
    let result = work();
    ASKS.store(false, Ordering::SeqCst);
    if is_interrupted() {
        remove_unfinished();
        std::process::exit(INTERRUPTED);
    }
    result
}

/// Whether there was a Ctrl-C.
pub fn is_interrupted() -> bool {
    STOP.load(Ordering::SeqCst)
}

/// On Ctrl-C or termination, removes unfinished files and ends with exit code 130.
pub fn clean_up_on_interrupt() {
    let handler = || {
        let asked_before = STOP.swap(true, Ordering::SeqCst);
        if ASKS.load(Ordering::SeqCst) && !asked_before {
            return;
        }
        remove_unfinished();
        std::process::exit(INTERRUPTED);
    };
    // Only fails when a handler exists already; then there is nothing to add.
    let _ = ctrlc::set_handler(handler);
}

/// Removes the files and folders that are not finished, as the program is about to end.
pub fn remove_unfinished() {
    // Whoever panicked under the lock left the list whole.
    let paths = UNFINISHED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for path in paths.iter() {
        let _ = match path.is_dir() {
            true => std::fs::remove_dir_all(path),
            false => std::fs::remove_file(path),
        };
    }
}

/// Makes writing beyond a limit of file length fail as on a full disk. The signal would end the
/// program, with unfinished files left behind.
#[cfg(unix)]
pub fn outlive_file_limits() {
    // Whether it came is of no interest: who writes is told.
    let came = std::sync::Arc::new(AtomicBool::new(false));
    // Only fails where signals cannot be handled at all.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, came);
}

/// There are no such limits.
#[cfg(not(unix))]
pub fn outlive_file_limits() {}

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

/// Whether files can be put into a folder of their own at `target`; for asking before a long
/// computation.
///
/// # Errors
/// When `target` is a file, or holds something that is not to be replaced, or cannot be made.
pub fn check_folder(target: &Path, replace: bool) -> Result<()> {
    if target.symlink_metadata().is_ok() && !target.is_dir() {
        bail!("{}: is a file; give the name of a folder", target.display());
    }
    if target.is_dir() {
        let mut entries = std::fs::read_dir(target)
            .with_context(|| format!("{}: cannot be read", target.display()))?;
        if !replace && entries.next().is_some() {
            bail!(
                "{}: is not empty; give another folder, or --force to replace the files of an \
                 earlier run in it",
                target.display()
            );
        }
    }
    let parent = folder_of(target);
    if !parent.is_dir() {
        bail!(
            "{}: cannot be made, there is no folder {}; make it first",
            target.display(),
            parent.display()
        );
    }
    Ok(())
}

/// Writes files (name, content) into the folder `target`, all or none: they are made in a
/// temporary folder beside it. In a folder that is not empty, files with other names than `known`
/// are left alone.
///
/// # Errors
/// As [`check_folder`], and when a folder cannot be written.
pub fn write_folder(
    target: &Path,
    files: &[(&str, &[u8])],
    known: &[&str],
    replace: bool,
) -> Result<()> {
    check_folder(target, replace)?;
    let context = || format!("{}: cannot be written", target.display());
    let draft = tempfile::TempDir::new_in(folder_of(target)).with_context(context)?;
    if let Ok(mut paths) = UNFINISHED.lock() {
        paths.push(draft.path().into());
    }
    for (name, content) in files {
        std::fs::write(draft.path().join(name), content).with_context(context)?;
    }
    if target.exists() {
        replace_files(&draft, target, files, known).with_context(context)?;
    } else {
        // Temporary folders are private; results are as readable as other folders.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let permissions = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(draft.path(), permissions).with_context(context)?;
        }
        std::fs::rename(draft.path(), target).with_context(context)?;
    }
    if let Ok(mut paths) = UNFINISHED.lock() {
        paths.retain(|unfinished| unfinished != draft.path());
    }
    Ok(())
}

/// Moves files into a folder that exists, in place of those of an earlier run.
fn replace_files(
    draft: &tempfile::TempDir,
    target: &Path,
    files: &[(&str, &[u8])],
    known: &[&str],
) -> std::io::Result<()> {
    for name in known {
        match std::fs::remove_file(target.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    for (name, _) in files {
        std::fs::rename(draft.path().join(name), target.join(name))?;
    }
    Ok(())
}
