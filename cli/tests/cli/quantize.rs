//! `recoup quantize`, and what `eval` makes of its files.

use serde_json::Value;

use crate::onnx::Model;
use crate::run::{
    FASHION_DATA, FASHION_MODEL, Tiny, assert_refused, json, npz, recoup, stdout, text,
};

impl Tiny {
    fn quantize(&self, more: &[&str]) -> Vec<String> {
        let mut args = self.eval(more);
        args[0] = "quantize".into();
        args
    }
}

#[test]
fn a_calibration_from_a_file_gives_the_same_results() {
    let tiny = Tiny::new();
    let written = stdout(&tiny.quantize(&[]));
    let file = tiny.path("model.calibration.json");
    assert!(written.contains(&file), "{written}");
    let calibration: Value =
        serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(calibration["model"], "model.onnx");
    assert_eq!(calibration["images"], 4);
    assert_eq!(calibration["tensors"][0]["tensor"], "image");

    let options = ["--json", "--multiplier", "truncated:6"];
    let at_once = json(&tiny.eval(&options));
    let from_file = json(&tiny.eval(&[&options[..], &["--calibration", &file]].concat()));
    for (left, right) in
        at_once["results"].as_array().unwrap().iter().zip(from_file["results"].as_array().unwrap())
    {
        for key in ["multiplier", "control_variate", "top1", "loss_vs_exact", "loss_vs_float"] {
            assert_eq!(left[key], right[key], "{key}");
        }
    }
    assert_eq!(at_once["calibration"], from_file["calibration"]);
}

/// Scores of `truncated:6` without and with V, and how many images they are of.
fn scores(tiny: &Tiny, args: &[&str]) -> (Vec<u8>, u64) {
    let logits = tiny.path("scores.npy");
    let more = ["--json", "--multiplier", "truncated:6", "--save-logits", &logits];
    let args: Vec<String> = args.iter().chain(&more).map(|arg| arg.to_string()).collect();
    let report = json(&args);
    (std::fs::read(&logits).unwrap(), report["images"].as_u64().unwrap())
}

#[test]
fn images_of_a_calibration_are_not_evaluated() {
    let tiny = Tiny::new();
    stdout(&tiny.quantize(&["--seed", "5"]));
    let (model, file) = (tiny.path("model.onnx"), tiny.path("model.calibration.json"));
    let data = format!("npz:{}", tiny.path("data.npz"));
    let chosen = ["eval", &model, "--data", &data, "--calibration-images", "4", "--seed", "5"];
    let (expected, images) = scores(&tiny, &chosen);
    assert_eq!(images, 16);
    let read = ["eval", &model, "--data", &data, "--calibration", &file];
    assert_eq!(scores(&tiny, &read), (expected, images));
    // Nor under another name, nor where fewer are asked for.
    std::fs::copy(tiny.path("data.npz"), tiny.path("copy.npz")).unwrap();
    let copy = format!("npz:{}", tiny.path("copy.npz"));
    assert_eq!(scores(&tiny, &["eval", &model, "--data", &copy, "--calibration", &file]).1, 16);
    let from_copy = ["eval", &model, "--data", &data, "--calibration-data", &copy];
    let four = [&from_copy[..], &["--calibration-images", "4"]].concat();
    assert_eq!(scores(&tiny, &four).1, 16);
    let all: Vec<String> =
        read.iter().chain(&["--images", "17"]).map(|arg| arg.to_string()).collect();
    assert_refused(tiny.folder(), &all, &["17", "1 to 16"]);
}

#[test]
fn v_is_fitted_on_the_images_of_the_calibration() {
    let tiny = Tiny::new();
    let (model, file) = (tiny.path("model.onnx"), tiny.path("model.calibration.json"));
    let data = format!("npz:{}", tiny.path("data.npz"));
    // Of 60 images, some drawn beyond the 20 that are evaluated.
    let own = tiny.write("own.npz", &npz(4, &[1; 60]));
    let own_data = format!("npz:{own}");
    stdout(&tiny.quantize(&["--calibration-data", &own_data, "--seed", "3"]));
    let read = ["eval", &model, "--data", &data, "--calibration", &file];
    let (expected, images) = scores(&tiny, &read);
    assert_eq!(images, 20);
    let refused = |more: &[&str], expected: &[&str]| {
        let args: Vec<String> = read.iter().chain(more).map(|arg| arg.to_string()).collect();
        assert_refused(tiny.folder(), &args, expected);
    };
    let chosen = ["eval", &model, "--data", &data, "--calibration-images", "4", "--seed", "3"];
    let chosen = [&chosen[..], &["--calibration-data", &own_data]].concat();
    assert_eq!(scores(&tiny, &chosen), (expected.clone(), images));
    // Somewhere else they are found if that is said.
    std::fs::rename(&own, tiny.path("moved.npz")).unwrap();
    refused(&[], &[&file, &own_data, "--calibration-data"]);
    let moved = format!("npz:{}", tiny.path("moved.npz"));
    let moved = [&read[..], &["--calibration-data", &moved]].concat();
    assert_eq!(scores(&tiny, &moved), (expected, images));
    let other = format!("npz:{}", tiny.write("other.npz", &npz(4, &[0; 3])));
    refused(&["--calibration-data", &other], &[&other, "does not have them", &file]);
    refused(&["--calibration-images", "3"], &[&file, "4 images", "leave"]);
}

/// The layers of `perforated:2` with V, with a calibration from a file and `more`, and
/// what is noted.
fn corrected_layers(file: &str, more: &[&str]) -> (Value, String) {
    let args = ["eval", FASHION_MODEL, "--data", FASHION_DATA, "--preprocess", "fashion-mnist"];
    let design = ["--multiplier", "perforated:2", "--quantization", "plain", "--images", "4"];
    let shown = ["--calibration", file, "--layers", "--json"];
    let args = [&args[..], &design, &shown, more].concat();
    let output = recoup(&args).output().unwrap();
    let (stdout, stderr) = text(&output);
    assert!(output.status.success(), "{stderr}");
    let mut report: Value = serde_json::from_str(&stdout).unwrap();
    (report["results"][1]["layers"].take(), stderr)
}

#[test]
fn v_is_fitted_to_the_codes_that_a_calibration_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let file = path("new.json");
    let args = ["quantize", FASHION_MODEL, "--data", FASHION_DATA, "--preprocess", "fashion-mnist"];
    stdout(&[&args[..], &["--calibration-images", "8", "--out", &file]].concat());
    let new: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let edited = |name: &str, edit: &dyn Fn(&mut Value)| {
        let mut value = new.clone();
        edit(&mut value);
        std::fs::write(path(name), value.to_string()).unwrap();
        path(name)
    };
    let each = |value: &mut Value, edit: &dyn Fn(&mut Value)| {
        value["layers"].as_array_mut().unwrap().iter_mut().for_each(edit);
    };
    let none = edited("none.json", &|value| value["layers"] = Value::Array(Vec::new()));
    // Counted by a version that did so by layer.
    let by_layer = edited("by-layer.json", &|value| {
        each(value, &|layer| drop(layer.as_object_mut().unwrap().remove("channels")));
    });
    // Of other layers, and of other maps: they are counted again.
    let other = edited("other.json", &|value| each(value, &|layer| layer["node"] = "it".into()));
    let fewer = edited("fewer.json", &|value| {
        each(value, &|layer| layer["channels"][0] = "0*255 1".into());
    });
    // Codes that were not there: V is for them.
    let moved = edited("moved.json", &|value| {
        let layer = &mut value["layers"][1];
        let sum = |words: &str| -> u64 {
            let words = words.split(' ').map(|word| word.split_once('*').unwrap_or((word, "1")));
            words.map(|(n, of)| n.parse::<u64>().unwrap() * of.parse::<u64>().unwrap()).sum()
        };
        let channels = layer["channels"].as_array().unwrap();
        let inside: Vec<u64> = channels.iter().map(|words| sum(words.as_str().unwrap())).collect();
        let padding = sum(layer["codes"].as_str().unwrap()) - inside.iter().sum::<u64>();
        let all = inside.iter().sum::<u64>();
        layer["codes"] = format!("{padding} 0 0 {all}{}", " 0".repeat(252)).into();
        layer["channels"] = inside.iter().map(|n| format!("0*3 {n} 0*252")).collect();
    });
    let (_, silence) = corrected_layers(&by_layer, &["--control-variate", "none"]);
    assert!(!silence.contains("note"), "{silence}");
    let signed = |file: &str| corrected_layers(file, &["--weights", "i8-channel"]);
    assert_eq!(signed(&file), signed(&none));
    for weights in ["u8-channel", "u8-tensor"] {
        let layers = |file: &str, statistics: &str| {
            corrected_layers(file, &["--weights", weights, "--statistics", statistics])
        };
        let counted_again = layers(&none, "channel");
        assert!(!counted_again.1.contains("note"), "{}", counted_again.1);
        for file in [&file, &other, &fewer] {
            assert_eq!(layers(file, "channel"), counted_again, "{file} {weights}");
        }
        let (pooled, silence) = layers(&none, "pooled");
        assert!(!silence.contains("note") && pooled != counted_again.0);
        assert_eq!(layers(&by_layer, "pooled"), (pooled.clone(), silence));
        let (old, noted) = layers(&by_layer, "channel");
        // Codes of tensors' weights are others, and are counted.
        let of_file = weights != "u8-tensor";
        assert_eq!(old, if of_file { pooled } else { counted_again.0.clone() });
        for part in [&by_layer, "note", "by layer", "recoup quantize"] {
            assert_eq!(noted.contains(part), of_file, "{noted}");
        }
        assert_eq!(layers(&moved, "channel") != counted_again, of_file, "{weights}");
    }
}

#[test]
fn an_existing_calibration_is_replaced_by_force_only() {
    let tiny = Tiny::new();
    let out = tiny.write("mine.json", b"{}");
    let args = tiny.quantize(&["--out", &out]);
    assert_refused(tiny.folder(), &args, &[&out, "exists already", "--force"]);
    stdout(&tiny.quantize(&["--out", &out, "--force"]));
    assert!(std::fs::read_to_string(&out).unwrap().contains("model_sha256"));
}

#[test]
fn the_output_folder_must_exist() {
    let tiny = Tiny::new();
    let out = tiny.path("nowhere/scales.json");
    let args = tiny.quantize(&["--out", &out]);
    assert_refused(tiny.folder(), &args, &[&out, "cannot be written", "folder"]);
}

#[test]
fn a_calibration_of_another_model_is_refused() {
    let tiny = Tiny::new();
    stdout(&tiny.quantize(&[]));
    let file = tiny.path("model.calibration.json");
    let other = Model { weights: vec![0.25; 40], ..Model::default() };
    let other = tiny.write("other.onnx", &other.bytes());
    let data = format!("npz:{}", tiny.path("data.npz"));
    let args = tiny.eval_on(&other, &data, &["--calibration", &file]);
    let expected = [&file, "another model (model.onnx", "recoup quantize"];
    assert_refused(tiny.folder(), &args, &expected);
}

#[test]
fn a_damaged_calibration_is_refused() {
    let tiny = Tiny::new();
    stdout(&tiny.quantize(&[]));
    let good = std::fs::read_to_string(tiny.path("model.calibration.json")).unwrap();
    let mut value: Value = serde_json::from_str(&good).unwrap();
    let mut edited = |edit: &dyn Fn(&mut Value)| {
        let original = value.clone();
        edit(&mut value);
        std::mem::replace(&mut value, original).to_string()
    };
    let format = "is no Recoup calibration file";
    let cases = [
        (good[..good.len() / 2].to_string(), format),
        (String::new(), format),
        ("scales".into(), format),
        (edited(&|value| value["tensors"][0]["zero_point"] = 300.into()), format),
        (edited(&|value| value["tensors"][0]["scale"] = "wide".into()), format),
        (edited(&|value| value["tensors"][0]["scale"] = 0.into()), "tensor \"image\""),
        (edited(&|value| value["tensors"][0]["scale"] = (-1.0).into()), "tensor \"image\""),
        (edited(&|value| value["tensors"] = Value::Array(Vec::new())), "tensor \"image\""),
    ];
    for (text, expected) in cases {
        let file = tiny.write("damaged.json", text.as_bytes());
        tiny.assert_eval_refused(&["--calibration", &file], &[&file, expected, "recoup quantize"]);
    }
}

#[test]
fn a_calibration_on_other_pixels_is_refused() {
    let tiny = Tiny::new();
    stdout(&tiny.quantize(&[]));
    let file = tiny.path("model.calibration.json");
    tiny.assert_eval_refused(
        &["--calibration", &file, "--preprocess", "scale=0.5"],
        &[&file, "was made with preprocess none", "recoup quantize"],
    );
}

#[test]
fn a_missing_calibration_is_refused() {
    let tiny = Tiny::new();
    let file = tiny.path("missing.json");
    tiny.assert_eval_refused(&["--calibration", &file], &[&file, "recoup quantize"]);
}

#[test]
fn a_network_in_the_codes_of_a_design_brings_them_along() {
    let tiny = Tiny::new();
    let codes = tiny.path("codes.onnx");
    let report = json(&tiny.quantize(&["--for", "truncated:6", "--out", &codes, "--json"]));
    assert_eq!(report["out"], codes);
    let design = "truncated:6 with V (fitted), aware+gain quantisation, chosen weight codes";
    assert_eq!(report["design"], design);
    let [layer] = &report["layers"].as_array().unwrap()[..] else { panic!("{report}") };
    assert_eq!(layer["c0"].as_array().unwrap().len(), 10);
    assert_eq!(report["control_variate"]["x"][0].as_array().unwrap().len(), 256);
    let data = format!("npz:{}", tiny.path("data.npz"));
    let again = json(&tiny.eval_on(&codes, &data, &["--json"]));
    assert_eq!(again["own_weight_codes"], 1);
    assert!(again["results"][0]["top1"].is_number());
    // The default name, and what is missing, in words.
    let said = stdout(&tiny.quantize(&["--for", "truncated:6 with V (fitted)"]));
    let file = tiny.path("model.codes.onnx");
    assert!(said.contains(&file) && said.contains("V's constants"), "{said}");
    for (more, expected) in [
        (&["--for", "truncated:6"][..], &[file.as_str(), "exists already"][..]),
        (&["--for", "trncated:6", "--force"], &["trncated:6"]),
        (&["--for", "truncated:6, 3 weight bits", "--force"], &["3 weight bits"]),
        (&["--json"], &["--for"]),
    ] {
        assert_refused(tiny.folder(), &tiny.quantize(more), expected);
    }
    let old = Model { opset: 12, ..Model::default() }.bytes();
    tiny.write("model.onnx", &old);
    let args = tiny.quantize(&["--for", "truncated:6", "--force"]);
    assert_refused(tiny.folder(), &args, &["version 12", "version 13", "version_converter"]);
}
