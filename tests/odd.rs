//! Forms in which models come (reference/odd): each must be read as ONNX Runtime reads it, in float32
//! and on codes.

#[path = "support/reference.rs"]
mod reference;

use std::path::Path;
use std::sync::Arc;

use recoup::emulate::{Network, Prepared, Workspace};
use recoup::model::{self, FloatModel, OnnxFile, Weights};
use recoup::multiplier::Multiplier;
use recoup::quantize::{Calibration, Method, Quantized, WeightScheme, calibrate};
use recoup_kernels::Isa;
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    kind: String,
    input: Array,
    #[serde(default)]
    other_inputs: Vec<Array>,
    outputs: Vec<Array>,
    /// Real value of one code of the first output.
    step: Option<f32>,
    /// A word of the message with which the model is to be refused.
    refuse: Option<String>,
}

#[derive(Deserialize)]
struct Array {
    shape: Vec<usize>,
    data: Vec<f32>,
}

/// What is wrong with a model, if anything.
fn check(path: &Path) -> Result<(), String> {
    let name = path.file_stem().unwrap().to_string_lossy();
    let vectors: Vectors = reference::json(&format!("odd/{name}.json"));
    let loaded = OnnxFile::open(path).and_then(|file| Ok((model::load(&file, None)?, file)));
    let (graph, file) = match (loaded, &vectors.refuse) {
        (Err(error), Some(word)) if error.to_string().contains(word) => return Ok(()),
        (Err(error), _) => return Err(error.to_string()),
        (Ok(_), Some(word)) => return Err(format!("runs; expected a refusal for {word}")),
        (Ok(loaded), None) => loaded,
    };
    if !vectors.other_inputs.is_empty() {
        return Err("has several inputs".into());
    }
    let images = vectors.input.shape[0];
    let size = vectors.input.data.len() / images.max(1);
    let inputs: Vec<Vec<f32>> =
        vectors.input.data.chunks_exact(size).map(<[f32]>::to_vec).collect();
    let expected = &vectors.outputs[0];
    let scores = expected.data.len() / images;
    let step = vectors.step.unwrap_or(0.0);
    let differs = |found: &[f32], image: usize, tolerance: f32| {
        let expected = &expected.data[image * scores..][..scores];
        let differences =
            found.iter().zip(expected).map(|(found, expected)| (found - expected).abs());
        let largest = differences.fold(0.0, f32::max);
        (found.len() != scores || largest.is_nan() || largest > tolerance).then(|| {
            format!("differs by {largest} (of {tolerance}): {found:?}, expected {expected:?}")
        })
    };
    let float = FloatModel::new(&graph, &[]);
    for (image, input) in inputs.iter().enumerate() {
        let mut problem = None;
        float.run(input, |_, found| {
            problem = problem.take().or(differs(found, image, 1e-3 + 3.01 * step));
        });
        if let Some(problem) = problem {
            return Err(format!("in float32 {problem}"));
        }
    }
    check_weights(&name, &vectors.kind, &graph)?;
    let graph = Arc::new(graph);
    let tensors = calibrate(&graph, &inputs, Method::MinMax, &|_| {}).map_err(|e| e.to_string())?;
    let calibration = Calibration {
        model: String::new(),
        model_sha256: file.sha256.clone(),
        data: String::new(),
        source: None,
        preprocess: String::new(),
        images,
        method: String::new(),
        tensors,
        layers: Vec::new(),
    };
    let quantized = Quantized::new(graph, &calibration, WeightScheme::U8Channel, 8, false)
        .map_err(|error| error.to_string())?;
    let network = Network::new(&Prepared::new(quantized, Isa::best()), &Multiplier::exact(), None)
        .map_err(|error| error.to_string())?;
    let largest = expected.data.iter().fold(0f32, |largest, value| largest.max(value.abs()));
    let tolerance = match &vectors.kind[..] {
        "float" => 0.1 * largest + 0.02,
        _ => 1e-3 + 3.01 * step,
    };
    for (image, input) in inputs.iter().enumerate() {
        let found = network.run(input, &mut Workspace::default()).to_vec();
        if let Some(problem) = differs(&found, image, tolerance) {
            return Err(format!("on codes {problem}"));
        }
    }
    Ok(())
}

/// Models named for their weights that have real ones as well: some were never codes, or have
/// several scales per filter, so that Recoup quantises them again.
const REAL_WEIGHTS: &[&str] = &[
    "weights-axis0-matmul",
    "weights-axis1-conv",
    "weights-axis1-gemm",
    "weights-default-axis",
    "weights-half",
    "weights-only-int4",
];

/// Whether the weights of a model are the codes that it brings.
fn check_weights(name: &str, kind: &str, graph: &model::Graph) -> Result<(), String> {
    let own = graph.macs().all(|(_, mac)| matches!(mac.weights, Weights::Quantized(_)));
    let expected = kind == "qoperator" || name.starts_with("weights-");
    match (own, REAL_WEIGHTS.contains(&name)) {
        (true, true) => Err("has its own weight codes; expected real weights".into()),
        (false, false) if expected => Err("lost its own weight codes".into()),
        _ => Ok(()),
    }
}

#[test]
fn odd_models_are_read_as_onnx_runtime_reads_them() {
    let folder = reference::path("odd");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "onnx"))
        .collect();
    paths.sort();
    let only = std::env::var("ODD").unwrap_or_default();
    paths.retain(|path| path.to_string_lossy().contains(&only));
    let failures: Vec<String> = paths
        .iter()
        .filter_map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let result = std::panic::catch_unwind(|| check(path));
            let result = result.unwrap_or_else(|_| Err("PANICS".into()));
            result
                .err()
                .map(|problem| format!("{name}: {}", problem.chars().take(400).collect::<String>()))
        })
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {} models:\n{}",
        failures.len(),
        paths.len(),
        failures.join("\n")
    );
}
