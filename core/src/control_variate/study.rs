//! What a control variate can remove from a multiplier's error, without a network.

use recoup_kernels::WeightCoding;

use crate::multiplier::Multiplier;

use super::auto::{LayerForm, fit_function};
use super::{
    CodeFunction, CodeHistogram, ControlFunction, ControlOptions, ControlVariate,
    ControlVariateError, Errors, Filter, LayerMoments, TermCost, weight_histogram,
};

/// Weights of a filter, and filters: as in a small layer, and every byte occurs 16 times.
const DEPTH: usize = 64;
const FILTERS: usize = 64;

/// The error of one product in filters of random weights, all bytes equally likely, and what V
/// leaves of its variance: eq. (3.5), averaged over filters and histograms.
#[derive(Clone, Debug)]
pub struct Study {
    /// Mean of the error; C0 removes it.
    pub mean_error: f64,
    /// Standard deviation of the error.
    pub std_error: f64,
    /// Each named function, and a fitted one.
    pub functions: Vec<Choice>,
    /// 1, 2, ... functions: the best of those, which is what `fitted:auto` takes, and others fitted
    /// to what it leaves.
    pub terms: Vec<Choice>,
    /// Fraction bits of C in the costs.
    pub c_frac: u32,
}

/// One or several functions, with what they leave and cost.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The first function; others beside it are fitted.
    pub function: ControlFunction,
    /// The share of the variance that V leaves.
    pub variance_left: f64,
    /// What each term costs, with the constants of the random filters.
    pub costs: Vec<TermCost>,
}

/// Every weight byte in random order, again and again.
fn random_filters() -> Vec<[u8; DEPTH]> {
    let mut state = 1u32;
    let mut filters = vec![[0; DEPTH]; FILTERS];
    for round in filters.as_flattened_mut().chunks_exact_mut(256) {
        round.iter_mut().zip(0..=255).for_each(|(weight, byte)| *weight = byte);
        for last in (1..round.len()).rev() {
            // A linear congruential generator (Numerical Recipes) and a Fisher-Yates shuffle.
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            round.swap(last, (state >> 8) as usize % (last + 1));
        }
    }
    filters
}

impl Study {
    /// Fits functions, up to `terms` together. An exact multiplier leaves nothing.
    ///
    /// # Errors
    /// When the multiplier is for another coding, or hardware cannot have the options.
    pub fn new(
        multiplier: &Multiplier,
        coding: WeightCoding,
        histograms: &[CodeHistogram],
        options: ControlOptions,
    ) -> Result<Self, ControlVariateError> {
        options.check()?;
        multiplier.check_coding(coding)?;
        let ControlOptions { c_frac, terms, x_bits, .. } = options;
        let errors = multiplier.errors(coding);
        let filters = random_filters();
        let filters: Vec<Filter> =
            filters.iter().map(|weights| Filter { group: 0, weights }).collect();
        let weights = (filters.len() * DEPTH) as f64;
        let forms: Vec<LayerForm> = histograms
            .iter()
            .map(|histogram| {
                LayerForm::new(
                    &errors,
                    histogram,
                    filters.iter().map(|filter| weight_histogram(filter.weights)),
                )
            })
            .collect();
        let of_moments = Errors::new(&errors);
        let layer = |functions: &[CodeFunction], histogram: &CodeHistogram| {
            LayerMoments::pooled(&of_moments, functions, histogram, DEPTH)
        };
        let mean = |values: &dyn Fn(&LayerMoments) -> f64, functions: &[CodeFunction]| {
            let moments = histograms.iter().map(|histogram| layer(functions, histogram));
            moments.map(|moments| values(&moments)).sum::<f64>() / histograms.len().max(1) as f64
        };
        let choice = |functions: &[CodeFunction]| {
            let share = |moments: &LayerMoments| {
                let variances = filters.iter().map(|&filter| moments.variances(filter));
                let (before, after) =
                    variances.fold((0.0, 0.0), |sum, next| (sum.0 + next.0, sum.1 + next.1));
                if before == 0.0 { 0.0 } else { after / before }
            };
            let constants = histograms
                .iter()
                .map(|histogram| layer(functions, histogram).constants(&filters, c_frac));
            let control = ControlVariate {
                functions: functions.to_vec(),
                c_frac,
                layers: constants.collect(),
            };
            let function = functions[0].function;
            Choice { function, variance_left: mean(&share, functions), costs: control.costs() }
        };
        let mut candidates = CodeFunction::all_named(multiplier);
        candidates.push(fit_function(&forms, &[], x_bits));
        let functions: Vec<Choice> =
            candidates.iter().map(|x| choice(std::slice::from_ref(x))).collect();
        let mut together = vec![candidates.swap_remove(best(&functions))];
        let mut chosen = vec![functions[best(&functions)].clone()];
        while chosen.len() < terms {
            together.push(fit_function(&forms, &together, x_bits));
            chosen.push(choice(&together));
        }
        let over_filters = |of_filter: &dyn Fn(&LayerMoments, Filter) -> f64| {
            let sum = |moments: &LayerMoments| {
                filters.iter().map(|&filter| of_filter(moments, filter)).sum()
            };
            mean(&|moments| sum(moments), &[]) / weights
        };
        Ok(Self {
            mean_error: over_filters(&|moments, filter| moments.mean(filter)),
            std_error: over_filters(&|moments, filter| moments.variances(filter).0).sqrt(),
            functions,
            terms: chosen,
            c_frac,
        })
    }

    /// The function that leaves least; the first, and so the cheapest, of equals.
    pub fn best(&self) -> &Choice {
        &self.functions[best(&self.functions)]
    }
}

fn best(choices: &[Choice]) -> usize {
    let left = |at: &usize| choices[*at].variance_left;
    let order = (0..choices.len()).min_by(|a, b| left(a).total_cmp(&left(b)));
    order.expect("there are named functions, and a fitted one")
}
