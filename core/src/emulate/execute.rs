//! The loop over the steps of a plan.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;
use recoup_kernels::Scratch;

use crate::model::{SampleError, ValueId};

use super::layer::{Kernel, Layer};
use super::plan::{FusedMac, Place, Plan, Step};
use super::prepared::Prepared;
use super::steps::run_layer;
use super::workspace::Workspace;

/// A layer on the multipliers that is about to run.
pub(super) struct NextLayer {
    pub fused: FusedMac,
    /// The value that it writes.
    pub output: ValueId,
    /// Where its codes lie in each workspace.
    input: Place,
    /// Where those lie that are loaded in the place of weights, if there are any.
    loaded: Option<Place>,
}

impl NextLayer {
    /// The one that a step of the plan runs, if it runs one.
    pub fn of(plan: &Plan, step: &Step) -> Option<Self> {
        let (fused, output) = (step.mac?, step.outputs[0]);
        let loaded = fused.loaded.map(|value| plan.place(value));
        Some(Self { fused, output, input: plan.place(step.inputs[0]), loaded })
    }

    /// The kernel that a layer runs on for one image.
    pub fn kernel<'l>(&self, layer: &'l Layer, workspace: &Workspace) -> Kernel<'l> {
        let codes = |place: Place| &workspace.codes[place.buffer][..place.length];
        layer.loaded(self.loaded.map(codes))
    }

    /// The codes of one image that it multiplies.
    pub fn input_of<'w>(&self, workspace: &'w Workspace) -> &'w [u8] {
        &workspace.codes[self.input.buffer][..self.input.length]
    }
}

/// How many images a thread should run a layer on together, of so many for all threads.
pub(super) fn images_of_a_thread(batch: usize, images: usize) -> usize {
    batch.min(images.div_ceil(rayon::current_num_threads())).max(1)
}

/// Runs `steps` of the plan on the images in `workspaces`, in the thread that calls: a layer sees all
/// images together.
///
/// # Errors
/// When an operator in float does not take the values of an image.
pub(super) fn execute(
    prepared: &Prepared,
    layers: &[Arc<Layer>],
    steps: Range<usize>,
    workspaces: &mut [Workspace],
) -> Result<(), SampleError> {
    for step in &prepared.plan.steps[steps] {
        run(prepared, step, step.mac.map(|fused| &*layers[fused.layer]), workspaces)?;
    }
    Ok(())
}

fn run(
    prepared: &Prepared,
    step: &Step,
    layer: Option<&Layer>,
    workspaces: &mut [Workspace],
) -> Result<(), SampleError> {
    let plan = &prepared.plan;
    match (layer, NextLayer::of(plan, step)) {
        (Some(layer), Some(next)) if layer.is_loaded() => {
            for own in workspaces {
                let kernel = next.kernel(layer, own);
                run_layer(std::slice::from_mut(own), plan, step, &kernel);
            }
            Ok(())
        }
        (Some(layer), _) => {
            run_layer(workspaces, plan, step, &layer.loaded(None));
            Ok(())
        }
        (None, _) => workspaces.iter_mut().try_for_each(|own| own.run_step(prepared, step)),
    }
}

/// Steps by their numbers, those on the multipliers with their kernels.
pub(super) type Steps = Vec<(usize, Option<Arc<Layer>>)>;

/// Runs steps on all threads, each of which takes some images through all of them before others.
/// Workspaces have memory for what is read later, and no more.
///
/// # Errors
/// When an operator in float does not take the values of an image.
pub(super) fn execute_on_all(
    prepared: &Prepared,
    steps: &Steps,
    workspaces: &mut [Workspace],
) -> Result<(), SampleError> {
    let plan = &prepared.plan;
    let layers = steps.iter().filter_map(|(_, layer)| layer.as_ref());
    let together = layers.map(|layer| images_of_a_thread(layer.batch(), workspaces.len())).min();
    let chunks = workspaces.par_chunks_mut(together.unwrap_or(1));
    chunks.try_for_each_init(Scratch::default, |scratch, chunk| {
        // One for each thread, not for each image.
        std::mem::swap(&mut chunk[0].scratch, scratch);
        let done = steps.iter().try_for_each(|(index, layer)| {
            let step = &plan.steps[*index];
            chunk.iter_mut().for_each(|own| own.make_room(plan, &step.outputs));
            run(prepared, step, layer.as_deref(), chunk)?;
            chunk.iter_mut().for_each(|own| own.release(&plan.dead_after[*index]));
            Ok(())
        });
        std::mem::swap(&mut chunk[0].scratch, scratch);
        done
    })
}
