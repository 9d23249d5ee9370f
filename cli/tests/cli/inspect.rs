//! `recoup inspect`.

use crate::onnx::{Model, Size};
use crate::run::{FASHION_MODEL, Tiny, json, stdout};

#[test]
fn the_embedded_network() {
    insta::assert_snapshot!("fashion", stdout(&["inspect", FASHION_MODEL]));
}

#[test]
fn the_embedded_network_as_json() {
    let object = json(&["inspect", FASHION_MODEL, "--json"]);
    assert_eq!(object["model"], FASHION_MODEL);
    assert_eq!(object["input"], serde_json::json!([1, 1, 28, 28]));
    assert_eq!(object["output"], serde_json::json!([1, 10]));
    let nodes = object["nodes"].as_array().unwrap();
    let macs: u64 = nodes.iter().filter_map(|node| node["macs"].as_u64()).sum();
    assert_eq!(object["macs"], macs);
    insta::assert_snapshot!(format!("{:#}", nodes[0]));
}

#[test]
fn a_quantised_network_keeps_its_codes() {
    insta::assert_snapshot!("qdq", stdout(&["inspect", "reference/models/fashion-qdq-u8u8.onnx"]));
}

#[test]
fn products_of_two_activations_are_listed_where_they_run() {
    let inspect = ["inspect", "reference/models/attention.onnx"];
    insta::assert_snapshot!("attention", stdout(&inspect));
    let in_float = [&inspect[..], &["--attention", "float"]].concat();
    insta::assert_snapshot!("attention-float", stdout(&in_float));
}

#[test]
fn an_open_shape_is_given_on_the_command_line() {
    let tiny = Tiny::new();
    let model = Model { input: vec![Size::Named("features")], ..Model::default() };
    let path = tiny.write("open.onnx", &model.bytes());
    let object = json(&["inspect", &path, "--input-shape", "4", "--json"]);
    assert_eq!(object["input"], serde_json::json!([1, 4]));
}
