//! Runs yosys on what is beyond the Verilog that is read here.

use std::path::Path;
use std::time::Duration;

use super::error::NetlistError;
use super::file::read_limited;
use super::yosys_json::{MAX_JSON, YosysModules, parse_yosys_json};
use crate::files::shorten;
use crate::program::{Ended, Limits, Program};

/// A multiplier takes a second and some 30 MiB; a loop of millions of steps all there is.
const LIMITS: Limits =
    Limits { time: Duration::from_secs(60), memory_mib: 4096, file_mib: (MAX_JSON >> 20) as u32 };

/// The sources as a flat netlist of simple gates. `reason` is the error that our own reader
/// gave; a syntax error may be one of our reader only, and stays if yosys does not help.
pub(crate) fn translate(
    program: &Path,
    sources: &[&str],
    top: Option<&str>,
    reason: NetlistError,
) -> Result<YosysModules, NetlistError> {
    run(program, sources, top, LIMITS).map_err(|failure| match (failure, reason) {
        (Failure::Other(error), _) => error,
        (Failure::NotStarted(error), NetlistError::BeyondSubset { at, construct }) => {
            NetlistError::NeedsYosys {
                at,
                construct,
                program: program.display().to_string(),
                reason: error.to_string(),
            }
        }
        (
            Failure::Refused(message) | Failure::Broke(message),
            NetlistError::BeyondSubset { at, construct },
        ) => NetlistError::YosysFailed { reason: format!("{construct} ({at})"), message },
        (Failure::Broke(message), reason) => {
            NetlistError::YosysFailed { reason: reason.to_string(), message }
        }
        (Failure::NotStarted(_) | Failure::Refused(_), reason) => reason,
    })
}

enum Failure {
    NotStarted(std::io::Error),
    /// The sources, with what yosys said.
    Refused(String),
    /// It was stopped, or gave what is no netlist.
    Broke(String),
    Other(NetlistError),
}

impl<E: Into<NetlistError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

fn run(
    program: &Path,
    sources: &[&str],
    top: Option<&str>,
    limits: Limits,
) -> Result<YosysModules, Failure> {
    if let Some(top) = top {
        let simple =
            |character: char| character.is_ascii_alphanumeric() || "_$".contains(character);
        if !top.chars().all(simple) || top.is_empty() {
            let name = shorten(top);
            return Err(Failure::Refused(format!("the module's name {name} is not a simple one")));
        }
    }
    let folder = tempfile::tempdir()?;
    let mut names = Vec::new();
    for (number, source) in (1..).zip(sources) {
        // As places in errors name the files.
        names.push(match sources.len() {
            1 => "input.v".to_owned(),
            _ => format!("file{number}.v"),
        });
        std::fs::write(folder.path().join(&names[number - 1]), source)?;
    }
    let names = names.join(" ");
    std::fs::write(folder.path().join("shiftx.map"), include_str!("yosys/shiftx.v"))?;
    let hierarchy = top.map_or("-auto-top".to_owned(), |top| format!("-top {top}"));
    // Names relative to the folder, so that nothing in them needs quotes. Netlists that yosys wrote
    // have its own cells. What is x stays x: with
    // a value that yosys chooses, nobody would learn that it reaches the product.
    let script = format!(
        "read_verilog -sv -icells {names}; hierarchy {hierarchy}; proc; flatten; opt -keepdc; memory; \
         opt -keepdc; techmap -map shiftx.map; techmap; opt -keepdc; simplemap; opt_clean; write_json output.json"
    );
    let yosys = Program { program, folder: folder.path(), limits };
    yosys.find().map_err(Failure::NotStarted)?;
    match yosys.run(&["-q", "-p", &script], &mut |_| true)? {
        Ended::Exited(status) if status.success() => {}
        ended @ Ended::Exited(status) if status.code().is_some() && !yosys.ran_out_of_memory() => {
            return Err(Failure::Refused(yosys.failure(ended)));
        }
        ended => return Err(Failure::Broke(yosys.failure(ended))),
    }
    let json = read_limited(&folder.path().join("output.json"), MAX_JSON);
    json.and_then(|json| parse_yosys_json(&json))
        .map_err(|error| Failure::Broke(format!("it gave no netlist: {error}")))
}

#[cfg(test)]
mod tests;
