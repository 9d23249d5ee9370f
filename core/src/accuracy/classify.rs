//! What networks make of a batch of images.

use std::sync::Mutex;

use rayon::prelude::*;
use recoup_kernels::MacLayer;

use crate::emulate::{
    EmulateError, Network, Prefixes, Statistics, StatisticsCollector, Times, Workspace,
};
use crate::model::SampleError;
use crate::watch::{Watch, go_on};

/// A model's input and the class that it shows.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledInput {
    /// In ONNX order.
    pub input: Vec<f32>,
    /// Counted from 0.
    pub label: usize,
}

impl AsRef<[f32]> for LabelledInput {
    fn as_ref(&self) -> &[f32] {
        &self.input
    }
}

/// Runs batches on all threads. Workspaces outlive a batch: a set for each thread, one workspace
/// for each image that it computes together.
#[derive(Default)]
pub struct Classifier(Mutex<Vec<Vec<Workspace>>>);

impl Classifier {
    /// The outputs for each image. They do not depend on what else is in the batch.
    ///
    /// # Errors
    /// When an operator in float does not take the values of an image, or `watch` stops the work.
    pub fn outputs<I: AsRef<[f32]> + Sync>(
        &self,
        network: &Network,
        batch: &[I],
        watch: &(impl Watch + ?Sized),
    ) -> Result<Vec<Vec<f32>>, EmulateError> {
        self.run(network, batch, watch, |images, workspaces| network.run_many(images, workspaces))
    }

    /// The same, and adds to `times` what the network's steps take.
    ///
    /// # Errors
    /// As [`Classifier::outputs`].
    pub fn outputs_timed<I: AsRef<[f32]> + Sync>(
        &self,
        network: &Network,
        batch: &[I],
        times: &mut Times,
        watch: &(impl Watch + ?Sized),
    ) -> Result<Vec<Vec<f32>>, EmulateError> {
        let all = Mutex::new(times);
        self.run(network, batch, watch, |images, workspaces| {
            let mut own = Times::default();
            let outputs = network.run_timed(images, workspaces, &mut own)?;
            all.lock().expect("nothing panics under the lock").merge(&own);
            Ok(outputs)
        })
    }

    /// Runs images on all threads, as many together as suit the network.
    fn run<I: AsRef<[f32]> + Sync>(
        &self,
        network: &Network,
        batch: &[I],
        watch: &(impl Watch + ?Sized),
        run: impl Fn(&[&[f32]], &mut Vec<Workspace>) -> Result<Vec<Vec<f32>>, SampleError> + Sync,
    ) -> Result<Vec<Vec<f32>>, EmulateError> {
        let parts = batch.par_chunks(part_length(network, batch.len())).map(|part| {
            go_on(watch)?;
            let images: Vec<&[f32]> = part.iter().map(AsRef::as_ref).collect();
            Ok::<_, EmulateError>(self.with(|workspaces| run(&images, workspaces))?)
        });
        Ok(parts.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// As [`Classifier::outputs`], of images that have numbers from `first` on, with what other
    /// networks have computed of them already.
    ///
    /// # Errors
    /// When an operator in float does not take the values of an image.
    pub fn outputs_sharing(
        &self,
        network: &Network,
        batch: &[LabelledInput],
        first: usize,
        prefixes: &Prefixes,
    ) -> Result<Vec<Vec<f32>>, SampleError> {
        let inputs = batch.iter().map(|image| image.input.as_slice());
        let images: Vec<(usize, &[f32])> = (first..).zip(inputs).collect();
        let parts = images
            .par_chunks(part_length(network, batch.len()))
            .map(|part| self.with(|workspaces| network.run_sharing(part, workspaces, prefixes)));
        Ok(parts.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// What `collector` sees in the layers, image by image: sums of floats depend on their order,
    /// so that merging them is for the caller.
    ///
    /// # Errors
    /// When an operator in float does not take the values of an image.
    pub fn observe<I: AsRef<[f32]> + Sync>(
        &self,
        network: &Network,
        collector: &StatisticsCollector,
        batch: &[I],
        watch: &(impl Watch + ?Sized),
    ) -> Result<Vec<Statistics>, EmulateError> {
        let filters = Mutex::new(Statistics::default());
        let parts = batch.par_iter().map(|image| {
            go_on(watch)?;
            let part = self.with(|workspaces| {
                workspaces.resize_with(workspaces.len().max(2), Workspace::default);
                let [own, of_reference] = &mut workspaces[..2] else { unreachable!("two of them") };
                let mut part = collector.start_image(image.as_ref(), of_reference)?;
                let observe = |layer: usize, kernel: &MacLayer, codes: &[u8]| {
                    collector.observe(&mut part, layer, kernel, codes);
                };
                network.run_observed(image.as_ref(), own, observe)?;
                Ok::<_, SampleError>(part)
            });
            let mut part = part?.without_buffers();
            filters.lock().expect("nothing panics under the lock").take_filters(&mut part);
            Ok(part)
        });
        let mut parts = parts.collect::<Result<Vec<_>, EmulateError>>()?;
        let mut filters = filters.into_inner().expect("nothing panics under the lock");
        if let Some(first) = parts.first_mut() {
            first.take_filters(&mut filters);
        }
        Ok(parts)
    }

    /// Lends workspaces to `action`.
    fn with<T>(&self, action: impl FnOnce(&mut Vec<Workspace>) -> T) -> T {
        let lock = || self.0.lock().expect("nothing panics under the lock");
        let mut workspaces = lock().pop().unwrap_or_default();
        let result = action(&mut workspaces);
        lock().push(workspaces);
        result
    }
}

/// Images that a thread computes together.
fn part_length(network: &Network, images: usize) -> usize {
    // Every thread shall have something to do.
    let share = images.div_ceil(rayon::current_num_threads()).max(1);
    network.batch().min(share)
}
