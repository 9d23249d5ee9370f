//! Every small network of `reference/models`: imported, run in float32 and emulated in 8 bits
//! with exact products, against what ONNX Runtime computes.

use std::collections::HashSet;
use std::sync::Arc;

use recoup_core::emulate::{Network, Prepared, RunsOn, Times, Workspace};
use recoup_core::model::{self, FloatModel, Graph, NodeKind, OnnxFile};
use recoup_core::multiplier::Multiplier;
use recoup_core::quantize::{Calibration, Method, Quantized, WeightScheme, Widths, calibrate};
use recoup_kernels::Isa;
use serde::Deserialize;

use crate::reference;
use crate::scores::sqnr_db;

/// Name, layers with constant weights, products of activations; counted in `float_models.py`.
const NETWORKS: [(&str, usize, usize); 19] = [
    ("residual", 4, 0),
    ("depthwise", 6, 0),
    ("inception", 9, 0),
    ("shuffle", 6, 0),
    ("conv1d", 4, 0),
    ("mlp", 3, 0),
    ("matmul-add", 2, 0),
    ("attention", 10, 0),
    ("attention-opset17", 10, 0),
    ("pooling", 5, 0),
    ("view", 3, 0),
    ("activations", 7, 0),
    ("squeeze-excite", 6, 0),
    ("dropout", 3, 0),
    ("auto-pad", 5, 0),
    ("opset9", 3, 0),
    ("opset18", 3, 0),
    ("constants", 3, 0),
    ("nhwc", 3, 0),
];

/// The networks reach 34 to 58 dB. A wrong pad, axis or order of elements leaves below 20.
const LEAST_SQNR_DB: f64 = 30.0;

#[derive(Deserialize)]
struct Vectors {
    input: Array,
    output: Array,
}

#[derive(Deserialize)]
struct Array {
    shape: Vec<usize>,
    data: Vec<f32>,
}

impl Array {
    /// The elements of each image of the batch.
    fn images(&self) -> Vec<Vec<f32>> {
        let size = self.data.len() / self.shape[0];
        self.data.chunks_exact(size).map(<[f32]>::to_vec).collect()
    }
}

fn onnx(name: &str) -> OnnxFile {
    let path = reference::path(&format!("models/{name}.onnx"));
    OnnxFile::open(&path).unwrap_or_else(|error| panic!("{error}"))
}

fn vectors(name: &str) -> Vectors {
    reference::json(&format!("models/{name}.json"))
}

fn graph(file: &OnnxFile) -> Graph {
    model::load(file, None).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs `check` on every network and reports all that fail, not only the first.
fn for_each_network(check: impl Fn(&str) -> Vec<String>) {
    let failures: Vec<String> = NETWORKS.iter().flat_map(|(name, ..)| check(name)).collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn every_layer_with_constant_weights_goes_to_the_multipliers() {
    for (name, layers, exact) in NETWORKS {
        let graph = graph(&onnx(name));
        assert_eq!(graph.macs().count(), layers, "{name}");
        assert_eq!(graph.exact_macs().count(), exact, "{name}");
        for node in &graph.nodes {
            assert_ne!(node.operator, "BatchNormalization", "{name}: {} is not folded", node.name);
        }
    }
}

#[test]
fn movements_and_pools_have_code_of_their_own() {
    // What is left to rten, per network. The rest of these networks, whose operators are also in
    // CNNs for images, must not fall back to floats.
    for (name, fallbacks) in [
        ("residual", &[][..]),
        ("inception", &[]),
        ("shuffle", &[]),
        ("conv1d", &["MaxPool", "GlobalAveragePool"]),
        ("view", &[]),
        ("dropout", &[]),
        ("auto-pad", &[]),
        ("nhwc", &["Softmax"]),
    ] {
        let graph = graph(&onnx(name));
        let operators =
            graph.nodes.iter().filter(|node| matches!(node.kind, NodeKind::Operator { .. }));
        let operators: Vec<_> = operators.map(|node| node.operator.as_str()).collect();
        assert_eq!(operators, fallbacks, "{name}");
    }
}

#[test]
fn the_float_reference_equals_onnx_runtime() {
    for_each_network(|name| {
        let (file, vectors) = (onnx(name), vectors(name));
        let model = FloatModel::new(&graph(&file), &[]);
        let mut failures = Vec::new();
        for (image, expected) in vectors.input.images().iter().zip(vectors.output.images()) {
            let scores = model.outputs(image).unwrap();
            let differences = scores.iter().zip(&expected).map(|(a, b)| (a - b).abs());
            let largest = differences.max_by(f32::total_cmp).unwrap_or(f32::NAN);
            // Sums in another order: some 1e-6 on values of about 1.
            if scores.len() != expected.len() || largest.is_nan() || largest > 1e-3 {
                failures.push(format!("{name}: differs by {largest} from {expected:?}"));
            }
        }
        failures
    });
}

#[test]
fn eight_bits_with_exact_products_stay_close_to_onnx_runtime() {
    for_each_network(|name| {
        let (file, vectors) = (onnx(name), vectors(name));
        let graph = Arc::new(graph(&file));
        let images = vectors.input.images();
        let mut failures = Vec::new();
        for scheme in WeightScheme::ALL {
            let network = emulated(name, &graph, &images, scheme);
            let mut workspace = Workspace::default();
            let run = |image: &Vec<f32>| network.run(image, &mut workspace).unwrap().to_vec();
            let scores: Vec<f32> = images.iter().flat_map(run).collect();
            let sqnr_db = sqnr_db(&vectors.output.data, &scores);
            if sqnr_db.is_nan() || sqnr_db < LEAST_SQNR_DB {
                failures.push(format!("{name}, {scheme}: {sqnr_db:.1} dB"));
            }
        }
        failures
    });
}

/// With exact products, calibrated on these images.
fn emulated(name: &str, graph: &Arc<Graph>, images: &[Vec<f32>], scheme: WeightScheme) -> Network {
    let tensors = calibrate(graph, images, Method::MinMax, &|_| {})
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let calibration = Calibration {
        model: name.into(),
        model_sha256: graph.sha256.clone(),
        data: "reference".into(),
        source: None,
        preprocess: "none".into(),
        images: images.len(),
        method: Method::MinMax.to_string(),
        tensors,
        layers: Vec::new(),
    };
    let quantized = Quantized::new(graph.clone(), &calibration, scheme, Widths::FULL)
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let prepared = Prepared::new(quantized, Isa::best());
    Network::new(&prepared, &Multiplier::exact(), None)
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every node is in a step, layers with all their products, and the outputs are as without a profile.
#[test]
fn a_profile_leaves_nothing_out() {
    for_each_network(|name| {
        let graph = Arc::new(graph(&onnx(name)));
        let images = vectors(name).input.images();
        let network = emulated(name, &graph, &images, WeightScheme::U8Channel);
        let (mut workspaces, mut times) = (Vec::new(), Times::default());
        let images: Vec<&[f32]> = images.iter().map(Vec::as_slice).collect();
        let timed = network.run_timed(&images, &mut workspaces, &mut times).unwrap();
        assert_eq!(timed, network.run_many(&images, &mut workspaces).unwrap(), "{name}");

        let profile = network.profile(&times);
        assert_eq!(profile.images, images.len(), "{name}");
        let (first, last) = (&profile.steps[0], &profile.steps[profile.steps.len() - 1]);
        assert_eq!((&*first.nodes, &*last.nodes), (graph.input_names(), graph.output_names()));
        let steps = &profile.steps[1..profile.steps.len() - 1];
        let in_steps: HashSet<&String> = steps.iter().flat_map(|step| &step.nodes).collect();
        let in_graph: HashSet<&String> = graph.nodes.iter().map(|node| &node.name).collect();
        assert_eq!(in_steps, in_graph, "{name}");
        let on_multipliers = steps.iter().filter(|step| step.runs_on == RunsOn::Multipliers);
        let layers: Vec<_> =
            on_multipliers.map(|step| (&step.nodes[0], step.macs.unwrap())).collect();
        let macs = graph.macs().map(|(node, mac)| (&node.name, mac.mac_count()));
        assert_eq!(layers, macs.collect::<Vec<_>>(), "{name}");
        assert!(steps.iter().all(|step| step.conversion <= step.time), "{name}: {profile:?}");
        Vec::new()
    });
}
