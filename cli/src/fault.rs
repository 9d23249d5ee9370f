//! A panic: a fault of Recoup itself, never an answer. It ends as one sentence and exit code 70.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use recoup_circuits::printable;

/// Exit code after a fault: `EX_SOFTWARE` of `sysexits.h`.
pub const EXIT_CODE: u8 = 70;

/// What the last panic said, and where it was.
static LAST: Mutex<Option<String>> = Mutex::new(None);

/// Panics are noted in silence from now on; [`caught`] says what they were. Some are no fault of
/// the program as a whole: an exploration records the candidate that failed and goes on.
pub fn note_in_silence() {
    std::panic::set_hook(Box::new(|panic| {
        let said = panic.payload_as_str().unwrap_or("it gave no reason");
        let place = panic.location().map(|place| format!(" ({}:{})", place.file(), place.line()));
        if let Ok(mut last) = LAST.lock() {
            *last = Some(said.to_owned() + &place.unwrap_or_default());
        }
    }));
}

/// What `work` gives, or the last panic that was noted if it panics; what it had open is dropped
/// by then.
pub fn caught<R>(work: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| {
        let last = LAST.lock().ok().and_then(|mut last| last.take());
        last.unwrap_or_else(|| "it gave no reason".to_owned())
    })
}

/// One sentence on what happened and what to do, on one line whatever the panic and the arguments
/// hold.
pub fn message(panic: &str, arguments: &[String]) -> String {
    let command: Vec<_> = arguments.iter().map(|argument| printable(argument)).collect();
    let panic = panic.split_whitespace().collect::<Vec<_>>().join(" ");
    let panic = printable(&panic);
    format!(
        "error: this is a fault of Recoup, not of its input: {panic}; please report it with the \
         files that it was given and this command: {}",
        command.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_on_any_thread_becomes_one_sentence() {
        note_in_silence();
        assert_eq!(caught(|| 5), Ok(5));
        let on_the_pool = || {
            recoup_core::model::threads::run(2, || {
                let work = || panic!("layer \"{}\"\n  is {}", "\u{1b}[2J", 7);
                rayon::join(|| (), work).1
            })
        };
        let panic = caught(on_the_pool).unwrap_err();
        assert!(panic.contains(concat!(file!(), ":")), "{panic}");
        let arguments = ["recoup", "eval", "a\u{7}b.onnx"].map(str::to_owned);
        let message = message(&panic, &arguments);
        assert!(!message.chars().any(char::is_control), "{message}");
        for part in ["layer \"\\u{1b}[2J\" is 7", "please report it", "recoup eval a\\u{7}b.onnx"] {
            assert!(message.contains(part), "no {part:?} in: {message}");
        }
        // What was said of one is not said of the next.
        assert_eq!(
            caught(|| std::panic::resume_unwind(Box::new(1))),
            Err::<(), _>("it gave no reason".to_owned())
        );
    }
}
