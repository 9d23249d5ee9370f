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

use args::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    output::clean_up_on_interrupt();
    output::outlive_file_limits();
    let result = match cli.command {
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
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", message(&error));
            ExitCode::from(2)
        }
    }
}

/// The error and its causes; a cause that the error quotes already is not said again.
fn message(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |said, cause| {
        match (said.is_empty(), said.contains(&cause)) {
            (true, _) => cause,
            (_, true) => said,
            _ => format!("{said}: {cause}"),
        }
    })
}

/// Whoever read our output has seen enough.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
