//! Runs one model in float32 and on codes with exact products, and compares with what it should
//! give. Serves compare_operators.py, which makes the models and bounds time and memory.
//!
//! `operators NAME.onnx` reads NAME.json beside it and prints one line of JSON: `verdict` and
//! `detail`.

#[path = "../../../core/tests/support/exact.rs"]
mod exact;

use std::path::Path;
use std::sync::Arc;

use recoup_core::emulate::Workspace;
use recoup_core::model::{self, Attention, FloatModel, OnnxFile};
use serde::Deserialize;

/// The fields of reference/odd, for one sample.
#[derive(Deserialize)]
struct Vectors {
    input: Array,
    #[serde(default)]
    other_inputs: Vec<Array>,
    outputs: Vec<Array>,
}

#[derive(Deserialize)]
struct Array {
    name: String,
    r#type: String,
    data: Vec<Number>,
}

/// JSON has no numbers that are not finite: they are text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Finite(f64),
    Text(String),
}

impl Array {
    fn values(&self) -> impl Iterator<Item = f32> {
        self.data.iter().map(|number| match number {
            Number::Finite(value) => *value as f32,
            Number::Text(text) => text.parse().expect("inf, -inf or nan"),
        })
    }
}

/// Verdict and detail.
type Answer = Result<(), (&'static str, String)>;

fn main() {
    let path = std::env::args().nth(1).expect("usage: operators NAME.onnx");
    std::panic::set_hook(Box::new(|_| {}));
    let answer = std::panic::catch_unwind(|| run(Path::new(&path))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(("panic", text.unwrap_or("without a message").into()))
    });
    let (verdict, detail) = answer.err().unwrap_or(("equal", String::new()));
    println!("{}", serde_json::json!({ "verdict": verdict, "detail": detail }));
}

fn run(path: &Path) -> Answer {
    let text = std::fs::read_to_string(path.with_extension("json")).expect("vectors");
    let vectors: Vectors = serde_json::from_str(&text).expect("vectors");
    let refused = |error: &dyn std::error::Error| ("refused", error.to_string());
    let file = OnnxFile::open(path).map_err(|error| refused(&error))?;
    // Of products of two activations as well, codes would say nothing here: the softmax of large
    // values is a step, and a code decides on which side. The core's tests have them.
    let graph = model::load_with(&file, None, Attention::Float).map_err(|error| refused(&error))?;
    let all = [&vectors.input].into_iter().chain(&vectors.other_inputs);
    let input: Vec<f32> = all.flat_map(Array::values).collect();

    let found = FloatModel::new(&graph, &[]).outputs(&input);
    let found = found.map_err(|error| refused(&error))?;
    let near = |expected: f32, scale: f32| 1e-3 * expected.abs() + 1e-5 * scale.max(1.0);
    compare(&vectors, &found, near).map_err(|detail| ("differs in float32", detail))?;

    let graph = Arc::new(graph);
    let inputs = [input];
    let network = exact::exact_network(&graph, &inputs)
        .map_err(|error| ("refused on codes", error))?;
    let found = network.run(&inputs[0], &mut Workspace::default()).map(<[f32]>::to_vec);
    let found = found.map_err(|error| refused(&error))?;
    let on_codes = |_: f32, scale: f32| 0.1 * scale + 0.02;
    compare(&vectors, &found, on_codes).map_err(|detail| ("differs on codes", detail))
}

/// Compares all outputs. The tolerance depends on the element that is expected, and on the largest
/// finite one of its output.
fn compare(
    vectors: &Vectors,
    found: &[f32],
    tolerance: impl Fn(f32, f32) -> f32,
) -> Result<(), String> {
    let mut rest = found;
    for output in &vectors.outputs {
        let expected: Vec<f32> = output.values().collect();
        let Some((own, others)) = rest.split_at_checked(expected.len()) else {
            return Err(format!("{} elements in all, too few", found.len()));
        };
        rest = others;
        let finite = expected.iter().filter(|value| value.is_finite());
        let scale = finite.fold(0f32, |most, value| most.max(value.abs()));
        // Recoup computes all real numbers in float32.
        let rounding = if output.r#type == "bfloat16" { 0.01 } else { 0.0 };
        let wrong = |(found, expected): (&f32, &f32)| {
            // Infinities of one sign are equal, as are two that are no number.
            let same = found == expected || (found.is_nan() && expected.is_nan());
            let tolerance = tolerance(*expected, scale) + rounding * expected.abs();
            let finite = found.is_finite() && expected.is_finite();
            !same && (!finite || (found - expected).abs() > tolerance)
        };
        let count = own.iter().zip(&expected).filter(|&pair| wrong(pair)).count();
        if let Some((found, expected)) = own.iter().zip(&expected).find(|&pair| wrong(pair)) {
            return Err(format!(
                "output \"{}\": {count} of {} elements, the first is {found} instead of {expected}",
                output.name,
                own.len()
            ));
        }
    }
    if rest.is_empty() { Ok(()) } else { Err(format!("{} elements too many", rest.len())) }
}
