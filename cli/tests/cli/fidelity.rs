//! `recoup eval` without labels, and of outputs that are no class scores.

use std::path::Path;
use std::sync::Arc;

use recoup_core::accuracy::Experiment;
use recoup_core::control_variate::Mode;
use recoup_core::design::Design;
use recoup_core::emulate::Workspace;
use recoup_core::model::{self, OnnxFile};
use recoup_core::multiplier::truncated;
use recoup_core::quantize::{Method, WeightScheme};
use recoup_kernels::Isa;
use serde_json::{Value, json as value};

use crate::odd::Odd;
use crate::run::{FASHION_MODEL, Tiny, assert_refused, json, npy, npz_unlabelled, stdout};

const IMAGES: &str = "idx:zoo/assets/fashion-test-2000-images-idx3-ubyte.gz";

/// All outputs of both samples on exact products and on truncated:6 without V.
fn emulated(odd: &Odd) -> [Vec<Vec<f32>>; 2] {
    let file = OnnxFile::open(Path::new(&odd.model)).unwrap();
    let graph = Arc::new(model::load(&file, None).unwrap());
    let inputs = vec![odd.sample(1), odd.sample(0)];
    let origin = (String::new(), String::new());
    let calibration =
        Experiment::calibrate(&file.path, &graph, &inputs, Method::MinMax, origin, &|_| {})
            .unwrap();
    let scheme = WeightScheme::U8Channel;
    let experiment = Experiment::new(graph, inputs, calibration, scheme, Isa::best());
    let truncated = Design::new(truncated(6)).with_control_variate(Mode::None);
    [Design::exact(8), truncated].map(|design| {
        let candidate = experiment.candidate(&design).unwrap();
        let run = |index| {
            candidate.network.run(&odd.sample(index), &mut Workspace::default()).unwrap().to_vec()
        };
        (0..2).map(run).collect()
    })
}

/// SQNR in dB, mean cosine and largest difference of two samples.
fn naive(reference: &[&[f32]], found: &[&[f32]]) -> [f64; 3] {
    let product = |x: &[f32], y: &[f32]| -> f64 {
        x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
    };
    let differences: Vec<f32> =
        reference.concat().iter().zip(found.concat()).map(|(x, y)| y - x).collect();
    let signal: f64 = reference.iter().map(|x| product(x, x)).sum();
    let cosines = reference
        .iter()
        .zip(found)
        .map(|(x, y)| product(x, y) / (product(x, x) * product(y, y)).sqrt());
    let largest = differences.iter().fold(0.0, |most: f32, d| most.max(d.abs()));
    [
        10.0 * (signal / product(&differences, &differences)).log10(),
        cosines.sum::<f64>() / reference.len() as f64,
        largest.into(),
    ]
}

fn assert_fidelity(found: &Value, expected: [f64; 3], tolerance: f64) {
    for (key, expected) in ["sqnr_db", "cosine", "largest_difference"].iter().zip(expected) {
        let number = found[key].as_f64().unwrap_or_else(|| panic!("{key}: {found:#}"));
        assert!((number - expected).abs() <= tolerance, "{key}: {number}, expected {expected}");
    }
    let [low, high] = ["sqnr_db_ci95", "cosine_ci95"].map(|key| {
        let ends = [&found[key][0], &found[key][1]].map(|end| end.as_f64().unwrap());
        assert!(ends[0] <= ends[1], "{found:#}");
        ends
    });
    assert!(low[0] <= expected[0] + tolerance && expected[0] <= low[1] + tolerance);
    assert!(high[0] <= expected[1] + tolerance && high[1] <= 1.0);
}

/// What detectors, one of them with a map, and networks of two inputs give, against ONNX Runtime's
/// float outputs, and against what the library makes of exact products.
#[test]
fn outputs_of_any_shape_are_compared_with_their_references() {
    let mut compared = 0;
    for name in ["output-boxes", "output-map-vector", "two-inputs", "two-inputs-outputs"] {
        let odd = Odd::new(name);
        let options = ["--multiplier", "truncated:6", "--control-variate", "none", "--json"];
        let object = json(&odd.args("eval", &options));
        assert_eq!((&object["images"], &object["float"]["top1"]), (&value!(2), &Value::Null));
        let results = emulated(&odd);
        let mut start = 0;
        for (place, output) in odd.outputs.iter().enumerate() {
            let range = start..start + output.data.len() / 2;
            start = range.end;
            let own = |result: usize| {
                let samples: &Vec<Vec<f32>> = &results[result];
                [&samples[0][range.clone()], &samples[1][range.clone()]]
            };
            let float = [output.sample(0), output.sample(1)];
            for result in 0..2 {
                let found = &object["results"][result]["outputs"][place];
                assert_eq!(found["name"], output.name);
                assert_eq!(found["shape"], value!([&[1], &output.shape[1..]].concat()));
                // ONNX Runtime adds in another order.
                assert_fidelity(&found["vs_float"], naive(&float, &own(result)), 1e-3);
                match result {
                    0 => assert_eq!(found["vs_exact"]["equal"], true),
                    _ => assert_fidelity(&found["vs_exact"], naive(&own(0), &own(1)), 1e-6),
                }
                let scores = output.shape.len() == 2;
                assert_eq!(found["vs_float"]["agreement"].is_number(), scores, "{found:#}");
                assert_eq!(found["vs_float"]["agreement_ci95"].is_array(), scores, "{found:#}");
                compared += 1;
            }
            let reference = &object["results"][0]["outputs"][place]["vs_exact"];
            assert_eq!(reference["sqnr_db"], Value::Null);
            assert_eq!(reference["cosine"], 1.0);
        }
        assert_eq!(start, results[0][0].len());
    }
    assert_eq!(compared, 2 * (2 + 2 + 1 + 2));
}

#[test]
fn a_classifier_without_labels() {
    let tiny = Tiny::new();
    let data = format!("npz:{}", tiny.write("images.npz", &npz_unlabelled(4, 20)));
    let model = tiny.path("model.onnx");
    let options = ["--multiplier", "truncated:7", "--layers"];
    let object = json(&tiny.eval_on(&model, &data, &[&options[..], &["--json"]].concat()));
    assert_eq!(object["images"], 16);
    for result in object["results"].as_array().unwrap() {
        for key in ["top1", "top5", "loss_vs_exact", "ci95", "mcnemar_p", "loss_vs_float"] {
            assert_eq!(result[key], Value::Null, "{key}");
        }
        assert!(result["images_per_s"].as_f64().unwrap() > 0.0);
        assert_eq!(result["layers"].as_array().unwrap().len(), 1);
        let share = result["outputs"][0]["vs_float"]["agreement"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&share));
    }
    let text = stdout(&tiny.eval_on(&model, &data, &options));
    for part in ["output \"scores\" [1, 10]", "SQNR dB [95 %]", "same class %", "float32"] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    for part in ["top-1", "McNemar", "NaN", "Of one sample"] {
        assert!(!text.contains(part), "{part} in {text}");
    }
    // One image has no interval, and says so.
    let one = [&options[..], &["--images", "1"]].concat();
    assert!(stdout(&tiny.eval_on(&model, &data, &one)).contains("Of one sample"));
    let object = json(&tiny.eval_on(&model, &data, &[&one[..], &["--json"]].concat()));
    let found = &object["results"][1]["outputs"][0]["vs_exact"];
    assert!(found["sqnr_db"].is_f64() && found["cosine"].is_f64(), "{found:#}");
    assert_eq!((&found["sqnr_db_ci95"], &found["cosine_ci95"]), (&Value::Null, &Value::Null));
}

#[test]
fn labels_are_taken_or_left() {
    let tiny = Tiny::new();
    // Nothing more of a classifier with labels.
    let labelled = json(&tiny.eval(&["--json"]));
    assert!(labelled["results"][0]["top1"].is_f64());
    assert!(labelled["results"][0].get("outputs").is_none(), "{labelled:#}");
    // The same images as if they had none.
    let left = json(&tiny.eval(&["--json", "--no-labels"]));
    assert_eq!(left["results"][0]["top1"], Value::Null);
    assert!(left["results"][0]["outputs"][0]["vs_float"]["sqnr_db"].is_f64());
    tiny.assert_eval_refused(&["--no-labels", "--label-offset", "1"], &["--no-labels"]);
}

/// Labels 0 and 1 of two samples.
fn labels() -> (&'static str, Vec<u8>) {
    ("y.npy", npy("<i8", "(2,)", &[0i64, 1].map(i64::to_le_bytes).concat()))
}

#[test]
fn labels_and_several_outputs_give_accuracy_and_fidelity() {
    let odd = Odd::new("output-map-vector");
    let data = odd.data("labelled.npz", &[0, 1], &[labels()]);
    let object = json(&odd.args_on("eval", &data, &["--json"]));
    let best = |sample: usize| {
        let scores = odd.outputs[1].sample(sample);
        (0..4).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap()
    };
    let right = (0..2).filter(|&sample| best(sample) == sample).count();
    assert_eq!(object["float"]["top1"], right as f64 / 2.0);
    assert_eq!(object["results"][0]["outputs"].as_array().unwrap().len(), 2);
    let text = stdout(&odd.args_on("eval", &data, &[]));
    for part in ["top-1", "output \"output\" [1, 5, 3, 3]", "output \"output2\" [1, 4]"] {
        assert!(text.contains(part), "no {part} in {text}");
    }
}

#[test]
fn labels_need_class_scores() {
    let odd = Odd::new("output-boxes");
    let data = odd.data("labelled.npz", &[0, 1], &[labels()]);
    let expected = ["labelled.npz", "none of the model's outputs is one score per class"];
    let args = odd.args_on("eval", &data, &[]);
    let expected_eval = [&expected[..], &["leave the labels away", "--no-labels"]].concat();
    assert_refused(odd.tiny.folder(), &args, &expected_eval);
    let object = json(&odd.args_on("eval", &data, &["--json", "--no-labels"]));
    assert!(object["results"][0]["outputs"][0]["vs_float"]["sqnr_db"].is_f64());
    let args = odd.args_on("explore", &data, &["--max-loss", "1"]);
    let expected = ["needs labels and class scores", "one score per class", "recoup eval"];
    assert_refused(odd.tiny.folder(), &args, &expected);
    let logits = odd.tiny.path("logits.npy");
    let args = odd.args("eval", &["--save-logits", &logits]);
    assert_refused(odd.tiny.folder(), &args, &["--save-logits", "one score per class"]);
}

#[test]
fn threads_and_batch_change_no_fidelity() {
    let tiny = Tiny::new();
    let run = |more: &[&str]| {
        let options = ["--multiplier", "truncated:7", "--images", "40", "--json"];
        let images = ["--preprocess", "fashion-mnist"];
        let args = [&options[..], &images, more].concat();
        let object = json(&tiny.eval_on(FASHION_MODEL, IMAGES, &args));
        let results = object["results"].as_array().unwrap().iter();
        results.map(|result| result["outputs"].clone()).collect::<Vec<_>>()
    };
    let usual = run(&[]);
    assert!(usual.len() == 2 && usual[1][0]["vs_exact"]["sqnr_db"].as_f64().unwrap() > 10.0);
    for more in [&["--threads", "1", "--batch", "7"][..], &["--threads", "3"], &["--batch", "1"]] {
        assert_eq!(run(more), usual, "{more:?}");
    }
}
