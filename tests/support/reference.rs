//! Files under `reference/`, made by ONNX Runtime.

use std::path::PathBuf;

use recoup::model::OnnxFile;
use serde::de::DeserializeOwned;

/// `reference/models/<name>.onnx`.
pub fn onnx(name: &str) -> OnnxFile {
    OnnxFile::open(&path(&format!("models/{name}.onnx"))).unwrap_or_else(|error| panic!("{error}"))
}

/// A JSON file under `reference/`.
pub fn json<T: DeserializeOwned>(file: &str) -> T {
    let text =
        std::fs::read_to_string(path(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("reference").join(file)
}
