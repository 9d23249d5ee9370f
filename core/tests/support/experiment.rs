//! The embedded network, calibrated and ready for multipliers.

use std::sync::Arc;

use recoup_core::accuracy::{EmulatedDesign, Experiment};
use recoup_core::design::Design;
use recoup_core::model::{self, OnnxFile};
use recoup_core::quantize::{Method, WeightScheme};
use recoup_kernels::Isa;

use crate::fashion;

/// The embedded network in codes of `scheme`, on `images` of the calibration images.
pub fn new(scheme: WeightScheme, isa: Isa, images: usize) -> Experiment {
    of(&fashion::network(), scheme, isa, images)
}

/// The same of any network for these images.
pub fn of(file: &OnnxFile, scheme: WeightScheme, isa: Isa, images: usize) -> Experiment {
    let graph = Arc::new(model::load(file, None).unwrap());
    let (images, _) = fashion::images("calibration-256", images);
    let source = ("calibration-256".into(), "fashion-mnist".into());
    let calibration =
        Experiment::calibrate(&file.path, &graph, &images, Method::MinMax, source, &|_| {})
            .unwrap();
    Experiment::new(graph, images, calibration, scheme, isa)
}

/// A network on `multiplier` with the control variate `mode`.
pub fn candidate(experiment: &Experiment, multiplier: &str, mode: &str) -> EmulatedDesign {
    let design = Design::new(multiplier.parse().unwrap());
    experiment.candidate(&design.with_control_variate(mode.parse().unwrap())).unwrap()
}
