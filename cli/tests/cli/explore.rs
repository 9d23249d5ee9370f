//! `recoup explore` on the embedded network's files.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use recoup::design::WeightScheme;
use recoup_explore::recorded::Recorded;
use recoup_explore::store::{Row, Store};
use recoup_hardware::cost_table::{Array, Cost, CostRun, CostTable, Library, Stimulus, Structure};
use serde_json::Value;
use tempfile::TempDir;

use crate::eval::measurements;
use crate::run::{
    FASHION_DATA, FASHION_MODEL, Tiny, assert_refused, explore, json, recoup, stdout,
};

/// Power of designs, in made-up units: V costs 3.
const COSTS: [(&str, u32, Option<&str>, f64); 8] = [
    ("exact", 8, None, 100.0),
    ("exact", 6, None, 90.0),
    ("perforated:1", 8, None, 90.0),
    ("perforated:1", 8, Some("low-bits"), 93.0),
    ("perforated:4", 8, None, 60.0),
    ("perforated:4", 8, Some("low-bits"), 63.0),
    ("truncated:5", 8, None, 80.0),
    ("truncated:5", 8, Some("weighted"), 83.0),
];

fn costs(library: &str) -> String {
    let run = CostRun {
        id: "made up".to_owned(),
        library: Library { name: library.to_owned(), files: BTreeMap::new() },
        clock_ps: 1000.0,
        wire_ff_per_sink: 0.25,
        leakage_nw_per_um2: Some(1.0),
        command: "none".to_owned(),
        date: "2026-11-24".to_owned(),
        tools: BTreeMap::new(),
    };
    let rows = COSTS.map(|(multiplier, activation_bits, control, energy_fj)| Cost {
        run: "made up".to_owned(),
        design: Array {
            multiplier: multiplier.parse().unwrap(),
            activation_bits,
            weight_bits: 8,
            control: control.map(str::to_owned),
            rows: 64,
            columns: 64,
            structure: Structure::default(),
        },
        stimulus: Stimulus::Uniform,
        extrapolated: false,
        pe_area_um2: 1.0,
        pe_delay_ps: 1.0,
        area_um2: 1.0,
        energy_fj,
        energy_standard_error_fj: 0.0,
        area_parts_um2: BTreeMap::new(),
        parts_fj: BTreeMap::new(),
        loading_fj: None,
        load_path: None,
    });
    CostTable::new(vec![run], rows.into()).to_json()
}

pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        let folder = Self(TempDir::new().unwrap());
        std::fs::write(folder.path("costs.json"), costs("asap7")).unwrap();
        folder
    }

    pub fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// `explore` with a limit that 150 images can decide.
    pub fn args(&self, more: &[&str]) -> Vec<String> {
        let costs = self.path("costs.json");
        let args = [
            "--max-loss",
            "9",
            "--multiplier",
            "perforated:1",
            "perforated:4",
            "truncated:5",
            "--costs",
            &costs,
            "--json",
        ];
        explore("150", &[&args, more].concat()).into_iter().map(str::to_owned).collect()
    }
}

fn configurations(found: &Value) -> &Vec<Value> {
    found["networks"][0]["configurations"].as_array().unwrap()
}

/// The rows that are in a results file so far.
pub fn rows(path: &str) -> Vec<Row> {
    if !Path::new(path).exists() {
        return Vec::new();
    }
    let Ok(store) = Store::open(Path::new(path)) else { return Vec::new() };
    let experiments = store.experiments().unwrap();
    experiments.keys().next().map(|key| store.rows(key).unwrap()).unwrap_or_default()
}

#[test]
fn the_answer_is_that_of_full_evaluations() {
    let folder = Folder::new();
    let found = json(&folder.args(&[]));
    let all = json(&folder.args(&["--thorough"]));
    for kind in ["chosen", "nearest", "with_v", "without_v", "reduced_precision"] {
        let choice = |found: &Value| found["networks"][0]["choice"][kind].clone();
        assert_eq!(choice(&found), choice(&all), "{kind}");
    }
    assert!(found["networks"][0]["choice"]["chosen"].is_u64(), "{found:#}");
    let mut decided = 0;
    for (one, other) in configurations(&found).iter().zip(configurations(&all)) {
        assert_eq!(other["images"], 150);
        if one["status"] == "done" {
            decided += 1;
            assert_eq!(one["verdict"], other["verdict"], "{one:#} {other:#}");
        }
    }
    assert!(decided >= 5, "only {decided} were evaluated");
    // Bad as it is, and seen to be so early.
    let bad = configurations(&found)
        .iter()
        .find(|line| line["multiplier"] == "perforated:4" && line["control_variate"] == "none");
    assert!(bad.unwrap()["images"].as_u64().unwrap() < 150, "{:#}", bad.unwrap());
    assert_eq!(bad.unwrap()["relative_power"], 0.6);

    // On all images: what `eval` says of the same ones.
    let mut eval = folder.args(&[]);
    eval[0] = "eval".to_owned();
    let without = |args: &mut Vec<String>, option: &str| {
        let at = args.iter().position(|arg| arg == option).unwrap();
        args.drain(at..at + 2);
    };
    without(&mut eval, "--max-loss");
    without(&mut eval, "--costs");
    eval.extend(["--control-variate", "none", "--control-variate", "fitted"].map(str::to_owned));
    let results = json(&eval);
    let mut compared = 0;
    for result in results["results"].as_array().unwrap() {
        let same = |line: &&Value| {
            ["multiplier", "control_variate", "activation_bits", "quantization"]
                .iter()
                .all(|field| line[field] == result[field])
        };
        let line = configurations(&all).iter().find(same).unwrap();
        compared += 1;
        assert_eq!(line["loss"], result["loss_vs_exact"]);
        assert_eq!(line["loss_low"], result["ci95"][0]);
        assert_eq!(line["top1"], result["top1"]);
        assert_eq!(line["identity"], result["identity"]);
    }
    assert_eq!(compared, 7);
    assert_eq!(all["ended"], "decided");
}

#[test]
fn a_search_may_end_early_and_go_on() {
    let folder = Folder::new();
    let out = folder.path("run.db");
    let ended =
        |more: &[&str]| json(&folder.args(&[&["--out", &out, "--thorough"], more].concat()));
    let part = ended(&["--image-limit", "400"]);
    assert_eq!(part["ended"], "image-limit");
    let count = |found: &Value, status: &str| {
        configurations(found).iter().filter(|line| line["status"] == status).count()
    };
    // Two designs of 150 images, and a third in part.
    assert_eq!(count(&part, "done"), 3, "{part:#}");
    assert_eq!(count(&part, "not-tried"), configurations(&part).len() - 3);
    let mut in_words = folder.args(&["--image-limit", "400"]);
    in_words.retain(|arg| arg != "--json");
    let text = stdout(&in_words);
    assert!(text.contains("ended before the answer was sure (image limit)"), "{text}");
    let rest = ended(&[]);
    assert_eq!((&rest["ended"], count(&rest, "not-tried")), (&Value::from("decided"), 0));
    let late = json(&folder.args(&["--time-limit", "0.000001"]));
    assert_eq!((&late["ended"], count(&late, "done")), (&Value::from("time-limit"), 0));
}

#[test]
fn quantisations_are_results_of_their_own() {
    let both = ["--quantization", "plain", "--quantization", "aware", "--thorough"];
    let found = json(&Folder::new().args(&both));
    let line = |multiplier: &str, bits: u64, quantization: &str| {
        let line = configurations(&found).iter().find(|line| {
            line["multiplier"] == multiplier
                && line["control_variate"] == if multiplier == "exact" { "none" } else { "fitted" }
                && line["activation_bits"] == bits
                && line["quantization"] == quantization
        });
        line.unwrap_or_else(|| panic!("{multiplier}, {quantization}: {found:#}")).clone()
    };
    for (multiplier, bits) in [("perforated:4", 8), ("truncated:5", 8), ("exact", 5)] {
        let (plain, aware) = (line(multiplier, bits, "plain"), line(multiplier, bits, "aware"));
        assert_ne!(plain["key"], aware["key"]);
        assert_eq!(plain["relative_power"], aware["relative_power"], "the same array");
    }
    let loss = |quantization| line("perforated:4", 8, quantization)["loss"].as_f64().unwrap();
    assert!(loss("aware") < loss("plain") - 5.0, "rounded codes beat cut ones at four bits");
}

#[test]
fn predicted_noise_ranks_designs() {
    let found = json(&Folder::new().args(&[]));
    let noise = |multiplier: &str, mode: &str, bits: u64| {
        let line = configurations(&found).iter().find(|line| {
            line["multiplier"] == multiplier
                && line["control_variate"] == mode
                && line["activation_bits"] == bits
        });
        line.unwrap()["noise_to_signal"].as_f64().unwrap()
    };
    assert_eq!(noise("exact", "none", 8), 0.0);
    let rising = [
        noise("exact", "none", 7),
        noise("exact", "none", 5),
        noise("exact", "none", 4),
        noise("perforated:4", "none", 8),
    ];
    assert!(rising.is_sorted_by(|a, b| a < b), "{rising:?}");
    // What V leaves of perforated:4 has about the variance of codes rounded to 4 bits.
    let left = noise("perforated:4", "fitted", 8) / noise("exact", "none", 4);
    assert!((0.5..2.0).contains(&left), "{left}");
    assert!(noise("truncated:5", "fitted", 8) < noise("truncated:5", "none", 8));
}

/// Runs until there are so many results in `out`, and kills it then: SIGKILL, on Unix.
pub fn kill_after(args: &[String], out: &str, results: usize) {
    let mut child = recoup(args).stdout(std::process::Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    while rows(out).len() < results {
        assert!(child.try_wait().unwrap().is_none(), "ended before it was killed");
        assert!(started.elapsed() < Duration::from_secs(300), "no results in five minutes");
        sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_killed_run_goes_on_where_it_was() {
    let folder = Folder::new();
    let out = folder.path("run.db");
    let args = folder.args(&["--out", &out, "--thorough"]);
    kill_after(&args, &out, 3);
    let kept = rows(&out);
    let csv = folder.path("results.csv");
    let parquet = folder.path("results.parquet");
    let more = ["--csv", &csv, "--parquet", &parquet].map(str::to_owned).to_vec();
    let found = json(&[args, more].concat());
    let finished = rows(&out);
    assert_eq!(finished.len(), 34);
    for row in &kept {
        assert!(finished.contains(row), "computed again: {row:?}");
    }
    assert_eq!(configurations(&found).len(), 34);
    assert!(configurations(&found).iter().all(|line| line["status"] == "done"), "{found:#}");
    let text = std::fs::read_to_string(csv).unwrap();
    assert_eq!(text.lines().count(), 35);
    assert!(std::fs::read(parquet).unwrap().starts_with(b"PAR1"));
}

#[test]
fn two_processes_share_a_file() {
    let folder = Folder::new();
    let out = folder.path("run.db");
    let args = folder.args(&["--out", &out]);
    let mut start = recoup(&args);
    start.stdout(std::process::Stdio::piped());
    let children = [start.spawn().unwrap(), start.spawn().unwrap()];
    let found = children.map(|child| {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    });
    // Whoever evaluated what: timings and workers are in the lines, too.
    assert_eq!(found[0], found[1]);
    assert_eq!(found[0], json(&args));
}

#[test]
fn what_is_undecided_rules_out_nothing() {
    let args = [
        "explore",
        FASHION_MODEL,
        "--data",
        FASHION_DATA,
        "--preprocess",
        "fashion-mnist",
        "--images",
        "500",
        "--max-loss",
        "1",
        "--multiplier",
        "truncated:4",
        "recursive:4",
        "--json",
    ];
    let (found, all) = (json(&args), json(&[&args[..], &["--thorough"]].concat()));
    let named = |found: &Value, kind: &str| {
        let at = found["networks"][0]["choice"][kind].as_u64().unwrap() as usize;
        let line = &configurations(found)[at];
        (line["multiplier"].clone(), line["activation_bits"].clone(), line["verdict"].clone())
    };
    // Exact products of 7-bit weights could be either with these images; of activations of 5 bits,
    // too, they are under.
    let of_7_bits = configurations(&all).iter().find(|line| line["weight_bits"] == 7);
    assert_eq!(of_7_bits.unwrap()["verdict"], "undecided");
    assert_eq!(named(&found, "chosen"), ("exact".into(), 5.into(), "under".into()));
    for kind in ["chosen", "with_v", "reduced_precision"] {
        assert_eq!(named(&found, kind), named(&all, kind), "{kind}");
    }
}

#[test]
fn cheaper_designs_that_are_undecided_are_named() {
    let more = ["--max-loss", "1.5", "--multiplier", "recursive:4", "--json"];
    let mut args = explore("300", &more);
    let found = json(&args);
    let (choice, lines) = (&found["networks"][0]["choice"], configurations(&found));
    let line = |position: &Value| &lines[position.as_u64().unwrap() as usize];
    let power = |line: &Value| line["relative_power"].as_f64().unwrap();
    let chosen = line(&choice["chosen"]);
    let undecided: Vec<&Value> = choice["undecided"].as_array().unwrap().iter().map(line).collect();
    // Exact products of few bits, before V on recursive:4.
    assert!(undecided.len() > 1, "{choice:#}");
    assert!(undecided.iter().any(|line| line["weight_bits"].as_u64() < Some(8)), "{choice:#}");
    for cheaper in undecided {
        assert_eq!(cheaper["verdict"], "undecided");
        assert!(power(cheaper) < power(chosen), "{cheaper:#}");
        let images = cheaper["images_to_decide"].as_u64().unwrap();
        assert!(images > 300, "{cheaper:#}");
    }
    assert_eq!(chosen["images_to_decide"], Value::Null);
    args.retain(|arg| *arg != "--json");
    let text = stdout(&args);
    let sentence = "With less power, but undecided on these images: exact, ";
    assert!(text.contains(sentence) && text.contains(" images would decide)."), "{text}");
}

#[test]
fn several_networks_have_a_mean() {
    let folder = Folder::new();
    let args = folder.args(&[]);
    let twice = [&args[..2], &[FASHION_MODEL.to_owned()], &args[2..]].concat();
    let found = json(&twice);
    let (one, mean) = (&found["networks"][0], &found["mean"]);
    assert_eq!(found["networks"][1]["configurations"], one["configurations"]);
    // A network and itself: the mean says what the network says.
    assert_eq!(mean["configurations"].as_array().unwrap().len(), configurations(&found).len());
    let loss = |line: &Value| (line["multiplier"].clone(), line["loss"].clone());
    for (line, mean) in
        configurations(&found).iter().zip(mean["configurations"].as_array().unwrap())
    {
        assert_eq!(loss(line), loss(mean));
    }
    assert_eq!(mean["choice"]["chosen"], one["choice"]["chosen"]);
    // The made-up costs have no parts, which energies are made of.
    assert_eq!(mean["configurations"][0]["relative_energy"], Value::Null);
}

#[test]
fn people_get_a_sentence() {
    let folder = Folder::new();
    let mut args = folder.args(&[]);
    args.retain(|arg| arg != "--json");
    let text = stdout(&args);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("The least power under 9 points of loss, with 95 % confidence:"),
        "{text}"
    );
    // What is chosen is compared with what has no V, and with reduced precision.
    assert!(words.contains("saves 37.0 % of the array power and loses 4.00 ["), "{text}");
    assert!(words.contains("Without V: truncated:5 saves 20.0 %"), "{text}");
    assert!(words.contains("With reduced precision instead: "), "{text}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let tiny = Tiny::new();
    let refused = |more: &[&str], expected: &[&str]| {
        assert_refused(tiny.folder(), &tiny.explore(more), expected);
    };
    for limit in ["-1", "NaN", "100", "inf"] {
        refused(&["--max-loss", limit], &["from 0 to below 100"]);
    }
    refused(&["--max-loss", "half"], &["half", "try 0.5"]);
    refused(&[], &["--max-loss"]);
    refused(&["--max-loss", "1", "--array", "64"], &["64x64"]);
    let notes = tiny.write("notes.txt", "nothing that a database would hold".repeat(50).as_bytes());
    refused(&["--max-loss", "1", "--out", &notes], &["notes.txt", "give another file"]);
    refused(&["--max-loss", "1", "--costs", &notes], &["notes.txt", "is no cost table"]);
    let costs = tiny.write("costs.json", costs("osu018").as_bytes());
    refused(
        &["--max-loss", "1", "--costs", &costs],
        &["costs.json", "cell library asap7", "--cells-of", "osu018"],
    );
    refused(&["--max-loss", "1", "--csv", &tiny.path("none/x.csv")], &["none"]);
}

#[test]
fn exact_ends_are_designs_of_their_own() {
    let folder = Folder::new();
    let ends = ["--exact-ends", "none", "--exact-ends", "both", "--exact-array", "64x64"];
    let found = json(&folder.args(&ends));
    let power = |multiplier: &str, ends: bool| {
        let found = configurations(&found).iter().find(|it| {
            it["multiplier"] == multiplier
                && it["control_variate"] == "none"
                && it["exact_ends"] == ends
                && it["activation_bits"] == 8
        });
        found.unwrap_or_else(|| panic!("no {multiplier}"))["relative_power"].as_f64().unwrap()
    };
    // 112,896 and 640 of 6,686,592 products are exact.
    let share = 113_536.0 / 6_686_592.0;
    let expected = power("perforated:4", false) * (1.0 - share) + share;
    assert!((power("perforated:4", true) - expected).abs() < 1e-6);
}

#[test]
fn what_was_measured_decides() {
    let folder = Folder::new();
    let vgg = "zoo/assets/fashion-vgg8.onnx";
    let write = |name: &str, model: &str, energies_fj: &[(&str, f64)]| {
        let path = folder.path(name);
        std::fs::write(&path, measurements(model, 64, energies_fj).to_string()).unwrap();
        path
    };
    // Against the table: perforated:1 costs less than truncated:5.
    let files = [
        write("v.json", vgg, &[("exact", 10e6), ("perforated:1", 7e6), ("truncated:5", 9e6)]),
        write(
            "r.json",
            FASHION_MODEL,
            &[("exact", 20e6), ("perforated:1", 12e6), ("truncated:5", 16e6)],
        ),
    ];
    let power = ["--thorough", "--power", &files[0], "--power", &files[1]];
    let args = folder.args(&power);
    let args = [&args[..2], &[vgg.to_owned()], &args[2..]].concat();
    let found = json(&args);
    let figures = |network: usize, multiplier: &str| {
        let mut lines = found["networks"][network]["configurations"].as_array().unwrap().iter();
        let line = lines.find(|it| {
            it["multiplier"] == multiplier
                && it["control_variate"] == "none"
                && it["activation_bits"] == 8
        });
        let line = line.unwrap();
        assert_eq!(line["relative_power"], line["relative_energy"], "{line:#}");
        line["relative_power"].as_f64().unwrap()
    };
    for (network, multiplier, expected) in [
        (0, "perforated:1", 0.6),
        (0, "truncated:5", 0.8),
        (1, "perforated:1", 0.7),
        (1, "truncated:5", 0.9),
    ] {
        assert!((figures(network, multiplier) - expected).abs() < 1e-9, "{network}, {multiplier}");
    }
    for network in 0..2 {
        let network = &found["networks"][network];
        let chosen = network["choice"]["chosen"].as_u64().unwrap() as usize;
        let chosen = &network["configurations"][chosen];
        assert!(chosen["relative_power"].as_f64().unwrap() < 0.95, "{chosen:#}");
    }
    // A network without a file of its own.
    let args: Vec<String> = folder.args(&["--power", &files[1]]);
    let args = [&args[..2], &[vgg.to_owned()], &args[2..]].concat();
    let missing = [
        "fashion-vgg8.onnx: no file of powers was measured on it",
        "recoup power --model",
        "r.json",
    ];
    assert_refused(folder.0.path(), &args, &missing);
    // A file too many.
    let both = ["--power", &files[0], "--power", &files[1]];
    assert_refused(folder.0.path(), &folder.args(&both), &["v.json: was measured not on"]);
}

#[test]
fn codings_of_the_weights_compare() {
    let folder = Folder::new();
    let out = folder.path("run.db");
    let run = |weights: &[&str]| {
        let common = ["--out", &out, "--thorough", "--control-variate", "none", "--weights"];
        json(&folder.args(&[&common[..], weights].concat()))
    };
    let line = |found: &Value, multiplier: &str, weights: &str| {
        let line = configurations(found).iter().find(|line| {
            line["multiplier"] == multiplier
                && line["activation_bits"] == 8
                && line["weights"] == weights
        });
        line.unwrap_or_else(|| panic!("no {multiplier}, {weights}: {found:#}")).clone()
    };
    let alone = run(&["u8-tensor"]);
    let all = run(&["u8-channel", "u8-tensor", "i8-channel", "u8-tensor"]);
    assert_eq!(configurations(&all).len(), 3 * configurations(&alone).len());
    // What was evaluated alone is found again, and compared with another reference.
    let mut compared = 0;
    for before in configurations(&alone) {
        let same = |line: &&Value| line["key"] == before["key"];
        let after = configurations(&all).iter().find(same).unwrap();
        for field in ["multiplier", "weights", "top1", "worker", "elapsed_s", "relative_power"] {
            assert_eq!(before[field], after[field], "{field}");
        }
        compared += 1;
    }
    assert_eq!(compared, 31);
    let number = |line: &Value, field: &str| line[field].as_f64().unwrap();
    let reference = line(&all, "exact", "u8-channel");
    assert_eq!(reference["loss"], 0.0);
    for weights in ["u8-tensor", "i8-channel"] {
        for multiplier in ["exact", "truncated:5"] {
            let design = line(&all, multiplier, weights);
            let lost = number(&reference, "top1") - number(&design, "top1");
            assert!((number(&design, "loss") - 100.0 * lost).abs() < 1e-9, "{design:#}");
        }
    }
    // The same array; one of signed weights is not in the table.
    assert_eq!(line(&all, "exact", "u8-tensor")["relative_power"], 1.0);
    assert_eq!(line(&all, "truncated:5", "u8-tensor")["relative_power"], 0.8);
    assert_eq!(line(&all, "truncated:5", "i8-channel")["relative_power"], Value::Null);

    let recorded = Recorded::last(&Store::open(Path::new(&out)).unwrap()).unwrap().unwrap();
    let [network] = &recorded.networks[..] else { panic!("{:?}", recorded.networks) };
    assert_eq!(network.designs.len(), configurations(&all).len());
    assert!(network.designs.iter().all(|design| design.row.is_some()));
    let named = |name: &str| network.designs.iter().find(|design| design.entry.name() == name);
    let tensor = named("truncated:5, u8-tensor weights").unwrap();
    assert_eq!(tensor.entry.design.weights, Some(WeightScheme::U8Tensor));
    assert!(!tensor.layers.is_empty());
    assert_eq!(named("truncated:5").unwrap().entry.design.weights, None);
}

#[test]
fn a_multiplier_has_to_fit_every_coding() {
    let tiny = Tiny::new();
    let table: Vec<u8> = (0..=255_u8)
        .flat_map(|w| (0..=255_u8).map(move |a| i16::from(w as i8) * i16::from(a)))
        .flat_map(|product| product.to_le_bytes())
        .collect();
    let signed = format!("table:{}", tiny.write("signed.bin", &table));
    let codings = ["--max-loss", "1", "--multiplier", &signed, "--weights"];
    let both = [&codings[..], &["i8-channel", "u8-channel"]].concat();
    assert_refused(tiny.folder(), &tiny.explore(&both), &["signed", "give --weights i8-channel"]);
}
