//! Models of several inputs.

use serde_json::{Value, json as value};

use crate::odd::Odd;
use crate::onnx::embedding;
use crate::run::{Tiny, archive, assert_refused, json, npy, npy_floats, stdout};

#[test]
fn inspect_lists_all_inputs_and_outputs() {
    let odd = Odd::new("two-inputs-outputs");
    let object = json(&["inspect", &odd.model, "--json"]);
    let tensor =
        |name: &str, shape: &[usize]| value!({ "name": name, "shape": shape, "integer": false });
    assert_eq!(
        object["inputs"],
        value!([tensor("input", &[1, 2, 4, 4]), tensor("vector", &[1, 3])])
    );
    assert_eq!(object["outputs"], value!([tensor("output", &[1, 4]), tensor("output2", &[1, 2])]));
    assert_eq!((&object["input"], &object["output"]), (&value!([1, 2, 4, 4]), &value!([1, 4])));
    let text = stdout(&["inspect", &odd.model]);
    let expected = "input \"input\" [1, 2, 4, 4], \"vector\" [1, 3], \
                    output \"output\" [1, 4], \"output2\" [1, 2]; ";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn arrays_that_do_not_suit_the_inputs() {
    let odd = Odd::new("two-inputs-outputs");
    let refused = |data: &str, more: &[&str], expected: &[&str]| {
        let args = ["eval", &odd.model, "--data", data, "--calibration-images", "1"];
        assert_refused(odd.tiny.folder(), &[&args[..], more].concat(), expected);
    };
    let good = odd.data("good.npz", &[0, 1], &[]);
    refused(&good, &["--preprocess", "mnist"], &["2 inputs", "leave --preprocess out"]);
    let images = "idx:zoo/assets/fashion-test-2000-images-idx3-ubyte.gz";
    refused(images, &[], &["2 inputs", "npz", "by its name"]);

    let image = ("input.npy", npy_floats(&[2, 2, 4, 4], &[0.5; 64]));
    let with = |name: &str, shape: &[usize]| {
        let count = shape.iter().product();
        let other = (name, npy_floats(shape, &vec![0.25; count]));
        let bytes = archive(&[image.clone(), other]);
        format!("npz:{}", odd.tiny.write("bad.npz", &bytes))
    };
    refused(&with("vectors.npy", &[2, 3]), &[], &["no array vector", "input, vectors"]);
    refused(&with("vector.npy", &[2, 4]), &[], &["array vector", "[4]", "model takes [3]"]);
    refused(&with("vector.npy", &[3, 3]), &[], &["array vector", "3 records where input has 2"]);
}

#[test]
fn a_quantised_model_of_several_inputs_takes_arrays_by_the_names_in_its_file() {
    let odd = Odd::new("two-inputs-qdq");
    let object = json(&odd.args("eval", &["--json"]));
    let found = &object["results"][0]["outputs"][0]["vs_float"];
    // A step of the output's codes at most, as its float32 network rounds to them too.
    assert!(found["largest_difference"].as_f64().unwrap() <= 1.01 * 0.022388596, "{found:#}");
}

#[test]
fn ids_are_whole_numbers() {
    let tiny = Tiny::new();
    let model = tiny.write("embedding.onnx", &embedding());
    let scale = ("scale.npy", npy_floats(&[12, 1], &[0.5; 12]));
    let data = |ids: Vec<u8>| {
        let bytes = archive(&[("ids.npy", ids), scale.clone()]);
        format!("npz:{}", tiny.write("data.npz", &bytes))
    };
    let ids: Vec<u8> = (0..24).flat_map(|index: i64| (index * 5 % 6).to_le_bytes()).collect();
    let object = json(&tiny.eval_on(&model, &data(npy("<i8", "(12, 2)", &ids)), &["--json"]));
    let found = &object["results"][0]["outputs"][0];
    assert_eq!(found["shape"], value!([1, 2, 3]));
    assert!(found["vs_float"]["sqnr_db"].as_f64().unwrap() > 25.0, "{found:#}");
    let inspected = json(&["inspect", &model, "--json"]);
    assert_eq!(inspected["inputs"][0], value!({ "name": "ids", "shape": [1, 2], "integer": true }));

    let fractions = data(npy_floats(&[12, 2], &[1.5; 24]));
    let expected = ["data.npz", "1.5", "input ids", "whole numbers", "array of integers"];
    assert_refused(tiny.folder(), &tiny.eval_on(&model, &fractions, &[]), &expected);
}

#[test]
fn ids_that_the_table_does_not_have() {
    let tiny = Tiny::new();
    let model = tiny.write("embedding.onnx", &embedding());
    let scale = ("scale.npy", npy_floats(&[12, 1], &[0.5; 12]));
    let data = |name: &str, id: &dyn Fn(usize) -> i64| {
        let ids: Vec<u8> = (0..24).flat_map(|index| id(index).to_le_bytes()).collect();
        let bytes = archive(&[("ids.npy", npy("<i8", "(12, 2)", &ids)), scale.clone()]);
        format!("npz:{}", tiny.write(name, &bytes))
    };
    let good = data("good.npz", &|_| 5);
    for id in [6, -7] {
        let bad = data("bad.npz", &|index| if index == 15 { id } else { 2 });
        let args = tiny.eval_on(&model, &bad, &["--calibration-data", &good]);
        let expected = ["image 7, counted from 0", "look", "Index", "check the data"];
        assert_refused(tiny.folder(), &args, &expected);
        let bad = data("worse.npz", &|_| id);
        let args = tiny.eval_on(&model, &good, &["--calibration-data", &bad]);
        assert_refused(tiny.folder(), &args, &["calibration image", "look", "Index"]);
    }
    assert!(stdout(&tiny.eval_on(&model, &data("last.npz", &|_| -6), &[])).contains("SQNR"));
}

/// The scales of a file are those of calibrating at once, on the same samples.
#[test]
fn a_calibration_of_several_inputs_is_kept() {
    let odd = Odd::new("two-inputs-outputs");
    let scales = odd.tiny.path("scales.json");
    let options = ["--calibration-images", "1", "--seed", "3"];
    let held_out = |command: &str, more: &[&str]| -> Vec<String> {
        let data = odd.data("data.npz", &[0, 1], &[]);
        let args = [command, &odd.model, "--data", &data];
        args.iter().chain(more).map(|arg| arg.to_string()).collect()
    };
    stdout(&held_out("quantize", &[&options[..], &["--out", &scales]].concat()));
    let eval = ["--json", "--multiplier", "truncated:6"];
    let at_once = json(&held_out("eval", &[&eval[..], &options].concat()));
    let from_file = json(&held_out("eval", &[&eval[..], &["--calibration", &scales]].concat()));
    let outputs = |object: &Value| {
        let results = object["results"].as_array().unwrap().iter();
        results.map(|result| result["outputs"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(at_once["images"], 1);
    assert_eq!(outputs(&at_once), outputs(&from_file));
    assert_eq!(outputs(&at_once).len(), 2);
}

/// Hardware is fed with the codes of a model of two inputs, without labels.
#[test]
fn hardware_needs_neither_one_input_nor_labels() {
    let odd = Odd::new("two-inputs-outputs");
    let data = odd.data("data.npz", &[0, 1, 0, 1, 0, 1], &[]);
    let network = ["--model", &odd.model, "--data", &data, "--calibration-images", "1"];
    let network = [&network[..], &["--array", "4x4", "--multiplier", "truncated:6"]].concat();
    let out = odd.tiny.path("array");
    let object = json(&[&["rtl", "--json", "--out", &out][..], &network].concat());
    assert!(object["accumulators"].as_u64().unwrap() > 0, "{object:#}");

    let cells = "/usr/share/qflow/tech/osu018/osu018_stdcells.lib";
    let power = ["power", "--json", "--no-cache", "--cells", cells, "--images", "2", "--fast"];
    let object = json(&[&power[..], &["--standard-error", "20"], &network].concat());
    let layers = object["results"][0]["layers"].as_array().unwrap();
    let inspected = json(&["inspect", &odd.model, "--json"]);
    let macs: f64 = layers.iter().map(|layer| layer["macs"].as_f64().unwrap()).sum();
    assert_eq!(macs, inspected["macs"].as_f64().unwrap());
}
