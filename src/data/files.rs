//! Files that a user names, and text from them that is shown.

use std::borrow::Cow;
use std::fs::{self, File, FileType};
use std::io::{self, Read};
use std::path::Path;

/// Opens a regular file for reading. Anything else is refused at once: opening a FIFO waits for
/// its writer, and opening a device can act on it.
///
/// # Errors
/// As [`File::open`]; `IsADirectory` for a directory, `InvalidInput` for what is no file either,
/// saying what it is.
pub fn regular_file(path: &Path) -> io::Result<File> {
    regular(path)?;
    let file = File::open(path)?;
    // Another may have taken its place meanwhile.
    check(file.metadata()?.file_type())?;
    Ok(file)
}

/// Fails as [`regular_file`] does where a path leads to anything else, without opening it.
pub(super) fn regular(path: &Path) -> io::Result<()> {
    check(fs::metadata(path)?.file_type())
}

/// The text in a [`regular_file`].
///
/// # Errors
/// As [`regular_file`]; `InvalidData` when it is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    regular_file(path)?.read_to_string(&mut text)?;
    Ok(text)
}

fn check(found: FileType) -> io::Result<()> {
    if found.is_file() {
        return Ok(());
    }
    let kind = match found.is_dir() {
        true => io::ErrorKind::IsADirectory,
        false => io::ErrorKind::InvalidInput,
    };
    Err(io::Error::new(kind, format!("it is {}, not a regular file", name(found))))
}

/// What a thing that is no regular file is, in words.
fn name(found: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if found.is_fifo() {
            return "a pipe (FIFO)";
        }
        if found.is_char_device() || found.is_block_device() {
            return "a device";
        }
        if found.is_socket() {
            return "a socket";
        }
    }
    if found.is_dir() { "a directory" } else { "something else" }
}

/// Text from a file as it can be shown on a terminal: control characters, and those that turn
/// the direction of writing, are escaped.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match is_unprintable(character) {
            true => shown.extend(character.escape_default()),
            false => shown.push(character),
        }
    }
    Cow::Owned(shown)
}

fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A path, [`printable`].
pub(super) fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "text").unwrap();
        assert_eq!(read_text(&path).unwrap(), "text");
        let error = regular_file(folder.path()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
        assert!(error.to_string().contains("a directory"), "{error}");
        let error = regular_file(&folder.path().join("none")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_refused_without_opening_it() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for (path, what) in [
            (pipe.as_path(), "a pipe (FIFO)"),
            (&link, "a pipe (FIFO)"),
            (&socket, "a socket"),
            (Path::new("/dev/zero"), "a device"),
        ] {
            let error = regular_file(path).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{path:?}");
            assert!(error.to_string().contains(what), "{error}");
        }
    }

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        for (text, expected) in [
            ("Katze ä 猫", "Katze ä 猫"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a\r\nb\t\u{7f}\u{9b}", "a\\r\\nb\\t\\u{7f}\\u{9b}"),
            ("\u{202e}gnp", "\\u{202e}gnp"),
        ] {
            assert_eq!(printable(text), expected);
        }
    }
}
