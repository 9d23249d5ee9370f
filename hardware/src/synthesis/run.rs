//! Running yosys.

use std::path::Path;
use std::time::Duration;

use recoup_circuits::program::{Ended, Limits, Program};
use recoup_core::watch::{Stopped, Unwatched, Watch};

use super::SynthesisError;

/// What reading the sources may take: what has no end, as a loop or a generate block may, is all
/// there. The elements of an array are alike, so that large ones take seconds.
const ELABORATION: Limits =
    Limits { time: Duration::from_secs(10 * 60), memory_mib: 8 << 10, file_mib: 4 << 10 };

/// What mapping may take, which depends on the design.
const MAPPING: Limits =
    Limits { time: Duration::from_secs(12 * 60 * 60), memory_mib: 16 << 10, ..ELABORATION };

/// What telling its version may take.
const VERSION: Limits = Limits { time: Duration::from_secs(30), file_mib: 1, ..ELABORATION };

/// What yosys does.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Tells its version.
    Version,
    /// Reads the sources.
    Elaborate,
    /// Maps onto cells.
    Map,
}

impl Step {
    fn words(self) -> &'static str {
        match self {
            Self::Version => "telling its version",
            Self::Elaborate => "elaborating",
            Self::Map => "mapping onto cells",
        }
    }

    fn limits(self) -> Limits {
        match self {
            Self::Version => VERSION,
            Self::Elaborate => ELABORATION,
            Self::Map => MAPPING,
        }
    }
}

/// What yosys says of its version.
pub fn version(program: &Path) -> Result<String, SynthesisError> {
    version_within(program, Step::Version.limits())
}

pub(super) fn version_within(program: &Path, limits: Limits) -> Result<String, SynthesisError> {
    let folder = tempfile::tempdir().map_err(SynthesisError::work)?;
    let yosys = Yosys { program, folder: folder.path(), watch: &Unwatched, limits: Some(limits) };
    let program = yosys.limited(Step::Version);
    program.find().map_err(|reason| yosys.not_started(reason))?;
    yosys.start(Step::Version, &["-V"])?;
    let out = yosys.read("out")?;
    let version = String::from_utf8_lossy(&out).trim().to_owned();
    if !version.contains("Yosys") {
        let start: String = version.chars().take(60).collect();
        return Err(yosys.garbage(Step::Version, format!("it said {start:?}")));
    }
    Ok(version)
}

/// yosys in a folder.
#[derive(Clone, Copy)]
pub struct Yosys<'a> {
    pub program: &'a Path,
    pub folder: &'a Path,
    pub watch: &'a dyn Watch,
    /// Others than those of the step.
    pub limits: Option<Limits>,
}

impl Yosys<'_> {
    /// Runs a script, which is written to the folder.
    pub fn run(&self, step: Step, name: &str, script: &str) -> Result<(), SynthesisError> {
        std::fs::write(self.folder.join(name), script).map_err(SynthesisError::work)?;
        self.start(step, &["-q", "-s", name])
    }

    fn limited(&self, step: Step) -> Program<'_> {
        let limits = self.limits.unwrap_or_else(|| step.limits());
        Program { program: self.program, folder: self.folder, limits }
    }

    fn start(&self, step: Step, arguments: &[&str]) -> Result<(), SynthesisError> {
        let program = self.limited(step);
        let mut go_on = |_| {
            self.watch.advance(0);
            !self.watch.is_stopped()
        };
        self.watch.begin(step.words(), 0);
        let ended = program.run(arguments, &mut go_on);
        self.watch.end();
        match ended.map_err(SynthesisError::work)? {
            Ended::Interrupted => Err(Stopped.into()),
            Ended::Exited(status) if status.success() => Ok(()),
            ended => {
                Err(SynthesisError::Yosys { step: step.words(), message: program.failure(ended) })
            }
        }
    }

    /// A file that a run has written.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, SynthesisError> {
        let path = self.folder.join(name);
        let read = recoup_circuits::regular_file(&path).and_then(|mut file| {
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut file, &mut content)?;
            Ok(content)
        });
        read.map_err(|error| SynthesisError::Output {
            program: self.program.display().to_string(),
            problem: format!("its {name} cannot be read: {error}"),
        })
    }

    /// The error for a result that is none.
    pub fn garbage(&self, step: Step, problem: String) -> SynthesisError {
        let problem = format!("{} it ended well, but {problem}", step.words());
        SynthesisError::Output { program: self.program.display().to_string(), problem }
    }

    fn not_started(&self, reason: std::io::Error) -> SynthesisError {
        SynthesisError::NoYosys { program: self.program.display().to_string(), reason }
    }
}
