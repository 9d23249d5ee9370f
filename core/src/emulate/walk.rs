//! All images through a network together, so that a layer can be made from what reaches it.

use rayon::prelude::*;
use recoup_kernels::MacLayer;

use crate::model::SampleError;

use super::error::EmulateError;
use super::execute::{NextLayer, Threads, execute};
use super::prepared::{Prepared, same_length};
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
    let mut workspaces = loaded(prepared, images)?;
    execute(prepared, 0..prepared.plan.steps.len(), &mut workspaces, Threads::All, make)
}

/// A layer that is about to run, with the workspaces of all images.
pub(super) type Visit<'w> = (NextLayer, &'w mut [Workspace]);

/// Takes `images` through two networks of one model, step by step. `make` gets each layer in both,
/// and returns what both go on with.
///
/// # Errors
/// As [`layer_by_layer`], and when they are not of one model.
pub(super) fn side_by_side(
    (left, right): (&Prepared, &Prepared),
    images: &[Vec<f32>],
    mut make: impl FnMut(Visit, Visit) -> Result<(MacLayer, MacLayer), EmulateError>,
) -> Result<(), EmulateError> {
    let steps = left.plan.steps.len();
    same_length("steps of a network", right.plan.steps.len(), steps)?;
    let (mut lefts, mut rights) = (loaded(left, images)?, loaded(right, images)?);
    for step in 0..steps {
        let mut of_right = None;
        execute(left, step..step + 1, &mut lefts, Threads::All, |next, lefts| {
            let other = NextLayer::of(&right.plan, &right.plan.steps[step]);
            let other = other.expect("both have the same layers");
            let (layer, other) = make((next, lefts), (other, &mut rights))?;
            of_right = Some(other);
            Ok::<_, EmulateError>(layer)
        })?;
        execute(right, step..step + 1, &mut rights, Threads::All, |_, _| {
            Ok::<_, EmulateError>(of_right.take().expect("both have the same layers"))
        })?;
    }
    Ok(())
}

/// A workspace for each image, which it is in.
fn loaded(prepared: &Prepared, images: &[Vec<f32>]) -> Result<Vec<Workspace>, SampleError> {
    let load = |image: &Vec<f32>| {
        let mut workspace = Workspace::default();
        workspace.load(prepared, image)?;
        Ok(workspace)
    };
    images.par_iter().map(load).collect()
}
