//! `recoup rtl`.

use std::path::Path;
use std::process::{Command, Output};

use crate::run::{Tiny, assert_refused, files, json, stdout};

fn run(folder: &Path, program: &str, args: &[&str]) -> Output {
    let output = Command::new(program).args(args).current_dir(folder).output();
    output.unwrap_or_else(|error| {
        panic!("{program} cannot be run ({error}); on Debian: apt install iverilog verilator")
    })
}

fn sources(folder: &Path) -> Vec<String> {
    let all = files(folder).into_iter().map(|(path, _)| path.display().to_string());
    all.filter(|path| path.ends_with(".sv")).collect()
}

/// The testbench in Verilator.
fn assert_passes_in_verilator(folder: &Path) {
    let names = sources(folder);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // Compiling takes longer than simulating: not optimised, and not split into many files.
    let options = ["--binary", "--timing", "-Wno-fatal", "--top-module", "tb"];
    let args = [&options[..], &["--output-split", "0", "-CFLAGS", "-O0"], &names].concat();
    let built = run(folder, "verilator", &args);
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let output = run(folder, &folder.join("obj_dir/Vtb").display().to_string(), &[]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("PASS"), "{said}");
}

/// The testbench in Icarus Verilog.
fn assert_passes(folder: &Path) {
    let names = sources(folder);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let args = [&["-g2012", "-s", "tb", "-o", "tb.vvp"], &names[..]].concat();
    let compiled = run(folder, "iverilog", &args);
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let output = run(folder, "vvp", &["-n", "tb.vvp"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("PASS"), "{said}");
}

/// Real codes and constants of a layer of the embedded network, of more products than the array has
/// rows: in both simulators the accumulators of the hardware, V included, are the emulator's.
fn assert_layer_runs(array: &str, multiplier: &str, weights: &str, mode: &str, layer: &str) {
    let tiny = Tiny::new();
    let out = tiny.path("array");
    let design = ["rtl", "--array", array, "--multiplier", multiplier, "--weights", weights];
    let vectors = ["--control-variate", mode, "--layer", layer, "--out", &out, "--json"];
    let object = json(&[&design[..], &vectors].concat());
    assert_eq!(object["vectors"], format!("layer \"{layer}\""));
    assert!(object["depth"].as_u64().unwrap() > object["rows"].as_u64().unwrap(), "{object}");
    assert!(object["accumulators"].as_u64().unwrap() >= 512, "{object}");
    assert_passes(Path::new(&out));
    assert_passes_in_verilator(Path::new(&out));
}

#[test]
fn a_layer_runs_on_a_4x4_array_with_signed_weights() {
    assert_layer_runs(
        "4x4",
        "truncated:8",
        "i8-channel",
        "paper",
        "/block1/shortcut/shortcut.0/Conv",
    );
}

#[test]
fn a_layer_runs_on_an_8x8_array() {
    assert_layer_runs("8x8", "truncated:7", "u8-channel", "fitted:popcount", "/block1/conv1/Conv");
}

#[test]
fn a_layer_runs_on_a_16x16_array_without_v() {
    assert_layer_runs("16x16", "truncated:8", "u8-channel", "none", "/block1/conv1/Conv");
}

#[test]
fn a_circuit_from_a_file_is_the_multiplier_of_the_array() {
    let tiny = Tiny::new();
    // The or of the lowest partial product and its neighbours, as designers of adders might.
    let netlist = tiny.write(
        "mine.v",
        b"module mine (input [7:0] w, input [7:0] a, output [15:0] p);
            assign p = w * a | {15'd0, w[0]};
          endmodule",
    );
    let out = tiny.path("array");
    let text = stdout(&["rtl", "--array", "3x2", "--multiplier", &netlist, "--out", &out]);
    assert!(text.contains("3x2 array of mine"), "{text}");
    assert_passes(Path::new(&out));
}

#[test]
fn a_folder_that_holds_something_is_left_alone() {
    let tiny = Tiny::new();
    let out = tiny.path("array");
    tiny.write("array/notes.txt", b"mine");
    let args = ["rtl", "--array", "2x2", "--multiplier", "truncated:6", "--out", &out];
    assert_refused(tiny.folder(), &args, &[&out, "is not empty", "--force"]);
    // Forced, it keeps what it does not know and loses what the new design has no use for.
    stdout(&[&args[..], &["--force"]].concat());
    let has = |name: &str| Path::new(&out).join(name).exists();
    assert!(has("notes.txt") && has("x_line.sv") && has("c.hex"));
    stdout(&[&args[..], &["--force", "--control-variate", "none"]].concat());
    assert!(has("notes.txt") && has("pe.sv") && !has("x_line.sv") && !has("c.hex"));

    let file = tiny.write("file", b"mine");
    let args = ["rtl", "--array", "2x2", "--multiplier", "exact", "--out", &file];
    assert_refused(tiny.folder(), &args, &[&file, "is a file"]);
    let out = tiny.path("no/where");
    let args = ["rtl", "--array", "2x2", "--multiplier", "exact", "--out", &out];
    assert_refused(tiny.folder(), &args, &[&out, "cannot be made", "make it first"]);
}

#[test]
fn impossible_arrays_are_refused() {
    let tiny = Tiny::new();
    let out = tiny.path("array");
    // As a product, but for 1 where it should be 0.
    let row = |w: u32| (0..256).map(|a| (w * a).max(1).to_string()).collect::<Vec<_>>().join(",");
    let rows: String = (0..256).map(|w| row(w) + "\n").collect();
    let table = tiny.write("one.csv", rows.as_bytes());
    for (more, expected) in [
        (&["--array", "0x4", "--multiplier", "exact"][..], &["\"0x4\" is no array", "16x16"][..]),
        (&["--array", "10000x4", "--multiplier", "exact"], &["10000x4 PEs", "104 GB of memory"]),
        (&["--array", "4", "--multiplier", "exact"], &["is no array", "16x16"]),
        (
            &["--array", "6x4", "--multiplier", "exact", "--products-per-pe", "4"],
            &["4 products per PE in 6 rows", "divide the rows"],
        ),
        (
            &["--array", "4x6", "--multiplier", "exact", "--share-columns", "4"],
            &["4 columns that share a register in 6 columns"],
        ),
        (
            &["--array", "6x6", "--multiplier", "exact", "--products-per-pe", "3"],
            &["expected one of 1, 2, 4, 8"],
        ),
        (
            &["--array", "4x4", "--multiplier", "exact", "--depth", "40000"],
            &["40000 products", "33025"],
        ),
        (
            &["--array", "4x4", "--multiplier", "truncated:7", "--control-variate", "regressed"],
            &["--control-variate regressed", "--model"],
        ),
        (
            &["--array", "4x4", "--multiplier", "truncated:7", "--layer", "/conv9"],
            &["no layer \"/conv9\"", "/block1/conv1/Conv"],
        ),
        (
            &[
                "--array",
                "4x4",
                "--multiplier",
                &table,
                "--zero-gating",
                "--control-variate",
                "none",
            ],
            &["zero gating", "weight byte 0 and activation 0", "leave --zero-gating out"],
        ),
    ] {
        let args = [&["rtl", "--out", &out][..], more].concat();
        assert_refused(tiny.folder(), &args, expected);
    }
}
