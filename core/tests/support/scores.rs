//! What a network makes of images.

use recoup_core::accuracy::EmulatedDesign;
use recoup_core::emulate::class_scores;
use recoup_core::watch::Unwatched;

/// The class scores of all `images`, in their order.
pub fn scores(candidate: &EmulatedDesign, images: &[Vec<f32>]) -> Vec<Vec<f32>> {
    class_scores(&candidate.network, images, &Unwatched).unwrap()
}
