//! The help of every verb, at 100 columns, and the examples in it.

use tempfile::TempDir;

use crate::run::{recoup, stdout};

/// Every verb, as the help of the one above it lists them; first the command itself.
fn verbs() -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = vec![vec![]];
    let mut next = 0;
    while let Some(verb) = all.get(next).cloned() {
        let help = help(&verb);
        let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        for line in listed.take_while(|line| !line.is_empty()) {
            // What is indented further goes on with a description.
            let name = line.strip_prefix("  ").and_then(|rest| rest.split(' ').next()).unwrap();
            if !name.is_empty() && name != "help" {
                all.push([&verb[..], &[name.to_owned()]].concat());
            }
        }
        next += 1;
    }
    all
}

fn help(verb: &[String]) -> String {
    stdout(&[verb, &["--help".to_owned()]].concat())
}

/// The commands that a verb's help begins with, at the width of the narrowest usual terminal.
fn examples(verb: &[String]) -> Vec<String> {
    let narrow = recoup(&[verb, &["--help".to_owned()]].concat()).env("COLUMNS", "80").output();
    let help = String::from_utf8(narrow.unwrap().stdout).unwrap();
    let (_, examples) = help.split_once("\n\nExamples:\n").expect("below the description");
    let (examples, _) = examples.split_once("\n\nUsage: ").expect("above the usage");
    let lines = examples.replace("\\\n", "");
    lines.lines().map(str::trim).filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn help_of_every_verb() {
    let all = verbs();
    assert_eq!(all.len(), 20);
    for verb in all {
        let name = if verb.is_empty() { "recoup".to_owned() } else { verb.join("-") };
        insta::assert_snapshot!(name, help(&verb));
    }
}

#[test]
fn examples_in_the_help_of_every_verb_run_as_they_are_written() {
    let folder = TempDir::new().unwrap();
    // What several verbs begin with runs once: it takes a while.
    let mut done = Vec::new();
    for verb in verbs() {
        let mut own = 0;
        for example in examples(&verb) {
            let words: Vec<&str> = example.split_whitespace().collect();
            let ("recoup", arguments) = (words[0], &words[1..]) else { panic!("{example}") };
            let verb: Vec<&str> = verb.iter().map(String::as_str).collect();
            own += usize::from(arguments.starts_with(&verb));
            if done.contains(&example) {
                continue;
            }
            let mut command = recoup(arguments);
            // Nothing is read from, or left in, the folders of whoever runs the tests.
            command.current_dir(folder.path()).env("XDG_CACHE_HOME", folder.path());
            let output = command.output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{example}\n{stderr}");
            done.push(example);
        }
        assert!(own >= 2, "{verb:?}: {own} examples");
    }
}

#[test]
fn the_version_is_printed() {
    assert_eq!(stdout(&["--version"]), format!("recoup {}\n", env!("CARGO_PKG_VERSION")));
}
