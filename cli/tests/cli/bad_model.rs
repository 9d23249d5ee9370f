//! Models that cannot be used: the message names the file, the place in it and what to do.

use crate::onnx::{Model, Size};
use crate::run::{FASHION_MODEL, Tiny, assert_refused, workspace};

/// `inspect` and `eval` both refuse a file with these bytes.
fn assert_model_refused(bytes: &[u8], expected: &[&str]) {
    let tiny = Tiny::new();
    let path = tiny.write("bad.onnx", bytes);
    assert_path_refused(&tiny, &path, expected);
}

fn assert_path_refused(tiny: &Tiny, path: &str, expected: &[&str]) {
    let expected = [&[path], expected].concat();
    assert_refused(tiny.folder(), &["inspect", path], &expected);
    let data = format!("npz:{}", tiny.path("data.npz"));
    assert_refused(tiny.folder(), &tiny.eval_on(path, &data, &[]), &expected);
}

#[test]
fn a_missing_file() {
    let tiny = Tiny::new();
    assert_path_refused(&tiny, &tiny.path("missing.onnx"), &["cannot be read", "give the path"]);
}

#[test]
fn a_folder() {
    let tiny = Tiny::new();
    let folder = tiny.folder().display().to_string();
    assert_path_refused(&tiny, &folder, &["cannot be read", "give the path of an ONNX model"]);
}

#[test]
fn a_truncated_file() {
    let whole = std::fs::read(workspace().join(FASHION_MODEL)).unwrap();
    for bytes in [1, 10, 100, whole.len() / 2, whole.len() - 1] {
        assert_model_refused(&whole[..bytes], &["truncated", "expected a protobuf"]);
    }
}

#[test]
fn files_of_another_kind() {
    for bytes in [&b""[..], b"These are no weights.\n", b"\x89PNG\r\n\x1a\n", &[0xff; 1000]] {
        assert_model_refused(bytes, &["is not an ONNX model", "torch.onnx.export"]);
    }
}

#[test]
fn an_unknown_operator_set() {
    for opset in [1, 6, 26, 99] {
        let model = Model { opset, ..Model::default() };
        let expected = format!("operator set {opset}");
        assert_model_refused(&model.bytes(), &[&expected, "7 to 25", "export the model again"]);
    }
}

#[test]
fn external_data_that_is_missing_or_short() {
    let model = Model { external: Some("weights.bin"), ..Model::default() };
    let expected = ["tensor \"weights\"", "weights.bin", "beside the model"];
    assert_model_refused(&model.bytes(), &expected);
    let tiny = Tiny::new();
    tiny.write("weights.bin", &[0; 100]);
    let path = tiny.write("bad.onnx", &model.bytes());
    assert_path_refused(&tiny, &path, &expected);
}

#[test]
fn a_shape_that_stays_open() {
    let input = vec![Size::Named("features")];
    let model = Model { input, ..Model::default() };
    assert_model_refused(&model.bytes(), &["[batch, features]", "dimension 1", "--input-shape"]);
    let tiny = Tiny::new();
    for (shape, expected) in [("3x4", "the given shape has 2"), ("5", "has 5")] {
        let model = tiny.path("model.onnx");
        let args = ["inspect", &model, "--input-shape", shape];
        assert_refused(tiny.folder(), &args, &[&model, "\"image\"", expected]);
    }
}

#[test]
fn a_shape_beyond_memory() {
    let tiny = Tiny::new();
    let model =
        Model { input: vec![Size::Named("height"), Size::Named("width")], ..Model::default() };
    let path = tiny.write("open.onnx", &model.bytes());
    for shape in ["99999999999x99999999999", "100000x4000"] {
        let args = ["inspect", &path, "--input-shape", shape];
        assert_refused(tiny.folder(), &args, &[&path, "\"image\"", "elements; check it"]);
    }
    let model = Model { weights_shape: [1 << 40, 1 << 40], ..Model::default() };
    assert_model_refused(&model.bytes(), &["tensor \"weights\"", "is too large"]);
}

#[test]
fn weights_that_are_no_numbers() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut model = Model::default();
        model.weights[17] = bad;
        assert_model_refused(
            &model.bytes(),
            &["node \"classify\" (MatMul)", "weight 17 is", "saved after training"],
        );
    }
}

#[test]
fn too_few_weights() {
    let mut model = Model::default();
    model.weights.pop();
    assert_model_refused(&model.bytes(), &["tensor \"weights\"", "156 bytes", "needs 160"]);
}

#[test]
fn an_unknown_operator() {
    let model = Model { operator: "Frobnicate", ..Model::default() };
    assert_model_refused(&model.bytes(), &["node \"classify\" (Frobnicate)"]);
}

#[test]
fn shapes_that_do_not_fit() {
    let model = Model { input: vec![Size::Fixed(5)], ..Model::default() };
    assert_model_refused(&model.bytes(), &["node \"classify\" (MatMul)"]);
}

/// 33,025 products of 255 x 255 are the most that an i32 holds.
#[test]
fn a_sum_that_could_overflow_the_accumulator() {
    let tiny = Tiny::new();
    let depth = 40_000;
    let model = Model {
        input: vec![Size::Fixed(depth as u64)],
        weights_shape: [depth, 10],
        weights: vec![0.5; depth * 10],
        ..Model::default()
    };
    let path = tiny.write("deep.onnx", &model.bytes());
    let data =
        format!("npz:{}", tiny.write("deep.npz", &crate::run::npz(depth, &[0, 1, 2, 3, 4, 5])));
    let expected = [&path, "node \"classify\"", "40000", "33025"];
    assert_refused(tiny.folder(), &tiny.eval_on(&path, &data, &[]), &expected);
}
