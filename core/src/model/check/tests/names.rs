//! Names: defined once, before their use, and fit to be printed.

use super::pb;
use super::{graph, model, refusal, value, zeros};

#[test]
fn a_name_is_defined_once() {
    assert_eq!(
        refusal(&model(&["Relu(x) -> y", "Relu(x) -> y"])),
        "node \"y\" (Relu): tensor \"y\" is defined twice, the second time as a node's output; a name stands for one tensor: rename one of them"
    );
    assert_eq!(
        refusal(&model(&["Relu(x) -> x"])),
        "node \"x\" (Relu): tensor \"x\" is defined twice, the second time as a node's output; a name stands for one tensor: rename one of them"
    );
    assert_eq!(
        refusal(&model(&["TopK(x, x) -> y, y"])),
        "node \"y\" (TopK): tensor \"y\" is defined twice, the second time as a node's output; a name stands for one tensor: rename one of them"
    );
    let mut twice = model(&["Relu(x) -> y"]);
    graph(&mut twice).input.push(value("x", &[1]));
    assert_eq!(
        refusal(&twice),
        "tensor \"x\" is defined twice, the second time as a graph input; a name stands for one tensor: rename one of them"
    );
    let mut twice = model(&["Relu(x) -> y"]);
    graph(&mut twice).initializer = vec![zeros("w", &[1]), zeros("w", &[2])];
    assert_eq!(
        refusal(&twice),
        "tensor \"w\" is defined twice, the second time as an initializer; a name stands for one tensor: rename one of them"
    );
    let mut twice = model(&["Relu(x) -> y"]);
    graph(&mut twice).initializer = vec![zeros("x", &[1]), zeros("x", &[2])];
    assert_eq!(
        refusal(&twice),
        "tensor \"x\" is defined twice, the second time as an initializer; a name stands for one tensor: rename one of them"
    );
    let mut twice = model(&["Relu(x) -> w"]);
    graph(&mut twice).initializer = vec![zeros("w", &[1])];
    assert_eq!(
        refusal(&twice),
        "node \"w\" (Relu): tensor \"w\" is defined twice, the second time as a node's output; a name stands for one tensor: rename one of them"
    );
    let mut old = model(&["Add(x, w) -> y"]);
    graph(&mut old).input.push(value("w", &[1]));
    graph(&mut old).initializer = vec![zeros("w", &[1])];
    super::super::model(&old).expect("old files list initializers as inputs");
}

#[test]
fn a_name_is_defined_before_its_use() {
    assert_eq!(
        refusal(&model(&["Relu(y) -> z", "Relu(x) -> y"])),
        "node \"z\" (Relu): input 0, \"y\", is made by nothing before this node; nodes must come in the order in which they can run: export the model again"
    );
    assert_eq!(
        refusal(&model(&["Relu(y) -> y"])),
        "node \"y\" (Relu): input 0, \"y\", is made by nothing before this node; nodes must come in the order in which they can run: export the model again"
    );
    let mut lost = model(&["Relu(x) -> y"]);
    graph(&mut lost).output.push(value("z", &[1]));
    assert_eq!(
        refusal(&lost),
        "output \"z\" of the graph is made by no node; export the model again"
    );
}

#[test]
fn what_is_defined_has_a_name() {
    let mut nameless = model(&["Relu(x) -> y"]);
    graph(&mut nameless).input.push(value("", &[1]));
    assert_eq!(refusal(&nameless), "a graph input has no name; export the model again");
    let mut nameless = model(&["Relu(x) -> y"]);
    graph(&mut nameless).initializer = vec![zeros("", &[1])];
    assert_eq!(refusal(&nameless), "an initializer has no name; export the model again");
}

#[test]
fn names_are_printed_without_control_characters_and_not_for_ever() {
    let mut odd = model(&["Relu(x) -> y"]);
    graph(&mut odd).node[0] = pb::NodeProto {
        name: "n\u{1b}[2J\n\u{202e}é".into(),
        op_type: "Q".repeat(100_000),
        ..graph(&mut odd).node[0].clone()
    };
    let operator = format!("{}...", "Q".repeat(80));
    let expected = format!(
        "node \"n\\u{{1b}}[2J\\u{{a}}\\u{{202e}}é\" ({operator}): operator {operator} does not exist \
         in ai.onnx (operator sets 7 to 25); export the model with standard operators"
    );
    assert_eq!(refusal(&odd), expected);
}
