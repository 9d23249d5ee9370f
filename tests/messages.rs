//! Options are the command line's: what the library says names none of them.

mod source;

use std::fs;
use std::path::Path;

use source::rust_files;

/// What no command line is needed for.
const LIBRARY: [&str; 7] =
    ["kernels/src", "circuits/src", "core/src", "hardware/src", "explore/src", "report/src", "src"];

/// The commands that a message might tell somebody to run.
const COMMANDS: [&str; 13] = [
    "eval",
    "explore",
    "merge",
    "reproduce",
    "report",
    "demo",
    "quantize",
    "inspect",
    "multiplier",
    "rtl",
    "synth",
    "power",
    "hardware",
];

#[test]
fn messages_name_no_options_of_the_command_line() {
    let (mut lines, mut found) = (0, Vec::new());
    for folder in LIBRARY {
        for file in rust_files(folder) {
            let text = fs::read_to_string(&file).unwrap();
            for (line, number) in code(&file, &text).zip(1..) {
                lines += 1;
                if names_option(line) || names_command(line) {
                    found.push(format!("{}:{number}: {}", file.display(), line.trim()));
                }
            }
        }
    }
    assert!(found.is_empty(), "give a `Hint` instead:\n{}", found.join("\n"));
    assert!(lines > 10_000, "only {lines} lines of code found");
}

/// The lines of a file before its tests, with empty ones instead of comments.
fn code<'a>(file: &Path, text: &'a str) -> impl Iterator<Item = &'a str> {
    let is_test =
        file.ends_with("tests.rs") || file.components().any(|it| it.as_os_str() == "tests");
    let lines = text.lines().take_while(move |line| !is_test && *line != "#[cfg(test)]");
    lines.map(|line| if line.trim_start().starts_with("//") { "" } else { line })
}

/// Outside of texts, Rust has no two hyphens before a letter. Other programs have options, too.
fn names_option(line: &str) -> bool {
    !line.contains("verilator --")
        && line.match_indices("--").any(|(at, _)| {
            let (before, after) = (&line[..at], &line[at + 2..]);
            !before.ends_with(|c: char| c.is_alphanumeric() || "-!".contains(c))
                && after.starts_with(|c: char| c.is_ascii_lowercase())
        })
}

fn names_command(line: &str) -> bool {
    line.match_indices("recoup ").any(|(at, name)| {
        let words = line[at + name.len()..].split(|c: char| !c.is_ascii_alphabetic());
        words.take(1).any(|word| COMMANDS.contains(&word))
    })
}

#[test]
fn options_and_commands_are_told_from_other_text() {
    for said in ["give --weights i8-channel\"", "\"(--label-offset)\"", "--json"] {
        assert!(names_option(said), "{said}");
    }
    for not in ["a - -b", "<!--note-->", "---", "1 -- 2", "a--b", "\"verilator --binary *.sv\""] {
        assert!(!names_option(not), "{not}");
    }
    assert!(names_command("make one with recoup quantize\"") && names_command("`recoup eval`"));
    assert!(!names_command("use recoup_core::data") && !names_command("recoup is a library"));
}
