//! Progress bars on standard error; silent when that is no terminal.

use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};
use recoup::Watch;

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

/// A bar for whatever takes long. Nothing stops it: an interrupt ends the whole program.
#[derive(Default)]
pub struct Bars {
    shown: Mutex<Option<ProgressBar>>,
    /// What was noted last: it is said once.
    noted: Mutex<String>,
}

impl Bars {
    fn with(&self, action: impl FnOnce(&mut Option<ProgressBar>)) {
        action(&mut self.shown.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Watch for Bars {
    fn begin(&self, what: &'static str, steps: usize) {
        self.with(|shown| *shown = Some(bar(what, steps)));
    }

    fn advance(&self, steps: usize) {
        self.with(|shown| {
            if let Some(bar) = shown {
                bar.inc(steps as u64);
            }
        });
    }

    fn end(&self) {
        self.with(|shown| {
            if let Some(bar) = shown.take() {
                bar.finish_and_clear();
            }
        });
    }

    fn note(&self, what: &str) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if *noted != what {
            what.clone_into(&mut noted);
            self.with(|shown| match shown {
                Some(bar) if !bar.is_hidden() => bar.suspend(|| eprintln!("{what}")),
                _ => {}
            });
        }
    }
}
