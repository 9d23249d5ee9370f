//! Runs yosys on what is beyond the Verilog that is read here.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::error::NetlistError;
use super::file::read_limited;
use super::lexer::shorten;
use super::yosys_json::MAX_JSON;

/// Most memory, KiB; a multiplier takes some 30 MiB, and a loop of millions of steps all there is.
const MAX_MEMORY_KIB: u32 = 4 << 20;

/// Longest run; a multiplier takes a second.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The source as a flat JSON netlist of simple gates. `reason` is the error that our own reader
/// gave; a syntax error may be one of our reader only, and stays if yosys does not help.
pub(crate) fn translate(
    program: &Path,
    source: &str,
    top: Option<&str>,
    reason: NetlistError,
) -> Result<Vec<u8>, NetlistError> {
    match reason {
        NetlistError::BeyondSubset { at, construct } => {
            run(program, source, top).map_err(|failure| match failure {
                Failure::NotStarted(error) => NetlistError::NeedsYosys {
                    at,
                    construct,
                    program: program.display().to_string(),
                    reason: error.to_string(),
                },
                Failure::Failed(message) => {
                    NetlistError::YosysFailed { reason: format!("{construct} ({at})"), message }
                }
                Failure::Other(error) => error,
            })
        }
        reason => run(program, source, top).map_err(|_| reason),
    }
}

enum Failure {
    NotStarted(std::io::Error),
    /// With what yosys said.
    Failed(String),
    Other(NetlistError),
}

impl<E: Into<NetlistError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

fn run(program: &Path, source: &str, top: Option<&str>) -> Result<Vec<u8>, Failure> {
    if let Some(top) = top {
        let simple =
            |character: char| character.is_ascii_alphanumeric() || "_$".contains(character);
        if !top.chars().all(simple) || top.is_empty() {
            let name = shorten(top);
            return Err(Failure::Failed(format!("the module's name {name} is not a simple one")));
        }
    }
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("input.v"), source)?;
    let hierarchy = top.map_or("-auto-top".to_owned(), |top| format!("-top {top}"));
    // Names relative to the folder, so that nothing in them needs quotes.
    let script = format!(
        "read_verilog -sv input.v; hierarchy {hierarchy}; proc; flatten; opt; memory; opt; \
         techmap; opt; simplemap; opt_clean; write_json output.json"
    );
    let log = folder.path().join("log");
    // A limited shell becomes yosys; that it exists is asked before, in the same folder, as the
    // shell would say it in words only. Where the limit cannot be set, as the host has a lower one
    // or none of this kind, yosys runs all the same.
    let asked = Command::new(program).arg("-V").current_dir(folder.path()).output();
    asked.map_err(Failure::NotStarted)?;
    let child = Command::new("sh")
        .args(["-c", "ulimit -v \"$1\" 2>/dev/null || :; shift; exec \"$0\" \"$@\""])
        .arg(program)
        .arg(MAX_MEMORY_KIB.to_string())
        .args(["-q", "-p", &script])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&log)?)
        .spawn();
    let mut child = child.map_err(Failure::NotStarted)?;
    let status = wait(&mut child)?;
    if !status.is_some_and(|status| status.success()) {
        let said = read_limited(&log, 1 << 20)
            .map(|log| String::from_utf8_lossy(&log).trim().to_owned())
            .unwrap_or_default();
        return Err(Failure::Failed(match (status, said.lines().last()) {
            (None, _) => format!("it was stopped after {} s", TIMEOUT.as_secs()),
            (_, Some(line)) if line.contains("bad_alloc") => {
                format!("it ran out of memory, of which it may have {} GiB", MAX_MEMORY_KIB >> 20)
            }
            (_, Some(line)) => shorten_line(line),
            (Some(status), None) => status.to_string(),
        }));
    }
    Ok(read_limited(&folder.path().join("output.json"), MAX_JSON)?)
}

/// None if it had to be stopped.
fn wait(child: &mut Child) -> Result<Option<ExitStatus>, NetlistError> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(2);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() > TIMEOUT {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(pause);
        pause = (2 * pause).min(Duration::from_millis(50));
    }
}

fn shorten_line(line: &str) -> String {
    line.chars().take(300).collect()
}
