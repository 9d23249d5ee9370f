//! Names from a file, made fit for a message.

/// Longest name in a message, in characters.
const MOST_CHARACTERS: usize = 80;

/// `name` without control characters, and not longer than a line.
pub(crate) fn shown(name: &str) -> String {
    match name.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => plain(&name[..end]) + "...",
        None => plain(name),
    }
}

/// `text` with its control characters escaped, fit for a terminal.
pub fn plain(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || is_direction(character) {
            escaped.extend(character.escape_unicode());
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Marks that change the direction of the text after them, or break its line.
fn is_direction(character: char) -> bool {
    matches!(
        character,
        '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
    )
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
