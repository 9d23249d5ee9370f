use std::path::Path;
use std::sync::Arc;

use recoup_kernels::Isa;

use super::*;
use crate::control_variate::{ControlOptions, functions_of, layers};
use crate::emulate::{Prepared, code_histograms};
use crate::model::{self, OnnxFile};
use crate::quantize::{Calibration, Method, WeightScheme, Widths, calibrate, value_histograms};

/// The mean noise of the calibration's own codes.
fn plain_noise(given: &Given, purpose: &Purpose) -> f64 {
    let coding = given.quantized.weights.coding();
    let errors = Errors::new(&purpose.multiplier.errors(coding));
    let arithmetic = Arithmetic {
        errors: &errors,
        functions: purpose.functions,
        bias_correction: purpose.bias_correction,
        coding,
    };
    let tensors = tensors(given);
    let noise =
        tensors.iter().map(|tensor| noise(given, tensor, tensor.quantization, 0, &arithmetic));
    let readers: usize = tensors.iter().map(|tensor| tensor.readers.len()).sum();
    noise.sum::<f64>() / readers as f64
}

#[test]
fn a_choice_never_has_more_predicted_error_than_the_calibration() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../zoo/assets/fashion-resnet8.onnx");
    let file = OnnxFile::open(&path).unwrap();
    let graph = Arc::new(model::load(&file, None).unwrap());
    let elements = graph.input_elements();
    // A fixed sequence without pattern, as wide as preprocessed images.
    let pixel = |image: usize, i: usize| 2.0 * ((image * elements + i) as f32 * 12.9898).sin();
    let images: Vec<Vec<f32>> =
        (0..4).map(|image| (0..elements).map(|i| pixel(image, i)).collect()).collect();
    let method = Method::MeanSquare;
    let calibration = Calibration {
        model: String::new(),
        model_sha256: file.sha256.clone(),
        data: String::new(),
        source: None,
        preprocess: String::new(),
        images: images.len(),
        method: method.to_string(),
        tensors: calibrate(&graph, &images, method, &|_| {}).unwrap(),
        layers: Vec::new(),
    };
    let quantized =
        Quantized::new(graph.clone(), &calibration, WeightScheme::U8Channel, Widths::FULL);
    let prepared = Prepared::new(quantized.unwrap(), Isa::best());
    let codes = code_histograms(&prepared, &images, &|_| {}).unwrap();
    let values = value_histograms(&graph, &images, &Vec::new(), &|_| {}).unwrap();
    let given = Given {
        quantized: &prepared.quantized,
        codes: &codes,
        calibration: &calibration,
        values: &values,
    };
    let mut compared = 0;
    let specs =
        ["exact", "truncated:6", "truncated:8", "perforated:2", "perforated:4", "mask:0xff"];
    for multiplier in specs.map(|spec| spec.parse::<Multiplier>().unwrap()) {
        for mode in ["none", "constant", "fitted"].map(|mode| mode.parse().unwrap()) {
            let options = ControlOptions::default();
            let layers = layers(&prepared.quantized, &codes).unwrap();
            let coding = prepared.quantized.weights.coding();
            let functions = functions_of(&layers, coding, &multiplier, mode, options).unwrap();
            for bias_correction in [false, true] {
                let functions = functions.as_deref();
                let purpose = Purpose { multiplier: &multiplier, functions, bias_correction };
                let choices = choose(&given, &purpose);
                let choice = &choices[0];
                assert!(
                    choices.iter().all(|other| choice.noise_to_signal <= other.noise_to_signal)
                );
                let plain = plain_noise(&given, &purpose);
                assert!(choice.noise_to_signal > 0.0, "{multiplier} {mode}");
                assert!(choice.noise_to_signal <= plain, "{multiplier} {mode}");
                compared += 1;
                if multiplier.is_exact() {
                    assert_eq!(choice.activation_bits, 8, "exact products of 8 bits lose least");
                }
                if multiplier.to_string() == "perforated:4" {
                    assert_eq!(choice.activation_bits, 4, "{mode}");
                    assert!(choice.noise_to_signal < plain / 1.3, "{mode}");
                }
            }
        }
    }
    assert_eq!(compared, 36);
}
