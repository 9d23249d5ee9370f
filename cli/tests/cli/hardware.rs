//! `recoup hardware`, and the power beside accuracies that comes from its table.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::eval::fashion;
use crate::run::{FASHION_MODEL, assert_refused, recoup, stdout, workspace};

const CELLS: &str = "/usr/share/qflow/tech/osu018/osu018_stdcells.lib";

/// Area and energy of a row are those of its parts, to the digits that it has.
fn assert_parts_add_up(cost: &Value) {
    for (total, parts) in [("area_um2", "area_parts_um2"), ("energy_fj", "parts_fj")] {
        let parts = cost[parts].as_object().unwrap();
        let sum: f64 = parts.values().map(|part| part.as_f64().unwrap()).sum();
        assert!((sum / cost[total].as_f64().unwrap() - 1.0).abs() < 2e-4, "{total}: {cost}");
        let has = |part: &str| parts.contains_key(part);
        assert!(has("multiplier") && has("adder") && has("registers") && has("MAC+"), "{cost}");
        // The clock's tree is in no netlist, and takes energy.
        assert_eq!(has("clock"), total == "energy_fj", "{cost}");
        assert_eq!(has("x line"), cost["design"]["control"].is_string(), "{cost}");
    }
}

#[test]
fn the_shipped_table_has_all_families_in_both_libraries() {
    let table: Value = serde_json::from_str(&stdout(&["hardware", "list", "--json"])).unwrap();
    let costs = table["costs"].as_array().unwrap();
    for library in ["asap7", "ihp-sg13g2"] {
        for multiplier in
            ["exact", "perforated:1", "perforated:4", "truncated:4", "truncated:8", "recursive:5"]
        {
            for size in [16, 32, 64] {
                for stimulus in ["uniform", "relu-like", "demo"] {
                    let found = costs.iter().filter(|cost| {
                        cost["run"] == library
                            && cost["design"]["multiplier"] == multiplier
                            && cost["design"]["rows"] == size
                            && cost["stimulus"] == stimulus
                    });
                    assert!(found.count() >= 2, "{library} {multiplier} {size} {stimulus}");
                }
            }
        }
    }
    costs.iter().for_each(assert_parts_add_up);
    let listed = stdout(&["hardware", "list", "--library", "asap7"]);
    assert!(listed.contains("truncated:8") && !listed.contains("ihp"), "{listed}");
}

#[test]
fn designs_are_measured_and_rows_of_other_libraries_kept() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("costs.json");
    // The table of the repository, to which another library comes.
    std::fs::copy(workspace().join("hardware/costs.json"), &out).unwrap();
    let read = || -> Value { serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap() };
    // Masks of before are written with the names that they have today.
    let figures = |costs: Vec<Value>| -> Vec<Value> {
        let nameless = |mut cost: Value| {
            cost["design"].as_object_mut().unwrap().remove("multiplier");
            cost
        };
        costs.into_iter().map(nameless).collect()
    };
    let before = read()["costs"].as_array().unwrap().clone();
    let measure = || {
        let mut args = vec!["hardware", "measure", "--library", "one", "--clock-ps", "20000"];
        args.extend(["--size", "4", "--error", "30", "--multiplier", "perforated:4"]);
        args.extend(["--out", out.to_str().unwrap(), "--cells", CELLS]);
        recoup(&args).output().unwrap()
    };
    let first = measure();
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    let again = String::from_utf8(measure().stderr).unwrap();
    assert!(again.contains("has costs of one already"), "{again}");
    let table = read();
    let costs = table["costs"].as_array().unwrap();
    let (costs, others): (Vec<Value>, Vec<Value>) =
        costs.iter().cloned().partition(|cost| cost["run"] == "one");
    assert!(figures(others) == figures(before), "rows of other libraries changed");
    // 25 exact ones, perforated:4 without V and with its x; three stimuli.
    assert_eq!(costs.len(), 27 * 3);
    for cost in &costs {
        let [area, energy, loading] =
            ["area_um2", "energy_fj", "loading_fj"].map(|field| cost["load_path"][field].as_f64());
        let has_v = cost["design"]["control"].is_string();
        assert_eq!(cost.get("load_path").is_some(), has_v, "{cost}");
        assert!(!has_v || [area, energy, loading].iter().all(|it| it.unwrap() > 0.0), "{cost}");
    }
    costs.iter().for_each(assert_parts_add_up);
    let energy = |multiplier: &str, bits: u64| {
        let found = costs.iter().find(|cost| {
            cost["design"]["multiplier"] == multiplier
                && cost["design"]["activation_bits"] == bits
                && cost["design"]["weight_bits"] == Value::Null
                && cost["stimulus"] == "uniform"
        });
        found.unwrap()["energy_fj"].as_f64().unwrap()
    };
    assert!(energy("exact", 8) > energy("exact", 4));
    assert!(energy("exact", 8) > 1.2 * energy("perforated:4", 8));
    let runs = table["runs"].as_array().unwrap();
    let run = runs.iter().find(|run| run["id"] == "one").unwrap();
    assert!(run["tools"]["yosys"].as_str().unwrap().contains("Yosys"));
    let listed = stdout(&["hardware", "list", "--costs", out.to_str().unwrap(), "--size", "4"]);
    assert!(listed.contains("one: 4 x 4 arrays"), "{listed}");
}

/// Figures of a design with V, and what is noted.
fn eval_with_v(model: &str, more: &[&str]) -> (Value, String) {
    let options = ["--multiplier", "truncated:8", "--json"];
    let options = [&options[..], more].concat();
    let mut args = fashion(model, &options);
    (args[7], args[9]) = ("2", "4");
    let output = recoup(&args).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    (report["results"][1].clone(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn what_makes_constants_of_loaded_codes_counts() {
    let table: Value = serde_json::from_str(&stdout(&["hardware", "list", "--json"])).unwrap();
    let row = |multiplier: &str, control: &Value| -> Value {
        let rows = table["costs"].as_array().unwrap();
        let found = rows.iter().find(|it| {
            let design = &it["design"];
            (&it["run"], &it["stimulus"], &design["rows"])
                == (&json!("asap7"), &json!("relu-like"), &json!(64))
                && (&design["multiplier"], &design["control"]) == (&json!(multiplier), control)
                && design["activation_bits"] == 8
                && design["weight_bits"] == Value::Null
        });
        found.unwrap_or_else(|| panic!("no {multiplier} with {control}")).clone()
    };
    let number = |value: &Value| value.as_f64().unwrap();
    let exact_fj = number(&row("exact", &Value::Null)["energy_fj"]);
    let (vit, notes) = eval_with_v("zoo/assets/fashion-vit.onnx", &[]);
    let cost = row("truncated:8", &vit["control_function"]);
    let load_path_fj = number(&cost["load_path"]["energy_fj"]);
    let expected = (number(&cost["energy_fj"]) + load_path_fj) / exact_fj;
    assert!((number(&vit["array_power"]) - expected).abs() < 1e-9, "{vit:#} {expected}");
    assert_eq!(vit["load_path"], true);
    assert!(!notes.contains("load path"), "{notes}");
    // A convolutional network has its constants before it runs.
    let (conv, _) = eval_with_v(FASHION_MODEL, &[]);
    let cost = row("truncated:8", &conv["control_function"]);
    let expected = number(&cost["energy_fj"]) / exact_fj;
    assert!((number(&conv["array_power"]) - expected).abs() < 1e-9, "{conv:#} {expected}");
    assert_eq!(conv["load_path"], Value::Null);
    // What makes C0 alone is in no table.
    let constant = ["--attention-constants", "constant"];
    let (constant, notes) = eval_with_v("reference/models/attention.onnx", &constant);
    assert_eq!(constant["load_path"], false);
    let note = "the cost table has no load path for these designs";
    assert_eq!(notes.matches(note).count(), 1, "{notes}");
}

#[test]
fn bad_requests_are_refused() {
    let folder = TempDir::new().unwrap();
    let refused = |args: &[&str], expected: &str| assert_refused(folder.path(), args, &[expected]);
    refused(&["hardware", "list", "--library", "nope"], "there are: asap7, ihp-sg13g2");
    refused(&["hardware", "list", "--costs", "/nope.json"], "/nope.json: cannot be read");
    refused(&["hardware", "list", "--costs", CELLS], "is no cost table");
    let out = folder.path().join("costs.json");
    let measure = |clock: &str, multiplier: &str, expected: &str| {
        let mut args = vec!["hardware", "measure", "--library", "x", "--clock-ps", clock];
        args.extend(["--size", "4", "--error", "30", "--multiplier", multiplier]);
        args.extend(["--out", out.to_str().unwrap(), "--cells", CELLS]);
        refused(&args, expected);
    };
    measure("0", "exact", "expected a period of more than 0 ps");
    measure("20000", "trunctaed:8", "expected one of exact, perforated:1");
    measure("20000", "drum:6", "or any mask, as mask:0x");
    // A mask that the table inside does not have is measured, and may be too slow.
    measure("100", "mask:0xf8f8f0e0c0000000", "give a slower one with --clock-ps");
    measure("100", "exact", "give a slower one with --clock-ps");
}
