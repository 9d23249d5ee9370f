//! Files under `reference/`, made by ONNX Runtime.

use std::path::PathBuf;

use serde::de::DeserializeOwned;

/// A JSON file under `reference/`.
pub fn json<T: DeserializeOwned>(file: &str) -> T {
    let text =
        std::fs::read_to_string(path(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The path of a file under `reference/`.
pub fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../reference").join(file)
}
