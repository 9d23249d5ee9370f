//! Multipliers from files: tables and netlists, whole libraries, conversion.

use serde_json::Value;
use tempfile::TempDir;

use crate::run::{Tiny, assert_refused, json, recoup, stdout};

/// Raw 16-bit products of w a less an error.
fn raw(error: impl Fn(i32, i32) -> i32) -> Vec<u8> {
    let pairs = (0..256).flat_map(|w| (0..256).map(move |a| (w, a)));
    pairs.flat_map(|(w, a)| ((w * a - error(w, a)) as u16).to_le_bytes()).collect()
}

/// An error that no partial-product mask has.
fn odd(w: i32, a: i32) -> i32 {
    if a >= 2 && w >= 2 { (a % 5) * (w % 3) } else { 0 }
}

#[test]
fn every_format_leads_back_to_the_same_multiplier() {
    let tiny = Tiny::new();
    let first = tiny.write("odd.bin", &raw(odd));
    let truth = json(&["multiplier", "show", &first, "--json"]);
    assert_eq!(truth["mask"], Value::Null);
    assert_eq!(truth["multiplier"], "odd");
    let mut last = first;
    for extension in ["npy", "csv", "h", "v", "txt", "raw"] {
        let next = tiny.path(&format!("odd.{extension}"));
        assert_eq!(stdout(&["multiplier", "convert", &last, "--out", &next]), "");
        let shown = json(&["multiplier", "show", &next, "--json"]);
        assert_eq!(shown, truth, "{extension}");
        last = next;
    }
}

/// What a multiplier is called and what it costs is not up to the name of its file.
#[test]
fn no_file_passes_for_another_multiplier() {
    let tiny = Tiny::new();
    let bytes = raw(|w, a| 8 * odd(w, a));
    for (file, name) in [
        ("exact.bin", "file:exact"),
        ("truncated:7.bin", "file:truncated:7"),
        ("perforated:2.bin", "file:perforated:2"),
        ("mask:0xff.bin", "file:mask:0xff"),
        ("mask_0xff.bin", "mask_0xff"),
    ] {
        let table = tiny.write(file, &bytes);
        let spec = format!("table:{table}");
        assert_eq!(json(&["multiplier", "show", &spec, "--json"])["multiplier"], name);
        let object = json(&tiny.eval(&["--json", "--multiplier", &spec]));
        assert_eq!(object["results"][0]["array_power"], 1.0);
        assert_eq!(object["results"][1]["multiplier"], name);
        assert_eq!(object["results"][1]["array_power"], Value::Null, "{name}");
    }
    let exact = tiny.write("odd.bin", &raw(|_, _| 0));
    let object = json(&tiny.eval(&["--json", "--multiplier", &exact]));
    assert_eq!(object["results"][1]["array_power"], 1.0);
}

#[test]
fn files_of_one_name_are_told_apart_by_their_products() {
    let tiny = Tiny::new();
    let (a, b) = (tiny.write("a/mul.bin", &raw(odd)), tiny.write("b/mul.bin", &raw(|_, a| a & 1)));
    let (same, other) = (tiny.write("c/mul.bin", &raw(odd)), tiny.write("d/other.bin", &raw(odd)));
    let shown = |files: &[&str]| -> Vec<(String, String)> {
        let shown = json(&[&["multiplier", "show", "--json"], files].concat());
        let text = |one: &Value, field: &str| one[field].as_str().unwrap().to_owned();
        let all = shown.as_array().unwrap().iter();
        all.map(|one| (text(one, "multiplier"), text(one, "products_sha256"))).collect()
    };
    let two = shown(&[&a, &b]);
    for (name, sha256) in &two {
        assert_eq!(*name, format!("mul#{}", &sha256[..8]));
    }
    assert_ne!(two[0], two[1]);
    let names = |files: &[&str]| -> Vec<String> {
        shown(files).into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names(&[&a, &same]), ["mul", "mul"]);
    assert_eq!(names(&[&a, &other]), ["mul", "other"]);
    let object = json(&tiny.eval(&["--json", "--multiplier", &a, &b]));
    let results = object["results"].as_array().unwrap();
    assert_ne!(results[1]["multiplier"], results[2]["multiplier"]);
    let output = recoup(&["multiplier", "show", &a, &b]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("b/mul.bin is shown as mul#"), "{stderr}");
}

#[test]
fn a_table_that_is_a_mask_becomes_one() {
    let folder = TempDir::new().unwrap();
    for (spec, file) in [("truncated:7", "t.csv"), ("recursive:3", "r.v"), ("exact", "e.h")] {
        let out = folder.path().join(file).display().to_string();
        stdout(&["multiplier", "convert", spec, "--out", &out]);
        let known = json(&["multiplier", "show", spec, "--json"]);
        let found = json(&["multiplier", "show", &out, "--json"]);
        for field in ["mask", "family", "products_sha256"] {
            assert_eq!(found[field], known[field], "{spec}: {field}");
        }
    }
}

#[test]
fn a_table_runs_beside_named_multipliers_and_is_corrected() {
    let tiny = Tiny::new();
    let table = tiny.write("odd.bin", &raw(|w, a| 8 * odd(w, a)));
    let object = json(&tiny.eval(&["--json", "--multiplier", "truncated:6", &table]));
    let results = object["results"].as_array().unwrap();
    assert_eq!(results.len(), 3);
    let result = results.iter().find(|result| result["multiplier"] == "odd").unwrap();
    assert_eq!(result["control_variate"], "fitted");
    assert!(result["control_function"].is_string());
    let several = ["--json", "--multiplier", &table, "--control-variate", "fitted:auto"];
    let more = ["--control-variate-terms", "3", "--control-variate-bits", "5"];
    let object = json(&tiny.eval(&[&several[..], &more].concat()));
    let function = object["results"][1]["control_function"].as_str().unwrap().to_owned();
    assert_eq!(function.matches(" + ").count(), 2, "{function}");
    let costs = object["results"][1]["control_cost"].as_array().unwrap();
    assert_eq!(costs.len(), 3);
    for cost in costs {
        let [x, c, sum, row, mac] =
            ["x_bits", "c_bits", "sum_bits", "row_full_adders", "mac_full_adders"]
                .map(|field| cost[field].as_u64().unwrap());
        // 64 rows add six bits to those of x.
        assert!((1..=5).contains(&x) && sum == x + 6 && mac == c * sum && row >= sum, "{cost}");
    }
    assert_eq!(object["results"][0]["control_cost"], Value::Null);
    let text = stdout(&tiny.eval(&[&several[1..], &more].concat()));
    assert!(text.contains("cost of each term beside 64 rows"), "{text}");
    assert_eq!(text.matches("┆ fitted:auto").count(), 1 + 3, "{text}");
}

#[test]
fn a_library_is_listed_best_first_and_other_files_are_left_alone() {
    let tiny = Tiny::new();
    tiny.write("lib/bad.bin", &raw(|w, a| 20 * odd(w, a)));
    tiny.write("lib/good.bin", &raw(odd));
    tiny.write("lib/README.md", b"tables");
    let pattern = tiny.path("lib/*");
    let listed = json(&["multiplier", "show", &pattern, "--json"]);
    let names: Vec<&str> =
        listed.as_array().unwrap().iter().map(|one| one["multiplier"].as_str().unwrap()).collect();
    assert_eq!(names, ["good", "bad"]);
    let text = stdout(&["multiplier", "show", &pattern]);
    assert!(text.find("good").unwrap() < text.find("bad").unwrap(), "{text}");
    let object = json(&tiny.eval(&["--json", "--multiplier", &pattern]));
    assert_eq!(object["results"].as_array().unwrap().len(), 3);
    // Without labels, by how close outputs stay.
    let object = json(&tiny.eval(&["--json", "--no-labels", "--multiplier", &pattern]));
    let results = object["results"].as_array().unwrap().iter();
    let names: Vec<&str> = results.map(|one| one["multiplier"].as_str().unwrap()).collect();
    assert_eq!(names, ["exact", "good", "bad"]);
    assert_refused(
        tiny.folder(),
        &["multiplier", "show", &tiny.path("lib/*.npy")],
        &["*.npy", "no table or netlist"],
    );
}

#[test]
fn signed_tables_take_signed_weights() {
    let tiny = Tiny::new();
    let bytes: Vec<u8> = (0..65536)
        .map(|i| i32::from((i >> 8) as u8 as i8) * i32::from(i as u8 as i8))
        .flat_map(|product| ((product & !3) as i16).to_le_bytes())
        .collect();
    let table = tiny.write("signed.bin", &bytes);
    let shown = json(&["multiplier", "show", &table, "--json"]);
    assert_eq!(shown["weights"], "i8-channel");
    tiny.assert_eval_refused(&["--multiplier", &table], &["signed", "--weights i8-channel"]);
    let args = tiny.eval(&["--json", "--multiplier", &table, "--weights", "i8-channel"]);
    let result = json(&args)["results"][1].clone();
    assert!(result["loss_vs_exact"].as_f64().unwrap().abs() < 50.0, "{result}");
}

/// What `multiplier table --weights i8-channel` writes is read back, in every format.
#[test]
fn tables_of_signed_weights_are_read_back() {
    let tiny = Tiny::new();
    for spec in ["truncated:8", "recursive:4"] {
        let known = json(&["multiplier", "show", spec, "--weights", "i8-channel", "--json"]);
        let mut last = tiny.path("signed.bin");
        let write = ["multiplier", "table", spec, "--weights", "i8-channel", "--out", &last];
        stdout(&[&write[..], &["--force"]].concat());
        for extension in ["npy", "csv", "h", "v", "txt", "raw"] {
            let next = tiny.path(&format!("signed.{extension}"));
            stdout(&["multiplier", "convert", &last, "--out", &next, "--force"]);
            last = next;
        }
        let mut found = json(&["multiplier", "show", &last, "--json"]);
        assert_eq!(found["multiplier"], "signed");
        found["multiplier"] = known["multiplier"].clone();
        assert_eq!(found, known, "{spec}");
        tiny.assert_eval_refused(&["--multiplier", &last], &["signed", "--weights i8-channel"]);
        let eval = tiny.eval(&["--json", "--multiplier", spec, &last, "--weights", "i8-channel"]);
        let results = json(&eval)["results"].clone();
        for field in ["top1", "kernel", "control_function"] {
            assert_eq!(results[1][field], results[2][field], "{spec}: {field}");
        }
        for (command, more) in [("show", [].as_slice()), ("table", &["--out", "never.bin"])] {
            let args = ["multiplier", command, &last, "--weights", "u8-tensor"];
            let args = [&args[..], more].concat();
            assert_refused(tiny.folder(), &args, &["signed weights", "i8-channel"]);
        }
    }
    let table = tiny.path("signed.csv");
    assert_refused(
        tiny.folder(),
        &["multiplier", "show", &table, "--operands", "signed"],
        &["signed.csv: found rows labelled with negative operands and columns without"],
    );
    assert_refused(
        tiny.folder(),
        &["multiplier", "show", &tiny.path("signed.v"), "--operands", "unsigned"],
        &["signed.v: read as unsigned operands", "read as signed weight, the first operand"],
    );
    assert_refused(
        tiny.folder(),
        &["multiplier", "show", &table, "--operands", "both"],
        &["'both'", "unsigned, signed, signed-weight"],
    );
}

#[test]
fn heat_maps_are_pictures() {
    let tiny = Tiny::new();
    let table = tiny.write("odd.bin", &raw(odd));
    for (name, start) in [("map.png", &b"\x89PNG"[..]), ("map.svg", b"<svg")] {
        let out = tiny.path(name);
        stdout(&["multiplier", "show", &table, "--heat-map", &out]);
        assert!(std::fs::read(&out).unwrap().starts_with(start), "{name}");
        assert_refused(
            tiny.folder(),
            &["multiplier", "show", &table, "--heat-map", &out],
            &[&out, "exists already"],
        );
    }
    assert_refused(
        tiny.folder(),
        &["multiplier", "show", &table, "--heat-map", &tiny.path("map.gif")],
        &["map.gif", ".png or .svg"],
    );
}

#[test]
fn a_networks_own_codes_are_studied_too() {
    let tiny = Tiny::new();
    let mut args = tiny.eval(&["--out", &tiny.path("c.json")]);
    args[0] = "quantize".into();
    stdout(&args);
    let calibration = tiny.path("c.json");
    let shown =
        json(&["multiplier", "show", "truncated:8", "--json", "--calibration", &calibration]);
    let studies = shown["control_variate"].as_array().unwrap();
    assert_eq!(studies.len(), 2);
    assert_eq!(studies[1]["codes"], "the codes of model.onnx");
    assert_ne!(studies[0]["error_std"], studies[1]["error_std"]);
    let old = tiny.write("old.json", br#"{"model":"m","model_sha256":"","data":"","preprocess":"none","images":1,"method":"min-max","tensors":[]}"#);
    assert_refused(
        tiny.folder(),
        &["multiplier", "show", "truncated:8", "--calibration", &old],
        &["old.json", "no code histograms", "recoup quantize"],
    );
}

#[test]
fn files_that_are_no_multipliers_are_refused() {
    let tiny = Tiny::new();
    let short = tiny.write("short.bin", &[0; 1000]);
    let words = tiny.write("words.csv", b"1,2,three\n");
    let clocked = tiny.write(
        "clocked.v",
        b"module m(input clk, input [7:0] A, B, output reg [15:0] O);\nalways @(posedge clk) O <= A * B;\nendmodule\n",
    );
    let narrow = tiny.write(
        "narrow.v",
        b"module m(input [3:0] A, input [3:0] B, output [7:0] O);\nassign O = A & B;\nendmodule\n",
    );
    let lying = tiny.write(
        "lying.v",
        b"// MAE = 12\nmodule m(input [7:0] A, input [7:0] B, output [15:0] O);\nassign O = A * B;\nendmodule\n",
    );
    let cases: [(&str, &[&str]); 6] = [
        (&short, &["short.bin", "1000"]),
        (&words, &["words.csv: line 1, column 3: found 'three', expected a whole number"]),
        (&clocked, &["clocked.v"]),
        (&narrow, &["narrow.v", "4"]),
        (&lying, &["lying.v", "MAE", "12"]),
        ("table:nowhere.bin", &["nowhere.bin"]),
    ];
    for (spec, expected) in cases {
        assert_refused(tiny.folder(), &["multiplier", "show", spec], expected);
    }
    assert_refused(
        tiny.folder(),
        &["multiplier", "convert", "truncated:3", "--out", &tiny.path("x.xyz")],
        &["x.xyz", ".csv"],
    );
    // The tool that reads what this program does not is named where it is missing.
    let output = recoup(&["multiplier", "show", &clocked]).env("PATH", "").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("yosys") || stderr.contains("sequential"), "{stderr}");
}

#[test]
fn a_circuit_may_be_in_several_files() {
    let tiny = Tiny::new();
    let top = "module top(input [7:0] a, b, output [15:0] o); half u(a, b, o); endmodule";
    let half = "module half(input [7:0] a, b, output [15:0] o); assign o = a * b; endmodule";
    let (top, half) = (tiny.write("t.v", top.as_bytes()), tiny.write("h.v", half.as_bytes()));
    for (spec, label) in [
        (format!("verilog:{top},{half}"), "top"),
        (format!("verilog:{top},{half}:half"), "half"),
        (format!("verilog:{half}"), "h"),
    ] {
        let shown = json(&["multiplier", "show", &spec, "--json"]);
        assert_eq!(shown["multiplier"], label, "{spec}");
        assert_eq!(shown["mae"], 0.0, "{spec}");
    }
}

/// Each waited for a writer.
#[cfg(unix)]
#[test]
fn what_is_no_file_is_refused_at_once() {
    let (folder, work) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let pipe = folder.path().join("pipe").display().to_string();
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for arguments in [
        ["multiplier", "show", &format!("table:{pipe}"), "--json"],
        ["multiplier", "show", &format!("verilog:{pipe}"), "--json"],
        ["synth", "--multiplier=exact", "--cells", &pipe],
    ] {
        assert_refused(work.path(), &arguments, &["pipe: cannot be read: found a pipe (FIFO)"]);
    }
}
