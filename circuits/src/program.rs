//! Other programs, run with limits: what they make of a hostile file has an end.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// What a run may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest time, of the clock and of the processor.
    pub time: Duration,
    /// Most memory.
    pub memory_mib: u32,
    /// Longest file that it may write.
    pub file_mib: u32,
}

/// How a run ended.
#[derive(Clone, Copy, Debug)]
pub enum Ended {
    /// By itself.
    Exited(ExitStatus),
    /// It was stopped at the limit of time.
    TimedOut,
    /// It was stopped since the caller said so.
    Interrupted,
}

/// A program in a folder of its own.
#[derive(Clone, Copy, Debug)]
pub struct Program<'a> {
    /// Its name or path.
    pub program: &'a Path,
    /// Where it works.
    pub folder: &'a Path,
    /// What it may take.
    pub limits: Limits,
}

/// Kills the program if the run ends early.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Fails if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Program<'_> {
    /// Runs it. Its output and its errors go to the files `out` and `log` in the folder. Several
    /// times a second `go_on` is told for how long it has run, and asked whether it is to.
    ///
    /// # Errors
    /// When it cannot be started, or its folder cannot be written.
    pub fn run(
        &self,
        arguments: &[&str],
        go_on: &mut dyn FnMut(Duration) -> bool,
    ) -> io::Result<Ended> {
        // A limited shell becomes the program; a time of the processor's ends what it has started
        // itself, too. Where a limit cannot be set, as the host has a lower one or none of this
        // kind, it runs all the same.
        let script = "ulimit -v \"$1\" 2>/dev/null || :; ulimit -f \"$2\" 2>/dev/null || :; \
                      ulimit -t \"$3\" 2>/dev/null || :; shift 3; exec \"$0\" \"$@\"";
        let Limits { time, memory_mib, file_mib } = self.limits;
        let limits = [
            (u64::from(memory_mib) << 10).to_string(),
            // In blocks of 512 bytes.
            (u64::from(file_mib) << 11).to_string(),
            (time.as_secs() + 1).to_string(),
        ];
        let child = Command::new("sh")
            .args(["-c", script])
            .arg(self.program)
            .args(limits)
            .args(arguments)
            .current_dir(self.folder)
            // Its temporary files go with the folder, whatever happens.
            .env("TMPDIR", self.folder)
            .stdin(Stdio::null())
            .stdout(File::create(self.folder.join("out"))?)
            .stderr(File::create(self.folder.join("log"))?)
            .spawn()?;
        let mut running = Running(child);
        let start = Instant::now();
        let mut pause = Duration::from_millis(2);
        loop {
            if let Some(status) = running.0.try_wait()? {
                return Ok(Ended::Exited(status));
            }
            if start.elapsed() > time {
                return Ok(Ended::TimedOut);
            }
            if !go_on(start.elapsed()) {
                return Ok(Ended::Interrupted);
            }
            std::thread::sleep(pause);
            pause = (2 * pause).min(Duration::from_millis(50));
        }
    }

    /// Whether the program is there. A shell would say in words only that it is not, so this
    /// starts it directly, and stops it at once.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn find(&self) -> io::Result<()> {
        let child = Command::new(self.program)
            .arg("-V")
            .current_dir(self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        drop(Running(child));
        Ok(())
    }

    /// The end of what it wrote to `log` or `out`, for a message.
    fn last_words(&self, file: &str) -> Option<String> {
        const LONGEST: usize = 64 << 10;
        let log = std::fs::read(self.folder.join(file)).ok()?;
        let log = String::from_utf8_lossy(&log[log.len().saturating_sub(LONGEST)..]).into_owned();
        let lines = || log.lines().map(str::trim).filter(|line| !line.is_empty());
        let line = lines().find(|line| line.contains("ERROR")).or_else(|| lines().next_back())?;
        Some(line.chars().take(300).collect())
    }

    /// Whether its last words are that there is no memory.
    pub fn ran_out_of_memory(&self) -> bool {
        self.last_words("log").is_some_and(|line| line.contains("bad_alloc"))
    }

    /// Why a run gave nothing, in words.
    pub fn failure(&self, ended: Ended) -> String {
        let Limits { time, memory_mib, file_mib } = self.limits;
        match ended {
            Ended::Interrupted => "it was interrupted".to_owned(),
            Ended::TimedOut => format!("it was stopped after {}", Seconds(time)),
            Ended::Exited(status) => match signal(status) {
                _ if self.ran_out_of_memory() => {
                    let memory_gib = f64::from(memory_mib) / 1024.0;
                    format!("it ran out of memory, of which it may have {memory_gib} GiB")
                }
                Some(SIGXFSZ) => {
                    format!("it wrote a file of more than {file_mib} MiB, and was stopped")
                }
                Some(SIGXCPU | SIGKILL) => {
                    format!(
                        "it was stopped, at the latest after {} of the processor",
                        Seconds(time)
                    )
                }
                _ => self.last_words("log").unwrap_or_else(|| status.to_string()),
            },
        }
    }
}

const SIGKILL: i32 = 9;
const SIGXCPU: i32 = 24;
const SIGXFSZ: i32 = 25;

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.0.as_secs_f64() {
            seconds if seconds < 600.0 => write!(f, "{seconds} s"),
            seconds => write!(f, "{} min", seconds / 60.0),
        }
    }
}
