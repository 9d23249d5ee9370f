//! A trained network that ONNX Runtime quantised (QDQ), run on its own codes with exact products:
//! the same classes and, to a step or two, the same logits.

use std::sync::Arc;

use rayon::prelude::*;
use recoup_core::emulate::{Network, Prepared, Workspace};
use recoup_core::model::{self, FloatModel, OnnxFile};
use recoup_core::multiplier::Multiplier;
use recoup_core::quantize::{Calibration, Quantized, WeightScheme, Widths};
use recoup_kernels::Isa;
use serde::Deserialize;

use crate::{fashion, reference};

#[derive(Deserialize)]
struct Vectors {
    logits: Vec<f32>,
    top1: Vec<usize>,
    top1_correct_of_2000: usize,
}

/// Of which the reference holds the logits.
const IMAGES: usize = 64;
const CLASSES: usize = 10;

const NETWORKS: [(&str, WeightScheme); 3] = [
    ("fashion-qdq-u8u8", WeightScheme::U8Tensor),
    ("fashion-qdq-u8s8", WeightScheme::U8Channel),
    ("fashion-qdq-u8s8", WeightScheme::I8Channel),
];

fn onnx(name: &str) -> OnnxFile {
    let path = reference::path(&format!("models/{name}.onnx"));
    OnnxFile::open(&path).unwrap_or_else(|error| panic!("{error}"))
}

fn vectors(name: &str) -> Vectors {
    reference::json(&format!("models/{name}.json"))
}

/// The network of `name` on the codes and scales that it brings, and one step of its logits.
fn network(name: &str, scheme: WeightScheme) -> (Network, f32) {
    let file = onnx(name);
    let graph = model::load(&file, None).unwrap_or_else(|error| panic!("{error}"));
    let step = graph.values[graph.outputs[0]].quantization.expect("QDQ quantises the logits").scale;
    // Empty: no tensor that a multiplier reads may need a scale of ours.
    let calibration = Calibration::of_own_codes(file.sha256);
    let quantized = Quantized::new(Arc::new(graph), &calibration, scheme, Widths::FULL).unwrap();
    let prepared = Prepared::new(quantized, Isa::best());
    (Network::new(&prepared, &Multiplier::exact(), None).unwrap(), step)
}

fn argmax(scores: &[f32]) -> usize {
    // The first of equals, as numpy has it.
    (0..scores.len()).rev().max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap()
}

#[test]
fn the_float_network_gives_onnx_runtimes_logits() {
    let (images, _) = fashion::images("test-2000", IMAGES);
    let expected = vectors("fashion-float");
    let model = FloatModel::new(&model::load(&fashion::network(), None).unwrap(), &[]);
    for (index, image) in images.iter().enumerate() {
        let scores = model.outputs(image).unwrap();
        assert_eq!(argmax(&scores), expected.top1[index], "image {index}");
        for (score, logit) in scores.iter().zip(&expected.logits[index * CLASSES..]) {
            assert!((score - logit).abs() < 1e-3, "image {index}: {score}, not {logit}");
        }
    }
}

/// Each layer's sum is exact here and rounded in ONNX Runtime, which adds floats: a value on a
/// rounding tie may become the neighbouring code, and then move the logits by up to a step.
#[test]
fn quantised_networks_give_onnx_runtimes_logits() {
    let (images, _) = fashion::images("test-2000", IMAGES);
    for (name, scheme) in NETWORKS {
        let (network, step) = network(name, scheme);
        let expected = vectors(name);
        let mut workspace = Workspace::default();
        let (mut same_class, mut equal) = (0, 0);
        for (index, image) in images.iter().enumerate() {
            let scores = network.run(image, &mut workspace).unwrap();
            same_class += usize::from(argmax(scores) == expected.top1[index]);
            for (score, logit) in scores.iter().zip(&expected.logits[index * CLASSES..]) {
                let steps = (score - logit).abs() / step;
                assert!(steps < 1.5, "{name}, {scheme}, image {index}: {score}, not {logit}");
                equal += usize::from(steps < 0.5);
            }
        }
        assert!(same_class >= IMAGES - 1, "{name}, {scheme}: {same_class} of {IMAGES} classes");
        let all = IMAGES * CLASSES;
        assert!(equal * 100 >= all * 98, "{name}, {scheme}: {equal} of {all} logits");
    }
}

#[test]
fn quantised_networks_are_as_accurate_as_in_onnx_runtime() {
    let (images, labels) = fashion::images("test-2000", 2000);
    for (name, scheme) in NETWORKS {
        let (network, _) = network(name, scheme);
        let right = |workspace: &mut Workspace, (image, &label): (&Vec<f32>, &usize)| {
            argmax(network.run(image, workspace).unwrap()) == label
        };
        let right = images.par_iter().zip(&labels).map_init(Workspace::default, right);
        let correct = right.filter(|right| *right).count();
        let expected = vectors(name).top1_correct_of_2000;
        // Two images in 2,000 (0.1 points) for logits that tie or differ by a step.
        assert!(correct.abs_diff(expected) <= 2, "{name}, {scheme}: {correct}, not {expected}");
    }
}
