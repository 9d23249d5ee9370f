//! A network on one multiplier with one control variate.

use std::ops::Range;
use std::sync::Arc;

use crate::control_variate::ControlVariate;
use crate::model::SampleError;
use crate::multiplier::Multiplier;

use super::error::EmulateError;
use super::execute::execute;
use super::layer::Layer;
use super::plan::Step;
use super::prefix::Prefix;
use super::prepared::Prepared;
use super::workspace::{Workspace, outputs};

/// A network that is ready to run.
pub struct Network {
    pub(super) prepared: Arc<Prepared>,
    /// In the order of [`Quantized::macs`].
    pub(super) layers: Vec<Arc<Layer>>,
    pub(super) prefix: Prefix,
}

impl Network {
    /// Builds the layers for `multiplier`, corrected by `control`.
    ///
    /// # Errors
    /// When a kernel refuses a layer: constants beyond what the accumulator holds. When the
    /// multiplier or the control variate is for another network.
    pub fn new(
        prepared: &Arc<Prepared>,
        multiplier: &Multiplier,
        control: Option<&ControlVariate>,
    ) -> Result<Self, EmulateError> {
        let product = prepared.product(multiplier)?;
        control.map_or(Ok(()), |control| prepared.check(control))?;
        let mut layers: Vec<Option<Arc<Layer>>> = vec![None; prepared.quantized.macs.len()];
        for step in &prepared.plan.steps {
            let Some(fused) = step.mac else { continue };
            let correction = control.map(|control| (control, &control.layers[fused.layer]));
            let layer = prepared.layer(fused, step.outputs[0], &product, correction)?;
            layers[fused.layer] = Some(layer.into());
        }
        let all_exact = multiplier.is_exact() && control.is_none();
        Ok(Self::of_layers(prepared.clone(), layers, all_exact))
    }

    /// The same of layers that are made.
    pub(super) fn of_layers(
        prepared: Arc<Prepared>,
        layers: Vec<Option<Arc<Layer>>>,
        all_exact: bool,
    ) -> Self {
        let is_exact = |layer| all_exact || prepared.quantized.is_exact(layer);
        let prefix = Prefix::new(&prepared, is_exact);
        let layers = layers.into_iter().map(|layer| layer.expect("every layer is in a step"));
        Self { prefix, layers: layers.collect(), prepared }
    }

    /// The network without its multiplier.
    pub fn prepared(&self) -> &Arc<Prepared> {
        &self.prepared
    }

    /// The distinct kernels that its layers run on, in order of first use.
    pub fn kernels(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in self.layers.iter().map(|layer| layer.kernel_name()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Runs one sample and returns the elements of all outputs ([`crate::model::Graph::output_ranges`]), which
    /// live in `workspace`.
    ///
    /// # Errors
    /// When `image` has not the inputs' size, or an operator in float does not take its values.
    pub fn run<'w>(
        &self,
        image: &[f32],
        workspace: &'w mut Workspace,
    ) -> Result<&'w [f32], SampleError> {
        self.run_observed(image, workspace, |_, _, _| {})
    }

    /// The class scores among the elements of all outputs, if one of them is such scores.
    pub fn class_scores<'o>(&self, outputs: &'o [f32]) -> Option<&'o [f32]> {
        outputs.get(self.prepared.scores.clone()?)
    }

    /// Images that [`Network::run_many`] likes to get together: more than one where a layer
    /// prepares something that serves them all or reads many weights, but no more than a thread has
    /// memory for.
    pub fn batch(&self) -> usize {
        const MOST: usize = 128;
        const BYTES: usize = 64 << 20;
        let plan = &self.prepared.plan;
        let bytes: usize =
            plan.code_buffers.iter().sum::<usize>() + 4 * plan.float_buffers.iter().sum::<usize>();
        let wanted = self.layers.iter().map(|layer| layer.batch()).max().unwrap_or(1);
        wanted.min(MOST).min(BYTES / bytes.max(1)).max(1)
    }

    /// [`Network::run`] on several images, layer by layer: the same scores, sooner.
    ///
    /// # Errors
    /// When an image has not the inputs' size, or an operator in float does not take its values.
    pub fn run_many(
        &self,
        images: &[&[f32]],
        workspaces: &mut Vec<Workspace>,
    ) -> Result<Vec<Vec<f32>>, SampleError> {
        let workspaces = self.load(images, workspaces)?;
        self.run_steps(0..self.prepared.plan.steps.len(), workspaces)?;
        Ok(outputs(&self.prepared, workspaces))
    }

    /// A workspace for each image, which it is in.
    pub(super) fn load<'w>(
        &self,
        images: &[&[f32]],
        workspaces: &'w mut Vec<Workspace>,
    ) -> Result<&'w mut [Workspace], SampleError> {
        workspaces.resize_with(images.len().max(workspaces.len()), Workspace::default);
        let workspaces = &mut workspaces[..images.len()];
        for (workspace, image) in workspaces.iter_mut().zip(images) {
            workspace.load(&self.prepared, image)?;
        }
        Ok(workspaces)
    }

    /// Runs some of the steps. Layers that like several images together get all; between them an image
    /// goes through several steps while its tensors are in the cache.
    pub(super) fn run_steps(
        &self,
        steps: Range<usize>,
        workspaces: &mut [Workspace],
    ) -> Result<(), SampleError> {
        let likes_one =
            |step: &Step| step.mac.is_none_or(|fused| self.layers[fused.layer].batch() == 1);
        let mut first = steps.start;
        let all = &self.prepared.plan.steps[steps];
        for part in all.chunk_by(|left, right| likes_one(left) == likes_one(right)) {
            let steps = first..first + part.len();
            first = steps.end;
            if !likes_one(&part[0]) {
                self.run_together(steps, workspaces)?;
                continue;
            }
            // With one image's buffers, which thus stay in the cache.
            for image in 0..workspaces.len() {
                let (others, own) = workspaces.split_at_mut(image);
                let mut swap = |own: &mut Workspace| {
                    if let Some(first) = others.first_mut() {
                        std::mem::swap(&mut first.scratch, &mut own.scratch);
                    }
                };
                swap(&mut own[0]);
                self.run_together(steps.clone(), &mut own[..1])?;
                swap(&mut own[0]);
            }
        }
        Ok(())
    }

    fn run_together(
        &self,
        steps: Range<usize>,
        workspaces: &mut [Workspace],
    ) -> Result<(), SampleError> {
        execute(&self.prepared, &self.layers, steps, workspaces)
    }
}
