//! All images through a network together, so that a layer can be made from what reaches it.

use std::sync::Arc;

use rayon::prelude::*;

use crate::model::SampleError;

use super::error::EmulateError;
use super::execute::{NextLayer, Steps, execute_on_all};
use super::layer::Layer;
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
    mut make: impl FnMut(NextLayer, &mut [Workspace]) -> Result<Arc<Layer>, EmulateError>,
) -> Result<(), EmulateError> {
    let plan = &prepared.plan;
    let mut workspaces = loaded(prepared, images)?;
    let mut waiting = Steps::new();
    for (index, step) in plan.steps.iter().enumerate() {
        let layer =
            NextLayer::of(plan, step).map(|next| make(next, &mut workspaces)).transpose()?;
        waiting.push((index, layer));
        if !plan.feeds_next(index) {
            execute_on_all(prepared, &waiting, &mut workspaces)?;
            waiting.clear();
        }
    }
    Ok(())
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
    mut make: impl FnMut(Visit, Visit) -> Result<(Arc<Layer>, Arc<Layer>), EmulateError>,
) -> Result<(), EmulateError> {
    let steps = left.plan.steps.len();
    same_length("steps of a network", right.plan.steps.len(), steps)?;
    let (mut lefts, mut rights) = (loaded(left, images)?, loaded(right, images)?);
    let (mut of_left, mut of_right) = (Steps::new(), Steps::new());
    for step in 0..steps {
        let next = |side: &Prepared| NextLayer::of(&side.plan, &side.plan.steps[step]);
        let layers = match (next(left), next(right)) {
            (None, None) => None,
            (own, other) => {
                let both = own.zip(other).expect("both have the same layers");
                Some(make((both.0, &mut lefts), (both.1, &mut rights))?)
            }
        };
        let (layer, other) = layers.unzip();
        of_left.push((step, layer));
        of_right.push((step, other));
        if !left.plan.feeds_next(step) {
            execute_on_all(left, &of_left, &mut lefts)?;
            execute_on_all(right, &of_right, &mut rights)?;
            of_left.clear();
            of_right.clear();
        }
    }
    Ok(())
}

/// A workspace for each image, which it is in.
fn loaded(prepared: &Prepared, images: &[Vec<f32>]) -> Result<Vec<Workspace>, SampleError> {
    let load = |image: &Vec<f32>| {
        let mut workspace = Workspace::default();
        workspace.load_alone(prepared, image)?;
        Ok(workspace)
    };
    images.par_iter().map(load).collect()
}
