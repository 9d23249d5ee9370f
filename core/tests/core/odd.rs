//! Forms in which models come (reference/odd): each must be read as ONNX Runtime reads it, in float32
//! and on codes.

use std::path::Path;
use std::sync::Arc;

use recoup_core::emulate::Workspace;
use recoup_core::model::{self, FloatModel, OnnxFile, Weights};
use serde::Deserialize;

use crate::{exact, reference};

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

impl Array {
    /// The elements of one of so many images.
    fn of_image(&self, image: usize, images: usize) -> &[f32] {
        let size = self.data.len() / images;
        &self.data[image * size..][..size]
    }
}

/// What is wrong with a model, if anything.
fn check(path: &Path) -> Result<(), String> {
    let name = path.file_stem().unwrap().to_string_lossy();
    let vectors: Vectors = reference::json(&format!("odd/{name}.json"));
    let loaded = OnnxFile::open(path).and_then(|file| model::load(&file, None));
    let graph = match (loaded, &vectors.refuse) {
        (Err(error), Some(word)) if error.to_string().contains(word) => return Ok(()),
        (Err(error), _) => return Err(error.to_string()),
        (Ok(_), Some(word)) => return Err(format!("runs; expected a refusal for {word}")),
        (Ok(loaded), None) => loaded,
    };
    let images = vectors.input.shape[0];
    let inputs: Vec<Vec<f32>> = (0..images)
        .map(|image| {
            let all = [&vectors.input].into_iter().chain(&vectors.other_inputs);
            all.flat_map(|array| array.of_image(image, images)).copied().collect()
        })
        .collect();
    let differs = |found: &[f32], image: usize, tolerance: &dyn Fn(usize, f32) -> f32| {
        let mut rest = found;
        for (index, output) in vectors.outputs.iter().enumerate() {
            let expected = output.of_image(image, images);
            let (own, others) = rest.split_at_checked(expected.len())?;
            rest = others;
            let differences =
                own.iter().zip(expected).map(|(found, expected)| (found - expected).abs());
            let largest = differences.max_by(f32::total_cmp).unwrap_or(0.0);
            let scale = expected.iter().fold(0f32, |scale, value| scale.max(value.abs()));
            let tolerance = tolerance(index, scale);
            if largest.is_nan() || largest > tolerance {
                return Some(format!(
                    "output {index} differs by {largest} (of {tolerance}): {own:?}, expected {expected:?}"
                ));
            }
        }
        (!rest.is_empty()).then(|| format!("{} elements too many", rest.len()))
    };
    let elements: usize = vectors.outputs.iter().map(|output| output.data.len()).sum();
    let step = vectors.step.unwrap_or(0.0);
    let float = FloatModel::new(&graph, &[]);
    for (image, input) in inputs.iter().enumerate() {
        let found = float.outputs(input).map_err(|error| error.to_string())?;
        if found.len() * images != elements {
            return Err(format!("{} elements of output, not {}", found.len(), elements / images));
        }
        let exact = |index: usize, scale: f32| match index {
            0 => 1e-3 + 3.01 * step,
            _ if vectors.kind == "float" => 1e-3,
            _ => 0.05 * scale + 0.02,
        };
        if let Some(problem) = differs(&found, image, &exact) {
            return Err(format!("in float32 {problem}"));
        }
    }
    check_weights(&name, &vectors.kind, &graph)?;
    if name.starts_with("film-") && (graph.macs().count(), graph.exact_macs().count()) != (2, 0) {
        return Err("does not run both layers on the multipliers".into());
    }
    let graph = Arc::new(graph);
    let network = exact::exact_network(&graph, &inputs)?;
    let tolerance = |index: usize, scale: f32| match (&vectors.kind[..], index) {
        ("float", _) => 0.1 * scale + 0.02,
        (_, 0) => 1e-3 + 3.01 * step,
        _ => 0.05 * scale + 0.02,
    };
    for (image, input) in inputs.iter().enumerate() {
        let found = network.run(input, &mut Workspace::default()).map(<[f32]>::to_vec);
        let found = found.map_err(|error| error.to_string())?;
        if let Some(problem) = differs(&found, image, &tolerance) {
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
    let own = graph.weighted().all(|(.., weights)| matches!(weights, Weights::Quantized(_)));
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
