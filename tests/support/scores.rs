//! What a network makes of images.

use rayon::prelude::*;
use recoup::accuracy::Candidate;
use recoup::emulate::Workspace;

/// The class scores of all `images`, in their order.
pub fn scores(candidate: &Candidate, images: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let run = |workspace: &mut Workspace, image: &Vec<f32>| {
        candidate.network.run(image, workspace).to_vec()
    };
    images.par_iter().map_init(Workspace::default, run).collect()
}
