//! `recoup quantize`, and what `eval` makes of its files.

use serde_json::Value;

use crate::onnx::Model;
use crate::run::{Tiny, assert_refused, json, stdout};

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
        &[&file, "was made with --preprocess none", "recoup quantize"],
    );
}

#[test]
fn a_missing_calibration_is_refused() {
    let tiny = Tiny::new();
    let file = tiny.path("missing.json");
    tiny.assert_eval_refused(&["--calibration", &file], &[&file, "recoup quantize"]);
}
