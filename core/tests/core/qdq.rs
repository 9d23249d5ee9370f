//! Networks written with their codes, read again.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use prost::Message;
use recoup_core::accuracy::{EmulatedDesign, Experiment};
use recoup_core::design::Design;
use recoup_core::emulate::{Network, Prepared, class_scores};
use recoup_core::model::pb::ModelProto;
use recoup_core::model::{self, OnnxFile};
use recoup_core::multiplier::Multiplier;
use recoup_core::quantize::{Calibration, Method, Qdq, QdqError, Quantized, WeightScheme, Widths};
use recoup_kernels::Isa;

use crate::{experiment, fashion, reference};

/// What is in a file that brings all its codes.
fn read(written: &Qdq, experiment: &Experiment) -> Quantized {
    let file = OnnxFile::from_bytes(&written.bytes, Path::new("codes.onnx")).unwrap();
    let graph = Arc::new(model::load(&file, None).unwrap());
    // None of its scales is needed.
    let calibration = Calibration { tensors: Vec::new(), ..experiment.calibration().clone() };
    Quantized::new(graph, &calibration, experiment.weights(), Widths::FULL).unwrap()
}

/// Each layer has the codes, scales, zero points and biases that it had, with gains in the scales; how
/// many layers have some weights that are not the nearest codes.
fn assert_same_codes(made: &EmulatedDesign, found: &Quantized) -> usize {
    let own = &made.prepared.quantized;
    assert_eq!(found.macs.len(), own.macs.len());
    let mut chosen = 0;
    for (layer, (own_mac, mac)) in own.macs.iter().zip(&found.macs).enumerate() {
        let node = &own.graph.nodes[own_mac.node].name;
        assert_eq!(mac.weights, own_mac.weights, "{node}");
        assert_eq!(mac.zero_points, own_mac.zero_points, "{node}");
        let scales = own_mac.scales.iter().zip(&own_mac.gains).map(|(scale, gain)| scale * gain);
        assert_eq!(mac.scales, scales.collect::<Vec<_>>(), "{node}");
        assert_eq!(mac.bias, own_mac.bias, "{node}");
        assert_eq!(found.mac_input(mac).1, own.mac_input(own_mac).1, "{node}");
        chosen += usize::from(own_mac.weights != made.reference.quantized.macs[layer].weights);
    }
    chosen
}

/// Scores with exact products.
fn scores(quantized: &Quantized, images: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let prepared = Prepared::new(quantized.clone(), Isa::best());
    let network = Network::new(&prepared, &Multiplier::exact(), None).unwrap();
    class_scores(&network, images, &|_| {}).unwrap()
}

/// Gains are in the scales of the weights, whose product with others is rounded once more: scores
/// differ by a rounding, or by a code that lay on an edge.
fn assert_near(found: &[Vec<f32>], expected: &[Vec<f32>]) {
    let pairs = || found.iter().flatten().zip(expected.iter().flatten());
    assert!(pairs().count() > 0);
    let signal: f32 = pairs().map(|(_, expected)| expected * expected).sum();
    let error: f32 = pairs().map(|(found, expected)| (found - expected).powi(2)).sum();
    assert!(error < 1e-4 * signal, "{error} of {signal}");
}

#[test]
fn a_network_is_read_with_the_codes_that_it_was_written_with() {
    for (network, scheme, design, least_chosen) in [
        (
            "resnet8",
            WeightScheme::U8Channel,
            "truncated:9 with V (fitted), aware+gain quantisation, chosen weight codes",
            3,
        ),
        ("mobilenetv2", WeightScheme::I8Channel, "perforated:3 with V (fitted)", 0),
        ("mobilenetv2", WeightScheme::U8Channel, "exact, 5 activation bits, 6 weight bits", 10),
        ("resnet8", WeightScheme::U8Tensor, "perforated:3, aware quantisation", 0),
    ] {
        let experiment = experiment::of(&fashion::network_of(network), scheme, Isa::best(), 4);
        let made = experiment.candidate(&design.parse::<Design>().unwrap()).unwrap();
        let written = experiment.to_qdq(&made).unwrap();
        assert!(written.uncorrected.is_empty());
        let found = read(&written, &experiment);
        let chosen = assert_same_codes(&made, &found);
        assert!(chosen >= least_chosen, "{network}, {design}: {chosen} layers");
        let (images, _) = fashion::images("test-2000", 4);
        assert_near(&scores(&found, &images), &scores(&made.prepared.quantized, &images));
    }
}

/// Any network of the reference models, on made-up images.
fn experiment_on(model: &str) -> Experiment {
    let file = OnnxFile::open(&reference::path(model)).unwrap_or_else(|error| panic!("{error}"));
    let graph = Arc::new(model::load(&file, None).unwrap());
    let elements = graph.input_elements();
    let value = |image: usize, at: usize| ((image * 31 + at * 7) % 23) as f32 / 23.0;
    let images: Vec<Vec<f32>> =
        (0..4).map(|image| (0..elements).map(|at| value(image, at)).collect()).collect();
    let source = (String::new(), String::new());
    let calibration =
        Experiment::calibrate(&file.path, &graph, &images, Method::MinMax, source, &|_| {})
            .unwrap();
    Experiment::new(graph, images, calibration, WeightScheme::U8Channel, Isa::best())
}

/// One-dimensional convolutions, constants on either side of a product, products of two activations,
/// codes of the model's own, several layers of one node of the file.
#[test]
fn layers_of_all_forms_come_back() {
    for (model, uncorrected) in [
        ("models/conv1d.onnx", 0),
        ("models/matmul-add.onnx", 0),
        ("models/squeeze-excite.onnx", 0),
        ("models/fashion-qdq-u8u8.onnx", 0),
        ("models/attention-opset17.onnx", 2),
        ("forms/mixer.onnx", 0),
        ("forms/lstm.onnx", 0),
    ] {
        let experiment = experiment_on(model);
        let design: Design = "truncated:6 with V (fitted)".parse().unwrap();
        let made = experiment.candidate(&design).unwrap();
        // It compares each layer itself.
        let written = experiment.to_qdq(&made).unwrap_or_else(|error| panic!("{model}: {error}"));
        assert!(written.uncorrected.len() <= uncorrected, "{model}: {:?}", written.uncorrected);
        let proto = ModelProto::decode(&written.bytes[..]).unwrap();
        let nodes = proto.graph.unwrap().node;
        let names: HashSet<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names.len(), nodes.len(), "{model}");
        if written.uncorrected.is_empty() {
            let images = experiment.calibration_inputs();
            let found = scores(&read(&written, &experiment), images);
            assert_near(&found, &scores(&made.prepared.quantized, images));
        }
    }
}

#[test]
fn operators_without_scales_by_channel_are_refused() {
    let experiment = experiment_on("models/opset9.onnx");
    let made = experiment.candidate(&Design::exact(8)).unwrap();
    let error = experiment.to_qdq(&made).err().unwrap();
    assert!(matches!(error, QdqError::Opset(9)), "{error}");
}

/// A model's own QuantizeLinear cannot be told to round further.
#[test]
fn own_codes_that_are_rounded_are_refused() {
    let experiment = experiment_on("models/fashion-qdq-u8u8.onnx");
    let made = experiment.candidate(&Design::exact(6)).unwrap();
    let error = experiment.to_qdq(&made).err().unwrap();
    assert!(matches!(error, QdqError::Rounded { bits: 2, .. }), "{error}");
}
