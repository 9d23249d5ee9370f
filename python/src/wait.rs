//! Work that takes long: on threads of its own, without the interpreter's lock, while the caller's
//! thread looks at signals and shows how far it is.

use std::num::NonZero;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use recoup::Watch;

use crate::errors;

/// How long nobody looks.
const TICK: Duration = Duration::from_millis(50);

/// The process that has the threads: they do not outlive a fork, and who waits for them waits for
/// ever.
static PROCESS: OnceLock<u32> = OnceLock::new();

/// How the work is run: part of most calls.
#[derive(FromPyObject)]
pub struct Running {
    /// One for each core, if not said.
    threads: Option<usize>,
    /// Called with what is done, how many steps it has, how many are done, and how it stands in
    /// words.
    progress: Option<Py<PyAny>>,
}

/// Runs `work`; Ctrl-C or an error of the progress function stops it.
pub fn run<T: Send>(
    py: Python<'_>,
    running: &Running,
    work: impl FnOnce(&dyn Watch) -> recoup::Result<T> + Send,
) -> PyResult<T> {
    run_handing(py, running, |watch, _: &SyncSender<()>| work(watch), |_, ()| Ok(()))
}

/// The same of work that hands things over, which `take` takes in the caller's thread, one after the
/// other; its error stops the work.
pub fn run_handing<T: Send, H: Send>(
    py: Python<'_>,
    running: &Running,
    work: impl FnOnce(&dyn Watch, &SyncSender<H>) -> recoup::Result<T> + Send,
    mut take: impl FnMut(Python<'_>, H) -> PyResult<()> + Send,
) -> PyResult<T> {
    check_process(py)?;
    let threads = threads(running);
    let seen = &Seen::default();
    let (ended, stopped) = py.detach(|| {
        thread::scope(|scope| {
            // Without a place to wait in: no more is in memory than what is taken and what comes next.
            let (sender, receiver) = sync_channel(0);
            let worker = scope.spawn(move || {
                // Dropped at the end, be it by a panic.
                let sender = sender;
                recoup::on_threads(threads, || work(seen, &sender))
            });
            let mut stopped = None;
            let mut looked = Instant::now();
            loop {
                let handed = match receiver.recv_timeout(TICK) {
                    Ok(handed) => Some(handed),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => break,
                };
                // Work that stops may hand things over on its way, which nobody wants.
                if stopped.is_some() {
                    continue;
                }
                let result = Python::attach(|py| {
                    handed.map_or(Ok(()), |handed| take(py, handed))?;
                    if looked.elapsed() >= TICK {
                        looked = Instant::now();
                        look(py, running, seen)?;
                    }
                    Ok(())
                });
                if let Err(error) = result {
                    seen.stop.store(true, Ordering::Relaxed);
                    stopped = Some(error);
                }
            }
            (worker.join(), stopped)
        })
    });
    match (ended, stopped) {
        (_, Some(error)) => Err(error),
        (Ok(result), None) => result.map_err(|error| errors::raise(py, &error)),
        (Err(panic), None) => Err(errors::fault(py, &*panic)),
    }
}

/// Refuses to work in a process that was forked from the one that has the threads.
pub fn check_process(py: Python<'_>) -> PyResult<()> {
    if *PROCESS.get_or_init(process::id) == process::id() {
        return Ok(());
    }
    Err(errors::request(
        py,
        "this process was forked from one that had used Recoup, whose threads it does not have; \
         start it by multiprocessing.get_context(\"spawn\"), or fork before the first use",
    ))
}

/// How many threads work.
pub fn threads(running: &Running) -> usize {
    running.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, NonZero::get))
}

fn look(py: Python<'_>, running: &Running, seen: &Seen) -> PyResult<()> {
    py.check_signals()?;
    if let Some(progress) = &running.progress {
        let Shown { what, steps, done, words } = seen.shown().clone();
        progress.call1(py, (what, steps, done, words))?;
    }
    Ok(())
}

/// How far the work is, whichever thread says so.
#[derive(Default)]
struct Seen {
    stop: AtomicBool,
    shown: Mutex<Shown>,
}

#[derive(Clone, Default)]
struct Shown {
    what: &'static str,
    steps: usize,
    done: usize,
    words: String,
}

impl Seen {
    fn shown(&self) -> std::sync::MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch for Seen {
    fn begin(&self, what: &'static str, steps: usize) {
        *self.shown() = Shown { what, steps, ..Shown::default() };
    }

    fn advance(&self, steps: usize) {
        self.shown().done += steps;
    }

    fn state(&self, words: &str) {
        words.clone_into(&mut self.shown().words);
    }

    fn note(&self, what: &str) {
        self.state(what);
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
