//! What a network makes of images.

use recoup_core::accuracy::EmulatedDesign;
use recoup_core::emulate::class_scores;
use recoup_core::watch::Unwatched;

/// The class scores of all `images`, in their order.
pub fn scores(candidate: &EmulatedDesign, images: &[Vec<f32>]) -> Vec<Vec<f32>> {
    class_scores(&candidate.network, images, &Unwatched).unwrap()
}

/// Power of `expected` over the power of its difference from `found`.
pub fn sqnr_db(expected: &[f32], found: &[f32]) -> f64 {
    assert_eq!(expected.len(), found.len());
    let power = |values: &mut dyn Iterator<Item = f32>| -> f64 {
        values.map(|value| f64::from(value).powi(2)).sum()
    };
    let noise = power(&mut expected.iter().zip(found).map(|(a, b)| a - b));
    10.0 * (power(&mut expected.iter().copied()) / noise).log10()
}
