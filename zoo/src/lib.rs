//! Small networks for Fashion-MNIST and their images, inside the program (zoo/MODELS.md): six of the
//! families of the paper's, and a vision transformer.

use std::path::Path;
use std::sync::Arc;

use recoup::data::read_inputs;
use recoup::{Attention, Dataset, Network, Result, Session, SessionOptions, Watch};
use recoup_core::data::select;
use recoup_core::model::{self, OnnxFile};
use recoup_core::quantize::Method;

/// One of the networks for Fashion-MNIST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Embedded {
    /// Plain convolutions.
    Vgg8,
    /// Three residual blocks.
    Resnet8,
    /// Nine residual blocks.
    Resnet20,
    /// Inception blocks.
    Googlenet,
    /// Grouped convolutions and channel shuffles.
    Shufflenet,
    /// Depthwise convolutions in inverted residual blocks.
    Mobilenetv2,
    /// A vision transformer, with products of two activations.
    Vit,
}

const TEST_IMAGES: &[u8] = include_bytes!("../assets/fashion-test-2000-images-idx3-ubyte.gz");
const TEST_LABELS: &[u8] = include_bytes!("../assets/fashion-test-2000-labels-idx1-ubyte.gz");
const CONFIRMATION_IMAGES: &[u8] =
    include_bytes!("../assets/fashion-confirmation-8000-images-idx3-ubyte.gz");
const CONFIRMATION_LABELS: &[u8] =
    include_bytes!("../assets/fashion-confirmation-8000-labels-idx1-ubyte.gz");
const CALIBRATION_IMAGES: &[u8] =
    include_bytes!("../assets/fashion-calibration-256-images-idx3-ubyte.gz");
const CALIBRATION_LABELS: &[u8] =
    include_bytes!("../assets/fashion-calibration-256-labels-idx1-ubyte.gz");

/// From their pixels to the input of every network.
pub const PREPROCESS: &str = "fashion-mnist";

impl Embedded {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Vgg8,
        Self::Resnet8,
        Self::Resnet20,
        Self::Googlenet,
        Self::Shufflenet,
        Self::Mobilenetv2,
        Self::Vit,
    ];

    /// Those of the families that the paper's are of.
    pub const OF_THE_PAPER: [Self; 6] = *Self::ALL.first_chunk().expect("fewer than all");

    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vgg8 => "vgg8",
            Self::Resnet8 => "resnet8",
            Self::Resnet20 => "resnet20",
            Self::Googlenet => "googlenet",
            Self::Shufflenet => "shufflenet",
            Self::Mobilenetv2 => "mobilenetv2",
            Self::Vit => "vit",
        }
    }

    fn bytes(self) -> &'static [u8] {
        match self {
            Self::Vgg8 => include_bytes!("../assets/fashion-vgg8.onnx"),
            Self::Resnet8 => include_bytes!("../assets/fashion-resnet8.onnx"),
            Self::Resnet20 => include_bytes!("../assets/fashion-resnet20.onnx"),
            Self::Googlenet => include_bytes!("../assets/fashion-googlenet.onnx"),
            Self::Shufflenet => include_bytes!("../assets/fashion-shufflenet.onnx"),
            Self::Mobilenetv2 => include_bytes!("../assets/fashion-mobilenetv2.onnx"),
            Self::Vit => include_bytes!("../assets/fashion-vit.onnx"),
        }
    }

    /// Network and images as files, for those who want to read them from there.
    pub fn files(self) -> Vec<(String, &'static [u8])> {
        vec![
            (format!("{}.onnx", self.name()), self.bytes()),
            ("images.gz".into(), TEST_IMAGES),
            ("labels.gz".into(), TEST_LABELS),
            ("calibration.gz".into(), CALIBRATION_IMAGES),
        ]
    }

    /// As it is called in results.
    fn model_name(self) -> String {
        format!("fashion-{}.onnx (embedded)", self.name())
    }

    /// The network, calibrated on the 256 calibration images.
    ///
    /// # Errors
    /// When `watch` stops the work.
    pub fn network(self, watch: &dyn Watch) -> Result<Network> {
        let mut network =
            Network::from_bytes(self.bytes(), &self.model_name(), None, Attention::default())?;
        let preprocess = PREPROCESS.parse()?;
        let options = SessionOptions { preprocess, ..SessionOptions::new(training_images()?) };
        network.calibrate(options, watch)?;
        Ok(network)
    }

    /// The network with the first `images` of the 2,000 test images inside this program, or all,
    /// and the 256 calibration images.
    ///
    /// # Errors
    /// When there are not so many images.
    pub fn session(self, images: Option<usize>) -> Result<Session> {
        let test = test_images()?;
        let indices = select(test.len(), images, None)?;
        self.session_on(test, indices)
    }

    /// The same with some of other images of 28 x 28 pixels.
    ///
    /// # Errors
    /// When they are not such images.
    pub fn session_on(self, test: Dataset, indices: Vec<usize>) -> Result<Session> {
        let file = OnnxFile::from_bytes(self.bytes(), Path::new(&self.model_name()))?;
        let graph = Arc::new(model::load(&file, None)?);
        let training = training_images()?;
        let preprocess = PREPROCESS.parse()?;
        let all: Vec<usize> = (0..training.len()).collect();
        let inputs = read_inputs(&training, &all, &preprocess, &graph)?;
        let source = (training.name().to_string(), inputs);
        let method = Method::MeanSquare;
        Session::new(file.path, graph, test, indices, preprocess, source, method)
    }
}

fn training_images() -> Result<Dataset> {
    Ok(Dataset::idx_from_bytes(
        "256 Fashion-MNIST training images (embedded)",
        CALIBRATION_IMAGES,
        CALIBRATION_LABELS,
    )?)
}

/// The 2,000 test images inside this program that everything is evaluated on.
///
/// # Errors
/// Never: tests read the same bytes.
pub fn test_images() -> Result<Dataset> {
    Ok(Dataset::idx_from_bytes(
        "Fashion-MNIST test images 0 to 1999 (embedded)",
        TEST_IMAGES,
        TEST_LABELS,
    )?)
}

/// The other 8,000, which confirm what was chosen on these.
///
/// # Errors
/// Never: tests read the same bytes.
pub fn confirmation_images() -> Result<Dataset> {
    Ok(Dataset::idx_from_bytes(
        "Fashion-MNIST test images 2000 to 9999 (embedded)",
        CONFIRMATION_IMAGES,
        CONFIRMATION_LABELS,
    )?)
}

#[cfg(test)]
mod tests {
    use recoup::{EvaluateOptions, Unwatched};

    use super::*;

    /// At exact 8 bits no network loses half a point (zoo/MODELS.md): of 40 images one at most.
    #[test]
    fn exact_8_bits_lose_nothing() {
        for network in Embedded::ALL {
            let mut session = network.session(Some(40)).unwrap();
            let found = session.evaluate(&[], EvaluateOptions::default(), &Unwatched).unwrap();
            let [float, exact] = [&found.evaluation.float, &found.evaluation.candidates[0]]
                .map(|outcomes| outcomes.top1_accuracy().unwrap());
            assert!(float > 0.85, "{}: {float}", network.name());
            assert!(exact > float - 0.026, "{}: {float} {exact}", network.name());
        }
    }
}
