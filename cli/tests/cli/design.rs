//! `recoup design`: a mask is made, evaluated beside its rivals, and told.

use serde_json::Value;

use crate::run::{Tiny, assert_refused, json, stdout};

fn design(tiny: &Tiny, more: &[&str]) -> Vec<String> {
    let data = format!("npz:{}", tiny.path("data.npz"));
    let model = tiny.path("model.onnx");
    let args = ["design", &model, "--data", &data, "--calibration-images", "4"];
    args.iter().chain(more).map(|arg| arg.to_string()).collect()
}

#[test]
fn a_mask_is_made_beside_rivals_and_confirmed() {
    let tiny = Tiny::new();
    let (out, data) = (tiny.path("run.db"), format!("npz:{}", tiny.path("data.npz")));
    let few = ["--max-loss", "90", "--masks", "600", "--finalists", "2", "--thorough"];
    let kept = [&few[..], &["--out", &out, "--confirm-data", &data]].concat();
    let found = json(&design(&tiny, &[&kept[..], &["--json"]].concat()));
    let search = &found["search"];
    assert_eq!((&search["masks"], &search["seed"]), (&Value::from(600), &Value::from(0)));
    let of = |name: &str, key: &str| -> Vec<f64> {
        let masks = search[name].as_array().unwrap().iter();
        masks.map(|mask| mask[key].as_f64().unwrap()).collect()
    };
    let powers = of("front", "relative_power");
    assert!(powers.len() > 10 && powers.is_sorted(), "{powers:?}");
    assert!(of("front", "noise_to_signal").is_sorted_by(|a, b| a > b));
    assert!(of("finalists", "kept").iter().all(|&kept| (4.0..64.0).contains(&kept)));
    // All finalists with V and an estimated power, and 24 rivals, in chosen codes.
    let rows = found["networks"][0]["configurations"].as_array().unwrap();
    let chosen: Vec<&Value> = rows.iter().filter(|it| it["weight_codes"] == "chosen").collect();
    let made: Vec<&&Value> = chosen.iter().filter(|it| it["multiplier"] != "exact").collect();
    assert_eq!(chosen.len() - made.len(), 24);
    assert_eq!(made.len(), search["finalists"].as_array().unwrap().len());
    assert!(made.iter().all(|it| it["relative_power"].is_number()), "{made:#?}");
    assert!(made.iter().all(|it| it["loss"].is_number()), "{made:#?}");
    // Losses of up to 90 points of 16 images are told apart: the least power is chosen.
    let least = |all: &[&Value]| {
        let powers = all.iter().map(|it| it["relative_power"].as_f64().unwrap());
        powers.fold(f64::INFINITY, f64::min)
    };
    let choice = found["networks"][0]["choice"]["chosen"].as_u64().unwrap() as usize;
    assert_eq!(rows[choice]["relative_power"].as_f64().unwrap(), least(&chosen));
    assert!(found["chosen"].as_str().unwrap().contains("chosen weight codes"));
    // Those that are surer come first, so that they save less and less.
    let confirmed = &found["confirmation"];
    assert_eq!(confirmed["images"], 16);
    assert!(confirmed["made"]["tested"].as_u64().unwrap() >= 1);
    let last = ["confirmed", "ended_by"].map(|end| &confirmed["made"][end]);
    assert!(last.iter().any(|it| it["design"].is_string() && it["relative_power"].is_number()));
    assert!(confirmed["reduced_precision"]["tested"].is_number());
    // The same again, from the file, in words; another seed, another search.
    let text = stdout(&design(&tiny, &kept));
    let parts =
        ["searched 600 masks", "saves ", "confirmed on 16 images that nothing was chosen by"];
    parts.iter().for_each(|part| assert!(text.contains(part), "no {part} in {text}"));
    let other = [&few[..], &["--search-seed", "7", "--json"]].concat();
    assert_ne!(json(&design(&tiny, &other))["search"]["front"], search["front"]);
}

#[test]
fn bad_requests_are_refused() {
    let tiny = Tiny::new();
    let refused = |more: &[&str], expected: &str| {
        assert_refused(tiny.folder(), &design(&tiny, more), &[expected]);
    };
    refused(&[], "--max-loss");
    refused(&["--max-loss", "1", "--masks", "0"], "--masks");
    refused(&["--max-loss", "1", "--finalists", "none"], "--finalists");
    refused(&["--max-loss", "-1"], "give a number from 0");
    refused(&["--max-loss", "1", "--confirm-data", "npz:nowhere.npz"], "nowhere.npz");
}
