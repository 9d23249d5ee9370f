//! `recoup demo`: the embedded network and images.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;

use recoup::accuracy::Configuration;
use recoup::control_variate::{ControlOptions, Mode};
use recoup::data::Dataset;
use recoup::model::{self, OnnxFile};
use recoup::multiplier::{Multiplier, perforated, recursive, truncated};
use recoup::quantize::{Method, WeightScheme};
use recoup_explore::space;

use super::eval::{candidates, evaluate_all};
use crate::args::DemoArgs;
use crate::printer;
use crate::session::{self, Session, read_inputs};

const MODEL: &[u8] = include_bytes!("../../assets/fashion-resnet8.onnx");
const TEST_IMAGES: &[u8] = include_bytes!("../../assets/fashion-test-2000-images-idx3-ubyte.gz");
const TEST_LABELS: &[u8] = include_bytes!("../../assets/fashion-test-2000-labels-idx1-ubyte.gz");
const CALIBRATION_IMAGES: &[u8] =
    include_bytes!("../../assets/fashion-calibration-256-images-idx3-ubyte.gz");
const CALIBRATION_LABELS: &[u8] =
    include_bytes!("../../assets/fashion-calibration-256-labels-idx1-ubyte.gz");

/// Evaluates every family, without and with V, beside exact products at 8 to 4 activation bits.
pub fn run(args: &DemoArgs) -> Result<()> {
    session::set_threads(&args.machine)?;
    let mut session = session()?;
    let calibration = session.calibrate()?;
    let experiment =
        session.experiment(calibration, WeightScheme::U8Channel, session::isa(&args.machine));
    let candidates = candidates(&experiment, &configurations(), ControlOptions::default())?;
    let report = evaluate_all(&session, &experiment, &candidates, false, 256, None)?;
    if args.json { printer::json(&report) } else { printer::demo(&report) }
}

/// The embedded network with its images.
pub fn session() -> Result<Session> {
    let file = OnnxFile::from_bytes(MODEL, Path::new("fashion-resnet8.onnx (embedded)"))?;
    let graph = Arc::new(model::load(&file, None)?);
    let test = Dataset::idx_from_bytes(
        "Fashion-MNIST test images 0 to 1999 (embedded)",
        TEST_IMAGES,
        TEST_LABELS,
    )?;
    let training = Dataset::idx_from_bytes(
        "256 Fashion-MNIST training images (embedded)",
        CALIBRATION_IMAGES,
        CALIBRATION_LABELS,
    )?;
    let preprocess = "fashion-mnist".parse()?;
    let all: Vec<usize> = (0..training.len()).collect();
    let inputs = read_inputs(&training, &all, &preprocess, &graph)?;
    let indices = (0..test.len()).collect();
    let source = (training.name().to_string(), inputs);
    Session::new(file, graph, test, indices, preprocess, source, Method::MeanSquare)
}

fn configurations() -> Vec<Configuration> {
    let families: Vec<Multiplier> = (1..=4)
        .map(perforated)
        .chain((5..=8).map(truncated))
        .chain((3..=5).map(recursive))
        .collect();
    let modes = [Mode::None, Mode::Fitted(None)];
    let points = space::points(&families, &modes, &[8], ControlOptions::default());
    points.into_iter().map(|point| point.configuration).collect()
}
