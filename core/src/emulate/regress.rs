//! The control variate `regressed`: constants by least squares on the calibration images, each
//! layer fed by the corrected layers before it.

use std::sync::Arc;

use rayon::prelude::*;
use recoup_kernels::Scratch;

use crate::control_variate::{ControlVariate, Regression};
use crate::multiplier::Multiplier;

use crate::watch::{Watch, go_on};

use super::error::EmulateError;
use super::execute::NextLayer;
use super::prepared::Prepared;
use super::walk::layer_by_layer;

/// Takes all `images` through the network together, layer by layer: first the layer's exact and
/// approximate accumulators give its constants, then the corrected layer gives the codes that
/// the next one sees. What constants `control` has are replaced, but for those of layers whose weights
/// an image brings: these are made when they are loaded. A step of the work is a layer.
///
/// # Errors
/// When a kernel refuses a layer, the multiplier is for another network, or an operator in float the values of an image.
pub fn regress(
    prepared: &Arc<Prepared>,
    images: &[Vec<f32>],
    multiplier: &Multiplier,
    mut control: ControlVariate,
    watch: &(impl Watch + ?Sized),
) -> Result<ControlVariate, EmulateError> {
    let network = &prepared.quantized;
    let coding = network.weights.coding();
    let functions = control.functions.iter();
    let x: Vec<[i32; 256]> = functions.map(|function| function.x.map(i32::from)).collect();
    let exact_product = Multiplier::exact().kernel_product(coding);
    let product = prepared.product(multiplier)?;
    layer_by_layer(prepared, images, |next, workspaces| {
        let NextLayer { fused, output, .. } = next;
        go_on(watch)?;
        let shape = network.macs[fused.layer].shape;
        if network.macs[fused.layer].load.is_some() {
            let constants = &control.layers[fused.layer];
            watch.advance(1);
            return Ok(prepared
                .layer(fused, output, &product, Some((&control, constants)))?
                .into());
        }
        let exact = prepared.layer(fused, output, &exact_product, None)?;
        let approximate = prepared.layer(fused, output, &product, None)?;
        let outputs = shape.positions() * shape.filters;
        let regression = workspaces
            .par_iter()
            .map_init(Scratch::default, |scratch, workspace| {
                let codes = next.input_of(workspace);
                let (exact, approximate) = (exact.loaded(None), approximate.loaded(None));
                let (mut right, mut wrong) = (vec![0; outputs], vec![0; outputs]);
                exact.accumulate(codes, scratch, &mut right);
                approximate.accumulate(codes, scratch, &mut wrong);
                let sums_x = x.iter().map(|x| {
                    let mut sums = vec![0; shape.positions() * shape.groups];
                    approximate.position_sums(x, codes, scratch, &mut sums);
                    sums
                });
                let sums_x: Vec<Vec<i32>> = sums_x.collect();
                let mut regression = Regression::new(x.len(), shape.filters, shape.groups);
                regression.add(&sums_x, &right, &wrong);
                regression
            })
            .reduce(|| Regression::new(x.len(), shape.filters, shape.groups), Regression::merge);
        let constants = regression.constants(control.c_frac);
        let (mac, corrected) = (&network.macs[fused.layer], Some((&control, &constants)));
        let spec = prepared.layer_spec(mac, fused, output, &product, corrected);
        let corrected = approximate.with_spec(prepared.isa, spec)?;
        control.layers[fused.layer] = constants;
        watch.advance(1);
        Ok(corrected.into())
    })?;
    Ok(control)
}
