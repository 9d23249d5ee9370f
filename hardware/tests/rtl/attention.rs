//! Products of two activations of a network, whose constants the array makes.

use std::path::PathBuf;
use std::sync::Arc;

use recoup_core::accuracy::Experiment;
use recoup_core::control_variate::{ControlOptions, Loading, Mode};
use recoup_core::design::Design;
use recoup_core::model::{self, OnnxFile};
use recoup_core::quantize::{Method, WeightScheme};
use recoup_core::watch::Unwatched;
use recoup_hardware::power::Workload;
use recoup_hardware::rtl::{ArrayRtl, Correction, MultiplierCircuit, Options, Vectors, files};
use recoup_kernels::Isa;

use crate::tools::{folder, icarus};

/// Of ten numbers for each of seven tokens.
const INPUTS: usize = 70;

#[test]
fn both_products_of_an_attention() {
    check(Loading::Second, &[true, false]);
}

/// Queries and probabilities in the place of weights, keys and values streaming.
#[test]
fn both_products_with_their_first_operand_loaded() {
    check(Loading::First, &[true]);
}

fn check(loading: Loading, ways: &[bool]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../reference/attention.onnx");
    let file = OnnxFile::open(&path).unwrap();
    let graph = Arc::new(model::load(&file, None).unwrap());
    let image = |number: usize| -> Vec<f32> {
        (0..INPUTS).map(|i| ((number * INPUTS + i) as f32 * 12.9898).sin()).collect()
    };
    let images: Vec<Vec<f32>> = (0..3).map(image).collect();
    let origin = (String::new(), String::new());
    let calibration =
        Experiment::calibrate(&file.path, &graph, &images, Method::MinMax, origin, &|_| {})
            .unwrap();
    let scheme = WeightScheme::U8Channel;
    let experiment = Experiment::new(graph, images.clone(), calibration, scheme, Isa::best());
    let multiplier = "truncated:7".parse().unwrap();
    let options = ControlOptions { loading, ..ControlOptions::default() };
    let design = Design::new(multiplier)
        .with_control_variate(Mode::Fitted(None))
        .with_control_options(options);
    let candidate = experiment.candidate(&design).unwrap();
    let quantized = &candidate.prepared.quantized;
    let nodes = quantized.macs.iter().filter(|mac| mac.load.is_some());
    let nodes: Vec<&str> = nodes.map(|mac| quantized.graph.nodes[mac.node].name.as_str()).collect();
    assert_eq!(nodes.len(), 2);
    let correction = Correction::new(candidate.control.as_ref().unwrap()).unwrap();
    let workloads = Workload::of_network(&candidate, &images, 4, &Unwatched).unwrap();
    for (number, node) in nodes.iter().enumerate() {
        // The first is taken if none is named.
        let name = (number > 0).then_some(*node);
        let vectors = Vectors::of_layer(&candidate, (name, true), 4, &images, 12).unwrap();
        assert_eq!((vectors.loads, vectors.positions()), (3, 4), "{node}");
        assert_ne!(
            vectors.weights[..vectors.depth],
            vectors.weights[vectors.weights.len() / 3..][..vectors.depth]
        );
        let workload = workloads.iter().find(|workload| workload.name == *node).unwrap();
        let first = vectors.filters() * vectors.depth;
        assert_eq!(workload.weights[..first], vectors.weights[..first], "{node}");
        assert_eq!(workload.c[..vectors.filters()], vectors.c[..vectors.filters()], "{node}");
        for &load_constants in ways {
            let options = Options { load_constants, ..Options::new(4, 4, 10) };
            let circuit = MultiplierCircuit::of_design(&design, None, scheme.coding()).unwrap();
            let array = ArrayRtl::new(circuit, options, Some(correction.clone())).unwrap();
            let folder = folder(&files(&array, &vectors).unwrap());
            let (passed, said) = icarus(folder.path());
            assert!(passed, "{node}, {load_constants}: {said}");
        }
    }
}
