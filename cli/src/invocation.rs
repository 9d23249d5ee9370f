//! What the user ran, for the record; wherever the program lies, and whatever program it is part of.

use std::ffi::OsString;
use std::sync::OnceLock;

static ARGUMENTS: OnceLock<Vec<OsString>> = OnceLock::new();

/// Notes the arguments, the program's name first. Those of a second call are of no interest.
pub fn note(arguments: &[OsString]) {
    ARGUMENTS.get_or_init(|| arguments.to_vec());
}

/// The arguments as text.
pub fn arguments() -> Vec<String> {
    let all = ARGUMENTS.get().into_iter().flatten();
    all.map(|argument| argument.to_string_lossy().into_owned()).collect()
}

/// The command line.
pub fn command_line() -> String {
    let arguments = arguments().into_iter().skip(1);
    std::iter::once("recoup".to_owned()).chain(arguments).collect::<Vec<_>>().join(" ")
}
