//! `recoup eval` on the embedded network, and what its options do.

use recoup_core::model::{self, OnnxFile};
use recoup_core::multiplier::Multiplier;
use recoup_hardware::inference::Layer;
use recoup_kernels::WeightCoding;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::run::{
    FASHION_DATA, FASHION_MODEL, Tiny, assert_refused, files, json, recoup, stdout, workspace,
};

/// `eval` of 100 images.
pub fn fashion<'a>(model: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let args = [
        "eval",
        model,
        "--data",
        FASHION_DATA,
        "--preprocess",
        "fashion-mnist",
        "--images",
        "100",
        "--calibration-images",
        "32",
    ];
    args.iter().chain(more).copied().collect()
}

/// Text output without what the machine decides: the width of columns, images/s and kernels.
fn without_machine(text: &str) -> String {
    let mut lines = Vec::new();
    let mut dropped = Vec::new();
    for line in text.lines() {
        if line.starts_with(['┌', '╞', '└']) {
            continue;
        }
        let Some(row) = line.strip_prefix('│') else {
            let end = line.find(" top-1, ").map_or(line.len(), |at| at + " top-1".len());
            lines.push(line[..end].to_string());
            continue;
        };
        let cells: Vec<_> = row.trim_end_matches('│').split('┆').map(str::trim).collect();
        if cells.contains(&"kernel") {
            let columns = 0..cells.len();
            dropped = columns.filter(|&i| ["kernel", "images/s"].contains(&cells[i])).collect();
        }
        let kept = cells.iter().enumerate().filter(|(column, _)| !dropped.contains(column));
        let kept: Vec<_> = kept.map(|(_, cell)| *cell).collect();
        lines.push(kept.join(" | "));
    }
    lines.join("\n")
}

#[test]
fn text() {
    let options = ["--multiplier", "truncated:7", "--multiplier", "perforated:2"];
    let text = stdout(&fashion(FASHION_MODEL, &options));
    insta::assert_snapshot!(without_machine(&text));
}

/// Each layer's error is centred and narrowed by V. The numbers themselves hang on the float
/// arithmetic of the calibration, which differs in its last digits between machines.
#[test]
fn layers_in_text() {
    let mut args = fashion(FASHION_MODEL, &["--multiplier", "truncated:7", "--layers"]);
    args[7] = "20";
    let text = without_machine(&stdout(&args));
    let (_, layers) = text
        .split_once("\ntruncated:7, fitted (weighted): accumulated error without and with V")
        .unwrap_or_else(|| panic!("{text}"));
    let mut rows = layers.lines().skip(1);
    let header =
        "layer | mean | std | mean with V | std with V | SQNR dB | constant % | slope | from input";
    assert_eq!(rows.next(), Some(header));
    let rows = rows.take_while(|row| row.contains(" | "));
    let rows: Vec<Vec<&str>> = rows.map(|row| row.split(" | ").collect()).collect();
    assert_eq!(rows.len(), 11, "{text}");
    for row in rows {
        let numbers: Vec<f64> = row[1..].iter().map(|cell| cell.parse().unwrap()).collect();
        let [mean, std, mean_with_v, std_with_v, sqnr_db, constant, slope, from_input] =
            numbers[..]
        else {
            panic!("{row:?}")
        };
        assert!(mean_with_v.abs() < mean / 20.0, "{row:?}");
        assert!(std_with_v < std / 2.0, "{row:?}");
        assert!(sqnr_db > 20.0, "{row:?}");
        assert!((0.0..50.0).contains(&constant), "{row:?}");
        assert!((0.95..1.05).contains(&slope) && (0.9..1.05).contains(&from_input), "{row:?}");
    }
}

#[test]
fn layers_as_json() {
    let tiny = Tiny::new();
    let object = json(&tiny.eval(&["--json", "--layers", "--multiplier", "recursive:4"]));
    for result in object["results"].as_array().unwrap() {
        let [layer] = &result["layers"].as_array().unwrap()[..] else { panic!("{result:#}") };
        assert_eq!(layer["node"], "classify");
        let numbers =
            ["error_mean_before", "error_std_before", "error_mean_after", "error_std_after"];
        assert!(numbers.iter().all(|key| layer[key].is_f64()), "{layer}");
    }
    let exact = &object["results"][0]["layers"][0];
    assert_eq!(exact["error_std_before"], 0.0);
    assert_eq!(exact["sqnr_db"], json!(null));
    assert_eq!(exact["constant_share"], json!(null));
    assert_eq!((&exact["slope"], &exact["slope_from_input"]), (&json!(1.0), &json!(1.0)));
}

/// Which layers V leaves most in is said of a design that loses much in the best way, and of no other.
#[test]
fn what_v_cannot_help_is_said_with_its_layers() {
    let args =
        fashion(FASHION_MODEL, &["--multiplier", "truncated:8", "--multiplier", "perforated:5"]);
    let text = stdout(&args);
    let (_, said) = text.split_once("V cannot help here").unwrap_or_else(|| panic!("{text}"));
    assert!(text.contains("\nperforated:5, fitted (low-bits): V cannot help here"), "{text}");
    assert!(said.lines().nth(1).unwrap().matches(" dB in ").count() == 3, "{said}");
    assert!(said.contains("--quantization aware+gain"), "{said}");
    assert!(!said.contains("V cannot help here"), "{said}");

    let object = json(&[&args[..], &["--layers", "--json"]].concat());
    let [exact, truncated, perforated] = &object["results"].as_array().unwrap()[..] else {
        panic!("{object:#}")
    };
    assert_eq!([exact, truncated].map(|it| it.get("left_by_v")), [None, None]);
    let layers = perforated["left_by_v"].as_array().unwrap();
    assert_eq!(layers.len(), 3);
    let number = |it: &Value, key: &str| it[key].as_f64().unwrap();
    assert!(layers.is_sorted_by_key(|it| number(it, "predicted_sqnr_db")), "{layers:#?}");
    // Neighbouring activations are no strangers to each other: near, not equal.
    for layer in layers {
        let all = perforated["layers"].as_array().unwrap();
        let found = all.iter().find(|it| it["node"] == layer["node"]).unwrap();
        let (predicted, found) = (number(layer, "predicted_sqnr_db"), number(found, "sqnr_db"));
        assert!((found - predicted).abs() < 6.0, "{predicted} dB, measured {found}");
    }

    // Where there are gains to be had, nobody gives up.
    let plain = stdout(&[&args[..], &["--quantization", "plain"]].concat());
    assert!(!plain.contains("V cannot help here"), "{plain}");
}

/// All of the time is somewhere, and no step is missing.
#[test]
fn profile_as_json() {
    let tiny = Tiny::new();
    let object = json(&tiny.eval(&["--json", "--profile", "--multiplier", "recursive:4"]));
    let results = object["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    for result in results {
        let profile = &result["profile"];
        assert_eq!(profile["images"], object["images"]);
        let steps = profile["steps"].as_array().unwrap();
        let nodes: Vec<_> = steps.iter().map(|step| &step["nodes"]).collect();
        assert_eq!(nodes, [&json!(["image"]), &json!(["classify"]), &json!(["scores"])]);
        let sum = |list: &Value, key: &str| -> f64 {
            list.as_array().unwrap().iter().map(|it| it[key].as_f64().unwrap()).sum()
        };
        let operators = &profile["operators"];
        assert_eq!(sum(operators, "steps"), 3.0);
        let conversion = profile["conversion_share"].as_f64().unwrap();
        for share in [sum(&profile["steps"], "share"), sum(operators, "share") + conversion] {
            assert!((share - 1.0).abs() < 1e-9, "{profile:#}");
        }
        let us = profile["us_per_image"].as_f64().unwrap();
        assert!((sum(&profile["steps"], "us") / us - 1.0).abs() < 1e-9, "{profile:#}");
        let layer = &steps[1];
        assert_eq!(layer["runs_on"], "multipliers");
        let rate = layer["macs"].as_f64().unwrap() / layer["us"].as_f64().unwrap() / 1e3;
        assert!((layer["gmac_per_s"].as_f64().unwrap() / rate - 1.0).abs() < 1e-9, "{layer}");
    }
}

/// The kinds with the conversions, and the steps in their order.
#[test]
fn profile_in_text() {
    let mut args = fashion(FASHION_MODEL, &["--profile", "--multiplier", "exact"]);
    args[7] = "20";
    let text = without_machine(&stdout(&args));
    let (_, profile) = text.split_once("\nexact, none: time in the threads that ran it, ").unwrap();
    let (kinds, steps) = profile.split_once("\nlayer | operators | runs on | ").unwrap();
    let rows = |text: &str| -> Vec<Vec<String>> {
        let rows = text.lines().skip(1).filter(|row| row.contains(" | "));
        rows.map(|row| row.split(" | ").map(str::to_owned).collect()).collect()
    };
    let (kinds, steps) = (rows(kinds), rows(steps));
    assert_eq!(kinds[0], ["operator", "runs on", "steps", "time %", "us/image", "GMAC/s"]);
    assert_eq!(kinds[kinds.len() - 1][0], "conversion");
    let count: usize =
        kinds[1..kinds.len() - 1].iter().map(|row| row[2].parse::<usize>().unwrap()).sum();
    assert_eq!(count, steps.len(), "{text}");
    let percent = |row: &Vec<String>| row[3].parse::<f64>().unwrap();
    for all in [kinds[1..].iter().map(percent).sum::<f64>(), steps.iter().map(percent).sum()] {
        assert!((all - 100.0).abs() < 0.5, "{text}");
    }
    assert_eq!((&*steps[0][1], &*steps[steps.len() - 1][1]), ("(input)", "(output)"));
}

/// The documented keys, with numbers where the machine does not decide them.
#[test]
fn json_object_and_scores() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("scores.npy");
    let scores = path.display().to_string();
    let options = [
        "--json",
        "--multiplier",
        "truncated:7",
        "--control-variate",
        "none",
        "--control-variate",
        "fitted:popcount",
        "--threads",
        "2",
        "--save-logits",
        &scores,
    ];
    let mut object = json(&fashion(FASHION_MODEL, &options));
    assert_eq!(files(folder.path()).len(), 1);

    let top1: Vec<f64> = object["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["top1"].as_f64().unwrap())
        .collect();
    assert_eq!(top1.len(), 3);
    assert_eq!(accuracies(&std::fs::read(&path).unwrap(), top1.len()), top1);

    redact(&mut object);
    insta::assert_snapshot!(format!("{object:#}"));
}

/// Replaces speeds and kernels by the type they must have, and rounds what the logarithm of the
/// machine's C library goes into.
fn redact(object: &mut Value) {
    let replace = |object: &mut Value| {
        assert!(object["images_per_s"].as_f64().unwrap() > 0.0);
        object["images_per_s"] = json!("[positive number]");
        if let Some(kernel) = object.get_mut("kernel") {
            assert!(!kernel.as_str().unwrap().is_empty());
            *kernel = json!("[text]");
        }
        for key in ["mcnemar_p", "loss_vs_float_mcnemar_p"] {
            if let Some(p) = object.get_mut(key) {
                *p = json!(format!("{:.6}", p.as_f64().unwrap()));
            }
        }
        for key in ["ci95", "loss_vs_float_ci95"] {
            if let Some(Value::Array(points)) = object.get_mut(key) {
                points.iter_mut().for_each(|p| *p = json!(format!("{:.6}", p.as_f64().unwrap())));
            }
        }
    };
    replace(&mut object["float"]);
    object["results"].as_array_mut().unwrap().iter_mut().for_each(replace);
}

/// Shares of images whose best score is at their label, from a .npy [result][image][class].
fn accuracies(npy: &[u8], results: usize) -> Vec<f64> {
    let shape = format!("'descr': '<f4', 'fortran_order': False, 'shape': ({results}, 100, 10, )");
    let header = String::from_utf8_lossy(&npy[..128]).into_owned();
    assert!(header.contains(&shape), "{header}");
    let scores: Vec<f32> =
        npy[128..].chunks(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
    assert_eq!(scores.len(), results * 100 * 10);
    let labels = labels();
    let correct = |result: &[f32]| {
        let images = result.chunks(10).zip(&labels);
        let right = images.filter(|(scores, label)| {
            let best = (0..10).max_by(|a, b| scores[*a].total_cmp(&scores[*b]).then(b.cmp(a)));
            best == Some(usize::from(**label))
        });
        right.count() as f64 / 100.0
    };
    scores.chunks(1000).map(correct).collect()
}

/// Labels of the first 100 test images of Fashion-MNIST.
fn labels() -> Vec<u8> {
    "921161465745734124802579146093883380757961376721224458228480\
     7785112398702623128418595032065367180142"[..]
        .bytes()
        .map(|digit| digit - b'0')
        .collect()
}

#[test]
fn a_quantised_network_needs_no_calibration() {
    let object = json(&fashion("reference/models/fashion-qdq-u8u8.onnx", &["--json"]));
    assert_eq!(object["results"].as_array().unwrap().len(), 1);
    let (float, exact) = (&object["float"]["top1"], &object["results"][0]["top1"]);
    assert!((float.as_f64().unwrap() - exact.as_f64().unwrap()).abs() <= 0.01, "{object:#}");
}

#[test]
fn the_output_says_whose_codes_the_weights_are() {
    let qdq = "reference/models/fashion-qdq-u8u8.onnx";
    let layers = json(&["inspect", qdq, "--json"])["nodes"].as_array().unwrap().len();
    let own = json(&fashion(qdq, &["--json"]))["own_weight_codes"].clone();
    assert!(own.as_u64().unwrap() > 2 && own.as_u64().unwrap() < layers as u64, "{own}");
    let text = stdout(&fashion(qdq, &[]));
    assert!(text.contains("weights      the model's own codes, unsigned in the multipliers"));
    assert_eq!(json(&fashion(FASHION_MODEL, &["--json"]))["own_weight_codes"], 0);
}

/// Codes with one scale for a layer are made again on request, and it is said.
#[test]
fn weights_by_tensor_are_coded_again_by_channel() {
    let qdq = "reference/models/fashion-qdq-u8u8.onnx";
    let own = json(&fashion(qdq, &["--json"]));
    assert!(own.get("recoded_weight_codes").is_none());
    let again = json(&fashion(qdq, &["--json", "--weights", "u8-channel"]));
    assert_eq!(again["own_weight_codes"], 0);
    assert_eq!(again["recoded_weight_codes"], own["own_weight_codes"]);
    assert_eq!(again["float"]["top1"], own["float"]["top1"]);
    assert_ne!(again["results"], own["results"]);
    let text = stdout(&fashion(qdq, &["--weights", "i8-channel"]));
    let layers = &own["own_weight_codes"];
    let expected = format!("i8-channel; made again by channel in {layers} of {layers} layers");
    assert!(text.contains(&expected), "{text}");
    // The paper's coding leaves such codes as they are.
    let by_tensor = json(&fashion(qdq, &["--json", "--weights", "u8-tensor"]));
    assert_eq!(by_tensor["own_weight_codes"], own["own_weight_codes"]);
}

#[test]
fn threads_batch_and_kernels_change_no_result() {
    let tiny = Tiny::new();
    let run = |more: &[&str]| {
        let options = ["--json", "--multiplier", "truncated:6", "--multiplier", "recursive:4"];
        let mut object = json(&tiny.eval(&[&options[..], more].concat()));
        redact(&mut object);
        object["threads"] = json!(null);
        object
    };
    let usual = run(&[]);
    assert_eq!(usual["results"].as_array().unwrap().len(), 3);
    for more in [
        &["--threads", "1"][..],
        &["--threads", "2", "--batch", "1"],
        &["--batch", "7"],
        &["--isa", "scalar"],
        &["--batch", "1000000"],
    ] {
        assert_eq!(run(more), usual, "{more:?}");
    }
}

#[test]
fn a_seed_draws_the_same_images_each_time() {
    let tiny = Tiny::new();
    let run = |seed| {
        let scores = tiny.path("scores.npy");
        json(&tiny.eval(&["--json", "--images", "5", "--seed", seed, "--save-logits", &scores]));
        std::fs::read(scores).unwrap()
    };
    assert_eq!(run("7"), run("7"));
    assert_ne!(run("7"), run("8"));
}

#[test]
fn every_mode_and_width_runs() {
    let tiny = Tiny::new();
    let modes = [
        "none",
        "constant",
        "paper",
        "fitted",
        "fitted:low-bits",
        "fitted:any-bit",
        "fitted:popcount",
        "fitted:weighted",
        "regressed",
        "regressed:any-bit",
    ];
    let mut options = vec!["--json", "--multiplier", "perforated:2"];
    modes.iter().for_each(|mode| options.extend(["--control-variate", mode]));
    for bits in ["8", "6", "4"] {
        options.extend(["--activation-bits", bits]);
    }
    let object = json(&tiny.eval(&options));
    let results = object["results"].as_array().unwrap();
    assert_eq!(results.len(), 1 + 3 * modes.len());
    for (result, mode) in results[1..].iter().zip(modes.iter().cycle()) {
        assert_eq!(result["control_variate"], *mode);
    }
}

/// What quantisation gains is not V's: each stands in a line of its own.
#[test]
fn quantisations_stand_side_by_side() {
    let mut options = vec!["--multiplier", "perforated:4"];
    for quantization in ["plain", "plain+bias", "plain+gain", "aware", "aware+bias"] {
        options.extend(["--quantization", quantization]);
    }
    let text = stdout(&fashion(FASHION_MODEL, &options));
    assert!(text.contains("quantisation") && text.contains("aware (4 bits rounded)"), "{text}");
    let plain = stdout(&Tiny::new().eval(&["--multiplier", "perforated:4"]));
    assert!(!plain.contains("quantisation"), "{plain}");
    options.push("--json");
    let object = json(&fashion(FASHION_MODEL, &options));
    let results = object["results"].as_array().unwrap();
    let fields: Vec<_> = results
        .iter()
        .map(|result| (result["quantization"].as_str().unwrap(), result["rounded_bits"].as_u64()))
        .collect();
    // Rounded to 4 bits, codes have exact products.
    let expected = ["plain", "plain", "plain+bias", "plain+gain", "aware", "aware+bias"]
        .map(|name| (name, Some(if name.starts_with("aware") { 4 } else { 0 })));
    assert_eq!(fields, expected);
    // Bit 4 and above are what perforated:4 leaves of the signal, and layer by layer it is less.
    let loss = |at: usize| results[at]["loss_vs_exact"].as_f64().unwrap();
    assert!(loss(3) < 0.2 * loss(1), "{} of {}", loss(3), loss(1));
    assert!(results[1..].iter().all(|result| result["activation_bits"] == 8));
}

#[test]
fn a_gain_for_each_filter_is_said_to_need_constants() {
    for (weights, gain, is_said) in [
        ("u8-tensor", "plain+gain", true),
        ("u8-tensor", "plain+layer-gain", false),
        ("u8-channel", "plain+gain", false),
    ] {
        let options =
            ["--multiplier", "perforated:4", "--weights", weights, "--quantization", gain];
        let text = stdout(&fashion(FASHION_MODEL, &options));
        assert_eq!(
            text.contains("one requantisation constant"),
            is_said,
            "{weights}, {gain}: {text}"
        );
    }
}

/// Results on standard output, nothing on standard error when that is no terminal.
#[test]
fn progress_is_for_terminals() {
    let tiny = Tiny::new();
    let output = recoup(&tiny.eval(&[])).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn what_runs_exactly_is_noted() {
    let options = ["--json", "--attention", "float"];
    let mut args = fashion("reference/models/attention.onnx", &options);
    args[7] = "2";
    args[9] = "2";
    let output = recoup(&args).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("node \"MatMul_25\" (MatMul) runs exactly, in float32"), "{stderr}");
    let object: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(object["exact_nodes"][0]["node"], "MatMul_25");
    assert_eq!(object["exact_nodes"].as_array().unwrap().len(), 2);
    assert_eq!(object["attention"], "float");
}

#[test]
fn attention_may_have_an_exact_array_of_its_own() {
    let of = |where_it_runs: &str, array: &str| {
        let options = ["--multiplier", "truncated:8", "--control-variate", "none", "--json"];
        let more = ["--attention", where_it_runs, "--exact-array", array];
        let options = [&options[..], &more].concat();
        let mut args = fashion("reference/models/attention.onnx", &options);
        (args[7], args[9]) = ("2", "2");
        let report = json(&args);
        assert_eq!(report["attention"], where_it_runs);
        let figures = |field: &str| {
            let results = report["results"].as_array().unwrap();
            [0, 1].map(|row| results[row][field].as_f64().unwrap())
        };
        (figures("array_power"), figures("energy_nj"))
    };
    let (power, energy) = of("emulated", "16x16");
    let (with_second, small) = of("exact", "16x16");
    let (_, large) = of("exact", "64x64");
    // What all are compared with has one array.
    assert_eq!((power[0], with_second[0], energy[0]), (1.0, 1.0, small[0]));
    assert!(power[1] < with_second[1] && with_second[1] < 1.0, "{power:?} {with_second:?}");
    // Exact products cost more on an array as large as that of all, and small heads less on a small one.
    assert!(energy[1] < large[1] && small[1] < energy[1], "{energy:?} {large:?} {small:?}");
}

#[test]
fn exact_ends_have_an_array_of_their_own() {
    let options = ["--multiplier", "truncated:8", "--control-variate", "none", "--json"];
    let ends = ["--exact-ends", "none", "--exact-ends", "both"];
    let report = json(&fashion(FASHION_MODEL, &[&options[..], &ends].concat()));
    let results = report["results"].as_array().unwrap();
    let all = |field: &str| results.iter().map(|it| it[field].clone()).collect::<Vec<_>>();
    assert_eq!(all("exact_ends"), [json!(false), json!(false), json!(true)]);
    let number = |field: &str| -> Vec<f64> {
        all(field).iter().map(|value| value.as_f64().unwrap()).collect()
    };
    let (power, relative) = (number("array_power"), number("relative_energy"));
    assert_eq!((power[0], relative[0]), (1.0, 1.0));
    assert!(power[1] < power[2] && power[2] < 1.0, "{power:?}");
    // The ends fill little of a 64 x 64 array, whose idle parts stand still: it matters little where they run.
    assert!(relative[1] < 1.0 && (relative[2] - relative[1]).abs() < 0.01, "{relative:?}");
    let energy = number("energy_nj");
    assert!((energy[1] / energy[0] - relative[1]).abs() < 1e-9, "{energy:?}");
}

/// As `recoup power --json` prints it of an array of `size` for the network in `model`, with energies
/// of all layers together, and no clock.
pub fn measurements(model: &str, size: usize, energies_fj: &[(&str, f64)]) -> Value {
    let path = workspace().join(model);
    let graph = model::load(&OnnxFile::open(&path).unwrap(), None).unwrap();
    let layers = Layer::of_graph(&graph);
    let result = |(multiplier, energy_fj): &(&str, f64)| {
        let layer = |layer: &Layer| {
            json!({
                "layer": layer.name,
                "macs": layer.shape.macs(),
                "cycles": layer.shape.cycles(size, size),
                "energy_fj": energy_fj / layers.len() as f64,
            })
        };
        json!({
            "multiplier": multiplier,
            "products_sha256": multiplier.parse::<Multiplier>().unwrap().identity(WeightCoding::Unsigned),
            "control_variate": "none",
            "units": [],
            "layers": layers.iter().map(layer).collect::<Vec<_>>(),
        })
    };
    let results: Vec<Value> = energies_fj.iter().map(result).collect();
    json!({ "rows": size, "columns": size, "clock_ps": 1000.0, "results": results })
}

#[test]
fn measured_figures_replace_the_tables() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("power.json");
    let measure = |model: &str, size: usize, energies_fj: &[(&str, f64)]| {
        std::fs::write(&path, measurements(model, size, energies_fj).to_string()).unwrap();
    };
    let multipliers = ["--multiplier", "truncated:8", "truncated:7", "--control-variate", "none"];
    let measured = ["--json", "--power", path.to_str().unwrap()];
    let args = fashion(FASHION_MODEL, &[&multipliers[..], &measured].concat());
    let energies_fj = [("exact", 22e6), ("truncated:8", 11e6)];
    measure(FASHION_MODEL, 64, &energies_fj);
    let output = recoup(&args).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let number = |value: &Value| value.as_f64().map(|value| (1e6 * value).round() / 1e6);
    let figures =
        report["results"].as_array().unwrap().iter().map(|it| {
            ["array_power", "energy_nj", "relative_energy"].map(|field| number(&it[field]))
        });
    let known = |energy: f64, relative: f64| [Some(relative), Some(energy), Some(relative)];
    let expected = [known(22.0, 1.0), known(11.0, 0.5), [None; 3]];
    assert_eq!(figures.collect::<Vec<_>>(), expected);
    // Told once, with what to do.
    let stderr = String::from_utf8(output.stderr).unwrap();
    let notes: Vec<&str> = stderr.lines().filter(|line| line.contains("--power")).collect();
    assert_eq!(notes.len(), 1, "{stderr}");
    assert!(notes[0].ends_with("--array 64x64 --json: truncated:7"), "{stderr}");

    measure(FASHION_MODEL, 16, &energies_fj);
    assert_refused(folder.path(), &args, &["power.json has no array of 64x64", "--array 64x64"]);
    measure(FASHION_MODEL, 64, &energies_fj[1..]);
    assert_refused(folder.path(), &args, &["power.json has no array of 64x64", "exact"]);
    measure("zoo/assets/fashion-vgg8.onnx", 64, &energies_fj);
    let another = [
        "power.json: was measured not on",
        "resnet8.onnx: it has no layer \"/conv/Conv\"",
        "recoup power --model zoo/assets/fashion-resnet8.onnx",
    ];
    assert_refused(folder.path(), &args, &another);
}
