//! Bias correction: what a network's errors add to the mean of a filter's output, taken off its
//! bias, eq. (6.7).

use std::sync::Arc;

use rayon::prelude::*;
use recoup_kernels::{BatchItem, MacLayer, Output, Residual};

use crate::control_variate::{ControlVariate, LayerConstants};
use crate::multiplier::Multiplier;
use crate::watch::{Watch, go_on};

use super::error::EmulateError;
use super::execute::NextLayer;
use super::prepared::{Prepared, same_length};
use super::walk::layer_by_layer;
use super::workspace::Workspace;

/// The mean real output of every filter of every layer, bias included, before what was fused
/// into the layer: `[layer][filter]`.
pub type OutputMeans = Vec<Vec<f64>>;

/// The output means of the network with exact products on `images`.
///
/// # Errors
/// When a kernel refuses a layer, or an operator in float the values of an image.
pub fn exact_output_means(
    prepared: &Arc<Prepared>,
    images: &[Vec<f32>],
    watch: &(impl Watch + ?Sized),
) -> Result<OutputMeans, EmulateError> {
    let product = Multiplier::exact().kernel_product(prepared.quantized.weights.coding());
    let mut means = vec![Vec::new(); prepared.quantized.macs.len()];
    layer_by_layer(prepared, images, |next, workspaces| {
        go_on(watch)?;
        let NextLayer { fused, output, .. } = next;
        let bare = prepared.bare_layer(fused.layer, &product, None)?;
        means[fused.layer] = output_means(&bare, &next, workspaces);
        Ok(prepared.layer(fused, output, &product, None)?)
    })?;
    Ok(means)
}

/// What has to be added to every bias, in accumulator units `[layer][filter]`, for the corrected
/// network to have the output means `wanted` on `images`. Layers are corrected in execution order,
/// each on the outputs of those before it.
///
/// # Errors
/// When a kernel refuses a layer, an operator in float the values of an image, or the others are for
/// another network.
pub fn bias_corrections(
    prepared: &Arc<Prepared>,
    images: &[Vec<f32>],
    multiplier: &Multiplier,
    control: Option<&ControlVariate>,
    wanted: &OutputMeans,
    watch: &(impl Watch + ?Sized),
) -> Result<Vec<Vec<i32>>, EmulateError> {
    let network = &prepared.quantized;
    let product = prepared.product(multiplier)?;
    control.map_or(Ok(()), |control| prepared.check(control))?;
    same_length("output means of layers", wanted.len(), network.macs.len())?;
    let none = ControlVariate { functions: Vec::new(), c_frac: 0, layers: Vec::new() };
    let mut corrections = vec![Vec::new(); network.macs.len()];
    layer_by_layer(prepared, images, |next, workspaces| {
        go_on(watch)?;
        let NextLayer { fused, output, .. } = next;
        let mac = &network.macs[fused.layer];
        let mut constants = match control {
            Some(control) => control.layers[fused.layer].clone(),
            None => LayerConstants { c: Vec::new(), c0: vec![0; mac.shape.filters] },
        };
        let control = control.unwrap_or(&none);
        let bare = prepared.bare_layer(fused.layer, &product, Some((control, &constants)))?;
        let means = output_means(&bare, &next, workspaces);
        let (_, codes) = network.mac_input(mac);
        let steps = means.iter().zip(&wanted[fused.layer]).zip(&mac.scales);
        let steps = steps.map(|((mean, wanted), &scale)| {
            // A float to integer cast saturates, as for C0.
            let unit = f64::from(scale) * f64::from(codes.scale);
            ((wanted - mean) / unit).round_ties_even() as i32
        });
        let steps: Vec<i32> = steps.collect();
        let c0 = constants.c0.iter_mut().zip(&steps);
        c0.for_each(|(c0, &steps)| *c0 = c0.saturating_add(steps));
        corrections[fused.layer] = steps;
        Ok(prepared.layer(fused, output, &product, Some((control, &constants)))?)
    })?;
    Ok(corrections)
}

/// Mean over images and positions, per filter. Images are added up in their order, so that the
/// result does not depend on threads.
fn output_means(bare: &MacLayer, next: &NextLayer, workspaces: &mut [Workspace]) -> Vec<f64> {
    let shape = bare.spec().shape;
    let sums: Vec<Vec<f64>> = workspaces
        .par_iter_mut()
        .map(|workspace| {
            let (input, scratch) = next.input_of(workspace);
            let mut outputs = vec![0.0; shape.positions() * shape.filters];
            let output = Output::F32(&mut outputs);
            let item = BatchItem { input, residual: Residual::None, output };
            bare.run_batch(&mut [item], scratch);
            let mut sums = vec![0.0; shape.filters];
            for position in outputs.chunks_exact(shape.filters) {
                sums.iter_mut().zip(position).for_each(|(sum, &output)| *sum += f64::from(output));
            }
            sums
        })
        .collect();
    let count = (sums.len() * shape.positions()).max(1) as f64;
    (0..shape.filters)
        .map(|filter| sums.iter().map(|sums| sums[filter]).sum::<f64>() / count)
        .collect()
}
