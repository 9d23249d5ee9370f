//! The data path: a module imports only modules that feed it.

mod source;

use std::fs;
use std::path::Path;

use source::rust_files;

/// Every module of the library with those that it may import.
const ROOMS: [(&str, &[&str]); 13] = [
    ("hint", &[]),
    ("numeric", &[]),
    ("watch", &[]),
    ("as_text", &[]),
    ("data", &["hint"]),
    ("model", &["hint", "numeric"]),
    ("multiplier", &["hint", "numeric"]),
    ("quantize", &["hint", "numeric", "watch", "model", "multiplier"]),
    ("control_variate", &["numeric", "model", "multiplier", "quantize"]),
    ("design", &["numeric", "as_text", "multiplier", "quantize", "control_variate"]),
    ("emulate", &["numeric", "watch", "model", "multiplier", "quantize", "control_variate"]),
    ("code_choice", &["numeric", "model", "multiplier", "quantize", "control_variate", "emulate"]),
    (
        "accuracy",
        &[
            "hint",
            "numeric",
            "watch",
            "data",
            "model",
            "multiplier",
            "quantize",
            "control_variate",
            "design",
            "emulate",
            "code_choice",
        ],
    ),
];

#[test]
fn modules_import_only_what_feeds_them() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("core/src");
    let mut imports = 0;
    for file in rust_files(&source) {
        let inside = file.strip_prefix(&source).unwrap();
        let first = inside.components().next().unwrap().as_os_str();
        let room = Path::new(first).file_stem().unwrap().to_str().unwrap();
        if room == "lib" {
            continue;
        }
        let known = ROOMS.iter().find(|(name, _)| *name == room);
        let (_, feeds) = known.unwrap_or_else(|| panic!("module {room} has no place in the order"));
        let text = fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            for imported in imported(line) {
                imports += 1;
                assert!(
                    imported == room || feeds.contains(&imported),
                    "{}:{}: {room} may not import {imported}",
                    inside.display(),
                    number + 1
                );
            }
        }
    }
    assert!(imports > 20, "only {imports} imports found: the test reads the wrong lines");
}

/// The modules that a line of code names with `crate::`, in a `use` or in an expression.
fn imported(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap_or_default();
    code.split("crate::").skip(1).map(|path| {
        let end = path.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(path.len());
        &path[..end]
    })
}
