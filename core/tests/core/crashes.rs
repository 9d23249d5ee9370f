//! Models with which the fuzzer of the importer (`fuzz/`) made it or what runs it panic.

use std::path::Path;

use recoup_core::model::pb::TensorProto;
use recoup_core::model::pb::tensor_proto::DataType;
use recoup_core::model::{self, OnnxFile};

use crate::onnx::{encode, ints, model_of, node, tensor};
use crate::pipeline;

/// ONNX Runtime writes quantisers of its own domain, which are those of ONNX.
#[test]
fn quantisers_of_onnx_runtimes_domain() {
    let mut nodes = vec![
        node("QuantizeLinear", "q", &["input", "scale", "zero"], "codes"),
        node("DequantizeLinear", "dq", &["codes", "scale", "zero"], "x"),
        node("Conv", "conv", &["x", "w"], "c"),
        node("GlobalAveragePool", "pool", &["c"], "p"),
        node("Flatten", "flat", &["p"], "output"),
    ];
    nodes[2].attribute.push(ints("kernel_shape", &[1, 1]));
    let zero = TensorProto {
        name: "zero".into(),
        data_type: DataType::Uint8 as i32,
        int32_data: vec![3],
        ..Default::default()
    };
    let constants =
        vec![tensor("w", &[2, 1, 1, 1], &[0.5, -0.5]), tensor("scale", &[], &[0.25]), zero];
    for domains in [["com.microsoft", ""], ["", "com.microsoft"], ["com.microsoft"; 2]] {
        let mut model =
            model_of(nodes.clone(), constants.clone(), &[Some(1), Some(1), Some(4), Some(4)]);
        for (node, domain) in model.graph.as_mut().unwrap().node.iter_mut().zip(domains) {
            node.domain = domain.into();
        }
        let file = OnnxFile::from_bytes(&encode(&model), Path::new("net.onnx")).unwrap();
        let graph = model::load(&file, None).unwrap();
        pipeline::run_on_zeros(graph).unwrap();
    }
}

/// Codes that no DequantizeLinear makes real numbers.
#[test]
fn weights_that_stay_codes() {
    let codes = TensorProto {
        name: "w".into(),
        dims: vec![2, 4],
        data_type: DataType::Int8 as i32,
        int32_data: vec![5; 8],
        ..Default::default()
    };
    let gemm = node("MatMul", "odd", &["input", "w"], "output");
    let model = model_of(vec![gemm], vec![codes], &[Some(1), Some(2)]);
    let loaded = OnnxFile::from_bytes(&encode(&model), Path::new("net.onnx"))
        .and_then(|file| model::load(&file, None));
    let message = loaded.expect_err("is to be refused").to_string();
    for part in ["net.onnx", "node \"odd\" (MatMul)", "input 1 holds 8-bit codes"] {
        assert!(message.contains(part), "no {part:?} in: {message}");
    }
}

/// rten takes the nodes one by one, but not the LayerNormalization that it makes of them.
#[test]
fn a_normalisation_whose_scale_adds_elements() {
    let mut mean = node("ReduceMean", "mean", &["input"], "m");
    mean.attribute.push(ints("axes", &[-1]));
    let mut variance = node("ReduceMean", "variance", &["square"], "v");
    variance.attribute.push(ints("axes", &[-1]));
    let nodes = vec![
        mean,
        node("Sub", "sub", &["input", "m"], "centred"),
        node("Pow", "pow", &["centred", "two"], "square"),
        variance,
        node("Add", "epsilon", &["v", "small"], "above"),
        node("Sqrt", "sqrt", &["above"], "deviation"),
        node("Div", "div", &["centred", "deviation"], "unit"),
        node("Mul", "scale", &["unit", "gamma"], "scaled"),
        node("Add", "shift", &["scaled", "beta"], "normal"),
        node("MatMul", "product", &["normal", "w"], "output"),
    ];
    let constants = vec![
        tensor("two", &[], &[2.0]),
        tensor("small", &[], &[1e-5]),
        tensor("gamma", &[4], &[1.0, 2.0, 3.0, 4.0]),
        tensor("beta", &[4], &[0.5; 4]),
        tensor("w", &[4, 2], &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]),
    ];
    let model = model_of(nodes, constants, &[Some(1), Some(3), Some(1)]);
    let file = OnnxFile::from_bytes(&encode(&model), Path::new("net.onnx")).unwrap();
    pipeline::run_on_zeros(model::load(&file, None).unwrap()).unwrap();
}

/// rten's Softplus is infinite where it is x.
#[test]
fn a_softplus_of_large_numbers() {
    let nodes = vec![
        node("Softplus", "soft", &["input"], "s"),
        node("MatMul", "product", &["s", "w"], "output"),
    ];
    let identity = tensor("w", &[2, 2], &[1.0, 0.0, 0.0, 1.0]);
    let model = model_of(nodes, vec![identity], &[Some(1), Some(2)]);
    let file = OnnxFile::from_bytes(&encode(&model), Path::new("net.onnx")).unwrap();
    let graph = model::load(&file, None).unwrap();
    let found = recoup_core::model::FloatModel::new(&graph, &[]).outputs(&[1000.0, -1.0]).unwrap();
    assert_eq!(found[0], 1000.0);
    assert!((found[1] - 0.313_261_7).abs() < 1e-6, "{found:?}");
}

/// A sum that rten takes for a bias, which it is not: its fusion panics.
#[test]
fn a_sum_of_one_number_behind_a_product() {
    for dims in [&[1][..], &[], &[1, 1], &[2, 1]] {
        let numbers = vec![0.5; dims.iter().product::<i64>() as usize];
        let constants = vec![tensor("w", &[3, 4], &[0.25; 12]), tensor("c", dims, &numbers)];
        let nodes = vec![
            node("MatMul", "product", &["input", "w"], "p"),
            node("Add", "sum", &["p", "c"], "output"),
        ];
        let model = model_of(nodes, constants, &[Some(1), Some(2), Some(3)]);
        let file = OnnxFile::from_bytes(&encode(&model), Path::new("net.onnx")).unwrap();
        let graph = model::load(&file, None).unwrap();
        let found = recoup_core::model::FloatModel::new(&graph, &[]).outputs(&[1.0; 6]).unwrap();
        assert_eq!(found, [1.25; 8], "{dims:?}");
        pipeline::run_on_zeros(graph).unwrap();
    }
}

/// A quantiser whose scale is the zero point of another.
#[test]
fn scales_of_integers() {
    let zero = TensorProto {
        name: "zero".into(),
        data_type: DataType::Uint8 as i32,
        int32_data: vec![3],
        ..Default::default()
    };
    for (of_codes, of_reals) in [("zero", "scale"), ("scale", "zero")] {
        let nodes = vec![
            node("QuantizeLinear", "q", &["input", of_codes, "zero"], "codes"),
            node("DequantizeLinear", "dq", &["codes", of_reals, "zero"], "output"),
        ];
        let constants = vec![tensor("scale", &[], &[0.25]), zero.clone()];
        let model = model_of(nodes, constants, &[Some(1), Some(4)]);
        let file = OnnxFile::from_bytes(&encode(&model), Path::new("net.onnx")).unwrap();
        let message = model::load(&file, None).err().unwrap().to_string();
        assert!(message.contains("a scale of integers; expected float32"), "{message}");
    }
}
