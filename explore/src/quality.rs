//! What a design does to the accumulators of each layer, on a few images.

use recoup_core::accuracy::{Classifier, EmulatedDesign, ExperimentError, LabelledInput};
use recoup_core::emulate::{ErrorSample, LayerStatistics};
use recoup_core::watch::Watch;
use serde::{Deserialize, Serialize};

/// Bins of a histogram.
const BINS: usize = 60;

/// The errors in one layer (docs/arithmetic.md, eq. (7.9) to (7.11)); in accumulator units where
/// nothing else is said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerQuality {
    /// The layer, as the model names it.
    pub layer: String,
    /// Mean of the accumulated error without V.
    pub mean_before: f64,
    /// Its standard deviation.
    pub std_before: f64,
    /// The layer's output over that error, dB; none without an error.
    pub sqnr_before_db: Option<f64>,
    /// Mean of the error that V leaves.
    pub mean_after: f64,
    /// Its standard deviation.
    pub std_after: f64,
    /// The layer's output over that error, dB; none without an error.
    pub sqnr_after_db: Option<f64>,
    /// The errors of all outputs; for the layer with the most MACs only.
    pub histogram: Option<Histogram>,
}

/// How errors are distributed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    /// Edges of the bins, which are equally wide, rising; one more than there are bins.
    pub edges: Vec<i64>,
    /// Outputs in each bin without V: from its lower edge to below its upper one.
    pub before: Vec<u64>,
    /// The same with V.
    pub after: Vec<u64>,
}

/// Runs a candidate on `images` and looks at its layers.
///
/// # Errors
/// When a kernel refuses a layer, or an operator in float the values of an image.
pub fn observe(
    candidate: &EmulatedDesign,
    classifier: &Classifier,
    images: &[LabelledInput],
    watch: &dyn Watch,
) -> Result<Vec<LayerQuality>, ExperimentError> {
    let macs = &candidate.prepared.quantized.macs;
    let Some(largest) = (0..macs.len()).rev().max_by_key(|&layer| macs[layer].shape.macs()) else {
        return Ok(Vec::new());
    };
    let collector = candidate.collector().map_err(ExperimentError::from)?.sampling(largest);
    let mut total = collector.start();
    let parts = classifier.observe(&candidate.network, &collector, images, watch)?;
    parts.iter().for_each(|part| total.merge(part));
    let layers = total.finish(&candidate.network, &candidate.reference).into_iter().enumerate();
    Ok(layers
        .map(|(index, statistics)| LayerQuality {
            histogram: (index == largest).then(|| Histogram::new(total.samples())),
            ..LayerQuality::from(statistics)
        })
        .collect())
}

impl From<LayerStatistics> for LayerQuality {
    fn from(statistics: LayerStatistics) -> Self {
        Self {
            layer: statistics.node,
            mean_before: statistics.mean_before,
            std_before: statistics.std_before,
            sqnr_before_db: statistics.sqnr_before_db,
            mean_after: statistics.mean_after,
            std_after: statistics.std_after,
            sqnr_after_db: statistics.sqnr_db,
            histogram: None,
        }
    }
}

impl Histogram {
    /// Of errors before and after V, in bins that hold them all.
    pub fn new(samples: &[ErrorSample]) -> Self {
        let errors = || samples.iter().flat_map(|sample| [sample.before, sample.after]);
        let (low, high) = (errors().min().unwrap_or(0), errors().max().unwrap_or(0));
        let width = (high - low) / BINS as i64 + 1;
        let bins = (high - low) / width + 1;
        let bin = |error: i64| ((error - low) / width) as usize;
        let (mut before, mut after) = (vec![0; bins as usize], vec![0; bins as usize]);
        for sample in samples {
            before[bin(sample.before)] += 1;
            after[bin(sample.after)] += 1;
        }
        Self { edges: (0..=bins).map(|edge| low + edge * width).collect(), before, after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_is_in_its_bin() {
        let samples: Vec<ErrorSample> =
            (0..500).map(|n| ErrorSample { before: 3 * n + 7, after: n % 5 - 2 }).collect();
        let histogram = Histogram::new(&samples);
        let Histogram { edges, before, after } = &histogram;
        assert!(before.len() <= BINS && before.len() == after.len());
        assert_eq!(edges.len(), before.len() + 1);
        for (bin, edges) in edges.windows(2).enumerate() {
            let inside = |error: i64| (edges[0]..edges[1]).contains(&error);
            let count = |error: &dyn Fn(&ErrorSample) -> i64| {
                samples.iter().filter(|sample| inside(error(sample))).count() as u64
            };
            assert_eq!(before[bin], count(&|sample| sample.before));
            assert_eq!(after[bin], count(&|sample| sample.after));
        }
        assert_eq!(before.iter().sum::<u64>(), 500);
    }

    #[test]
    fn one_error_or_none_is_a_histogram_too() {
        let same = Histogram::new(&[ErrorSample { before: 4, after: 4 }]);
        assert_eq!((same.edges, same.before, same.after), (vec![4, 5], vec![1], vec![1]));
        assert_eq!(Histogram::new(&[]).before, [0]);
    }
}
