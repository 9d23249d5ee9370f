//! Codes chosen for the multiplier, and biases for what it leaves: small networks, against the
//! float model.

use std::path::Path;
use std::sync::Arc;

use recoup_core::accuracy::{EmulatedDesign, Experiment};
use recoup_core::design::Design;
use recoup_core::emulate::{Network, Workspace};
use recoup_core::model::pb::NodeProto;
use recoup_core::model::{self, FloatModel, OnnxFile};
use recoup_core::quantize::{Method, WeightScheme};
use recoup_core::watch::Unwatched;
use recoup_kernels::Isa;

use crate::onnx::{encode, ints, model_of, node, tensor};
use crate::scores::scores;

const INPUTS: usize = 128;
const HIDDEN: usize = 32;
/// Images that outputs are corrected on.
const CORRECTED_ON: usize = 64;
const OUTPUTS: usize = 8;

/// Fixed numbers without pattern between -1 and 1.
fn noise(count: usize, seed: f32) -> Vec<f32> {
    (0..count).map(|i| ((i as f32 + seed) * 12.9898).sin()).collect()
}

/// A network of two layers on 200 images of positive values, one of which is far out.
struct Trial {
    experiment: Experiment,
    images: Vec<Vec<f32>>,
    /// Class scores of the float model.
    expected: Vec<Vec<f32>>,
}

impl Trial {
    fn new() -> Self {
        let (inputs, hidden, outputs) = (INPUTS as i64, HIDDEN as i64, OUTPUTS as i64);
        let weights = [
            tensor("w1", &[hidden, inputs, 1, 1], &noise(INPUTS * HIDDEN, 0.5)),
            tensor("w2", &[outputs, hidden, 1, 1], &noise(HIDDEN * OUTPUTS, 7.25)),
        ];
        let layer = |name: &str, input: &str, weights: &str, output: &str| NodeProto {
            attribute: vec![ints("kernel_shape", &[1, 1])],
            ..node("Conv", name, &[input, weights], output)
        };
        let nodes = vec![
            layer("first", "input", "w1", "hidden"),
            node("Relu", "relu", &["hidden"], "rectified"),
            layer("second", "rectified", "w2", "output"),
        ];
        let shape = [Some(1), Some(inputs), Some(1), Some(1)];
        let model = model_of(nodes, weights.to_vec(), &shape);
        let file = OnnxFile::from_bytes(&encode(&model), Path::new("net.onnx")).unwrap();
        let graph = Arc::new(model::load(&file, None).unwrap());
        let mut images: Vec<Vec<f32>> = (0..200)
            .map(|image| noise(INPUTS, 1000.0 * image as f32).iter().map(|v| v.abs()).collect())
            .collect();
        images[17][5] = 5.0;
        let float = FloatModel::new(&graph, &[]);
        let mut expected = Vec::new();
        images.iter().for_each(|image| expected.push(float.outputs(image).unwrap()));
        let origin = (String::new(), String::new());
        let calibration =
            Experiment::calibrate(&file.path, &graph, &images, Method::MinMax, origin, &|_| {})
                .unwrap();
        let scheme = WeightScheme::U8Channel;
        let experiment = Experiment::new(graph, images.clone(), calibration, scheme, Isa::best());
        Self { experiment, images, expected }
    }

    fn design(multiplier: &str, mode: &str, quantization: &str) -> Design {
        Design::new(multiplier.parse().unwrap())
            .with_control_variate(mode.parse().unwrap())
            .with_quantization(quantization.parse().unwrap())
    }

    fn candidate(&self, multiplier: &str, mode: &str, quantization: &str) -> EmulatedDesign {
        self.experiment.candidate(&Self::design(multiplier, mode, quantization)).unwrap()
    }

    /// Mean square of the scores' error, and the mean error of each class, over the first images.
    fn error(&self, candidate: &EmulatedDesign, images: usize) -> (f64, Vec<f64>) {
        let found = scores(candidate, &self.images[..images]);
        let (mut square, mut means) = (0.0, vec![0.0; OUTPUTS]);
        for (found, expected) in found.iter().zip(&self.expected) {
            for ((found, expected), mean) in found.iter().zip(expected).zip(&mut means) {
                let error = f64::from(found - expected);
                square += error * error / (images * OUTPUTS) as f64;
                *mean += error / images as f64;
            }
        }
        (square, means)
    }
}

#[test]
fn clipping_an_outlier_helps_a_coarse_multiplier() {
    let trial = Trial::new();
    for multiplier in ["truncated:8", "perforated:4"] {
        let plain = trial.candidate(multiplier, "fitted", "plain");
        let aware = trial.candidate(multiplier, "fitted", "aware");
        let input = plain.prepared.quantized.graph.inputs[0];
        let scale = |candidate: &EmulatedDesign| {
            candidate.prepared.quantized.activations[input].unwrap().scale
        };
        assert!(scale(&aware) < 0.6 * scale(&plain), "{multiplier}: the outlier is clipped");
        let (plain, aware) = (trial.error(&plain, 200).0, trial.error(&aware, 200).0);
        assert!(aware < 0.75 * plain, "{multiplier}: {aware} against {plain}");
    }
}

#[test]
fn bias_correction_takes_the_mean_error_off() {
    let trial = Trial::new();
    let exact = trial.error(&trial.candidate("exact", "none", "plain"), CORRECTED_ON).1;
    for quantization in ["plain", "aware"] {
        // Without V, the products are too small throughout.
        let without = trial.candidate("truncated:6", "none", quantization);
        let without = trial.error(&without, CORRECTED_ON).1;
        let corrected = trial.candidate("truncated:6", "none", &format!("{quantization}+bias"));
        let with = trial.error(&corrected, CORRECTED_ON).1;
        let far = |means: &[f64]| {
            means.iter().zip(&exact).map(|(mean, exact)| (mean - exact).abs()).sum::<f64>()
        };
        assert!(far(&with) < 0.02 * far(&without), "{quantization}: {with:?}, exact {exact:?}");
    }
}

/// The slope of the scores on those of exact products, and the difference of their means, per class.
fn slopes(found: &[Vec<f32>], exact: &[Vec<f32>]) -> Vec<(f64, f64)> {
    let mean =
        |of: &dyn Fn(usize) -> f64| (0..exact.len()).map(of).sum::<f64>() / exact.len() as f64;
    let of_class = |class: usize| {
        let y = |image: usize| f64::from(exact[image][class]);
        let z = |image: usize| f64::from(found[image][class]);
        let (mean_y, mean_z) = (mean(&y), mean(&z));
        let covariance = mean(&|image| (y(image) - mean_y) * (z(image) - mean_z));
        let variance = mean(&|image| (y(image) - mean_y).powi(2));
        (covariance / variance, mean_z - mean_y)
    };
    (0..OUTPUTS).map(of_class).collect()
}

#[test]
fn gains_bring_the_signal_back() {
    let trial = Trial::new();
    let of = |candidate: &EmulatedDesign| scores(candidate, &trial.images[..CORRECTED_ON]);
    let exact = of(&trial.candidate("exact", "none", "plain"));
    // 64 outputs are what the score's gain is made of: 32 / 96 of what is missing there stays.
    for (multiplier, mode) in [("perforated:3", "none"), ("truncated:7", "none")] {
        let slopes =
            |quantization| slopes(&of(&trial.candidate(multiplier, mode, quantization)), &exact);
        let far = |slopes: &[(f64, f64)]| {
            slopes.iter().map(|(slope, _)| (slope - 1.0).abs()).sum::<f64>() / OUTPUTS as f64
        };
        let (plain, gain) = (slopes("plain"), slopes("plain+gain"));
        assert!(far(&plain) > 0.04, "{multiplier}: {plain:?}");
        assert!(far(&gain) < 0.05 && 2.0 * far(&gain) < far(&plain), "{multiplier}: {gain:?}");
        assert!(gain.iter().all(|(_, mean)| mean.abs() < 1e-3), "{multiplier}: {gain:?}");
    }
}

/// What was corrected on the way is the network that comes of the codes, biases and gains found.
#[test]
fn a_corrected_network_is_as_made_anew() {
    let trial = Trial::new();
    for mode in ["none", "fitted"] {
        let found = trial.candidate("perforated:3", mode, "plain+gain");
        let EmulatedDesign { design, control, prepared, network, .. } = &found;
        let anew = Network::new(prepared, &design.multiplier, control.as_ref()).unwrap();
        let (mut own, mut other) = (Workspace::default(), Workspace::default());
        for image in &trial.images {
            let (own, other) = (network.run(image, &mut own), anew.run(image, &mut other));
            assert_eq!(own.unwrap(), other.unwrap(), "{mode}");
        }
    }
}

#[test]
fn gains_are_of_filters_or_of_layers_and_1_for_exact_products() {
    let trial = Trial::new();
    let gains = |multiplier, quantization| -> Vec<Vec<f32>> {
        let candidate = trial.candidate(multiplier, "none", quantization);
        candidate.prepared.quantized.macs.iter().map(|mac| mac.gains.clone()).collect()
    };
    let alike = |gains: &Vec<f32>| gains.iter().all(|gain| gain == &gains[0]);
    let (of_filters, of_layers) =
        (gains("perforated:3", "plain+gain"), gains("perforated:3", "plain+layer-gain"));
    assert!(of_filters.iter().all(|gains| !alike(gains)), "{of_filters:?}");
    assert!(of_layers.iter().all(|gains| alike(gains) && gains[0] != 1.0), "{of_layers:?}");
    let exact = gains("exact", "plain+gain");
    assert!(exact.iter().flatten().all(|gain| *gain == 1.0), "{exact:?}");
}

#[test]
fn choices_are_the_same_every_time_and_reported_without_running() {
    let trial = Trial::new();
    let single = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    for quantization in ["aware", "aware+bias", "aware+gain"] {
        let once = trial.candidate("truncated:7", "fitted", quantization);
        let again =
            single.install(|| Trial::new().candidate("truncated:7", "fitted", quantization));
        assert_eq!(scores(&once, &trial.images), scores(&again, &trial.images), "{quantization}");
        let design = Trial::design("truncated:7", "fitted", quantization);
        let prediction = trial.experiment.predict(&design, &Unwatched).unwrap();
        assert_eq!(prediction.functions, once.control.unwrap().functions);
        assert!(prediction.noise_to_signal > 0.0 && prediction.noise_to_signal < 0.01);
    }
}
