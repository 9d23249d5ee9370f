#![no_main]
//! A changed network through the importer, as a file, and what is imported on one image of zeros.

use std::panic::{catch_unwind, set_hook};
use std::path::Path;
use std::process::abort;

use libfuzzer_sys::fuzz_target;
use recoup_core::model::{OnnxFile, load, threads};

// The importer tries rten's fusions, and goes on without where one panics: a panic is a find only
// if it comes out here, and not where it begins, as libFuzzer's own hook has it.
fuzz_target!(
    init: set_hook(Box::new(|panic| eprintln!("{panic}"))),
    |input: &[u8]| {
        if catch_unwind(|| import(input)).is_err() {
            abort();
        }
    }
);

fn import(input: &[u8]) {
    let bytes = recoup_model_fuzz::file(input);
    threads::run(1, || {
        let Ok(file) = OnnxFile::from_bytes(&bytes, Path::new("model.onnx")) else { return };
        if let Ok(graph) = load(&file, None) {
            let _ = recoup_model_fuzz::pipeline::run_on_zeros(graph);
        }
    });
}
