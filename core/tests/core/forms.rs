//! Attention, recurrent layers and blocks in the forms that exporters write, and what ONNX Runtime
//! makes of them (reference/forms.py): in float32, and in 8 bits with exact products.

use std::sync::Arc;

use recoup_core::emulate::Workspace;
use recoup_core::model::{self, Attention, FloatModel, Graph, OnnxFile};
use serde::Deserialize;

use crate::exact::exact_network;
use crate::reference;
use crate::scores::sqnr_db;

#[derive(Deserialize)]
struct Form {
    name: String,
    /// How many layers have constant weights.
    layers: usize,
    /// How many multiply two activations.
    products: usize,
    samples: Vec<Vec<f32>>,
    outputs: Vec<Vec<f32>>,
}

impl Form {
    fn graph(&self, attention: Attention) -> Arc<Graph> {
        let path = reference::path(&format!("forms/{}.onnx", self.name));
        let file = OnnxFile::open(&path).unwrap_or_else(|error| panic!("{error}"));
        let graph = model::load_with(&file, None, attention);
        Arc::new(graph.unwrap_or_else(|error| panic!("{error}")))
    }
}

/// The forms reach 33 to 50 dB. A wrong mask, axis or order of elements leaves below 20.
const LEAST_SQNR_DB: f64 = 25.0;

/// Runs `check` on every form, and reports all that fail.
fn for_each_form(check: impl Fn(&Form) -> Vec<String>) {
    let forms: Vec<Form> = reference::json("forms.json");
    let failures: Vec<String> = forms.iter().flat_map(check).collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn all_products_run_on_the_multipliers() {
    for_each_form(|form| {
        let graph = form.graph(Attention::Emulated);
        let products = graph.macs().filter(|(_, mac)| mac.loads_value()).count();
        let layers = graph.macs().count() - products;
        let exact: Vec<_> = graph.exact_macs().map(|(node, reason)| (&node.name, reason)).collect();
        let expected = (form.layers, form.products);
        let as_expected = (layers, products) == expected && exact.is_empty();
        let found = format!("{}: {layers} and {products}, exact {exact:?}", form.name);
        Vec::from_iter((!as_expected).then_some(found))
    });
}

#[test]
fn in_float_they_equal_onnx_runtime() {
    for_each_form(|form| {
        let model = FloatModel::new(&form.graph(Attention::Float), &[]);
        let of_sample = |(sample, expected): (&Vec<f32>, &Vec<f32>)| {
            let found = model.outputs(sample).unwrap();
            let differences = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
            let largest = differences.max_by(f32::total_cmp).unwrap_or(f32::NAN);
            // Sums in another order: some 1e-6 on values of about 1.
            let equal = found.len() == expected.len() && largest < 1e-4;
            (!equal).then(|| format!("{}: differs by {largest}", form.name))
        };
        form.samples.iter().zip(&form.outputs).filter_map(of_sample).collect()
    });
}

#[test]
fn eight_bits_with_exact_products_stay_close() {
    for_each_form(|form| {
        let graph = form.graph(Attention::Emulated);
        let network = exact_network(&graph, &form.samples);
        let network = network.unwrap_or_else(|error| panic!("{}: {error}", form.name));
        let mut workspace = Workspace::default();
        let run = |sample: &Vec<f32>| network.run(sample, &mut workspace).unwrap().to_vec();
        let found: Vec<f32> = form.samples.iter().flat_map(run).collect();
        let sqnr_db = sqnr_db(&form.outputs.concat(), &found);
        let close = sqnr_db >= LEAST_SQNR_DB;
        Vec::from_iter((!close).then(|| format!("{}: {sqnr_db:.1} dB", form.name)))
    });
}
