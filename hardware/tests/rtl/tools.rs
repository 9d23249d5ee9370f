//! The tools, run in a temporary folder.

use std::path::Path;
use std::process::{Command, Output};

use recoup_hardware::rtl::File;
use tempfile::TempDir;

/// The files in a folder of their own.
pub fn folder(files: &[File]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for file in files {
        std::fs::write(folder.path().join(&file.name), &file.text).unwrap();
    }
    folder
}

/// Runs a program of a Debian package.
pub fn run(folder: &Path, package: &str, program: &str, args: &[&str]) -> Output {
    let output = Command::new(program).args(args).current_dir(folder).output();
    output.unwrap_or_else(|error| {
        panic!("{program} cannot be run ({error}); on Debian: apt install {package}")
    })
}

/// What the testbench in the folder says in Icarus Verilog, and whether it passed.
pub fn icarus(folder: &Path) -> (bool, String) {
    let sources = sources(folder);
    let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
    let args = [&["-g2012", "-Wall", "-s", "tb", "-o", "tb.vvp"], &sources[..]].concat();
    let compiled = run(folder, "iverilog", "iverilog", &args);
    assert!(compiled.status.success(), "{}", text(&compiled));
    // A warning is a port of the wrong width, or the like.
    let warnings = text(&compiled);
    let serious = |line: &&str| {
        line.contains("warning")
            && !line.contains("timescale")
            && !line.contains("sensitive to all")
    };
    assert_eq!(warnings.lines().find(serious), None);
    verdict(&run(folder, "iverilog", "vvp", &["-n", "tb.vvp"]))
}

/// Verilator has nothing to say of an array or its wrapper, whatever it is asked for.
pub fn lint(folder: &Path) {
    let list = std::fs::read_to_string(folder.join("array.f")).unwrap();
    let top = list.lines().last().unwrap().trim_end_matches(".sv");
    let args = ["--lint-only", "-Wall", "--top-module", top, "-f", "array.f"];
    let linted = run(folder, "verilator", "verilator", &args);
    assert!(linted.status.success() && text(&linted).is_empty(), "{}", text(&linted));
}

/// The same in Verilator.
pub fn verilator(folder: &Path) -> (bool, String) {
    let sources = sources(folder);
    let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
    // Compiling takes longer than simulating: not optimised, and not split into many files.
    let options = ["--binary", "--timing", "-Wno-fatal", "--top-module", "tb"];
    let options = [&options[..], &["--output-split", "0", "-CFLAGS", "-O0"]].concat();
    let built = run(folder, "verilator", "verilator", &[&options[..], &sources].concat());
    assert!(built.status.success(), "{}", text(&built));
    verdict(&run(folder, "verilator", &folder.join("obj_dir/Vtb").display().to_string(), &[]))
}

fn sources(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".sv")).collect();
    names.sort();
    names
}

fn verdict(output: &Output) -> (bool, String) {
    let said = text(output);
    let passed = said.contains("PASS");
    assert_eq!(passed, output.status.success(), "{said}");
    assert_ne!(passed, said.contains("FAIL"), "{said}");
    (passed, said)
}

pub fn text(output: &Output) -> String {
    let part = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    part(&output.stdout) + &part(&output.stderr)
}
