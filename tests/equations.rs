//! Equations are numbered in the order of the text, and every number that is cited exists.

mod source;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use source::rust_files;

struct Equation {
    line: usize,
    number: String,
    expected: String,
}

#[test]
fn equations_are_numbered_in_the_order_of_the_text() {
    let mut wrong = Vec::new();
    for (page, section, least) in [("docs/arithmetic.md", "0.", 50), ("docs/power.md", "P", 6)] {
        let equations = equations(&fs::read_to_string(root().join(page)).unwrap(), section);
        for Equation { line, number, expected } in &equations {
            if number != expected {
                wrong.push(format!("{page}:{line}: ({number}) must be ({expected})"));
            }
        }
        assert!(equations.len() >= least, "only {} equations found in {page}", equations.len());
    }
    assert!(wrong.is_empty(), "renumber them, and what cites them:\n{}", wrong.join("\n"));
}

#[test]
fn cited_equations_exist() {
    let defined: HashSet<_> = [("docs/arithmetic.md", "0."), ("docs/power.md", "P")]
        .iter()
        .flat_map(|(page, section)| {
            equations(&fs::read_to_string(root().join(page)).unwrap(), section)
        })
        .map(|equation| equation.number)
        .collect();

    let mut missing = Vec::new();
    let [in_sources, in_pages] = [sources(), pages()].map(|files| {
        let mut count = 0;
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            for (line, at) in text.lines().zip(1..) {
                for number in cited(line) {
                    count += 1;
                    if !defined.contains(number) {
                        missing.push(format!("{}:{at}: ({number})", file.display()));
                    }
                }
            }
        }
        count
    });
    assert!(
        missing.is_empty(),
        "docs/arithmetic.md and docs/power.md have no such equation:\n{}",
        missing.join("\n")
    );
    assert!(in_sources >= 60 && in_pages >= 100, "only {in_sources} and {in_pages} cited");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files but this one, which has wrong numbers below.
fn sources() -> Vec<PathBuf> {
    let folders = entries(root()).into_iter().filter(|path| path.is_dir());
    let own = folders.filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name != "target" && !name.starts_with('.')
    });
    own.flat_map(rust_files).filter(|path| !path.ends_with(file!())).collect()
}

fn pages() -> Vec<PathBuf> {
    let files = [root().to_owned(), root().join("docs")].into_iter().flat_map(entries);
    files.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}

fn entries(folder: impl AsRef<Path>) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// The equations of a page: indented lines with a number at the end. `section` begins the numbers
/// before the first heading with one.
fn equations(page: &str, section: &str) -> Vec<Equation> {
    let (mut section, mut count) = (section.to_owned(), 0);
    let mut equations = Vec::new();
    for (text, line) in page.lines().zip(1..) {
        if let Some((number, _)) = text.strip_prefix("## ").and_then(|it| it.split_once(". ")) {
            (section, count) = (format!("{number}."), 0);
        }
        let end = text.strip_prefix("    ").and_then(|it| it.strip_suffix(')')?.rsplit_once(" ("));
        if let Some((_, number)) = end
            && (is_number(number) || number.parse::<u32>().is_ok())
        {
            count += 1;
            let (number, expected) = (number.to_owned(), format!("{section}{count}"));
            equations.push(Equation { line, number, expected });
        }
    }
    equations
}

/// The numbers in parentheses that look like an equation's, and whatever is called one.
fn cited(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices('(').filter_map(|(at, _)| {
        let (before, (number, _)) = (&line[..at], line[at + 1..].split_once(')')?);
        let apart = before.is_empty() || before.ends_with([' ', '(', '[']);
        let called = before.ends_with("eq. ") || before.ends_with("Eq. ");
        (called || apart && is_number(number)).then_some(number)
    })
}

/// `3.12` or `P4`, not `0.5` nor `1.05`.
fn is_number(text: &str) -> bool {
    let counts = |text: &str| !text.starts_with('0') && text.parse::<u8>().is_ok();
    text.split_once('.').is_some_and(|(section, index)| counts(section) && counts(index))
        || text.strip_prefix('P').is_some_and(counts)
}

#[test]
fn wrong_numbers_are_found() {
    let page = "\
## 1. First

    a = b                     (1.1)
    c = d (e)                 (1.3)
as in (1.1), not `f(1.1)`.
    g = h (1.2)

## 2. Second

    i = j                       (7)
## References
";
    let found: Vec<_> = equations(page, "0.")
        .into_iter()
        .map(|it| (it.line, it.number, it.expected))
        .filter(|(_, number, expected)| number != expected)
        .collect();
    let expected = [(4, "1.3", "1.2"), (6, "1.2", "1.3"), (10, "7", "2.1")];
    assert_eq!(found, expected.map(|(line, a, b)| (line, a.to_owned(), b.to_owned())));
    let power = equations("    E = 1    (P1)\n## Units\n    F = 2    (P3)\n", "P");
    assert_eq!(power.iter().map(|it| &*it.expected).collect::<Vec<_>>(), ["P1", "P2"]);

    for (line, expected) in [
        ("/// V, eq. (3.1) to (3.12), and (P2)", vec!["3.1", "3.12", "P2"]),
        ("// Eq. (100) of (1), f(2.1), x[1](2.2), (0.5), (1.05) and (P)", vec!["100"]),
        ("(2.1) is read ((2.2))", vec!["2.1", "2.2"]),
    ] {
        assert_eq!(cited(line).collect::<Vec<_>>(), expected, "{line}");
    }
}
