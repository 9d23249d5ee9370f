//! The model as a whole, and graphs inside it.

use super::pb;
use super::pb::attribute_proto::AttributeType;
use super::{graph, model, opset_import, refusal, value, zeros};

const RELU: &str = "Relu(x) -> y";

#[test]
fn a_model_has_a_graph_with_nodes_and_outputs() {
    let sound = model(&[RELU]);
    super::super::model(&sound).expect("is sound");
    assert_eq!(
        refusal(&pb::ModelProto { graph: None, ..sound.clone() }),
        "is not an ONNX model: it holds no graph; expected a model as written by torch.onnx.export or onnx.save"
    );
    let mut empty = sound.clone();
    graph(&mut empty).node.clear();
    assert_eq!(refusal(&empty), "its graph has no nodes; export the model again");
    let mut silent = sound.clone();
    graph(&mut silent).output.clear();
    assert_eq!(refusal(&silent), "its graph has no outputs; export the model again");
}

#[test]
fn the_operator_set_is_given_once_and_known() {
    let with = |imports: &[(&str, i64)]| {
        let mut changed = model(&[RELU]);
        changed.opset_import =
            imports.iter().map(|&(domain, version)| opset_import(domain, version)).collect();
        changed
    };
    for sound in [&[("", 7)][..], &[("ai.onnx", 25)], &[("", 17), ("ai.onnx", 17), ("odd", 1)]] {
        super::super::model(&with(sound)).expect("is sound");
    }
    assert_eq!(
        refusal(&with(&[])),
        "it names no operator set of ai.onnx; export the model again with opset_version=17"
    );
    assert_eq!(
        refusal(&with(&[("com.microsoft", 1)])),
        "it names no operator set of ai.onnx; export the model again with opset_version=17"
    );
    assert_eq!(
        refusal(&with(&[("", 6)])),
        "uses ONNX operator set 6; Recoup reads 7 to 25; export the model again with opset_version=17"
    );
    assert_eq!(
        refusal(&with(&[("", 26)])),
        "uses ONNX operator set 26; Recoup reads 7 to 25; export the model again with opset_version=17"
    );
    assert_eq!(
        refusal(&with(&[("", i64::MIN)])),
        "uses ONNX operator set -9223372036854775808; Recoup reads 7 to 25; export the model again with opset_version=17"
    );
    assert_eq!(
        refusal(&with(&[("", 17), ("ai.onnx", 18)])),
        "it names two operator sets of ai.onnx, 17 and 18; export the model again with opset_version=17"
    );
}

#[test]
fn an_output_is_listed_once() {
    let mut twice = model(&[RELU]);
    let output = graph(&mut twice).output[0].clone();
    graph(&mut twice).output.push(output);
    assert_eq!(refusal(&twice), "output \"y\" of the graph is listed twice; list it once");
}

#[test]
fn the_number_of_nodes_is_bounded() {
    let mut long = model(&[RELU]);
    let node = graph(&mut long).node[0].clone();
    let named = |index: usize| pb::NodeProto { output: vec![index.to_string()], ..node.clone() };
    graph(&mut long).node = (0..100_001).map(named).collect();
    assert_eq!(refusal(&long), "node \"100000\" (Relu): the model has more than 100000 nodes");
}

/// An If whose branches are `inner`.
fn branches(inner: &pb::GraphProto, output: &str) -> pb::NodeProto {
    let attribute = |name: &str| pb::AttributeProto {
        name: name.into(),
        r#type: AttributeType::Graph as i32,
        g: Some(inner.clone()),
        ..Default::default()
    };
    pb::NodeProto {
        op_type: "If".into(),
        input: vec!["x".into()],
        output: vec![output.into()],
        attribute: vec![attribute("then_branch"), attribute("else_branch")],
        ..Default::default()
    }
}

/// A model of an If with this graph as its branches, followed by `after`.
fn with_branches(inner: &pb::GraphProto, after: &[&str]) -> pb::ModelProto {
    let mut whole = model(&[&["Identity(x) -> a"], after].concat());
    graph(&mut whole).node.insert(1, branches(inner, "b"));
    graph(&mut whole).output = vec![value("b", &[])];
    whole
}

fn inner(nodes: &[&str]) -> pb::GraphProto {
    let mut inner = graph(&mut model(nodes)).clone();
    inner.input.clear();
    inner
}

#[test]
fn inner_graphs_read_the_names_around_them() {
    super::super::model(&with_branches(&inner(&["Add(a, x) -> i", "Relu(i) -> j"]), &[]))
        .expect("both branches may use the same names");
    let early = with_branches(&inner(&["Relu(c) -> i"]), &["Relu(b) -> c"]);
    assert_eq!(
        refusal(&early),
        "node \"i\" (Relu): input 0, \"c\", is made by nothing before this node; nodes must come in the order in which they can run: export the model again"
    );
    let leaked = with_branches(&inner(&["Relu(a) -> i"]), &["Relu(i) -> c"]);
    assert_eq!(
        refusal(&leaked),
        "node \"c\" (Relu): input 0, \"i\", is made by nothing before this node; nodes must come in the order in which they can run: export the model again"
    );
    let shadow = with_branches(&inner(&["Relu(x) -> a"]), &[]);
    assert_eq!(
        refusal(&shadow),
        "node \"a\" (Relu): tensor \"a\" is defined twice, the second time as a node's output; a name stands for one tensor: rename one of them"
    );
}

#[test]
fn inner_graphs_have_no_inputs_and_as_many_outputs_as_their_node() {
    let mut fed = inner(&["Relu(a) -> i"]);
    fed.input = vec![value("n", &[1])];
    assert_eq!(
        refusal(&with_branches(&fed, &[])),
        "node \"b\" (If): its inner graph has 1 input; expected none"
    );
    let mut doubled = inner(&["Relu(a) -> i"]);
    doubled.output.push(value("i", &[]));
    assert_eq!(
        refusal(&with_branches(&doubled, &[])),
        "node \"b\" (If): its inner graph has 2 outputs, the node 1; expected as many"
    );
    let mut constant = inner(&["Relu(a) -> i"]);
    constant.initializer = vec![zeros("w", &[-1])];
    assert_eq!(
        refusal(&with_branches(&constant, &[])),
        "node \"b\" (If): tensor \"w\": its shape [-1] has a negative size"
    );
}

#[test]
fn the_depth_of_inner_graphs_is_bounded() {
    let nested = |levels: usize| {
        let mut graph = inner(&["Relu(x) -> y0"]);
        for level in 1..levels {
            let output = format!("y{level}");
            let node = branches(&graph, &output);
            // One branch is enough to go deeper, two would double at each level.
            let flat = inner(&[&format!("Relu(x) -> f{level}")]);
            let mut node = node;
            node.attribute[1].g = Some(flat);
            graph = pb::GraphProto {
                node: vec![node],
                output: vec![value(&output, &[])],
                ..Default::default()
            };
        }
        with_branches(&graph, &[])
    };
    super::super::model(&nested(7)).expect("eight levels with the outermost");
    assert_eq!(
        refusal(&nested(8)),
        "node \"y1\" (If): its graph lies inside 8 others; at most 8 levels are possible"
    );
}
