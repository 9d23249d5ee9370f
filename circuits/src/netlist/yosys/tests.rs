//! yosys and the programs that are mistaken for it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Failure, LIMITS, run};
use crate::netlist::{Library, VerilogOptions, parse_liberty, parse_verilog};
use crate::program::Limits;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/netlists").join(name)
}

fn failure(program: &Path, source: &str, limits: Limits) -> String {
    match run(program, &[source], None, limits) {
        Ok(_) => panic!("a netlist"),
        Err(Failure::NotStarted(error)) => panic!("not started: {error}"),
        Err(Failure::Refused(message)) => format!("refused: {message}"),
        Err(Failure::Broke(message)) => format!("broke: {message}"),
        Err(Failure::Other(error)) => format!("other: {error}"),
    }
}

/// What our own reader takes, yosys takes too, and both find the same products.
#[test]
fn both_readers_agree() {
    let library =
        || parse_liberty(&std::fs::read_to_string(fixture("small.lib")).unwrap()).unwrap();
    let options = VerilogOptions::default();
    let mut compared = 0;
    for entry in std::fs::read_dir(fixture("")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "v") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let import = |library: &Library| parse_verilog(&text)?.import(None, &options, library);
        let Ok(own) = import(&library()) else { continue };
        let design = run(Path::new("yosys"), &[&text], None, LIMITS);
        let design = design.unwrap_or_else(|_| panic!("yosys does not read {}", path.display()));
        let theirs = design.import(Some(&own.top), &options, &library()).unwrap();
        assert_eq!(own.ports, theirs.ports, "{}", path.display());
        assert!(own.netlist.products() == theirs.netlist.products(), "{}", path.display());
        compared += 1;
    }
    assert!(compared >= 8, "{compared} files");
}

/// Each runs until a limit ends it; a short one here.
#[test]
fn what_has_no_end_is_stopped() {
    let module = |items: &str| {
        format!("module m(input [7:0] a, b, output [15:0] o); {items} assign o = a * b; endmodule")
    };
    let cases = [
        (
            "genvar i; generate for (i = 0; i >= 0; i = i) begin : g wire w; end endgenerate",
            "generate",
        ),
        (
            "reg [31:0] i; reg q; always @* begin q = 0; \
             for (i = 0; i < 2000000000; i = i + 1) q = q ^ a[0]; end",
            "loop",
        ),
    ];
    let limits = Limits { time: Duration::from_secs(2), memory_mib: 512, ..LIMITS };
    for (items, what) in cases {
        let message = failure(Path::new("yosys"), &module(items), limits);
        let stopped = message == "broke: it was stopped after 2 s"
            || message == "broke: it ran out of memory, of which it may have 0.5 GiB";
        assert!(stopped, "{what}: {message}");
    }
    // A macro that calls itself.
    let text = format!("`define A `A `A\n{}", module("`A"));
    let message = failure(Path::new("yosys"), &text, limits);
    assert!(message.starts_with("broke: ") || message.starts_with("refused: "), "{message}");
}

#[cfg(unix)]
#[test]
fn a_program_that_is_not_yosys_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("yosys");
    let cases = [
        ("exit 0", "broke: it gave no netlist: cannot be read: No such file"),
        (
            "echo garbage > output.json",
            "broke: it gave no netlist: not what yosys' write_json gives",
        ),
        ("mkfifo output.json", "broke: it gave no netlist: cannot be read: found a pipe"),
        ("echo; echo 'no licence' >&2; exit 3", "refused: no licence"),
        ("exec sleep 1000", "broke: it was stopped after 1 s"),
        ("exec yes", "broke: it wrote a file of more than 1 MiB, and was stopped"),
        ("kill -9 $$", "broke: it was stopped, at the latest after 60 s of the processor"),
    ];
    for (script, expected) in cases {
        let seconds = if script.contains("sleep") { 1 } else { 60 };
        let limits = Limits { time: Duration::from_secs(seconds), file_mib: 1, ..LIMITS };
        let text = format!("#!/bin/sh\n[ \"$1\" = -V ] && exit\n{script}\n");
        std::fs::write(&program, text).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let message = failure(&program, "module m; endmodule", limits);
        assert!(message.starts_with(expected), "{script}: {message}");
    }
}
