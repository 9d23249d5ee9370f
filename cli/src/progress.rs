//! Progress bars on standard error; silent when that is no terminal.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use recoup::Watch;

use crate::output;

/// Shorter work of unknown length is not worth a word.
const QUICK: Duration = Duration::from_secs(2);

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

/// A bar for whatever takes long; a line in words where nobody knows how long. An interrupt stops
/// work that cleans up after itself, and ends the program otherwise.
#[derive(Default)]
pub struct Bars {
    /// What the work is for, before the words of such a line.
    of: String,
    shown: Mutex<Option<Shown>>,
    /// What was noted last: it is said once.
    noted: Mutex<String>,
}

struct Shown {
    bar: ProgressBar,
    what: &'static str,
    since: Instant,
    /// Whether it was said how the work stands; else it is said for how long it has run.
    has_state: bool,
}

impl Shown {
    fn advance(&self, steps: usize, of: &str) {
        let elapsed = self.since.elapsed();
        if self.bar.length().is_some() {
            self.bar.inc(steps as u64);
        } else if elapsed > QUICK && !self.has_state {
            self.say(format!("{of}: {}, {} s", self.what, elapsed.as_secs()));
        }
    }

    /// Shown from the first time on.
    fn say(&self, line: String) {
        self.bar.set_message(line);
        self.bar.tick();
    }
}

impl Bars {
    /// For work on what is named.
    pub fn of(what: &str) -> Self {
        Self { of: what.to_owned(), ..Self::default() }
    }

    fn with(&self, action: impl FnOnce(&mut Option<Shown>)) {
        action(&mut self.shown.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Watch for Bars {
    fn begin(&self, what: &'static str, steps: usize) {
        let bar = match steps {
            0 => ProgressBar::new_spinner(),
            steps => bar(what, steps),
        };
        self.with(|shown| {
            *shown = Some(Shown { bar, what, since: Instant::now(), has_state: false });
        });
    }

    fn advance(&self, steps: usize) {
        self.with(|shown| {
            if let Some(shown) = shown {
                shown.advance(steps, &self.of);
            }
        });
    }

    fn state(&self, words: &str) {
        self.with(|shown| {
            if let Some(shown) = shown {
                shown.has_state = true;
                shown.say(format!("{}: {words}", self.of));
            }
        });
    }

    fn end(&self) {
        self.with(|shown| {
            if let Some(shown) = shown.take() {
                shown.bar.finish_and_clear();
            }
        });
    }

    fn note(&self, what: &str) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if *noted != what {
            what.clone_into(&mut noted);
            self.with(|shown| match shown {
                Some(Shown { bar, .. }) if !bar.is_hidden() => {
                    bar.suspend(|| eprintln!("{what}"));
                }
                _ => {}
            });
        }
    }

    fn is_stopped(&self) -> bool {
        output::is_interrupted()
    }
}
