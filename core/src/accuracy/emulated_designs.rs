//! From a design to its codes, control variate and biases.

use std::sync::Arc;

use crate::code_choice::{self, Given, Purpose};
use crate::control_variate::{self, ControlVariate, Mode, SeenCodes};
use crate::design::Design;
use crate::emulate::{
    Network, Prepared, choose_weight_codes, class_scores, code_histograms, correct_outputs,
    counted_codes, regress,
};
use crate::multiplier::Multiplier;
use crate::quantize::{
    Calibration, Histogram, OutputCorrection, Quantization, Quantized, WeightCodes, WeightScheme,
    Widths, value_histograms,
};

use crate::watch::Watch;

use super::cache::Cache;
use super::{Experiment, ExperimentError};

/// A network in codes, with those that its layers see.
pub(super) struct Coded {
    pub prepared: Arc<Prepared>,
    pub histograms: Vec<SeenCodes>,
    /// What the choice of the codes was made by, if they were chosen for a multiplier.
    pub noise_to_signal: Option<f64>,
    /// The same with the operands of some layers exchanged.
    exchanged: Cache<Vec<bool>, Coded>,
}

/// All that a design needs but its kernels.
pub(super) struct Made {
    pub coded: Arc<Coded>,
    /// The network of `coded`, perhaps with other biases.
    pub prepared: Arc<Prepared>,
    pub control: Option<ControlVariate>,
}

/// The values of the tensors in the float network, by name.
pub(super) type Values = Vec<(String, Histogram)>;

/// What the network with exact products and the calibration's codes makes of calibration images:
/// class scores, per image.
pub(super) type ExactScores = Vec<Vec<f32>>;

/// Calibration images that outputs are corrected on, the first ones, and that decide between
/// choices, the last ones: with all of them gains are no better (docs/quantization.md).
const CORRECTED_ON: usize = 64;

impl Experiment {
    /// Makes a design. Where its quantisation leaves a choice, the one is taken that
    /// brings the scores of calibration images nearest to those of exact products, eq. (6.11).
    pub(super) fn make(
        &self,
        design: &Design,
        watch: &dyn Watch,
    ) -> Result<Arc<Made>, ExperimentError> {
        Ok(self.make_with_network(design, watch)?.0)
    }

    /// The same with its kernels.
    pub(super) fn make_network(
        &self,
        design: &Design,
        watch: &dyn Watch,
    ) -> Result<(Arc<Made>, Arc<Network>), ExperimentError> {
        let (made, network) = self.make_with_network(design, watch)?;
        let Made { prepared, control, .. } = &*made;
        let network = match network {
            Some(network) => Arc::new(network),
            None if design.multiplier.is_exact()
                && control.is_none()
                && Arc::ptr_eq(prepared, &self.reference()?) =>
            {
                self.reference_network(&prepared.quantized)?
            }
            None => Arc::new(Network::new(prepared, &design.multiplier, control.as_ref())?),
        };
        Ok((made, network))
    }

    /// A design, with its kernels if it took them to make it.
    fn make_with_network(
        &self,
        design: &Design,
        watch: &dyn Watch,
    ) -> Result<(Arc<Made>, Option<Network>), ExperimentError> {
        let mut ready = None;
        let mut make = || -> Result<Made, ExperimentError> {
            let (made, network) = self.adapt(design, watch)?;
            ready = Some(network);
            Ok(made)
        };
        let made = match design.quantization() {
            // The choice of codes is asked for before the design is run, and takes longest.
            _ if design.chooses_codes() => self.adapted.get_or_make(design, make)?,
            Quantization::PLAIN => {
                let coded = self.plain(design, watch)?;
                Arc::new(self.corrected(&coded, design, watch)?)
            }
            _ => Arc::new(make()?),
        };
        Ok((made, ready))
    }

    fn adapt(
        &self,
        design: &Design,
        watch: &dyn Watch,
    ) -> Result<(Made, Network), ExperimentError> {
        let width = self.width(design.widths(), watch)?;
        let Quantization { aware, .. } = design.quantization();
        let mut codings = vec![width.clone()];
        if aware {
            codings.extend(self.adapted_codes(&width, design, watch)?);
        }
        let mut best = None;
        for coded in &codings {
            let coded = self.loading(coded, design)?;
            let made = self.corrected(&coded, design, watch)?;
            let network = Network::new(&made.prepared, &design.multiplier, made.control.as_ref())?;
            self.judge((made, network), design, &mut best, watch)?;
        }
        if let (WeightCodes::Chosen, Some((_, made, _))) = (design.weight_codes, &best) {
            let chosen = self.with_weight_codes(made, design, watch)?;
            self.judge(chosen, design, &mut best, watch)?;
        }
        let (_, made, network) = best.expect("the calibration's own codes are always tried");
        Ok((made, network))
    }

    /// Takes a network, or the same with its outputs corrected, in the place of the `best` if its
    /// scores are nearer to the exact ones; of equals the first: what is plain stays.
    fn judge(
        &self,
        made: (Made, Network),
        design: &Design,
        best: &mut Option<(f64, Made, Network)>,
        watch: &dyn Watch,
    ) -> Result<(), ExperimentError> {
        let exact = self.exact_scores(watch)?;
        let mut ways = vec![made];
        if design.quantization().outputs != OutputCorrection::None {
            ways.push(self.with_outputs(&ways[0], design, watch)?);
        }
        for (made, network) in ways {
            let scores = class_scores(&network, self.judges(), watch)?;
            let error = self.distance(&scores, &exact);
            if best.as_ref().is_none_or(|(least, ..)| error < *least) {
                *best = Some((error, made, network));
            }
        }
        Ok(())
    }

    /// A network in codes with weights in codes that suit a design, and its control variate.
    fn with_weight_codes(
        &self,
        Made { coded, control, .. }: &Made,
        design: &Design,
        watch: &dyn Watch,
    ) -> Result<(Made, Network), ExperimentError> {
        let exact = self.reference_network(&coded.prepared.quantized)?;
        let products = (&design.multiplier, control.as_ref());
        let (network, control) =
            choose_weight_codes(&coded.prepared, &exact, &self.images, products, watch)?;
        let prepared = network.prepared().clone();
        Ok((Made { prepared, control, coded: coded.clone() }, network))
    }

    /// The same with its filters' outputs corrected.
    fn with_outputs(
        &self,
        (made, network): &(Made, Network),
        design: &Design,
        watch: &dyn Watch,
    ) -> Result<(Made, Network), ExperimentError> {
        let Made { prepared, control, coded } = made;
        let exact = self.reference_network(&prepared.quantized)?;
        let products = (&design.multiplier, control.as_ref());
        let how = design.quantization().outputs;
        let images = &self.images[..self.images.len().min(CORRECTED_ON)];
        let network = correct_outputs(network, &exact, images, products, how, watch)?;
        let prepared = network.prepared().clone();
        Ok((Made { prepared, control: control.clone(), coded: coded.clone() }, network))
    }

    /// The network in the calibration's codes of 8 bits: what losses are measured against.
    pub(super) fn reference(&self) -> Result<Arc<Prepared>, ExperimentError> {
        let make = || self.prepare(&self.calibration, Widths::FULL);
        Ok(self.reference.get_or_make(&(), make)?.as_ref().clone())
    }

    /// The same, its layers loaded with the operands that those of `network` are loaded with: what
    /// compares layers finds the elements of their outputs in the same order.
    pub(super) fn reference_loading(
        &self,
        network: &Quantized,
    ) -> Result<Arc<Prepared>, ExperimentError> {
        let reference = self.reference()?;
        let operands = first_loaded(network);
        if !operands.contains(&true) {
            return Ok(reference);
        }
        let make = || Ok(Prepared::new(reference.quantized.exchanged(&operands), self.isa));
        let made = self.exchanged_references.get_or_make::<ExperimentError>(&operands, make)?;
        Ok(made.as_ref().clone())
    }

    /// The same with its kernels, for exact products.
    fn reference_network(&self, network: &Quantized) -> Result<Arc<Network>, ExperimentError> {
        let operands = first_loaded(network);
        self.reference_networks.get_or_make(&operands, || {
            Ok(Network::new(&self.reference_loading(network)?, &Multiplier::exact(), None)?)
        })
    }

    /// The network in the codes of a design that are the calibration's, and loaded as it says.
    pub(super) fn plain(
        &self,
        design: &Design,
        watch: &dyn Watch,
    ) -> Result<Arc<Coded>, ExperimentError> {
        self.loading(&self.width(design.widths(), watch)?, design)
    }

    /// The network in its codes, with those operands of products of two activations loaded that suit
    /// a design.
    fn loading(&self, coded: &Arc<Coded>, design: &Design) -> Result<Arc<Coded>, ExperimentError> {
        let Design { multiplier, control_variate: mode, control_options: options, .. } = design;
        let (quantized, codes) = (&coded.prepared.quantized, &coded.histograms);
        let first = control_variate::loads_first(quantized, codes, multiplier, *mode, *options)?;
        if !first.contains(&true) {
            return Ok(coded.clone());
        }
        coded.exchanged.get_or_make(&first, || {
            let of_layer = |(seen, &first): (&SeenCodes, &bool)| match &seen.exchanged {
                Some(exchanged) if first => SeenCodes::clone(exchanged),
                _ => seen.clone(),
            };
            Ok(Coded {
                prepared: Prepared::new(quantized.exchanged(&first), self.isa),
                histograms: codes.iter().zip(&first).map(of_layer).collect(),
                noise_to_signal: coded.noise_to_signal,
                exchanged: Cache::default(),
            })
        })
    }

    /// The network in the calibration's codes, so wide.
    pub(super) fn width(
        &self,
        widths: Widths,
        watch: &dyn Watch,
    ) -> Result<Arc<Coded>, ExperimentError> {
        self.widths.get_or_make(&widths, || {
            let prepared = match widths {
                Widths::FULL => self.reference()?,
                _ => self.prepare(&self.calibration, widths)?,
            };
            match self.counted_codes(&prepared, widths) {
                Some(histograms) => {
                    let exchanged = Cache::default();
                    Ok(Coded { prepared, histograms, noise_to_signal: None, exchanged })
                }
                None => self.look(prepared, None, watch),
            }
        })
    }

    /// What the calibration says of the codes: it was made with weights by channel, in 8 bits.
    fn counted_codes(&self, prepared: &Prepared, widths: Widths) -> Option<Vec<SeenCodes>> {
        let same = widths == Widths::FULL && self.weights != WeightScheme::U8Tensor;
        let Calibration { layers, images, .. } = &self.calibration;
        same.then(|| counted_codes(&prepared.quantized, layers, *images as u64)).flatten()
    }

    /// The network in codes of `calibration`.
    fn prepare(
        &self,
        calibration: &Calibration,
        widths: Widths,
    ) -> Result<Arc<Prepared>, ExperimentError> {
        let quantized = Quantized::new(self.graph.clone(), calibration, self.weights, widths)?;
        Ok(Prepared::new(quantized, self.isa))
    }

    /// A network with the codes that its layers see on the calibration images.
    fn look(
        &self,
        prepared: Arc<Prepared>,
        noise_to_signal: Option<f64>,
        watch: &dyn Watch,
    ) -> Result<Coded, ExperimentError> {
        let histograms = code_histograms(&prepared, &self.images, watch)?;
        Ok(Coded { prepared, histograms, noise_to_signal, exchanged: Cache::default() })
    }

    /// The network in the codes that suit a design; `width` has the calibration's.
    fn adapted_codes(
        &self,
        width: &Coded,
        design: &Design,
        watch: &dyn Watch,
    ) -> Result<Vec<Arc<Coded>>, ExperimentError> {
        let (quantized, codes) = (&width.prepared.quantized, &width.histograms);
        let Design { multiplier, control_variate: mode, control_options: options, .. } = design;
        let layers = control_variate::layers(quantized, codes)?;
        let coding = self.weights.coding();
        let functions =
            control_variate::functions_of(&layers, coding, multiplier, *mode, *options)?;
        let values = self.values(watch)?;
        let given = Given { quantized, codes, calibration: &self.calibration, values: &values };
        let purpose = Purpose {
            multiplier,
            functions: functions.as_deref(),
            bias_correction: design.quantization().outputs != OutputCorrection::None,
        };
        let coded = code_choice::choose(&given, &purpose).into_iter().map(|choice| {
            let noise_to_signal = Some(choice.noise_to_signal);
            let widths = Widths { activation_bits: choice.activation_bits, ..design.widths() };
            let prepared = self.prepare(&choice.calibration, widths)?;
            self.look(prepared, noise_to_signal, watch).map(Arc::new)
        });
        coded.collect()
    }

    /// A network in codes with the control variate of a design.
    fn corrected(
        &self,
        coded: &Arc<Coded>,
        design: &Design,
        watch: &dyn Watch,
    ) -> Result<Made, ExperimentError> {
        let (prepared, multiplier) = (&coded.prepared, &design.multiplier);
        let options = design.control_options;
        let layers = control_variate::layers(&prepared.quantized, &coded.histograms)?;
        let coding = self.weights.coding();
        let control = match design.control_variate {
            Mode::Regressed(named) if !multiplier.is_exact() => {
                let fitted = Mode::Fitted(named);
                let start = control_variate::fit(&layers, coding, multiplier, fitted, options)?;
                let regress = |start| regress(prepared, &self.images, multiplier, start, watch);
                start.map(regress).transpose()?
            }
            Mode::None | Mode::Regressed(_) => None,
            mode => control_variate::fit(&layers, coding, multiplier, mode, options)?,
        };
        Ok(Made { coded: coded.clone(), prepared: prepared.clone(), control })
    }

    /// The values of the tensors in the float network.
    fn values(&self, watch: &dyn Watch) -> Result<Arc<Values>, ExperimentError> {
        let scales = self.calibration.channel_scales();
        let make = || Ok(value_histograms(&self.graph, &self.images, &scales, watch)?);
        self.values.get_or_make(&(), make)
    }

    /// How far outputs are from what they should be, eq. (6.11).
    fn distance(&self, found: &[Vec<f32>], expected: &[Vec<f32>]) -> f64 {
        let Some((_, scores)) = self.graph.scores() else {
            return square_distance(found, expected);
        };
        let are_probabilities = self.graph.scores_are_probabilities();
        let logit = |&score: &f32| match are_probabilities {
            true => f64::from(score.max(LEAST_PROBABILITY)).ln(),
            false => f64::from(score),
        };
        let logits = |outputs: &Vec<f32>| outputs[scores.clone()].iter().map(logit).collect();
        let images = found.iter().zip(expected);
        distance_of_scores(images.map(|(found, expected)| (logits(found), logits(expected))))
    }

    /// The calibration images that decide between choices.
    fn judges(&self) -> &[Vec<f32>] {
        &self.images[self.images.len().saturating_sub(CORRECTED_ON)..]
    }

    /// What the exact network makes of them.
    fn exact_scores(&self, watch: &dyn Watch) -> Result<Arc<ExactScores>, ExperimentError> {
        self.exact_scores.get_or_make(&(), || {
            let network = self.reference_network(&self.reference()?.quantized)?;
            Ok(class_scores(&network, self.judges(), watch)?)
        })
    }
}

/// Which layers are loaded with the first operand of their product.
fn first_loaded(network: &Quantized) -> Vec<bool> {
    network.graph.macs().map(|(_, mac)| mac.loads_first()).collect()
}

/// Probabilities below it are all alike: half a step of codes of 8 bits.
const LEAST_PROBABILITY: f32 = 1.0 / 512.0;

/// How far scores are from the expected ones, whatever number they all are multiplied by, and
/// whatever is added to those of an image; per image, eq. (6.11).
fn distance_of_scores(pairs: impl Iterator<Item = (Vec<f64>, Vec<f64>)>) -> f64 {
    let (mut found_squares, mut products, mut expected_squares) = (0.0, 0.0, 0.0);
    for (found, expected) in pairs {
        let mean = |scores: &[f64]| scores.iter().sum::<f64>() / scores.len() as f64;
        let (mean_found, mean_expected) = (mean(&found), mean(&expected));
        for (found, expected) in found.iter().zip(&expected) {
            let (found, expected) = (found - mean_found, expected - mean_expected);
            found_squares += found * found;
            products += found * expected;
            expected_squares += expected * expected;
        }
    }
    // What is not in proportion; all, if they have nothing in common.
    let in_common = if products > 0.0 { products * products / found_squares } else { 0.0 };
    expected_squares - in_common
}

/// The sum of squared differences.
fn square_distance(found: &[Vec<f32>], expected: &[Vec<f32>]) -> f64 {
    let pairs = found.iter().flatten().zip(expected.iter().flatten());
    pairs.map(|(found, expected)| f64::from(found - expected).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_compared_in_proportion() {
        let expected = [vec![1.0, 2.0, 6.0], vec![0.0, -2.0, -1.0]];
        let distance = |found: [Vec<f64>; 2]| {
            distance_of_scores(found.into_iter().zip(expected.iter().cloned()))
        };
        assert_eq!(distance(expected.clone()), 0.0);
        // Half of all, and an offset of each image's own.
        assert_eq!(distance([vec![5.5, 6.0, 8.0], vec![1.0, 0.0, 0.5]]), 0.0);
        // 4 + 1 + 9 and 1 + 1 + 0 are left of what has nothing in common, or the contrary.
        for by in [0.0, -1.0] {
            let found = expected.each_ref().map(|scores| scores.iter().map(|it| it * by).collect());
            assert_eq!(distance(found), 16.0);
        }
        // Of the first image's -2, -1, 3 as much as of the second's 1, -1, 0: 14 of 16 in common.
        assert_eq!(distance([vec![-2.0, -1.0, 3.0], vec![0.0; 3]]), 2.0);
    }
}
