//! The `recoup` command. Results go to standard output, progress and remarks to standard error;
//! bad input ends with exit code 2 and a message that says what to do, a fault of the program itself
//! with 70. It is a library, so that a package for another language can bring it along.

mod args;
mod cells;
mod commands;
mod costs;
mod examples;
mod fault;
mod headings;
mod hint;
mod invocation;
mod library;
mod network;
mod output;
mod parse;
mod printer;
mod progress;
mod session;
mod values;
mod verbs;

use std::ffi::OsString;
use std::io::Write;

use clap::FromArgMatches;
use recoup_circuits::printable;
use recoup_core::model::threads;

pub use cells::default_cache;
use verbs::{Cli, Command};

/// Exit code of bad input.
const BAD_INPUT: u8 = 2;

/// Runs a command line, the program's name first, and gives the exit code. It is for a process of its
/// own: an interrupt ends that, and panics are noted in silence from now on.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    invocation::note(&arguments);
    fault::note_in_silence();
    let code = match fault::caught(|| parse_and_run(arguments)) {
        Ok(Ok(code)) => code,
        Ok(Err(error)) if is_broken_pipe(&error) => 0,
        Ok(Err(error)) => {
            eprintln!("error: {}", message(&error));
            BAD_INPUT
        }
        Err(panic) => {
            output::remove_unfinished();
            eprintln!("{}", fault::message(&panic, &invocation::arguments()));
            fault::EXIT_CODE
        }
    };
    // Where another program runs on, nobody else does.
    let _ = std::io::stdout().flush();
    code
}

fn parse_and_run(arguments: Vec<OsString>) -> anyhow::Result<u8> {
    let matches = examples::command().try_get_matches_from(arguments);
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(said) => {
            // Help and version are no errors.
            said.print()?;
            return Ok(if said.use_stderr() { BAD_INPUT } else { 0 });
        }
    };
    output::clean_up_on_interrupt();
    output::outlive_file_limits();
    let all = || std::thread::available_parallelism().map_or(1, usize::from);
    let threads = cli.command.machine().and_then(|machine| machine.threads);
    threads::run(threads.map_or_else(all, usize::from), || command(cli.command))?;
    Ok(0)
}

fn command(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Eval(args) => commands::eval::run(&args),
        Command::Explore(args) => commands::explore::run(&args),
        Command::Design(args) => commands::design::run(&args),
        Command::Merge(args) => commands::merge::run(&args),
        Command::Reproduce(args) => commands::reproduce::run(&args),
        Command::Report(args) => commands::report::run(&args),
        Command::Demo(args) => commands::demo::run(&args),
        Command::Quantize(args) => commands::quantize::run(&args),
        Command::Inspect(args) => commands::inspect::run(&args),
        Command::Multiplier(args) => commands::multiplier::run(&args),
        Command::Rtl(args) => commands::rtl::run(&args),
        Command::Synth(args) => commands::synth::run(&args),
        Command::Power(args) => commands::power::run(&args),
        Command::Hardware(args) => commands::hardware::run(&args),
    }
}

/// The error and its causes; a cause that the error quotes already is not said again. Whatever it
/// quotes from files, it is fit for a terminal.
fn message(error: &anyhow::Error) -> String {
    let said = error.chain().map(ToString::to_string).fold(String::new(), |said, cause| {
        match (said.is_empty(), said.contains(&cause)) {
            (true, _) => cause,
            (_, true) => said,
            _ => format!("{said}: {cause}"),
        }
    });
    let hint = error.chain().find_map(hint::of);
    let said = hint.map_or(said.clone(), |hint| format!("{said}; {hint}"));
    said.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

/// Whoever read our output has seen enough.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
