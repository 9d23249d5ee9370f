//! Models whose tensors would not fit, or whose elements have types that do not go together: refused
//! before anything of the kind is made, with the numbers in the message.

use std::path::Path;

use recoup_core::model::pb::tensor_proto::DataType;
use recoup_core::model::pb::{NodeProto, TensorProto, type_proto};
use recoup_core::model::{self, OnnxFile};

use crate::onnx::{encode, int, ints, model_of, node, tensor, whole};

/// A layer on the multipliers after `nodes`, which make `last` of shape 1 x 4 x 4 x 4 or larger.
fn load(
    mut nodes: Vec<NodeProto>,
    mut constants: Vec<TensorProto>,
    last: &str,
) -> Result<(), String> {
    nodes.push(node("GlobalAveragePool", "pool", &[last], "pooled"));
    nodes.push(node("Flatten", "flat", &["pooled"], "flat"));
    nodes.push(node("Conv", "conv", &["input", "w"], "c"));
    nodes.push(node("GlobalAveragePool", "end", &["c"], "e"));
    nodes.push(node("Flatten", "scores", &["e"], "s"));
    nodes.push(node("ReduceMean", "mean", &["flat"], "mean"));
    nodes.push(node("Add", "add", &["s", "mean"], "output"));
    constants.push(tensor("w", &[4, 4, 1, 1], &[0.5; 16]));
    let model = model_of(nodes, constants, &[Some(1), Some(4), Some(4), Some(4)]);
    let file = OnnxFile::from_bytes(&encode(&model), Path::new("net.onnx"));
    let loaded = file.and_then(|file| model::load(&file, None));
    loaded.map(|_| ()).map_err(|error| error.to_string())
}

fn refused(nodes: Vec<NodeProto>, constants: Vec<TensorProto>, last: &str, parts: &[&str]) {
    let message = load(nodes, constants, last).expect_err("is to be refused");
    for part in parts {
        assert!(message.contains(part), "no {part:?} in: {message}");
    }
}

fn tile(name: &str, input: &str, output: &str) -> NodeProto {
    node("Tile", name, &[input, "times"], output)
}

/// 64 x 2^10 x 2^10 elements are the most of one constant that is computed; 64 x 2^22 of one tensor.
#[test]
fn tensors_beyond_the_bound() {
    let times = |rows, columns| vec![whole("times", &[4], &[1, 1, rows, columns])];
    refused(
        vec![tile("tile", "input", "t")],
        times(1 << 12, 1 << 11),
        "t",
        &["net.onnx", "node \"tile\" (Tile)", "536870912 elements", "268435456"],
    );
    let mut constants = times(1 << 11, 1 << 11);
    constants.push(tensor("k", &[1, 4, 4, 4], &[1.0; 64]));
    refused(
        vec![tile("tile", "k", "t")],
        constants,
        "t",
        &["node \"tile\" (Tile)", "constants of 268435456 elements", "up to 134217728"],
    );
}

/// Each of a chain is small enough; two of them together are not.
#[test]
fn tensors_that_are_alive_together() {
    let times = whole("times", &[4], &[1, 1, 1 << 11, 1 << 10]);
    let nodes = vec![
        tile("first", "input", "a"),
        tile("second", "input", "b"),
        tile("third", "input", "c3"),
    ];
    let mut nodes = nodes;
    nodes.push(node("Add", "sum", &["a", "b"], "d"));
    nodes.push(node("Add", "all", &["d", "c3"], "t"));
    refused(
        nodes,
        vec![times],
        "t",
        &["node \"second\" (Tile)", "134217728 elements", "268435520", "up to 268435456"],
    );
}

#[test]
fn a_chain_of_constants() {
    let times = whole("times", &[4], &[1, 1, 100, 100]);
    let k = tensor("k", &[1, 4, 4, 4], &[1.0; 64]);
    let nodes = vec![tile("one", "k", "a"), tile("two", "a", "t")];
    let parts = ["node \"two\" (Tile)", "constants of 6400000000 elements", "134217728"];
    refused(nodes, vec![times, k], "t", &parts);
}

/// A product of 2^13 x 2^13 matrices that both depend on the image takes 2^39 steps.
#[test]
fn a_product_that_would_take_hours() {
    let times = whole("times", &[4], &[1, 1, 1 << 11, 1 << 11]);
    let channels = NodeProto {
        attribute: vec![ints("axes", &[1])],
        ..node("ReduceMean", "channels", &["input"], "g")
    };
    let nodes = vec![channels, tile("tile", "g", "a"), node("MatMul", "square", &["a", "a"], "t")];
    let parts = ["node \"square\" (MatMul)", "takes 549755813888 steps", "68719476736"];
    refused(nodes, vec![times], "t", &parts);
}

#[test]
fn integers_that_have_no_quotient() {
    let cast = || NodeProto {
        attribute: vec![int("to", DataType::Int64 as i64)],
        ..node("Cast", "cast", &["input"], "whole")
    };
    let back = |input: &str| NodeProto {
        attribute: vec![int("to", DataType::Float as i64)],
        ..node("Cast", "back", &[input], "t")
    };
    for operator in ["Div", "Mod"] {
        let place = format!("node \"odd\" ({operator})");
        let with = |divisor: &str| {
            vec![cast(), node(operator, "odd", &["whole", divisor], "q"), back("q")]
        };
        let by = |value| vec![whole("d", &[1], &[value])];
        assert_eq!(load(with("d"), by(2), "t"), Ok(()));
        refused(with("d"), by(0), "t", &[&place, "by a constant 0"]);
        refused(with("d"), by(-1), "t", &[&place, "by -1", "Neg"]);
        refused(with("whole"), vec![], "t", &[&place, "only known when it runs"]);
    }
    // The smallest integer is known where it is constant.
    let nodes = || {
        vec![
            node("Div", "odd", &["n", "d"], "q"),
            node("Add", "whole", &["q", "q"], "r"),
            back("r"),
        ]
    };
    let by = |value| vec![whole("n", &[1, 1, 1], &[value]), whole("d", &[1], &[-1])];
    refused(nodes(), by(i64::MIN), "t", &["node \"odd\" (Div)", "by -1"]);
    assert_eq!(load(nodes(), by(7), "t"), Ok(()));
}

#[test]
fn types_that_do_not_go_together() {
    let sizes = whole("n", &[4], &[1, 2, 3, 4]);
    let adds = vec![node("Add", "odd", &["input", "n"], "t")];
    let parts = ["node \"odd\" (Add)", "input 1 holds integers", "expected real numbers", "Cast"];
    refused(adds, vec![sizes.clone()], "t", &parts);
    let mut convolves = vec![node("Conv", "odd", &["input", "w", "n"], "t")];
    let parts = ["node \"odd\" (Conv)", "input 2 holds integers", "expected real numbers"];
    refused(convolves.clone(), vec![sizes], "t", &parts);
    convolves[0].input.pop();
    assert_eq!(load(convolves, vec![], "t"), Ok(()));
}

/// Inference hands on what training drops.
#[test]
fn a_dropout_that_may_train() {
    let nodes = vec![
        node("ReduceSum", "sum", &["input"], "all"),
        node("Greater", "positive", &["all", "half"], "train"),
        node("Dropout", "odd", &["input", "half", "train"], "t"),
    ];
    let parts = ["node \"odd\" (Dropout)", "training_mode", "depends on data", "model.eval()"];
    refused(nodes, vec![tensor("half", &[], &[0.5])], "t", &parts);
}

/// Real numbers, as which 8-bit integers are held, do not wrap around.
#[test]
fn integers_of_8_bits_that_are_computed_with() {
    let load = |kind: DataType, mut nodes: Vec<NodeProto>, last: &str| {
        let mut cast = node("Cast", "cast", &[last], "real");
        cast.attribute.push(int("to", DataType::Float as i64));
        nodes.extend([cast, node("Flatten", "flat", &["real"], "flat")]);
        nodes.push(node("MatMul", "product", &["flat", "w"], "output"));
        let byte = TensorProto {
            name: "byte".into(),
            data_type: kind as i32,
            int32_data: vec![3],
            ..Default::default()
        };
        let constants = vec![tensor("w", &[16, 1], &[0.5; 16]), byte];
        let mut model = model_of(nodes, constants, &[Some(1), Some(1), Some(4), Some(4)]);
        let input = model.graph.as_mut().unwrap().input[0].r#type.as_mut();
        if let Some(type_proto::Value::TensorType(tensor)) = &mut input.unwrap().value {
            tensor.elem_type = kind as i32;
        }
        let file = OnnxFile::from_bytes(&encode(&model), Path::new("net.onnx"));
        let loaded = file.and_then(|file| model::load(&file, None));
        loaded.map(|_| ()).map_err(|error| error.to_string())
    };
    for kind in [DataType::Uint8, DataType::Int8] {
        for (operator, other) in [
            ("Add", Some("input")),
            ("Sub", Some("byte")),
            ("Mul", Some("byte")),
            ("Div", Some("input")),
            ("Mod", Some("byte")),
            ("Neg", None),
            ("Abs", None),
        ] {
            let reads = |name| [Some(name), other].into_iter().flatten().collect::<Vec<_>>();
            let odd = |name| node(operator, "odd", &reads(name), "y");
            let refused = |nodes, tensor: &str| {
                let message = load(kind, nodes, "y").expect_err(operator);
                let place = format!("node \"odd\" ({operator}): reads \"{tensor}\"");
                for part in [&place[..], "8 bits", "Cast to float32"] {
                    assert!(message.contains(part), "no {part:?} in: {message}");
                }
            };
            refused(vec![odd("input")], "input");
            // What is moved or chosen of them is of 8 bits as well.
            let mut moved = node("Transpose", "moved", &["input"], "m");
            moved.attribute.push(ints("perm", &[0, 1, 3, 2]));
            let chosen = node("Max", "chosen", &["m", "byte"], "c");
            if other != Some("input") {
                refused(vec![moved, chosen, odd("c")], "c");
            }
        }
        assert_eq!(load(kind, vec![node("Max", "sound", &["input", "byte"], "y")], "y"), Ok(()));
        let mut cast = node("Cast", "real", &["input"], "x");
        cast.attribute.push(int("to", DataType::Float as i64));
        assert_eq!(load(kind, vec![cast, node("Add", "sum", &["x", "x"], "y")], "y"), Ok(()));
    }
}

/// What decides on a shape has to be known before a network runs.
#[test]
fn shapes_that_depend_on_data() {
    let counts = |operator: &str, more: &[&str]| {
        let mut nodes = vec![
            node("ReduceSum", "sum", &["input"], "s"),
            node("Cast", "count", &["s"], "n"),
            node("Reshape", "list", &["n", "one"], "k"),
        ];
        nodes[1].attribute.push(int("to", DataType::Int64 as i64));
        let mut inputs = vec!["input"];
        inputs.extend(more);
        nodes.push(node(operator, "odd", &inputs, "o"));
        nodes.push(node("MatMul", "product", &["input", "w"], "output"));
        nodes.push(node("Flatten", "last", &["o"], "second"));
        let one = TensorProto {
            name: "one".into(),
            dims: vec![1],
            data_type: DataType::Int64 as i32,
            int64_data: vec![1],
            ..Default::default()
        };
        let mut model =
            model_of(nodes, vec![one, tensor("w", &[4, 2], &[0.5; 8])], &[Some(1), Some(4)]);
        let second =
            recoup_core::model::pb::ValueInfoProto { name: "second".into(), ..Default::default() };
        model.graph.as_mut().unwrap().output.push(second);
        model.opset_import[0].version = 18;
        let file = OnnxFile::from_bytes(&encode(&model), Path::new("net.onnx"));
        let loaded = file.and_then(|file| model::load(&file, None));
        let message = loaded.expect_err(operator).to_string();
        assert!(message.contains("\"odd\"") && message.contains("depends on data"), "{message}");
    };
    counts("NonZero", &[]);
    counts("ReduceMax", &["k"]);
    counts("Slice", &["k", "k"]);
    counts("Unsqueeze", &["k"]);
    counts("Expand", &["k"]);
}
