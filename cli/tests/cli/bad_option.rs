//! Options with values that mean nothing: exit code 2, and the valid ones are listed.

use crate::run::Tiny;

#[test]
fn unknown_names_list_the_valid_ones() {
    let tiny = Tiny::new();
    let cases: [(&[&str], &[&str]); 10] = [
        (&["--quantization", "clever"], &["clever", "plain", "aware+bias"]),
        (&["--multiplier", "wallace"], &["wallace", "perforated:M (1 to 7)", "mask:0x"]),
        (&["--multiplier", "truncated:15"], &["truncated:15", "1 to 14"]),
        (&["--control-variate", "magic"], &["magic", "none, constant, paper, fitted", "weighted"]),
        (&["--control-variate", "fitted:low"], &["fitted:low", "low-bits", "popcount"]),
        (&["--weights", "i4"], &["i4", "u8-channel", "u8-tensor", "i8-channel"]),
        (&["--preprocess", "foo"], &["foo", "cifar10", "imagenet", "fashion-mnist", "none"]),
        (&["--calibration-method", "guess"], &["guess", "mean-square", "min-max", "percentile"]),
        (&["--calibration-data", "foo:bar"], &["foo:bar", "cifar10:FILE|DIR", "npz:FILE"]),
        (&["--isa", "mmx"], &["mmx", "scalar"]),
    ];
    for (options, expected) in cases {
        tiny.assert_eval_refused(options, &[&[options[0]], expected].concat());
    }
}

#[test]
fn numbers_out_of_range_give_the_range() {
    let tiny = Tiny::new();
    let cases: [(&[&str], &[&str]); 10] = [
        (&["--activation-bits", "3"], &["4..=8"]),
        (&["--activation-bits", "9"], &["4..=8"]),
        (&["--c-frac", "99"], &["0..=16"]),
        (&["--c-frac=-1"], &["0..=16", "--c-frac"]),
        (&["--threads", "0"], &["1..=1024"]),
        (&["--threads", "many"], &["many"]),
        (&["--batch", "0"], &["at least 1"]),
        (&["--images", "0"], &["0 images", "1 to 20"]),
        (&["--input-shape", "3x0x32"], &["3x0x32", "3x32x32"]),
        (&["--seed", "-1"], &["-1"]),
    ];
    for (options, expected) in cases {
        tiny.assert_eval_refused(options, expected);
    }
}

#[test]
fn more_images_than_there_are() {
    let tiny = Tiny::new();
    tiny.assert_eval_refused(&["--images", "21"], &["21 images for evaluation", "1 to 20"]);
    tiny.assert_eval_refused(&["--images", "18"], &["4 images for calibration", "1 to 2"]);
}

#[test]
fn more_calibration_images_than_there_are() {
    let tiny = Tiny::new();
    let data = format!("npz:{}", tiny.path("data.npz"));
    let args = ["eval", &tiny.path("model.onnx"), "--data", &data, "--calibration-images"];
    let refused = |more: &[&str], expected: &[&str]| {
        crate::run::assert_refused(tiny.folder(), &[&args, more].concat(), expected);
    };
    refused(&["20"], &["data.npz", "has 20 images", "--calibration-data"]);
    refused(&["0"], &["at least 1"]);
    refused(&["999999999999"], &["data.npz", "has 20 images", "--calibration-images"]);
    let other = tiny.write("other.npz", &crate::run::npz(4, &[0, 1, 2]));
    let other = format!("npz:{other}");
    refused(&["5", "--calibration-data", &other], &["other.npz", "5 images for calibration"]);
}

#[test]
fn the_folder_of_the_scores_must_exist() {
    let tiny = Tiny::new();
    let out = tiny.path("nowhere/scores.npy");
    tiny.assert_eval_refused(&["--save-logits", &out], &[&out, "cannot be written", "folder"]);
}

#[test]
fn a_folder_is_no_file() {
    let tiny = Tiny::new();
    let folder = tiny.folder().display().to_string();
    tiny.assert_eval_refused(&["--save-logits", &folder], &[&folder, "is a folder"]);
    crate::run::assert_refused(
        tiny.folder(),
        &["multiplier", "table", "exact", "--force", "--out", &folder],
        &[&folder, "is a folder"],
    );
}

#[test]
fn scores_replace_scores_only() {
    let tiny = Tiny::new();
    let model = tiny.path("model.onnx");
    tiny.assert_eval_refused(&["--save-logits", &model], &[&model, "no .npy file"]);
    let scores = tiny.path("scores.npy");
    for _ in 0..2 {
        crate::run::stdout(&tiny.eval(&["--save-logits", &scores]));
    }
}

/// A result is put in its place by renaming, which would take the place of the device itself.
#[cfg(unix)]
#[test]
fn links_and_devices_are_not_replaced() {
    let tiny = Tiny::new();
    let (link, socket) = (tiny.path("link"), tiny.path("socket"));
    std::os::unix::fs::symlink(tiny.path("elsewhere"), &link).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for place in [&link, &socket] {
        tiny.assert_eval_refused(&["--save-logits", place], &[place, "a link or a device"]);
        let args = ["multiplier", "table", "exact", "--force", "--out", place];
        crate::run::assert_refused(tiny.folder(), &args, &[place, "a link or a device"]);
    }
}
