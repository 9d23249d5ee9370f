//! Models that cannot be used: each is refused with a message that names the file, the place in
//! it and what to do.

use std::path::Path;

use recoup_core::hint::Hint;
use recoup_core::model::pb::tensor_proto::DataLocation;
use recoup_core::model::pb::{ModelProto, StringStringEntryProto};
use recoup_core::model::{self, OnnxFile};

use crate::onnx;
use crate::onnx::{encode, ints, model_of, node, tensor};

const FILE: &str = "folder/net.onnx";

/// Input 1 x 1 x 4 x 4; nodes conv (2 filters), relu, pool, flat, gemm; three classes.
fn conv_net() -> ModelProto {
    let nodes = vec![
        node("Conv", "conv", &["input", "conv_w", "conv_b"], "c"),
        node("Relu", "relu", &["c"], "r"),
        node("GlobalAveragePool", "pool", &["r"], "p"),
        node("Flatten", "flat", &["p"], "f"),
        node("Gemm", "gemm", &["f", "gemm_w"], "output"),
    ];
    let initializers = vec![
        tensor("conv_w", &[2, 1, 1, 1], &[0.5, -0.5]),
        tensor("conv_b", &[2], &[0.1, 0.2]),
        tensor("gemm_w", &[2, 3], &[0.1, 0.2, 0.3, -0.1, -0.2, -0.3]),
    ];
    model_of(nodes, initializers, &[Some(1), Some(1), Some(4), Some(4)])
}

/// The message with which `bytes` are refused as a model.
fn refusal(bytes: &[u8], input_shape: Option<&[usize]>) -> String {
    let loaded = OnnxFile::from_bytes(bytes, Path::new(FILE))
        .and_then(|file| model::load(&file, input_shape));
    match loaded {
        Ok(_) => panic!("a bad model was loaded"),
        Err(error) => error.to_string(),
    }
}

/// Checks that `model` is refused with a message that holds all `parts` and the file.
fn refused(model: &ModelProto, parts: &[&str]) {
    says(&refusal(&encode(model), None), parts);
}

fn says(message: &str, parts: &[&str]) {
    for part in [FILE].iter().chain(parts) {
        assert!(message.contains(part), "no {part:?} in: {message}");
    }
}

#[test]
fn the_good_model_loads() {
    let file = OnnxFile::from_bytes(&encode(&conv_net()), Path::new(FILE)).unwrap();
    assert_eq!(model::load(&file, None).unwrap().macs().count(), 2);
}

#[test]
fn files_that_are_no_models() {
    let good = encode(&conv_net());
    says(&refusal(&good[..good.len() / 2], None), &["truncated", "onnx.save"]);
    says(&refusal(b"", None), &["is not an ONNX model", "torch.onnx.export"]);
    says(&refusal(b"Not Found\n<html></html>\n", None), &["is not an ONNX model"]);
    let missing = OnnxFile::open(Path::new("no/such.onnx")).err().unwrap().to_string();
    assert!(missing.contains("no/such.onnx") && missing.contains("path"), "{missing}");
}

#[test]
fn operator_sets_outside_the_range() {
    for version in [5, 99] {
        let mut model = conv_net();
        model.opset_import[0].version = version;
        refused(&model, &[&format!("operator set {version}"), "7 to 25", "opset_version=17"]);
    }
    let mut model = conv_net();
    model.opset_import.clear();
    refused(&model, &["operator set"]);
}

#[test]
fn external_data_that_is_missing() {
    let mut model = conv_net();
    let weights = &mut model.graph.as_mut().unwrap().initializer[0];
    weights.raw_data.clear();
    weights.float_data.clear();
    weights.data_location = DataLocation::External as i32;
    let entry =
        |key: &str, value: &str| StringStringEntryProto { key: key.into(), value: value.into() };
    weights.external_data = vec![entry("location", "net.onnx.data"), entry("offset", "0")];
    refused(&model, &["conv_w", "net.onnx.data", "cannot be read", "put that file beside"]);
}

#[test]
fn weights_that_are_no_numbers() {
    for bad in [f32::NAN, f32::INFINITY] {
        for (initializer, node) in [("conv_w", "conv"), ("conv_b", "conv"), ("gemm_w", "gemm")] {
            let mut model = conv_net();
            let graph = model.graph.as_mut().unwrap();
            let tensor = graph.initializer.iter_mut().find(|tensor| tensor.name == initializer);
            tensor.unwrap().float_data[1] = bad;
            refused(&model, &[node, &bad.to_string(), "training diverged"]);
        }
    }
}

#[test]
fn a_batch_normalization_that_is_no_number() {
    for (parameter, value) in [("gamma", f32::NAN), ("mean", f32::INFINITY), ("variance", -1.0)] {
        let mut parameters =
            ["gamma", "beta", "mean", "variance"].map(|name| tensor(name, &[2], &[1.0, 1.0]));
        let bad = parameters.iter_mut().find(|tensor| tensor.name == parameter).unwrap();
        bad.float_data[1] = value;
        let mut initializers = vec![tensor("w", &[2, 1, 1, 1], &[1.0, 2.0])];
        initializers.extend(parameters);
        let nodes = vec![
            node("Conv", "conv", &["input", "w"], "c"),
            node("BatchNormalization", "norm", &["c", "gamma", "beta", "mean", "variance"], "n"),
            node("GlobalAveragePool", "pool", &["n"], "p"),
            node("Flatten", "flat", &["p"], "output"),
        ];
        let model = model_of(nodes, initializers, &[Some(1), Some(1), Some(4), Some(4)]);
        refused(&model, &["norm", "BatchNormalization", "training diverged"]);
    }
}

#[test]
fn a_size_that_nothing_fixes() {
    let mut model = conv_net();
    onnx::set_input(&mut model, &[None, Some(1), None, None]);
    refused(&model, &["input", "dimension 2"]);
    let bytes = encode(&model);
    let file = OnnxFile::from_bytes(&bytes, Path::new(FILE)).unwrap();
    let error = model::load(&file, None).err().unwrap();
    assert_eq!(error.hint(), Some(Hint::GiveInputShape));
    let graph = model::load(&file, Some(&[1, 4, 4])).unwrap();
    assert_eq!(graph.values[graph.inputs[0]].shape, [1, 1, 4, 4]);
    says(&refusal(&bytes, Some(&[4, 4])), &["the given shape has 2"]);
    says(&refusal(&bytes, Some(&[3, 4, 4])), &["dimension 1", "the given shape has 3"]);
}

#[test]
fn operators_that_nobody_knows() {
    let mut model = conv_net();
    model.graph.as_mut().unwrap().node[1] = node("Frobnicate", "odd", &["c"], "r");
    refused(&model, &["\"odd\"", "Frobnicate", "does not exist"]);
}

#[test]
fn sums_too_deep_for_the_accumulator() {
    // floor((2^31 - 1) / 255^2) = 33025 products fit.
    let build = |depth: usize| {
        let weights = vec![0.01; depth * 2];
        let nodes = vec![node("MatMul", "deep", &["input", "w"], "output")];
        let initializers = vec![tensor("w", &[depth as i64, 2], &weights)];
        model_of(nodes, initializers, &[Some(1), Some(depth as i64)])
    };
    refused(&build(33026), &["\"deep\"", "MatMul", "33026", "33025"]);
    let file = OnnxFile::from_bytes(&encode(&build(33025)), Path::new(FILE)).unwrap();
    assert!(model::load(&file, None).is_ok());
}

#[test]
fn tensors_that_nothing_makes() {
    let mut model = conv_net();
    model.graph.as_mut().unwrap().node[1].input[0] = "nowhere".into();
    refused(&model, &["\"relu\"", "Relu", "nowhere"]);
}

#[test]
fn shapes_that_do_not_fit() {
    let mut model = conv_net();
    let graph = model.graph.as_mut().unwrap();
    graph.initializer[0] = tensor("conv_w", &[2, 3, 1, 1], &[0.5; 6]);
    refused(&model, &["\"conv\"", "Conv", "1 channels"]);
    let mut model = conv_net();
    let conv = &mut model.graph.as_mut().unwrap().node[0];
    conv.attribute.push(ints("strides", &[1, 0]));
    refused(&model, &["\"conv\"", "\"strides\" holds 0"]);
}

#[test]
fn networks_without_layers_for_the_multipliers() {
    let nodes = vec![node("Relu", "relu", &["input"], "output")];
    refused(&model_of(nodes, vec![], &[Some(1), Some(4)]), &["nothing would run"]);
}

#[test]
fn scores_are_the_first_output_that_can_be() {
    let load = |model: &ModelProto| {
        let file = OnnxFile::from_bytes(&encode(model), Path::new(FILE)).unwrap();
        model::load(&file, None).unwrap()
    };
    let mut model = conv_net();
    model.graph.as_mut().unwrap().output[0].name = "c".into();
    assert_eq!(load(&model).scores(), None);
    let scores = conv_net().graph.unwrap().output[0].clone();
    model.graph.as_mut().unwrap().output.push(scores);
    let graph = load(&model);
    // Behind the two channels of 4 x 4.
    assert_eq!(graph.scores(), Some((graph.outputs[1], 32..35)));
}
