//! The `recoup` command: all of it is in the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    recoup_cli::run(std::env::args_os()).into()
}
