//! `recoup synth`, on the cells of Debian's package qflow-tech-osu018.

use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::run::{files, recoup, stdout};

const CELLS: &str = "/usr/share/qflow/tech/osu018/osu018_stdcells.lib";

/// Two units of one counter, and a testbench that is none of synthesis' business.
const TWO: [(&str, &str); 3] = [
    (
        "array.sv",
        "module array(input wire clk, output wire [3:0] a, output wire [3:0] b);
  counter pe_0_0(.clk(clk), .step(4'd1), .value(a));
  counter pe_0_1(.clk(clk), .step(a), .value(b));
endmodule\n",
    ),
    (
        "counter.sv",
        "module counter(input wire clk, input wire [3:0] step, output reg [3:0] value);
  always @(posedge clk) value <= value + step;
endmodule\n",
    ),
    ("tb.sv", "module tb; initial $finish; endmodule\n"),
];

fn folder(content: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in content {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn fails(args: &[&str], expected: &str) {
    let output = recoup(args).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains(expected), "{expected:?} is not in: {message}");
}

#[test]
fn a_folder_is_reported_by_unit_and_kept_in_the_cache() {
    let design = folder(&TWO);
    let cache = TempDir::new().unwrap();
    let path = design.path().to_str().unwrap();
    let netlist = cache.path().join("netlist.v");
    let cache_folder = cache.path().join("cache");
    let args = [
        "synth",
        path,
        "--cells",
        CELLS,
        "--cache",
        cache_folder.to_str().unwrap(),
        "--clock-ps",
        "5000",
        "--keep-netlist",
        netlist.to_str().unwrap(),
        "--force",
    ];
    let text = stdout(&args);
    for expected in
        ["array: ", "in time for 5000 ps", "│ pe ", "DFFPOSX1", "setup", "fastest clock"]
    {
        assert!(text.contains(expected), "{expected:?} is not in: {text}");
    }
    assert!(std::fs::read_to_string(&netlist).unwrap().contains("module counter"));
    let again: Value = serde_json::from_str(&stdout(&[&args[..], &["--json"]].concat())).unwrap();
    let result = &again["designs"][0];
    assert_eq!(result["cached"], true);
    let units = result["units"].as_array().unwrap();
    assert_eq!(units.len(), 2);
    assert_eq!((&units[0]["unit"], &units[0]["flip_flops"]), (&"pe_0_0".into(), &4.into()));
    let sum: f64 = units.iter().map(|unit| unit["area_um2"].as_f64().unwrap()).sum();
    assert_eq!(result["area_um2"].as_f64().unwrap(), sum);
    assert_eq!(result["cell_counts"]["DFFPOSX1"], 8);
    assert!(result["fastest_clock_ps"].as_f64().unwrap() > 100.0);
    assert_eq!(again["dont_use"], Value::Array(Vec::new()));
}

#[test]
fn a_multiplier_is_synthesised_alone_and_in_a_pe() {
    let args = ["synth", "--multiplier", "truncated:7", "--cells", CELLS, "--no-cache", "--json"];
    let value: Value = serde_json::from_str(&stdout(&args)).unwrap();
    let area = |design: usize| value["designs"][design]["area_um2"].as_f64().unwrap();
    assert_eq!(value["designs"][0]["top"], "multiplier");
    assert_eq!(value["designs"][1]["top"], "pe");
    assert!(area(0) > 1000.0 && area(1) > 1.5 * area(0));
}

/// What a file does not say is said as to the other commands.
#[test]
fn a_table_is_read_as_the_options_say() {
    let folder = TempDir::new().unwrap();
    let table = folder.path().join("table.bin");
    let table = table.to_str().unwrap();
    stdout(&["multiplier", "convert", "perforated:3", "--out", table, "--out-order", "aw"]);
    let area = |multiplier: &str, more: &[&str]| {
        let args = ["synth", "--multiplier", multiplier, "--cells", CELLS, "--no-cache", "--json"];
        let value: Value = serde_json::from_str(&stdout(&[&args[..], more].concat())).unwrap();
        value["designs"][1]["area_um2"].as_f64().unwrap()
    };
    let expected = area("perforated:3", &[]);
    assert_eq!(area(table, &["--table-order", "aw"]), expected);
    // The other way round, the PE would do without registers of the weight.
    assert_ne!(area(table, &[]), expected);
}

#[test]
fn bad_input_is_named() {
    let design = folder(&TWO);
    let path = design.path().to_str().unwrap();
    let cells = ["--cells", CELLS, "--no-cache"];
    let with = |args: &[&'static str]| [&["synth", path], args].concat();
    fails(&with(&["--cells", "nowhere.lib"]), "nowhere.lib: cannot be read");
    fails(&with(&["--cells", "/etc/passwd"]), "/etc/passwd: line 1, column 1: found");
    let cut = design.path().join("cut.lib");
    let text = std::fs::read_to_string(CELLS).unwrap();
    std::fs::write(&cut, &text[..text.len() / 2]).unwrap();
    fails(&["synth", path, "--cells", cut.to_str().unwrap()], "cut.lib: line ");
    for clock in ["0", "-5", "fast"] {
        fails(&[&with(&cells)[..], &["--clock-ps", clock]].concat(), "expected a number above 0");
    }
    fails(&[&with(&cells)[..], &["--dont-use", "DFF*"]].concat(), "no D flip-flop");
    fails(&[&with(&cells)[..], &["--dont-use", "[a"]].concat(), "is no pattern");
    fails(&[&with(&cells)[..], &["--top", "nothing"]].concat(), "Module `nothing' not found");
    fails(&["synth", "--cells", CELLS], "required arguments");
    fails(&["synth", "/nowhere", "--cells", CELLS], "/nowhere: cannot be read");
    let empty = TempDir::new().unwrap();
    fails(&["synth", empty.path().to_str().unwrap(), "--cells", CELLS], "no SystemVerilog");
    std::fs::remove_file(design.path().join("array.sv")).unwrap();
    std::fs::write(design.path().join("more.sv"), "module more; endmodule").unwrap();
    fails(&with(&cells), "which module? there are counter, more; give one of them as --top");
    let without_tools = recoup(&["synth", "--multiplier", "exact", "--cells", CELLS, "--no-cache"])
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    let message = String::from_utf8(without_tools.stderr).unwrap();
    assert!(message.contains("apt install yosys"), "{message}");
}

#[test]
#[cfg(unix)]
fn an_interrupt_stops_yosys_and_leaves_no_folder() {
    let temporary = TempDir::new().unwrap();
    let mut child = recoup(&["synth", "--multiplier", "exact", "--cells", CELLS, "--no-cache"])
        .env("TMPDIR", temporary.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while files(temporary.path()).is_empty()
        && std::fs::read_dir(temporary.path()).unwrap().next().is_none()
    {
        assert!(child.try_wait().unwrap().is_none(), "ended before the interrupt");
        assert!(started.elapsed() < Duration::from_secs(60), "no work folder after a minute");
        sleep(Duration::from_millis(2));
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(output.stdout.is_empty());
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
}
