//! The claim: a control variate gives back most of the accuracy that an aggressive approximate
//! multiplier takes. The embedded network, calibrated on training images, tested on others.

use recoup_core::accuracy::Experiment;
use recoup_core::quantize::WeightScheme;
use recoup_kernels::Isa;

use crate::{experiment, fashion, scores};

/// Test images; one is a third of a point.
const IMAGES: usize = 300;
/// Points that V may leave; measured at most 1.4.
const MOST_LOSS: f64 = 4.0;
/// Points under which a network has collapsed; measured at most 11.
const COLLAPSED: f64 = 40.0;

struct Trial {
    experiment: Experiment,
    images: Vec<Vec<f32>>,
    labels: Vec<usize>,
}

impl Trial {
    fn new(scheme: WeightScheme) -> Self {
        let (images, labels) = fashion::images("test-2000", IMAGES);
        Self { experiment: experiment::new(scheme, Isa::best(), 64), images, labels }
    }

    /// Percent of the images that are classified correctly.
    fn accuracy(&self, multiplier: &str, mode: &str) -> f64 {
        let candidate = experiment::candidate(&self.experiment, multiplier, mode);
        let scores = scores::scores(&candidate, &self.images);
        let best =
            |scores: &Vec<f32>| (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        let right = scores.iter().zip(&self.labels);
        let right = right.filter(|(scores, label)| best(scores) == Some(**label)).count();
        100.0 * right as f64 / IMAGES as f64
    }

    /// Without V the network must collapse; with it, come close to exact products.
    fn recovers(&self, multiplier: &str, modes: &[&str]) {
        let exact = self.accuracy("exact", "none");
        assert!(exact > 90.0, "exact products: {exact:.1} %");
        let none = self.accuracy(multiplier, "none");
        assert!(none < COLLAPSED, "{multiplier} without V: {none:.1} %");
        for mode in modes {
            let corrected = self.accuracy(multiplier, mode);
            assert!(
                corrected > exact - MOST_LOSS,
                "{multiplier}, {mode}: {corrected:.1} %, exact {exact:.1} %"
            );
        }
    }
}

#[test]
fn the_fitted_control_variate_recovers_every_family() {
    let trial = Trial::new(WeightScheme::U8Tensor);
    trial.recovers("truncated:7", &["fitted", "regressed"]);
    trial.recovers("recursive:5", &["fitted"]);
    trial.recovers("perforated:2", &["fitted", "paper"]);
}

#[test]
fn it_recovers_signed_weights_too() {
    Trial::new(WeightScheme::I8Channel).recovers("truncated:8", &["fitted"]);
}

#[test]
fn a_constant_is_not_enough() {
    let trial = Trial::new(WeightScheme::U8Tensor);
    let (constant, fitted) =
        (trial.accuracy("truncated:7", "constant"), trial.accuracy("truncated:7", "fitted"));
    // Measured: 38 and 97 %.
    assert!(constant + 20.0 < fitted, "constant {constant:.1} %, fitted {fitted:.1} %");
}
