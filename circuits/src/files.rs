//! What comes from outside: files, and the names in them.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::fs::{File, Metadata};
use std::io::{self, Error, ErrorKind, Read};
use std::path::Path;

/// Opens a file for reading that is one: a pipe waits for a writer that may never come, and a
/// device may have no end.
///
/// # Errors
/// As [`File::open`]; `IsADirectory` for a folder, `InvalidInput` for a pipe, a device or a socket,
/// saying which.
pub fn regular_file(path: &Path) -> io::Result<File> {
    // Asked before opening, which is what waits at a pipe.
    check_regular(path)?;
    let file = File::open(path)?;
    check(&file.metadata()?)?;
    Ok(file)
}

/// Fails as [`regular_file`] does where a path leads to anything else, without opening it.
///
/// # Errors
/// As [`regular_file`].
pub fn check_regular(path: &Path) -> io::Result<()> {
    check(&std::fs::metadata(path)?)
}

/// All bytes of a [`regular_file`].
///
/// # Errors
/// As [`regular_file`].
pub fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    regular_file(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The text in a [`regular_file`].
///
/// # Errors
/// As [`regular_file`]; `InvalidData` when it is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    io::read_to_string(regular_file(path)?)
}

fn check(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let error = if metadata.is_dir() { ErrorKind::IsADirectory } else { ErrorKind::InvalidInput };
    Err(Error::new(error, format!("found {}, expected a file; copy it to one", kind(metadata))))
}

#[cfg(unix)]
fn kind(metadata: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let kind = metadata.file_type();
    match () {
        () if kind.is_dir() => "a folder",
        () if kind.is_fifo() => "a pipe (FIFO)",
        () if kind.is_socket() => "a socket",
        () if kind.is_char_device() || kind.is_block_device() => "a device",
        () => "no file",
    }
}

#[cfg(not(unix))]
fn kind(metadata: &Metadata) -> &'static str {
    if metadata.is_dir() { "a folder" } else { "no file" }
}

/// The beginning of a text of any length, for messages.
pub(crate) fn shorten(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// A name or a text from a file, for a terminal: what would steer it is written as `\u{..}`:
/// control characters, and those that turn the direction of the text or hide in it.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return text.into();
    }
    let mut clean = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_hidden(character) {
            // Writing to a string does not fail.
            let _ = write!(clean, "{}", character.escape_unicode());
        } else {
            clean.push(character);
        }
    }
    clean.into()
}

/// The path of a file, for a terminal; see [`printable`].
pub fn printable_path(path: &Path) -> String {
    printable(&path.display().to_string()).into_owned()
}

/// What is wrong with a file, for a terminal.
pub(crate) fn in_file(path: &Path, what: &dyn fmt::Display) -> String {
    in_files(&[path], what)
}

/// What is wrong with files, for a terminal.
pub(crate) fn in_files<P: AsRef<Path>>(paths: &[P], what: &dyn fmt::Display) -> String {
    let paths: Vec<_> = paths.iter().map(|path| printable_path(path.as_ref())).collect();
    format!("{}: {}", paths.join(", "), printable(&what.to_string()))
}

fn is_hidden(character: char) -> bool {
    let formats = matches!(
        character,
        '\u{ad}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
    );
    character.is_control() || formats
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_steer_a_terminal() {
        assert_eq!(printable("mul8u_1é2 \\n"), "mul8u_1é2 \\n");
        assert!(matches!(printable("plain"), Cow::Borrowed(_)));
        let cases = [
            ("\u{1b}[31mred\u{7}", r"\u{1b}[31mred\u{7}"),
            ("two\nlines\r\t", r"two\u{a}lines\u{d}\u{9}"),
            ("\u{9b}2J\u{7f}", r"\u{9b}2J\u{7f}"),
            ("a\u{202e}b\u{200b}", r"a\u{202e}b\u{200b}"),
        ];
        for (text, expected) in cases {
            assert_eq!(printable(text), expected);
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        let cases = [
            (folder.path(), "a folder"),
            (&pipe, "a pipe (FIFO)"),
            (&link, "a pipe (FIFO)"),
            (&socket, "a socket"),
            (Path::new("/dev/zero"), "a device"),
        ];
        for (path, kind) in cases {
            let error = regular_file(path).unwrap_err().to_string();
            assert_eq!(error, format!("found {kind}, expected a file; copy it to one"));
        }
        let file = folder.path().join("file");
        std::fs::write(&file, "x").unwrap();
        assert_eq!(io::read_to_string(regular_file(&file).unwrap()).unwrap(), "x");
        assert!(regular_file(&folder.path().join("none")).is_err());
    }
}
