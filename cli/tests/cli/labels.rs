//! What labels mean, and data without any.

use recoup_core::data::{Dataset, Pixels};
use serde_json::Value;

use crate::run::{
    FASHION_MODEL, Tiny, assert_refused, grey_png, json, npz, npz_unlabelled, recoup, stdout,
    workspace,
};

const IMAGES: &str = "zoo/assets/fashion-test-2000-images-idx3-ubyte.gz";
const LABELS: &str = "zoo/assets/fashion-test-2000-labels-idx1-ubyte.gz";

/// Writes the first four images of each class of Fashion-MNIST into folders 1 to 10; gives the
/// data that they are.
fn numbered_classes(tiny: &Tiny) -> String {
    let read = |file: &str| std::fs::read(workspace().join(file)).unwrap();
    let images = Dataset::idx_from_bytes("test", &read(IMAGES), &read(LABELS)).unwrap();
    let mut written = [0; 10];
    for index in 0..images.len() {
        let sample = images.read(index).unwrap();
        let (label, Pixels::U8(pixels)) = (sample.label.unwrap(), sample.image.pixels) else {
            panic!("not 8-bit")
        };
        let count = &mut written[label as usize];
        if *count == 4 {
            continue;
        }
        let png = grey_png(28, 28, &pixels);
        tiny.write(&format!("images/{}/{count}.png", label + 1), &png);
        *count += 1;
    }
    assert_eq!(written, [4; 10]);
    format!("folder:{}", tiny.path("images"))
}

/// Share of images that the float network has right.
fn float_top1(output: &Value) -> f64 {
    output["float"]["top1"].as_f64().unwrap()
}

#[test]
fn numbered_class_folders_are_ordered_by_value_or_as_a_file_says() {
    let tiny = Tiny::new();
    let data = numbered_classes(&tiny);
    let eval = |more: &[&str]| {
        tiny.eval_on(
            FASHION_MODEL,
            &data,
            &[&["--preprocess", "fashion-mnist", "--json"], more].concat(),
        )
    };
    let output = recoup(&eval(&[])).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("note: ") && said.contains("by value: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10"),
        "{said}"
    );
    let by_value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(float_top1(&by_value) > 0.8, "{by_value}");

    // By name, 10 is the second class and eight others move.
    let file = tiny.write("by-name.txt", b"1\n10\n2\n3\n4\n5\n6\n7\n8\n9\n");
    let output = recoup(&eval(&["--classes", &file])).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains("note: "), "{said}");
    let by_name: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(float_top1(&by_name) < 0.3, "{by_name}");
    assert_eq!(by_name["data"], format!("{data}, classes of {file}"));

    // A calibration knows images by their numbers, which the order of classes does not change.
    let calibration = tiny.path("scales.json");
    stdout(&[
        "quantize",
        FASHION_MODEL,
        "--data",
        &data,
        "--preprocess",
        "fashion-mnist",
        "--calibration-images",
        "4",
        "--out",
        &calibration,
    ]);
    let again = json(&eval(&["--classes", &file, "--calibration", &calibration]));
    assert_eq!(float_top1(&again), float_top1(&by_name));
}

#[test]
fn an_order_of_classes_that_does_not_fit() {
    let tiny = Tiny::new();
    let data = numbered_classes(&tiny);
    for (text, expected) in [
        ("1\n2\ndog", &["order.txt", "line 3", "\"dog\" is no class folder"][..]),
        ("1\n2\n1", &["line 3", "\"1\" is in line 1 already"]),
        ("1\n2\n3\n4\n5\n6\n7\n8\n9", &["after line 9", "\"10\""]),
    ] {
        let file = tiny.write("order.txt", text.as_bytes());
        let args = tiny.eval_on(FASHION_MODEL, &data, &["--classes", &file]);
        assert_refused(tiny.folder(), &args, expected);
    }
    let file = tiny.write("order.txt", b"1");
    tiny.assert_eval_refused(&["--classes", &file], &["data.npz", "leave --classes out"]);
}

#[test]
fn labels_that_count_from_another_number() {
    let tiny = Tiny::new();
    let expected = json(&tiny.eval(&["--json"]));
    let labels: Vec<i64> = (0..20).map(|index| index % 10 + 1).collect();
    let data = format!("npz:{}", tiny.write("from-one.npz", &npz(4, &labels)));
    let model = tiny.path("model.onnx");
    let args = |offset| tiny.eval_on(&model, &data, &["--json", "--label-offset", offset]);
    let found = json(&args("-1"));
    assert_eq!(found["results"][0]["top1"], expected["results"][0]["top1"]);
    assert_eq!(found["data"], format!("{data}, labels -1"));
    let refused = |offset, parts: &[&str]| assert_refused(tiny.folder(), &args(offset), parts);
    refused("0", &["label 10 of image 9", "10 outputs", "--label-offset"]);
    refused("-2", &["label 1 of image 0", "becomes -1"]);
    refused("x", &["--label-offset", "x"]);
}

#[test]
fn data_without_labels_calibrates_but_is_not_explored() {
    let tiny = Tiny::new();
    let data = format!("npz:{}", tiny.write("images.npz", &npz_unlabelled(4, 20)));
    let model = tiny.path("model.onnx");
    let args = ["explore", &model, "--data", &data, "--max-loss", "1"];
    let expected = [
        "explored, which needs labels and class scores",
        "images.npz",
        "has no labels",
        "add the classes as array y",
    ];
    assert_refused(tiny.folder(), &args, &expected);
    let out = tiny.path("scales.json");
    stdout(&["quantize", &model, "--data", &data, "--calibration-images", "4", "--out", &out]);
    let labelled = format!("npz:{}", tiny.path("data.npz"));
    json(&tiny.eval_on(&model, &labelled, &["--json", "--calibration-data", &data]));

    let data = format!("idx:{IMAGES}");
    let args = ["explore", FASHION_MODEL, "--data", &data, "--preprocess", "fashion-mnist"];
    let args = [&args[..], &["--max-loss", "1"]].concat();
    assert_refused(tiny.folder(), &args, &["has no labels", "write idx:IMAGES,LABELS"]);
}
