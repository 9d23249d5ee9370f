//! Why V does not give all of the accuracy back.

use recoup_core::accuracy::paired::compare;
use recoup_core::accuracy::{EmulatedDesign, Experiment, Outcomes};
use recoup_core::control_variate::{Mode, Statistics};
use recoup_core::design::Design;
use recoup_core::quantize::OutputCorrection;
use recoup_core::watch::Watch;

use crate::error::Result;

/// Points that a design loses at least, by its confidence interval, before it is asked why.
const POINTS: f64 = 1.0;
/// Of so many layers it is said.
const LAYERS: usize = 3;

/// A layer, and what V leaves of its error.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct LayerNoise {
    /// Its node.
    pub node: String,
    /// The signal's power over that of the error left, dB, as the codes that the layer sees let
    /// expect it, docs/arithmetic.md (7.15).
    pub predicted_sqnr_db: f64,
}

/// The layers that V leaves most in, the worst first, of a design that loses much in spite of the
/// best constants: those fitted to each channel, with gains. What they leave has no mean, and no share
/// of the signal; constants cannot take it away.
pub(super) fn left_by_v(
    experiment: &Experiment,
    candidate: &EmulatedDesign,
    (reference, found): (&Outcomes, &Outcomes),
    watch: &dyn Watch,
) -> Result<Option<Vec<LayerNoise>>> {
    let Design { control_variate: mode, control_options: options, weights, .. } = &candidate.design;
    let is_best = matches!(mode, Mode::Fitted(_) | Mode::Regressed(_))
        && options.statistics == Statistics::Channel
        && matches!(
            candidate.design.quantization().outputs,
            OutputCorrection::Gain | OutputCorrection::LayerGain
        )
        && candidate.control.is_some();
    let loses = compare(&reference.top1, &found.top1).is_some_and(|it| it.ci95[0] > POINTS);
    if !(is_best && loses) {
        return Ok(None);
    }
    let other = weights.filter(|&it| it != experiment.weights());
    let other = other.map(|weights| experiment.with_weights(weights));
    let prediction = other.as_ref().unwrap_or(experiment).predict(&candidate.design, watch)?;
    let quantized = &candidate.prepared.quantized;
    let layers = quantized.macs.iter().zip(&prediction.layers);
    let noisy = layers.filter(|(_, noise)| **noise > 0.0).map(|(mac, noise)| LayerNoise {
        node: quantized.graph.nodes[mac.node].name.clone(),
        predicted_sqnr_db: -10.0 * noise.log10(),
    });
    let mut noisy: Vec<LayerNoise> = noisy.collect();
    noisy.sort_by(|a, b| a.predicted_sqnr_db.total_cmp(&b.predicted_sqnr_db));
    noisy.truncate(LAYERS);
    Ok(Some(noisy).filter(|noisy| !noisy.is_empty()))
}
