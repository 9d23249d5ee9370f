//! Running yosys.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::SynthesisError;

/// How a caller follows a long run.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Asked several times a second: whether to stop.
    pub stop: &'a dyn Fn() -> bool,
    /// Told several times a second what is being done, and for how long.
    pub progress: &'a dyn Fn(&str, Duration),
}

impl Watch<'_> {
    /// Never stops, and says nothing.
    pub const SILENT: Watch<'static> = Watch { stop: &|| false, progress: &|_, _| {} };
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

fn not_started(program: &Path) -> impl Fn(std::io::Error) -> SynthesisError {
    let program = program.display().to_string();
    move |reason| SynthesisError::NoYosys { program: program.clone(), reason }
}

/// What yosys says of its version.
pub fn version(program: &Path) -> Result<String, SynthesisError> {
    let output = Command::new(program).arg("-V").output().map_err(not_started(program))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// yosys in a folder.
pub struct Yosys<'a> {
    pub program: &'a Path,
    pub folder: &'a Path,
    pub watch: &'a Watch<'a>,
}

impl Yosys<'_> {
    /// Runs a script, which is written to the folder.
    pub fn run(&self, step: &'static str, name: &str, script: &str) -> Result<(), SynthesisError> {
        std::fs::write(self.folder.join(name), script)?;
        let log = self.folder.join("log");
        let child = Command::new(self.program)
            .args(["-q", "-s", name])
            .current_dir(self.folder)
            // abc puts its files there; they go with the folder, whatever happens.
            .env("TMPDIR", self.folder)
            .stdin(Stdio::null())
            .stdout(File::create(self.folder.join("out"))?)
            .stderr(File::create(&log)?)
            .spawn()
            .map_err(not_started(self.program))?;
        let status = self.wait(step, Running(child))?;
        if status.success() {
            return Ok(());
        }
        let said = std::fs::read(&log)?;
        let said = String::from_utf8_lossy(&said);
        let lines = || said.lines().filter(|line| !line.trim().is_empty());
        let error = lines().find(|line| line.contains("ERROR")).or_else(|| lines().next_back());
        let message = error.map_or_else(|| status.to_string(), |line| format!("{line:.300}"));
        Err(SynthesisError::Yosys { step, message })
    }

    fn wait(&self, step: &str, mut running: Running) -> Result<ExitStatus, SynthesisError> {
        let start = Instant::now();
        let mut pause = Duration::from_millis(2);
        loop {
            if let Some(status) = running.0.try_wait()? {
                return Ok(status);
            }
            if (self.watch.stop)() {
                return Err(SynthesisError::Interrupted);
            }
            (self.watch.progress)(step, start.elapsed());
            std::thread::sleep(pause);
            pause = (2 * pause).min(Duration::from_millis(50));
        }
    }
}
