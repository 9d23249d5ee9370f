//! Data sources that cannot be used.

use crate::run::{
    FASHION_DATA, FASHION_MODEL, Tiny, assert_refused, grey_png, npz, recoup, workspace,
};

const IMAGES: &str = "zoo/assets/fashion-test-2000-images-idx3-ubyte.gz";
const LABELS: &str = "zoo/assets/fashion-test-2000-labels-idx1-ubyte.gz";

/// A grey image of 28 x 28 pixels.
fn png() -> Vec<u8> {
    let pixels: Vec<u8> = (0..28 * 28).map(|i| (9 * (i % 28) + 7 * (i / 28)) as u8).collect();
    grey_png(28, 28, &pixels)
}

/// `eval` of the tiny model refuses `data`.
fn assert_data_refused(tiny: &Tiny, data: &str, expected: &[&str]) {
    let args = tiny.eval_on(&tiny.path("model.onnx"), data, &[]);
    assert_refused(tiny.folder(), &args, expected);
}

#[test]
fn an_unknown_source() {
    let tiny = Tiny::new();
    for data in ["foo:bar", "foo", ""] {
        assert_data_refused(&tiny, data, &["--data", "cifar10:FILE|DIR", "npz:FILE"]);
    }
    assert_data_refused(&tiny, "idx:a,b,c", &["idx:a,b,c", "idx:IMAGES,LABELS"]);
}

#[test]
fn missing_files() {
    let tiny = Tiny::new();
    let missing = tiny.path("missing");
    for scheme in ["cifar10", "cifar100", "folder", "npz"] {
        let data = format!("{scheme}:{missing}");
        assert_data_refused(&tiny, &data, &[&missing, "does not exist", "check the path"]);
    }
    let data = format!("idx:{IMAGES},{missing}");
    assert_data_refused(&tiny, &data, &[&missing, "does not exist"]);
}

#[test]
fn a_label_that_the_model_does_not_have() {
    let tiny = Tiny::new();
    let labels = [0, 1, 2, 3, 4, 5, 6, 10, 8, 9];
    let data = format!("npz:{}", tiny.write("ten.npz", &npz(4, &labels)));
    let expected = ["ten.npz", "label 10 of image 7", "10 outputs"];
    assert_data_refused(&tiny, &data, &expected);
    let data = format!("npz:{}", tiny.write("minus.npz", &npz(4, &[0, 1, -1, 3, 4, 5])));
    assert_data_refused(&tiny, &data, &["minus.npz", "y[2]", "-1", "counted from 0"]);
}

#[test]
fn images_of_a_size_that_the_model_does_not_take() {
    let tiny = Tiny::new();
    let data = format!("npz:{}", tiny.write("wide.npz", &npz(5, &[0; 10])));
    assert_data_refused(&tiny, &data, &["1 x 1 x 5", "4"]);
    let args = tiny.eval_on(&tiny.path("model.onnx"), FASHION_DATA, &[]);
    assert_refused(tiny.folder(), &args, &["1 x 28 x 28", "4"]);
    let data = format!("cifar10:{}", tiny.write("colour.bin", &[0; 10 * 3073]));
    let args = tiny.eval_on(FASHION_MODEL, &data, &["--preprocess", "cifar10"]);
    assert_refused(tiny.folder(), &args, &["3", "1", "channels"]);
}

#[test]
fn folders_without_classes() {
    let tiny = Tiny::new();
    let folder = tiny.path("images");
    let refused = |expected: &[&str]| {
        let expected = [&[folder.as_str()], expected].concat();
        assert_data_refused(&tiny, &format!("folder:{folder}"), &expected);
    };
    std::fs::create_dir(&folder).unwrap();
    refused(&["no class folders", "one folder for each class"]);
    std::fs::create_dir(format!("{folder}/cat")).unwrap();
    refused(&["cat", "has no images", "add PNG or JPEG"]);
    std::fs::remove_dir(format!("{folder}/cat")).unwrap();
    tiny.write("images/1.png", &png());
    // Images alone have no labels, which exploring needs.
    let data = format!("folder:{folder}");
    let args = ["explore", FASHION_MODEL, "--data", &data, "--max-loss", "1"];
    assert_refused(tiny.folder(), &args, &["no labels", "one folder for each class"]);
    tiny.write("images/cat/0.png", &png());
    tiny.write("images/1.png", &png());
    refused(&["1.png", "beside the class folders", "move it"]);
    std::fs::remove_file(format!("{folder}/1.png")).unwrap();
    tiny.write("images/cat/notes.txt", b"mine");
    refused(&["notes.txt", "PNG or JPEG", "remove it"]);
}

#[test]
fn a_folder_with_other_classes_or_damaged_images() {
    let tiny = Tiny::new();
    let png = png();
    for class in 0..10 {
        tiny.write(&format!("images/{class}/0.png"), &png);
        tiny.write(&format!("images/{class}/1.png"), &png);
    }
    let data = format!("folder:{}", tiny.path("images"));
    let options = ["--preprocess", "fashion-mnist"];
    tiny.write("images/7/1.png", &png[..png.len() / 2]);
    let expected = ["1.png", "cannot decode", "replace or remove"];
    let args = tiny.eval_on(FASHION_MODEL, &data, &options);
    assert_refused(tiny.folder(), &args, &expected);
    tiny.write("images/extra/0.png", &png);
    let args = tiny.eval_on(FASHION_MODEL, &data, &options);
    assert_refused(tiny.folder(), &args, &["11 class folders", "10 outputs"]);
}

#[test]
fn a_cifar_file_of_the_wrong_length() {
    let tiny = Tiny::new();
    let file = tiny.write("test_batch.bin", &[0; 3073 * 4 + 1]);
    let expected = [&file, "12293 bytes", "multiple of the 3073"];
    assert_data_refused(&tiny, &format!("cifar10:{file}"), &expected);
    let file = tiny.write("empty.bin", b"");
    assert_data_refused(&tiny, &format!("cifar10:{file}"), &[&file]);
    let mut records = vec![0; 3073 * 4];
    records[3073 * 2] = 10;
    let file = tiny.write("label.bin", &records);
    let expected = [&file, "label 10 of record 2", "not below 10"];
    assert_data_refused(&tiny, &format!("cifar10:{file}"), &expected);
}

#[test]
fn damaged_gzip() {
    let tiny = Tiny::new();
    let whole = std::fs::read(workspace().join(IMAGES)).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 0xff;
    for (name, bytes) in [("cut.gz", &whole[..whole.len() / 2]), ("flipped.gz", &flipped)] {
        let file = tiny.write(name, bytes);
        let data = format!("idx:{file},{LABELS}");
        let args = tiny.eval_on(FASHION_MODEL, &data, &[]);
        assert_refused(tiny.folder(), &args, &[&file, "fetch", "again"]);
    }
}

#[test]
fn idx_files_that_do_not_belong_together() {
    let tiny = Tiny::new();
    assert_data_refused(&tiny, &format!("idx:{LABELS},{IMAGES}"), &[LABELS, "images", "labels"]);
    let other = "zoo/assets/fashion-calibration-256-labels-idx1-ubyte.gz";
    let expected = ["2000 images", "256 labels", "do not belong together"];
    assert_data_refused(&tiny, &format!("idx:{IMAGES},{other}"), &expected);
}

#[test]
fn archives_that_are_none() {
    let tiny = Tiny::new();
    let whole = npz(4, &[0; 10]);
    for (name, bytes) in [("text.npz", &b"x y"[..]), ("cut.npz", &whole[..whole.len() / 2])] {
        let file = tiny.write(name, bytes);
        assert_data_refused(&tiny, &format!("npz:{file}"), &[&file, "numpy.savez"]);
    }
}

#[test]
fn a_preprocessing_that_does_not_fit() {
    let tiny = Tiny::new();
    for (preprocess, expected) in [
        ("mean=a", ["mean=a", "bad"]),
        ("std=0", ["std=0", "bad"]),
        ("layout=hwc", ["layout=hwc", "nchw"]),
        ("mean=1;2;3", ["mean", "channels"]),
        ("crop=0", ["crop=0", "bad"]),
    ] {
        tiny.assert_eval_refused(&["--preprocess", preprocess], &expected);
    }
}

/// What would hang, or run long, if it was opened or decompressed first.
#[cfg(unix)]
#[test]
fn pipes_in_place_of_files() {
    let tiny = Tiny::new();
    std::fs::create_dir_all(tiny.path("pipes/class")).unwrap();
    let pipe = tiny.path("pipes/class/pipe.png");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let refused = |args: &[String]| {
        let output = recoup(args).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        let words: Vec<_> = said.split_whitespace().collect();
        let said = words.join(" ");
        assert!(said.contains("pipe.png") && said.contains("a pipe (FIFO)"), "{said}");
    };
    let model = tiny.path("model.onnx");
    for data in [
        format!("npz:{pipe}"),
        format!("cifar10:{pipe}"),
        format!("idx:{pipe},{LABELS}"),
        format!("idx:{IMAGES},{pipe}"),
        format!("folder:{}", tiny.path("pipes")),
    ] {
        refused(&tiny.eval_on(&model, &data, &[]));
    }
    let data = format!("npz:{pipe}");
    for more in [["--calibration", &pipe], ["--calibration-data", &data], ["--power", &pipe]] {
        refused(&tiny.eval(&more));
    }
    refused(&tiny.explore(&["--max-loss", "1", "--costs", &pipe]));
    for class in ["a", "b"] {
        tiny.write(&format!("classes/{class}/1.png"), &png());
    }
    let data = format!("folder:{}", tiny.path("classes"));
    refused(&tiny.eval_on(&model, &data, &["--classes", &pipe]));
}

/// The images would be refused in any case: nothing is written where they would be decompressed.
#[test]
fn images_of_another_size_are_not_decompressed_first() {
    let tiny = Tiny::new();
    let file = tiny.write("wide.npz", &npz(5, &[0; 10]));
    let gone = tiny.path("nowhere");
    let images_of_28 = FASHION_DATA.to_owned();
    for data in [format!("npz:{file}"), images_of_28] {
        let args = tiny.eval_on(&tiny.path("model.onnx"), &data, &[]);
        let output = recoup(&args).env("TMPDIR", &gone).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("for a model input of") && !said.contains("nowhere"), "{said}");
    }
}

#[cfg(unix)]
#[test]
fn names_in_files_do_not_steer_the_terminal() {
    let tiny = Tiny::new();
    tiny.write("images/\u{1b}[2J/1.png", &png());
    tiny.write("images/\u{1b}[2J/\u{7}.txt", b"");
    let data = format!("folder:{}", tiny.path("images"));
    let output = recoup(&tiny.eval_on(FASHION_MODEL, &data, &[])).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("\\u{1b}[2J/\\u{7}.txt"), "{said}");
    assert!(!said.contains(['\u{1b}', '\u{7}']), "{said:?}");
}
