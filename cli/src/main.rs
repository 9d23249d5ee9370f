//! The `recoup` command. Results go to standard output, progress and remarks to standard error;
//! bad input ends with exit code 2 and a message that says what to do.

mod answer;
mod args;
mod cells;
mod commands;
mod cost;
mod costs;
mod embedded;
mod exploration;
mod fidelity;
mod heat_map;
mod library;
mod network;
mod npy;
mod output;
mod page;
mod printer;
mod progress;
mod reproduction;
mod session;
mod show;

use std::process::ExitCode;

use clap::Parser;
use recoup::model::threads;

use recoup::data::printable;

use args::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    output::clean_up_on_interrupt();
    let all = || std::thread::available_parallelism().map_or(1, usize::from);
    let threads = cli.command.machine().and_then(|machine| machine.threads);
    let threads = threads.map_or_else(all, usize::from);
    match threads::run(threads, || run(cli.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", message(&error));
            ExitCode::from(2)
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Eval(args) => commands::eval::run(&args),
        Command::Explore(args) => commands::explore::run(&args),
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
    said.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

/// Whoever read our output has seen enough.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
