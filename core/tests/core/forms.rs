//! Attention, recurrent layers and blocks in the forms that exporters write, and what ONNX Runtime
//! makes of them (reference/forms.py): in float32, and in 8 bits with exact products.

use std::path::Path;
use std::sync::Arc;

use recoup_core::accuracy::{Details, Experiment, Images, evaluate, sampler};
use recoup_core::data::{Dataset, MemoryArray, Pixels, Preprocess};
use recoup_core::emulate::Workspace;
use recoup_core::model::pb::{ModelProto, NodeProto, OperatorSetIdProto};
use recoup_core::model::{self, FloatModel, Graph, OnnxFile};
use recoup_core::quantize::{Method, WeightScheme};
use recoup_kernels::Isa;
use serde::Deserialize;

use crate::exact::exact_network;
use crate::experiment;
use crate::onnx::{encode, int, ints, model_of, node, tensor, whole};
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
    /// What differs from ONNX Runtime's, and from what is to run on the multipliers.
    fn faults(&self) -> Result<(), String> {
        let path = reference::path(&format!("forms/{}.onnx", self.name));
        let file = OnnxFile::open(&path).map_err(|error| error.to_string())?;
        let graph = model::load(&file, None).map_err(|error| error.to_string())?;

        let products = graph.macs().filter(|(_, mac)| mac.loads_value()).count();
        let layers = graph.macs().count() - products;
        let exact: Vec<_> = graph.exact_macs().map(|(node, reason)| (&node.name, reason)).collect();
        if (layers, products) != (self.layers, self.products) || !exact.is_empty() {
            return Err(format!("{layers} layers and {products} products, exact {exact:?}"));
        }

        let model = FloatModel::new(&graph, &[]);
        for (sample, expected) in self.samples.iter().zip(&self.outputs) {
            let found = model.outputs(sample).map_err(|error| error.to_string())?;
            let differences = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
            let largest = differences.max_by(f32::total_cmp).unwrap_or(f32::NAN);
            // Sums in another order: some 1e-6 on values of about 1.
            if found.len() != expected.len() || largest.is_nan() || largest > 1e-4 {
                return Err(format!("differs by {largest} in float"));
            }
        }

        let network = exact_network(&Arc::new(graph), &self.samples)?;
        let mut workspace = Workspace::default();
        let mut found = Vec::new();
        for sample in &self.samples {
            let outputs = network.run(sample, &mut workspace).map_err(|error| error.to_string())?;
            found.extend_from_slice(outputs);
        }
        let sqnr_db = sqnr_db(&self.outputs.concat(), &found);
        match sqnr_db >= LEAST_SQNR_DB {
            true => Ok(()),
            false => Err(format!("{sqnr_db:.1} dB in 8 bits")),
        }
    }
}

/// The forms reach 31 to 46 dB. A wrong mask, axis or order of elements leaves below 20.
const LEAST_SQNR_DB: f64 = 25.0;

#[test]
fn all_forms_are_what_onnx_runtime_makes_of_them() {
    let forms: Vec<Form> = reference::json("forms.json");
    assert!(!forms.is_empty());
    let fault = |form: &Form| Some(format!("{}: {}", form.name, form.faults().err()?));
    let faults: Vec<String> = forms.iter().filter_map(fault).collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// Networks of several inputs, whole numbers among them, and steps of time: against the float32
/// network and against exact products, without labels.
#[test]
fn v_brings_forms_closer_to_exact_products_and_fidelity_says_so() {
    let forms: Vec<Form> = reference::json("forms.json");
    for name in ["bert", "lstm-both-ways"] {
        let form = forms.iter().find(|form| form.name == name).unwrap();
        let file = OnnxFile::open(&reference::path(&format!("forms/{name}.onnx"))).unwrap();
        let graph = Arc::new(model::load(&file, None).unwrap());
        let inputs = graph.inputs.iter().map(|&input| &graph.values[input]);
        let mut start = 0;
        let arrays = inputs.zip(graph.input_names()).map(|(value, name)| {
            let range = start..start + value.volume();
            start = range.end;
            let of_input = form.samples.iter().flat_map(|sample| &sample[range.clone()]);
            let mut shape = value.shape.clone();
            shape[0] = form.samples.len();
            let elements = Pixels::F32(of_input.copied().collect()).into();
            MemoryArray { name: name.clone(), shape, elements }
        });
        let dataset = Dataset::from_arrays(arrays.collect(), None).unwrap();
        let sampler = sampler(&dataset, &Preprocess::default(), &graph).unwrap();

        let (samples, origin) = (&form.samples, (String::new(), String::new()));
        let calibration =
            Experiment::calibrate(&file.path, &graph, samples, Method::MinMax, origin, &|_| {})
                .unwrap();
        let float = FloatModel::new(&graph, &[]);
        let scheme = WeightScheme::U8Channel;
        let samples = samples.clone();
        let experiment = Experiment::new(graph, samples, calibration, scheme, Isa::best());
        let designs = [("exact", "none"), ("truncated:7", "none"), ("truncated:7", "fitted")];
        let candidates =
            designs.map(|(multiplier, mode)| experiment::candidate(&experiment, multiplier, mode));
        let images =
            Images { dataset: &dataset, indices: &[0, 1, 2, 3], sampler: &sampler, batch: 2 };
        let details = Details::default();
        let found = evaluate(&images, &float, &candidates, details, None, &|_| {}).unwrap();
        let outputs = found.fidelity.unwrap();
        let of_float: Vec<f64> =
            outputs.iter().map(|output| output[0].against_float.sqnr_db.unwrap()).collect();
        let &[exact, without, with] = &of_float[..] else { panic!("{name}") };
        assert!(exact > LEAST_SQNR_DB && with > without + 3.0, "{name}: {of_float:?}");
    }
}

#[test]
fn a_sequence_that_is_too_long_stays_in_float() {
    let load = |steps: i64| {
        let turned = node("Transpose", "turned", &["input"], "x");
        let recurrent = node("LSTM", "lstm", &["x", "w", "r"], "y");
        let nodes = vec![
            NodeProto { attribute: vec![ints("perm", &[1, 0, 2])], ..turned },
            NodeProto { attribute: vec![int("hidden_size", 2)], ..recurrent },
            node("MatMul", "last", &["y", "v"], "output"),
        ];
        let weights = vec![
            tensor("w", &[1, 8, 3], &[0.1; 24]),
            tensor("r", &[1, 8, 2], &[0.1; 16]),
            tensor("v", &[2, 2], &[1.0; 4]),
        ];
        let graph = loaded(&model_of(nodes, weights, &[Some(1), Some(steps), Some(3)])).unwrap();
        let reasons: Vec<String> = graph.exact_macs().map(|(_, reason)| reason.into()).collect();
        (reasons, graph.macs().count())
    };
    assert_eq!(load(2), (vec![], 3));
    let reason = "it has 257 steps, and 1 to 256 are written out";
    assert_eq!(load(257), (vec![reason.into()], 1));
}

#[test]
fn caches_and_other_masks_are_refused() {
    let inputs = ["input", "input", "input"];
    let heads = int("num_heads", 2);
    let cases = [
        ("MultiHeadAttention", [&inputs[..], &["", "", "", "p", "p"]].concat(), "has past_key"),
        ("MultiHeadAttention", [&inputs[..], &["", "m"]].concat(), "a mask of shape [2, 9]"),
        ("MultiHeadAttention", inputs[..1].to_vec(), "packs queries, keys and values"),
        ("Attention", vec!["input", "w", "", "", "p"], "has past, which"),
        ("Attention", vec!["input", "v"], "has 4 columns of weights"),
    ];
    for (operator, inputs, reason) in cases {
        let attention = node(operator, "attention", &inputs, "y");
        let attention = NodeProto {
            domain: "com.microsoft".into(),
            attribute: vec![heads.clone()],
            ..attention
        };
        let nodes = vec![attention, node("MatMul", "last", &["y", "v"], "output")];
        let constants = vec![
            tensor("v", &[4, 4], &[1.0; 16]),
            tensor("w", &[4, 12], &[1.0; 48]),
            tensor("p", &[1, 2, 1, 2], &[1.0; 4]),
            whole("m", &[2, 9], &[1; 18]),
        ];
        let mut model = model_of(nodes, constants, &[Some(1), Some(3), Some(4)]);
        model.opset_import.push(OperatorSetIdProto { domain: "com.microsoft".into(), version: 1 });
        let message = loaded(&model).expect_err(reason);
        assert!(message.contains(reason), "{message}");
    }
}

fn loaded(model: &ModelProto) -> Result<Graph, String> {
    let file = OnnxFile::from_bytes(&encode(model), Path::new("net.onnx"));
    let graph = file.and_then(|file| model::load(&file, None));
    graph.map_err(|error| error.to_string())
}
