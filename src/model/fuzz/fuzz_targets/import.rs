#![no_main]
//! A changed network through the importer, as a file.

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use recoup::model::{OnnxFile, load};

fuzz_target!(|input: &[u8]| {
    let bytes = recoup_model_fuzz::file(input);
    let Ok(file) = OnnxFile::from_bytes(&bytes, Path::new("model.onnx")) else { return };
    if let Ok(graph) = load(&file, None) {
        assert!(!graph.nodes.is_empty());
    }
});
