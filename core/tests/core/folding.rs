//! What follows a layer moves into its weights and bias only where that changes nothing: odd
//! graphs, emulated with exact products, against the float model.

use std::path::Path;
use std::sync::Arc;

use recoup_core::emulate::Workspace;
use recoup_core::model::pb::tensor_proto::DataType;
use recoup_core::model::pb::{ModelProto, NodeProto, TensorProto};
use recoup_core::model::{self, FloatModel, OnnxFile};

use crate::exact;
use crate::onnx::{encode, ints, model_of, node, tensor};

/// A few dB under what 8 bits leave of networks of one layer or two.
const LEAST_SQNR_DB: f32 = 30.0;

/// Runs `model` in float32 and in 8 bits on one image; returns the operators of its layers on
/// the multipliers.
fn emulated_equals_float(model: &ModelProto) -> Vec<String> {
    let file = OnnxFile::from_bytes(&encode(model), Path::new("net.onnx")).unwrap();
    let graph = Arc::new(model::load(&file, None).unwrap());
    // A fixed sequence without pattern, between -1 and 1.
    let image: Vec<f32> = (0..graph.input_elements()).map(|i| (i as f32 * 12.9898).sin()).collect();
    let images = vec![image];
    let mut expected = Vec::new();
    let float = FloatModel::new(&graph, &[]);
    expected.extend(float.outputs(&images[0]).unwrap());
    let network = exact::exact_network(&graph, &images).unwrap();
    let mut workspace = Workspace::default();
    let found = network.run(&images[0], &mut workspace).unwrap();
    assert_eq!(found.len(), expected.len());
    let power =
        |values: &mut dyn Iterator<Item = f32>| values.map(|value| value * value).sum::<f32>();
    let noise = power(&mut found.iter().zip(&expected).map(|(found, expected)| found - expected));
    let sqnr_db = 10.0 * (power(&mut expected.iter().copied()) / noise).log10();
    assert!(sqnr_db >= LEAST_SQNR_DB, "{sqnr_db:.1} dB: {found:?}, expected {expected:?}");
    graph.macs().map(|(node, _)| node.operator.clone()).collect()
}

/// Two channels of 4 x 4 out of one, and how they become scores.
fn image_net(middle: Vec<NodeProto>, last: &str) -> ModelProto {
    let mut nodes = vec![node("Conv", "conv", &["input", "w"], "c")];
    nodes.extend(middle);
    nodes.push(node("Flatten", "flat", &[last], "output"));
    let initializers = vec![
        tensor("w", &[2, 1, 1, 1], &[0.7, -0.4]),
        tensor("gamma", &[2], &[1.5, -0.5]),
        tensor("beta", &[2], &[0.3, 0.1]),
        tensor("mean", &[2], &[0.2, -0.1]),
        tensor("variance", &[2], &[0.5, 2.0]),
        tensor("per_channel", &[2, 1, 1], &[0.4, -0.6]),
        tensor("per_row", &[1, 1, 4, 1], &[0.4, -0.6, 0.1, 0.9]),
    ];
    model_of(nodes, initializers, &[Some(1), Some(1), Some(4), Some(4)])
}

fn norm(input: &str, output: &str) -> NodeProto {
    node("BatchNormalization", output, &[input, "gamma", "beta", "mean", "variance"], output)
}

#[test]
fn a_norm_and_a_bias_fold() {
    let middle = vec![norm("c", "n"), node("Add", "add", &["per_channel", "n"], "s")];
    let operators = emulated_equals_float(&image_net(middle, "s"));
    assert_eq!(operators, ["Conv+BatchNormalization+Add"]);
}

#[test]
fn a_norm_behind_an_identity_folds() {
    let middle = vec![node("Identity", "same", &["c"], "i"), norm("i", "n")];
    assert_eq!(emulated_equals_float(&image_net(middle, "n")), ["Conv+BatchNormalization"]);
}

#[test]
fn a_norm_does_not_fold_when_others_read_the_convolution() {
    let middle = vec![norm("c", "n"), node("Add", "add", &["c", "n"], "s")];
    assert_eq!(emulated_equals_float(&image_net(middle, "s")), ["Conv"]);
}

#[test]
fn nor_when_they_read_it_through_an_identity() {
    let middle = vec![
        node("Identity", "same", &["c"], "i"),
        norm("i", "n"),
        node("Add", "add", &["i", "n"], "s"),
    ];
    assert_eq!(emulated_equals_float(&image_net(middle, "s")), ["Conv"]);
    let middle = vec![
        node("Identity", "same", &["c"], "i"),
        node("Dropout", "again", &["i"], "j"),
        norm("j", "n"),
        node("Add", "add", &["j", "n"], "s"),
    ];
    assert_eq!(emulated_equals_float(&image_net(middle, "s")), ["Conv"]);
}

#[test]
fn a_constant_that_is_not_per_channel_does_not_fold() {
    let middle = vec![node("Add", "add", &["c", "per_row"], "s")];
    assert_eq!(emulated_equals_float(&image_net(middle, "s")), ["Conv"]);
}

#[test]
fn a_norm_over_rows_does_not_fold_into_a_product() {
    // [1, 2, 2]: as many rows (axis 1, which BatchNormalization is about) as features.
    let shape = TensorProto {
        name: "shape".into(),
        dims: vec![3],
        data_type: DataType::Int64 as i32,
        int64_data: vec![1, 2, 2],
        ..Default::default()
    };
    let nodes = vec![
        node("Reshape", "reshape", &["input", "shape"], "x"),
        node("MatMul", "product", &["x", "w"], "m"),
        norm("m", "n"),
        node("Flatten", "flat", &["n"], "output"),
    ];
    let initializers = vec![
        shape,
        tensor("w", &[2, 2], &[0.7, -0.4, 0.2, 0.9]),
        tensor("gamma", &[2], &[1.5, -0.5]),
        tensor("beta", &[2], &[0.3, 0.1]),
        tensor("mean", &[2], &[0.2, -0.1]),
        tensor("variance", &[2], &[0.5, 2.0]),
    ];
    let model = model_of(nodes, initializers, &[Some(1), Some(4)]);
    assert_eq!(emulated_equals_float(&model), ["MatMul"]);
}

#[test]
fn a_bias_that_adds_an_axis_does_not_fold() {
    let mut transpose = node("Transpose", "turn", &["s"], "t");
    transpose.attribute.push(ints("perm", &[1, 0, 2]));
    let nodes = vec![
        node("MatMul", "product", &["input", "w"], "m"),
        node("Add", "add", &["m", "bias"], "s"),
        transpose,
        node("Flatten", "flat", &["t"], "output"),
    ];
    let initializers =
        vec![tensor("w", &[2, 2], &[0.7, -0.4, 0.2, 0.9]), tensor("bias", &[1, 1, 2], &[0.3, 0.1])];
    let model = model_of(nodes, initializers, &[Some(1), Some(2)]);
    assert_eq!(emulated_equals_float(&model), ["MatMul"]);
}
