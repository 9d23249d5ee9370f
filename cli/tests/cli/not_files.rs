//! Pipes, devices and folders where files are expected, and external data that lies elsewhere: all
//! are refused at once; a pipe would hang, a device never end.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::onnx::Model;
use crate::run::{Tiny, assert_refused};

/// `inspect` and `eval` both refuse the model at `path`.
fn assert_both_refuse(tiny: &Tiny, path: &str, expected: &[&str]) {
    let expected = [&[path], expected].concat();
    assert_refused(tiny.folder(), &["inspect", path], &expected);
    let data = format!("npz:{}", tiny.path("data.npz"));
    assert_refused(tiny.folder(), &tiny.eval_on(path, &data, &[]), &expected);
}

/// Makes a pipe, and gives its path.
fn pipe(tiny: &Tiny, name: &str) -> String {
    let path = tiny.path(name);
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

/// The bytes of a model that keeps its weights in `file`.
fn with_external(file: &'static str) -> Vec<u8> {
    Model { external: Some(file), ..Model::default() }.bytes()
}

/// As many bytes as its weights have.
const WEIGHTS: [u8; 160] = [0; 160];

#[test]
fn models_that_are_no_files() {
    let tiny = Tiny::new();
    let remedy = "give the path of an ONNX model";
    let expected = ["a pipe (FIFO)", remedy];
    let path = pipe(&tiny, "pipe.onnx");
    assert_both_refuse(&tiny, &path, &expected);
    assert_both_refuse(&tiny, "/dev/zero", &["a device", remedy]);
    let link = tiny.path("link.onnx");
    symlink(&path, &link).unwrap();
    assert_both_refuse(&tiny, &link, &expected);
    let folder = tiny.folder().display().to_string();
    assert_both_refuse(&tiny, &folder, &["a folder", remedy]);
}

#[test]
fn external_data_that_is_no_file() {
    let tiny = Tiny::new();
    let model = tiny.write("bad.onnx", &with_external("weights.bin"));
    let weights = pipe(&tiny, "weights.bin");
    assert_both_refuse(&tiny, &model, &["tensor \"weights\"", "weights.bin", "a pipe (FIFO)"]);
    std::fs::remove_file(&weights).unwrap();
    std::fs::create_dir(&weights).unwrap();
    assert_both_refuse(&tiny, &model, &["tensor \"weights\"", "weights.bin", "a folder"]);
}

#[test]
fn external_data_outside_of_the_models_folder() {
    let tiny = Tiny::new();
    tiny.write("weights.bin", &WEIGHTS);
    for file in ["../weights.bin", "/dev/zero", "/etc/hostname", "folder/../../weights.bin"] {
        let model = tiny.write("folder/bad.onnx", &with_external(file));
        assert_both_refuse(&tiny, &model, &["tensor \"weights\"", file, "the model's own folder"]);
    }
    // The same by a link.
    let model = tiny.write("folder/bad.onnx", &with_external("link.bin"));
    let link = tiny.path("folder/link.bin");
    for target in [tiny.path("weights.bin").as_str(), "/dev/zero"] {
        symlink(target, &link).unwrap();
        let expected = ["link.bin", "is a link out of the model's own folder"];
        assert_both_refuse(&tiny, &model, &expected);
        std::fs::remove_file(&link).unwrap();
    }
}

#[test]
fn external_data_in_the_models_folder_is_read() {
    let tiny = Tiny::new();
    let model = tiny.write("folder/good.onnx", &with_external("below/weights.bin"));
    tiny.write("folder/below/weights.bin", &WEIGHTS[1..]);
    let expected = ["below/weights.bin", "has 159 bytes, but the tensor needs 160"];
    assert_both_refuse(&tiny, &model, &expected);
    tiny.write("folder/below/weights.bin", &WEIGHTS);
    crate::run::stdout(&["inspect", &model]);
    // A link that stays in the folder leads nowhere else.
    let link = tiny.path("folder/link.bin");
    symlink(Path::new("below/weights.bin"), &link).unwrap();
    let model = tiny.write("folder/good.onnx", &with_external("link.bin"));
    crate::run::stdout(&["inspect", &model]);
}
