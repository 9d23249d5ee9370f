//! The results of `eval` and the order in which they are printed.

use recoup::Results;
use recoup_core::accuracy::{EmulatedDesign, Evaluation, OutputFidelity};
use recoup_core::quantize::WeightCodes;
use recoup_explore::power::Power;

/// Results, as they are printed.
pub struct Report {
    pub results: Results,
    /// The designs in the order in which they are printed.
    order: Vec<usize>,
    /// Whether what hardware needs was measured on the network.
    pub measured: bool,
}

impl Report {
    /// Results on arrays that need so much.
    pub fn new(results: Results, power: &Power) -> Self {
        let results = results.on_arrays(power);
        let order = (0..results.candidates.len()).collect();
        Self { results, order, measured: !power.measured.is_empty() }
    }

    /// Orders the results by accuracy, or without labels by the output that is furthest from
    /// float32, behind the reference; equals stay in their order.
    pub fn best_first(&mut self) {
        let Evaluation { candidates, fidelity, .. } = &self.results.evaluation;
        let quality = |index: usize| {
            candidates[index]
                .top1_accuracy()
                .or_else(|| fidelity.as_ref().map(|all| least_sqnr_db(&all[index])))
                .unwrap_or(0.0)
        };
        self.order[1..].sort_by(|&a, &b| quality(b).total_cmp(&quality(a)));
    }

    /// Whether codes, scales and biases were chosen in other ways than the default one.
    pub fn with_quantization(&self) -> bool {
        let candidates = self.results.candidates.iter();
        let mut designs = candidates.map(|it| &it.design);
        designs.any(|it| {
            it.other_quantization().is_some() || it.weight_codes != WeightCodes::default()
        })
    }

    /// The designs in the order in which they are printed.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// The results in the order in which they are printed.
    pub fn results(&self) -> impl Iterator<Item = (usize, &EmulatedDesign)> {
        self.order.iter().map(|&index| (index, &self.results.candidates[index]))
    }
}

/// The output of a network that is furthest from float32, dB; infinite if all are equal to it.
fn least_sqnr_db(outputs: &[OutputFidelity]) -> f64 {
    let sqnr_db = outputs.iter().map(|output| match &output.against_float {
        fidelity if fidelity.equal => f64::INFINITY,
        fidelity => fidelity.sqnr_db.unwrap_or(f64::NEG_INFINITY),
    });
    sqnr_db.fold(f64::INFINITY, f64::min)
}
