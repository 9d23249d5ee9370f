//! The images embedded in the command, as inputs of the network embedded with them.

use std::path::PathBuf;

use recoup_core::data::Dataset;
use recoup_core::model::OnnxFile;

/// Images in ONNX order, with their classes.
pub type Images = (Vec<Vec<f32>>, Vec<usize>);

/// The embedded float network.
pub fn network() -> OnnxFile {
    network_of("resnet8")
}

/// One of the embedded float networks, by its name.
pub fn network_of(name: &str) -> OnnxFile {
    let path = asset(&format!("fashion-{name}.onnx"));
    OnnxFile::open(&path).unwrap_or_else(|error| panic!("{error}"))
}

/// The first `count` images of a set: "test-2000", or "calibration-256" of the training images.
pub fn images(set: &str, count: usize) -> Images {
    let read = |part: &str| {
        let path = asset(&format!("fashion-{set}-{part}-ubyte.gz"));
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let (images, labels) = (read("images-idx3"), read("labels-idx1"));
    let dataset = Dataset::idx_from_bytes(set, &images, &labels).unwrap();
    let preprocess = "fashion-mnist".parse().unwrap();
    let preprocessor = dataset.preprocessor(&preprocess, &[1, 28, 28]).unwrap();
    let labels = dataset.labels().unwrap();
    let mut input = vec![0.0; preprocessor.elements()];
    let read = |index| {
        dataset.read_input(index, &preprocessor, &mut input).unwrap();
        (input.clone(), labels[index] as usize)
    };
    (0..count).map(read).unzip()
}

fn asset(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../zoo/assets").join(file)
}
