#![no_main]
//! A changed network through the importer, as a file, and what is imported on one image of zeros.

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use recoup_core::model::{OnnxFile, load, threads};

fuzz_target!(|input: &[u8]| {
    let bytes = recoup_model_fuzz::file(input);
    threads::run(1, || {
        let Ok(file) = OnnxFile::from_bytes(&bytes, Path::new("model.onnx")) else { return };
        if let Ok(graph) = load(&file, None) {
            let _ = recoup_model_fuzz::pipeline::run_on_zeros(graph);
        }
    });
});
