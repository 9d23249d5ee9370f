//! All images through a network together, so that a layer can be made from what reaches it.

use rayon::prelude::*;
use recoup_kernels::MacLayer;

use crate::model::SampleError;

use super::error::EmulateError;
use super::execute::{NextLayer, Threads, execute};
use super::prepared::Prepared;
use super::workspace::Workspace;

/// Takes `images` through the network, layer by layer. `make` gets each layer on the multipliers
/// with the workspaces, one per image; it returns the kernel layer to go on with.
///
/// # Errors
/// Those of `make`, and when an operator does not take the values of an image.
pub(super) fn layer_by_layer(
    prepared: &Prepared,
    images: &[Vec<f32>],
    make: impl FnMut(NextLayer, &mut [Workspace]) -> Result<MacLayer, EmulateError>,
) -> Result<(), EmulateError> {
    let mut workspaces: Vec<Workspace> = images
        .par_iter()
        .map(|image| {
            let mut workspace = Workspace::default();
            workspace.load(prepared, image)?;
            Ok(workspace)
        })
        .collect::<Result<_, SampleError>>()?;
    execute(prepared, 0..prepared.plan.steps.len(), &mut workspaces, Threads::All, make)
}
