//! Progress bars on standard error; silent when that is no terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over `length` steps.
pub fn bar(what: &'static str, length: usize) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{msg:>24} [{bar:30}] {pos}/{len} {per_sec} eta {eta}")
            .expect("a valid template")
            .progress_chars("=> ");
    let bar = ProgressBar::new(length as u64).with_style(style).with_message(what);
    bar.tick();
    bar
}

/// A line that says what is being done; shown from its first tick on.
pub fn spinner() -> ProgressBar {
    ProgressBar::new_spinner()
}
