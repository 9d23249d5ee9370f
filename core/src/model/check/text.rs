//! Names from a file, made fit for a message.

use recoup_circuits::printable;

/// Longest name in a message, in characters.
const MOST_CHARACTERS: usize = 80;

/// `name` without control characters, and not longer than a line.
pub(crate) fn shown(name: &str) -> String {
    match name.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => plain(&name[..end]) + "...",
        None => plain(name),
    }
}

/// `text` with its control characters escaped.
pub(crate) fn plain(text: &str) -> String {
    printable(text).into_owned()
}

/// Numbers for a message: at most eight of them.
pub(super) fn list<T: std::fmt::Display>(values: &[T]) -> String {
    let mut words: Vec<String> = values.iter().take(8).map(T::to_string).collect();
    if values.len() > 8 {
        words.push(format!("... {} in all", values.len()));
    }
    format!("[{}]", words.join(", "))
}

/// `count` and its noun: "1 input", "2 inputs".
pub(super) fn count(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
