//! What operators make of NaN, as onnx's reference evaluator has it: the vectors in `reference/`
//! hold finite numbers alone.

use std::path::Path;

use recoup_core::model::pb::tensor_proto::DataType;
use recoup_core::model::{self, FloatModel, OnnxFile};

use crate::onnx::{encode, int, model_of, node, tensor};

/// What the operator makes of one row, beside a layer.
fn of_row(operator: &str, attributes: &[(&str, i64)], row: [f32; 5]) -> Vec<f32> {
    let mut tested = node(operator, "tested", &["input"], "output");
    tested.attribute.extend(attributes.iter().map(|(name, value)| int(name, *value)));
    let layer = node("MatMul", "layer", &["input", "w"], "scores");
    let weights = tensor("w", &[5, 1], &[0.5; 5]);
    let mut model = model_of(vec![tested, layer], vec![weights], &[Some(1), Some(5)]);
    let graph = model.graph.as_mut().unwrap();
    let scores =
        recoup_core::model::pb::ValueInfoProto { name: "scores".into(), ..Default::default() };
    graph.output.push(scores);
    graph.output[0].r#type = None;
    let file = OnnxFile::from_bytes(&encode(&model), Path::new("net.onnx")).unwrap();
    let mut found = FloatModel::new(&model::load(&file, None).unwrap(), &[]).outputs(&row).unwrap();
    found.pop();
    found
}

/// It is larger than all numbers, and smaller.
#[test]
fn the_place_of_the_largest_and_smallest() {
    let row = [2.0, f32::NAN, 7.0, f32::NAN, -3.0];
    for operator in ["ArgMax", "ArgMin"] {
        assert_eq!(of_row(operator, &[("axis", 1)], row), [1.0], "{operator}");
        let last = [("axis", -1), ("select_last_index", 1), ("keepdims", 0)];
        assert_eq!(of_row(operator, &last, row), [3.0], "{operator}");
    }
    assert_eq!(of_row("Hardmax", &[], row), [0.0, 1.0, 0.0, 0.0, 0.0]);
    let infinite = [f32::NEG_INFINITY, f32::INFINITY, 0.0, f32::INFINITY, f32::NEG_INFINITY];
    assert_eq!(of_row("ArgMax", &[("axis", 1)], infinite), [1.0]);
    assert_eq!(of_row("ArgMin", &[("axis", 1)], infinite), [0.0]);
}

#[test]
fn its_sign_and_its_truth() {
    let row = [f32::NAN, -0.0, f32::NEG_INFINITY, f32::INFINITY, 1e-40];
    let signs = of_row("Sign", &[], row);
    assert!(signs[0].is_nan(), "{signs:?}");
    assert_eq!(signs[1..], [0.0, -1.0, 1.0, 1.0]);
    let truths = of_row("Cast", &[("to", DataType::Bool as i64)], row);
    assert_eq!(truths, [1.0, 0.0, 1.0, 1.0, 1.0]);
}
