//! Output correction: what a network's errors add to the mean of a filter's output is taken off its
//! bias, eq. (6.7); and the share of the signal that is missing there is made up for by its scale,
//! eq. (6.8) to (6.10).

use std::sync::Arc;

use rayon::prelude::*;
use recoup_kernels::{BatchItem, Output, Residual, Scratch};

use crate::control_variate::ControlVariate;
use crate::multiplier::Multiplier;
use crate::quantize::{FilterCorrections, OutputCorrection};
use crate::watch::{Watch, go_on};

use super::error::EmulateError;
use super::execute::{NextLayer, images_of_a_thread};
use super::layer::Layer;
use super::network::Network;
use super::prepared::Prepared;
use super::walk::{Visit, side_by_side};
use super::workspace::Workspace;

/// Outputs that a gain of 1 counts for beside those that were looked at, eq. (6.8).
const PRIOR_OUTPUTS: f64 = 32.0;
/// Beyond these a gain is no longer what is missing, but noise.
const GAINS: (f64, f64) = (0.5, 2.0);
/// Of real outputs of images that a thread runs together.
const BYTES: usize = 16 << 20;

/// `network`, its filters' outputs corrected so that they are, on `images`, as those of `exact` with
/// exact products: the same model in the calibration's codes. Layers are corrected in execution
/// order, each on the outputs of those before it.
///
/// # Errors
/// When a kernel refuses a layer, or an operator in float the values of an image.
pub(crate) fn correct_outputs(
    network: &Network,
    exact: &Network,
    images: &[Vec<f32>],
    (multiplier, control): (&Multiplier, Option<&ControlVariate>),
    how: OutputCorrection,
    watch: &(impl Watch + ?Sized),
) -> Result<Network, EmulateError> {
    let prepared = &network.prepared;
    let quantized = &prepared.quantized;
    let product = prepared.product(multiplier)?;
    let mut corrections = vec![FilterCorrections::default(); quantized.macs.len()];
    let mut layers = vec![None; quantized.macs.len()];
    side_by_side((prepared, &exact.prepared), images, |own, other| {
        go_on(watch)?;
        let (fused, output) = (own.0.fused, own.0.output);
        let layer = fused.layer;
        let (bare, exact_bare) = (network.bare_layer(layer)?, exact.bare_layer(layer)?);
        let moments = moments((&bare, own), (&exact_bare, other));
        let mut mac = quantized.macs[layer].clone();
        corrections[layer] = match mac.load {
            None => of_filters(&moments, quantized.units(&mac), how),
            Some(_) => of_products(&moments, how),
        };
        mac.correct(&corrections[layer]);
        let constants = control.map(|control| (control, &control.layers[layer]));
        let spec = prepared.layer_spec(&mac, fused, output, &product, constants);
        let corrected = Arc::new(network.layers[layer].with_spec(prepared.isa, spec)?);
        layers[layer] = Some(corrected.clone());
        Ok((corrected, exact.layers[layer].clone()))
    })?;
    let prepared = Prepared::new(quantized.with_outputs(&corrections), prepared.isa);
    Ok(Network::of_layers(prepared, layers, multiplier.is_exact() && control.is_none()))
}

/// Sums over outputs of one filter: y in the exact network, z in the other.
#[derive(Clone, Copy, Default)]
struct Sums {
    n: f64,
    y: f64,
    z: f64,
    yy: f64,
    yz: f64,
}

impl Sums {
    fn add(&mut self, y: f64, z: f64) {
        self.merge(&Self { n: 1.0, y, z, yy: y * y, yz: y * z });
    }

    fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.y += other.y;
        self.z += other.z;
        self.yy += other.yy;
        self.yz += other.yz;
    }

    /// n Var y.
    fn variance(&self) -> f64 {
        self.yy - self.y * self.y / self.n
    }

    /// n Cov(y, z).
    fn covariance(&self) -> f64 {
        self.yz - self.y * self.z / self.n
    }
}

/// Over images and positions, per filter. Images are added up in their order, so that the
/// result does not depend on threads.
fn moments((bare, own): (&Layer, Visit), (exact, other): (&Layer, Visit)) -> Vec<Sums> {
    let shape = bare.spec().shape;
    let filters = shape.filters;
    let of_image = |z: &[f32], y: &[f32]| {
        let mut sums = vec![Sums::default(); filters];
        for (z, y) in z.chunks_exact(filters).zip(y.chunks_exact(filters)) {
            for (sums, (&z, &y)) in sums.iter_mut().zip(z.iter().zip(y)) {
                sums.add(y.into(), z.into());
            }
        }
        sums
    };
    let images = of_outputs((bare, &own.0, own.1), (exact, &other.0, other.1), of_image);
    let mut all = vec![Sums::default(); filters];
    for image in &images {
        all.iter_mut().zip(image).for_each(|(all, image)| all.merge(image));
    }
    all
}

/// A layer without what was fused into it, with images that are about to run through it.
pub(super) type Bare<'a> = (&'a Layer, &'a NextLayer, &'a [Workspace]);

/// What `of_image` makes of the real outputs of one layer in two networks, image by image.
pub(super) fn of_outputs<T: Send>(
    (bare, next, images): Bare,
    (other, other_next, other_images): Bare,
    of_image: impl Fn(&[f32], &[f32]) -> T + Sync,
) -> Vec<T> {
    let length = bare.spec().shape.output_len();
    let bytes = size_of::<f32>() * length;
    let together = images_of_a_thread(bare.batch(), images.len()).min(BYTES / bytes).max(1);
    let parts = images.par_chunks(together).zip(other_images.par_chunks(together));
    let parts = parts.map_init(Scratch::default, |scratch, (images, other_images)| {
        let found = real_outputs(bare, images, next, scratch);
        let others = real_outputs(other, other_images, other_next, scratch);
        let pairs = found.chunks_exact(length).zip(others.chunks_exact(length));
        pairs.map(|(found, other)| of_image(found, other)).collect::<Vec<T>>()
    });
    parts.collect::<Vec<_>>().into_iter().flatten().collect()
}

/// The real outputs of a layer for some images, before what was fused into it.
pub(super) fn real_outputs(
    bare: &Layer,
    images: &[Workspace],
    next: &NextLayer,
    scratch: &mut Scratch,
) -> Vec<f32> {
    let length = bare.spec().shape.output_len();
    let mut outputs = vec![0.0; images.len() * length];
    let items = images.iter().zip(outputs.chunks_exact_mut(length)).map(|(image, output)| {
        let (input, output) = (next.input_of(image), Output::F32(output));
        (image, BatchItem { input, residual: Residual::None, output })
    });
    if bare.is_loaded() {
        items.for_each(|(image, item)| next.kernel(bare, image).run_batch(&mut [item], scratch));
    } else {
        let mut items: Vec<_> = items.map(|(_, item)| item).collect();
        bare.loaded(None).run_batch(&mut items, scratch);
    }
    outputs
}

/// What brings back the outputs of a layer whose weights are activations: its filters are the tokens
/// or channels of whatever image there is, which have no constants of their own but those that are
/// made when they are loaded. So they have one gain, and no bias.
fn of_products(moments: &[Sums], how: OutputCorrection) -> FilterCorrections {
    let how = match how {
        OutputCorrection::Gain | OutputCorrection::LayerGain => OutputCorrection::LayerGain,
        OutputCorrection::None | OutputCorrection::Bias => OutputCorrection::None,
    };
    let corrections = of_filters(moments, std::iter::repeat_n(1.0, moments.len()), how);
    FilterCorrections { steps: vec![0; moments.len()], ..corrections }
}

/// What brings the outputs of a layer's filters back; `units` has the real value of an accumulator
/// unit of each.
fn of_filters(
    moments: &[Sums],
    units: impl Iterator<Item = f64>,
    how: OutputCorrection,
) -> FilterCorrections {
    let ratio = |variance: f64, covariance: f64, n: f64| {
        // A filter that is dead, or whose output has nothing of the exact one, keeps its scale.
        let dead = variance.is_nan() || variance <= 0.0 || covariance <= 0.0;
        let gain = if dead { 1.0 } else { (variance / covariance).clamp(GAINS.0, GAINS.1) };
        1.0 + (gain - 1.0) * n / (n + PRIOR_OUTPUTS)
    };
    let of_layer = || {
        let sum = |of: fn(&Sums) -> f64| moments.iter().map(of).sum::<f64>();
        ratio(sum(Sums::variance), sum(Sums::covariance), sum(|sums| sums.n))
    };
    let gains: Vec<f32> = match how {
        OutputCorrection::None | OutputCorrection::Bias => vec![1.0; moments.len()],
        OutputCorrection::Gain => moments
            .iter()
            .map(|sums| ratio(sums.variance(), sums.covariance(), sums.n) as f32)
            .collect(),
        OutputCorrection::LayerGain => vec![of_layer() as f32; moments.len()],
    };
    let steps = moments.iter().zip(&gains).zip(units).map(|((sums, &gain), unit)| {
        let n = sums.n.max(1.0);
        // A float to integer cast saturates, as for C0.
        ((sums.y / n / f64::from(gain) - sums.z / n) / unit).round_ties_even() as i32
    });
    FilterCorrections { steps: steps.collect(), gains }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(pairs: &[(f64, f64)]) -> Sums {
        let mut sums = Sums::default();
        pairs.iter().for_each(|&(y, z)| sums.add(y, z));
        sums
    }

    /// 96 outputs each, so that a gain keeps three quarters of what it differs from 1.
    fn corrections(how: OutputCorrection) -> FilterCorrections {
        let filters = [
            // Half of the signal is missing, and 1 of the mean.
            [(0.0, 0.0), (2.0, 1.0), (4.0, 2.0)],
            // Three quarters are: no gain is above 2.
            [(0.0, 5.0), (4.0, 6.0), (8.0, 7.0)],
            // Dead, and nothing of the signal.
            [(3.0, 1.0), (3.0, 1.0), (3.0, 1.0)],
            [(0.0, 2.0), (1.0, 1.0), (2.0, 0.0)],
        ];
        let moments = filters.map(|pairs| sums(&pairs.repeat(32)));
        of_filters(&moments, [0.25, 0.25, 0.25, 0.125].into_iter(), how)
    }

    #[test]
    fn gains_and_means_by_hand() {
        let of_filter = corrections(OutputCorrection::Gain);
        assert_eq!(of_filter.gains, [1.75, 1.75, 1.0, 1.0]);
        // In steps of 1/4, and of 1/8: 2 / 1.75 - 1, 4 / 1.75 - 6, 3 - 1, 1 - 1.
        assert_eq!(of_filter.steps, [1, -15, 8, 0]);
        let of_layer = corrections(OutputCorrection::LayerGain);
        // 8 + 32 + 0 + 2 over 4 + 8 + 0 - 2 in every three outputs is 4.2, 384 outputs.
        let gain = (1.0 + 384.0 / 416.0) as f32;
        assert_eq!(of_layer.gains, [gain; 4]);
        let means = corrections(OutputCorrection::Bias);
        assert_eq!(means, FilterCorrections { gains: vec![1.0; 4], steps: vec![4, -8, 8, 0] });
    }
}
