//! `recoup power` on the cells of Debian's package qflow-tech-osu018.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::run::{FASHION_DATA, FASHION_MODEL, assert_refused, explore, json};

const OSU018: &str = "/usr/share/qflow/tech/osu018/osu018_stdcells.lib";

fn power(more: &[&str]) -> Value {
    let mut arguments = vec!["power", "--cells", OSU018, "--no-cache", "--json", "--seed", "1"];
    arguments.extend_from_slice(more);
    json(&arguments)
}

#[test]
fn energies_of_the_embedded_network() {
    let report = power(&[
        "--multiplier",
        "truncated:7",
        "--array",
        "16x16",
        "--images",
        "2",
        "--standard-error",
        "5",
        "--clock-ps",
        "20000",
        "--fast",
    ]);
    let result = &report["results"][0];
    assert_eq!(result["mode"], "zero delay, without glitches");
    assert_eq!(result["control_variate"], "fitted");
    assert!(result["relative_standard_error"].as_f64().unwrap() <= 0.05);
    assert_eq!(result["slowest_transition_ps"], Value::Null);
    let units: Vec<&str> =
        result["units"].as_array().unwrap().iter().map(|it| it["unit"].as_str().unwrap()).collect();
    assert_eq!(units, ["multiplier", "adder", "registers", "clock", "x line", "MAC+"]);
    let layers = result["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 11);
    let sum = |field: &str| layers.iter().map(|it| it[field].as_f64().unwrap()).sum::<f64>();
    // As `recoup inspect` has it.
    assert_eq!(sum("macs"), 6_686_592.0);
    let energy = result["energy_per_image_fj"].as_f64().unwrap();
    assert!((sum("energy_fj") / energy - 1.0).abs() < 1e-9);
    let per_mac = result["energy_per_mac_fj"].as_f64().unwrap();
    assert!((per_mac * sum("macs") / energy - 1.0).abs() < 1e-9);
}

#[test]
fn approximation_saves_and_glitches_cost() {
    let multipliers =
        ["--multiplier", "exact", "truncated:8", "--array", "4x4", "--stimuli", "uniform"];
    let common = ["--standard-error", "3"];
    let run = |more: &[&str]| {
        let report = power(&[&multipliers[..], &common, more].concat());
        let of = |index: usize| report["results"][index]["energy_per_mac_fj"].as_f64().unwrap();
        (report["clock_ps"].as_f64().unwrap(), of(0), of(1))
    };
    let (clock_ps, exact, truncated) = run(&[]);
    let (_, exact_settled, truncated_settled) = run(&["--fast"]);
    assert!(clock_ps > 1000.0, "the fastest clock of this slow library: {clock_ps}");
    assert!(truncated < exact && truncated_settled < exact_settled);
    assert!(exact > exact_settled && truncated > truncated_settled);
}

#[test]
fn fewer_bits_take_a_smaller_array() {
    let common = ["--multiplier", "exact", "--array", "4x4", "--stimuli", "uniform", "--fast"];
    let run = |bits: &str| {
        power(&[&common[..], &["--standard-error", "3", "--activation-bits", bits]].concat())
    };
    let (all, six) = (run("8"), run("6"));
    assert_eq!((&all["activation_bits"], &six["activation_bits"]), (&json!(8), &json!(6)));
    let number = |report: &Value, field: &str| report["results"][0][field].as_f64().unwrap();
    assert!(number(&six, "area_um2") < 0.95 * number(&all, "area_um2"));
    assert!(number(&six, "energy_per_mac_fj") < 0.95 * number(&all, "energy_per_mac_fj"));
    // What perforation cuts off, in the circuit that never reads it.
    let perforated = power(
        &["--multiplier", "perforated:2", "--control-variate", "none"]
            .iter()
            .chain(&common[2..])
            .copied()
            .collect::<Vec<_>>(),
    );
    assert_eq!(number(&six, "area_um2"), number(&perforated, "area_um2"));
    let both = ["--standard-error", "3", "--activation-bits", "6", "--weight-bits", "5"];
    let both = power(&[&common[..], &both].concat());
    assert_eq!(both["weight_bits"], 5);
    assert_eq!(both["codes"], "uniform codes, activations of 6 bits, weights of 5 bits");
    assert!(number(&both, "area_um2") < 0.9 * number(&six, "area_um2"));
    assert!(number(&both, "energy_per_mac_fj") < 0.9 * number(&six, "energy_per_mac_fj"));
    let identity = |report: &Value| report["results"][0]["identity"].as_str().unwrap().to_owned();
    let identities = [&all, &six, &both, &perforated].map(identity);
    assert!((1..4).all(|at| !identities[..at].contains(&identities[at])), "{identities:?}");
}

/// What one command prints the other reads.
#[test]
fn explore_takes_what_was_measured() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("power.json");
    let array = ["--multiplier", "exact", "truncated:7", "--array", "16x16"];
    let quick = ["--control-variate", "none", "--images", "1", "--standard-error", "10", "--fast"];
    let clock = ["--clock-ps", "20000", "--model", FASHION_MODEL, "--data", FASHION_DATA];
    let images = ["--preprocess", "fashion-mnist", "--calibration-images", "8"];
    let measured = power(&[&array[..], &quick, &clock, &images].concat());
    std::fs::write(&path, measured.to_string()).unwrap();
    let none = ["--control-variate", "none", "--max-loss", "90", "--json", "--power"];
    let found = json(&explore("20", &[&array[..], &none, &[path.to_str().unwrap()]].concat()));
    let lines = found["networks"][0]["configurations"].as_array().unwrap();
    let truncated = lines.iter().find(|line| line["multiplier"] == "truncated:7").unwrap();
    let energy =
        |result: usize| measured["results"][result]["energy_per_image_fj"].as_f64().unwrap();
    // Loading and draining, which cost both the same, bring the ratio nearer to 1.
    let (ratio, power) = (energy(1) / energy(0), truncated["relative_power"].as_f64().unwrap());
    assert!(ratio < power && power < 1.0 && power < ratio + 0.1, "{ratio} {power}");
    for (line, result) in [(&lines[0], 0), (truncated, 1)] {
        assert_eq!(line["identity"], measured["results"][result]["identity"]);
    }
}

/// The cells of a multiplier's netlist need not be those of the array.
#[test]
fn a_netlist_has_cells_of_its_own() {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let netlist = write(
        "top.v",
        "module top (input [7:0] A, input [7:0] B, output [15:0] O);
           both product (.X(A[7]), .Y(B[7]), .Z(O[14]));
           assign O[13:0] = 14'd0;
           assign O[15] = 1'b0;
         endmodule",
    );
    let cells = write(
        "own.lib",
        "library (own) { cell (both) {
           pin (X) { direction : input; }
           pin (Y) { direction : input; }
           pin (Z) { direction : output; function : \"X & Y\"; }
         } }",
    );
    let args = ["--multiplier", &netlist, "--array", "2x2", "--control-variate", "none"];
    let args = [&args[..], &["--stimuli", "uniform", "--fast", "--standard-error", "20"]].concat();
    let without = [&["power", "--cells", OSU018, "--no-cache"], &args[..]].concat();
    assert_refused(folder.path(), &without, &["top.v", "both"]);
    let report = power(&[&args[..], &["--netlist-cells", &cells]].concat());
    assert_eq!(report["results"][0]["multiplier"], "top");
}

#[test]
fn bad_arguments_are_explained() {
    let folder = TempDir::new().unwrap();
    let refused = |arguments: &[&str], expected: &str| {
        assert_refused(folder.path(), &[&["power"], arguments].concat(), &[expected]);
    };
    refused(&["--multiplier", "exact", "--cells", "nowhere.lib"], "nowhere.lib");
    refused(&["--multiplier", "exact", "--cells", OSU018, "--array", "0x4"], "0x4");
    refused(
        &["--multiplier", "exact", "--cells", OSU018, "--standard-error", "0"],
        "expected a number of percent above 0",
    );
    let regressed = ["--stimuli", "uniform", "--control-variate", "regressed"];
    refused(
        &[&["--multiplier", "truncated:7", "--cells", OSU018][..], &regressed].concat(),
        "--stimuli network",
    );
}
