//! The `recoup` command. Results go to standard output, progress and remarks to standard error;
//! bad input ends with exit code 2 and a message that says what to do, a fault of the program itself
//! with 70.

mod args;
mod cells;
mod commands;
mod costs;
mod examples;
mod fault;
mod headings;
mod hint;
mod library;
mod network;
mod output;
mod parse;
mod printer;
mod progress;
mod session;
mod values;
mod verbs;

use std::process::ExitCode;

use clap::FromArgMatches;
use recoup_circuits::printable;
use recoup_core::model::threads;

use verbs::{Cli, Command};

fn main() -> ExitCode {
    fault::note_in_silence();
    match fault::caught(parse_and_run) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            eprintln!("error: {}", message(&error));
            ExitCode::from(2)
        }
        Err(panic) => {
            output::remove_unfinished();
            let arguments = std::env::args_os();
            let arguments: Vec<_> =
                arguments.map(|argument| argument.to_string_lossy().into_owned()).collect();
            eprintln!("{}", fault::message(&panic, &arguments));
            ExitCode::from(fault::EXIT_CODE)
        }
    }
}

fn parse_and_run() -> anyhow::Result<()> {
    let matches = examples::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    output::clean_up_on_interrupt();
    output::outlive_file_limits();
    let all = || std::thread::available_parallelism().map_or(1, usize::from);
    let threads = cli.command.machine().and_then(|machine| machine.threads);
    threads::run(threads.map_or_else(all, usize::from), || run(cli.command))
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Eval(args) => commands::eval::run(&args),
        Command::Explore(args) => commands::explore::run(&args),
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
