//! All images through a network together, so that a layer can be made from what reaches it.

use rayon::prelude::*;
use recoup_kernels::MacLayer;

use crate::model::ValueId;

use super::error::EmulateError;
use super::plan::{FusedMac, Place};
use super::prepared::Prepared;
use super::workspace::Workspace;

/// Takes `images` through the network, layer by layer. `make` gets each layer on the multipliers
/// with the value that it writes, where its input lies in the workspaces (one per image), and
/// those; it returns the kernel layer to go on with.
///
/// # Errors
/// Those of `make`, and when an operator does not take the values of an image.
pub(super) fn layer_by_layer(
    prepared: &Prepared,
    images: &[Vec<f32>],
    mut make: impl FnMut(FusedMac, ValueId, Place, &mut [Workspace]) -> Result<MacLayer, EmulateError>,
) -> Result<(), EmulateError> {
    let mut workspaces: Vec<Workspace> = images
        .par_iter()
        .map(|image| {
            let mut workspace = Workspace::default();
            workspace.load(prepared, image);
            workspace
        })
        .collect();
    for step in &prepared.plan.steps {
        let layer = match step.mac {
            None => None,
            Some(fused) => {
                let input = prepared.plan.place(step.inputs[0]);
                Some(make(fused, step.outputs[0], input, &mut workspaces)?)
            }
        };
        workspaces
            .par_iter_mut()
            .try_for_each(|workspace| workspace.run_step(prepared, step, layer.as_ref()))?;
    }
    Ok(())
}
