//! What a control variate can remove from a multiplier's error, without a network.

use recoup_kernels::WeightCoding;

use crate::multiplier::Multiplier;

use super::auto::{LayerForm, fit_function};
use super::fit::LayerMoments;
use super::{CodeFunction, CodeHistogram, ControlFunction};

/// The error of one product of a filter in which every weight byte is equally frequent, and what
/// V leaves of its variance: eq. (9), averaged over the histograms.
#[derive(Clone, Debug)]
pub struct Study {
    /// Mean of the error; C0 removes it.
    pub mean_error: f64,
    /// Standard deviation of the error.
    pub std_error: f64,
    /// The share of the variance that V leaves with each named function, and with a fitted one.
    pub functions: Vec<(ControlFunction, f64)>,
    /// The same with 1, 2, ... functions, all fitted.
    pub terms: Vec<f64>,
}

impl Study {
    /// Fits functions of `bits` bits, up to `terms` together. An exact multiplier leaves nothing.
    ///
    /// # Panics
    /// If the multiplier is not for `coding`.
    pub fn new(
        multiplier: &Multiplier,
        coding: WeightCoding,
        histograms: &[CodeHistogram],
        bits: u32,
        terms: usize,
    ) -> Self {
        let errors = multiplier.errors(coding);
        let every_weight: Vec<u8> = (0..=255).collect();
        let forms: Vec<LayerForm> = histograms
            .iter()
            .map(|histogram| LayerForm::new(&errors, histogram, [[1; 256]].into_iter()))
            .collect();
        let mean = |values: &dyn Fn(&LayerMoments) -> f64, functions: &[CodeFunction]| {
            let moments =
                histograms.iter().map(|histogram| LayerMoments::new(&errors, functions, histogram));
            moments.map(|moments| values(&moments)).sum::<f64>() / histograms.len().max(1) as f64
        };
        let left = |functions: &[CodeFunction]| {
            let share = |moments: &LayerMoments| match moments.variances(&every_weight) {
                (0.0, _) => 0.0,
                (before, after) => after / before,
            };
            mean(&share, functions)
        };
        let mut fitted: Vec<CodeFunction> = Vec::new();
        let terms = (0..terms).map(|_| {
            fitted.push(fit_function(&forms, &fitted, bits));
            left(&fitted)
        });
        let terms: Vec<f64> = terms.collect();
        let named = CodeFunction::all_named(multiplier).into_iter();
        let mut functions: Vec<(ControlFunction, f64)> =
            named.map(|x| (x.function, left(&[x]))).collect();
        functions.extend(terms.first().map(|&left| (ControlFunction::Auto, left)));
        let weights = every_weight.len() as f64;
        Self {
            mean_error: mean(&|moments| moments.mean(&every_weight) / weights, &[]),
            std_error: mean(&|moments| moments.variances(&every_weight).0 / weights, &[]).sqrt(),
            functions,
            terms,
        }
    }

    /// The function that leaves least; the first, and so the cheapest, of equals.
    pub fn best(&self) -> Option<(ControlFunction, f64)> {
        self.functions.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1))
    }
}
