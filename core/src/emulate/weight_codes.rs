//! Weight codes chosen for a multiplier, layer by layer, each fed by the layers before it as they
//! were chosen. // eq. (6.14)

use std::sync::Arc;

use rayon::prelude::*;
use recoup_kernels::{Scratch, WeightCoding, naive};

use crate::control_variate::{ControlVariate, LayerConstants};
use crate::model::ActivationQuantization;
use crate::multiplier::{Multiplier, code_value};
use crate::numeric::round_to_i32;
use crate::quantize::{Quantized, QuantizedMac, WeightScheme};
use crate::watch::{Watch, go_on};
use crate::weight_choice::{self, Chosen, Filter, Input, Patches, Products};

use super::correct::{of_outputs, real_outputs};
use super::error::EmulateError;
use super::layer::Layer;
use super::network::Network;
use super::prepared::{Prepared, zero_point_term};
use super::walk::{Visit, side_by_side};

/// Patches that a layer's codes are chosen on, about.
const PATCHES: usize = 4096;
/// The most images that decide whether a layer takes them, the last ones: no more than a quarter.
const JUDGES: usize = 64;

/// A network of `prepared` with the weight codes that bring its layers' outputs, on `images`,
/// nearest to those of `exact` with exact products, and its constants. Layers for which images that
/// nothing was chosen on say otherwise stay as they are, and so do those whose weights are activations.
///
/// # Errors
/// When a kernel refuses a layer, or an operator in float the values of an image.
pub(crate) fn choose_weight_codes(
    prepared: &Prepared,
    exact: &Network,
    images: &[Vec<f32>],
    (multiplier, control): (&Multiplier, Option<&ControlVariate>),
    watch: &(impl Watch + ?Sized),
) -> Result<(Network, Option<ControlVariate>), EmulateError> {
    let coding = prepared.quantized.weights.coding();
    let product = prepared.product(multiplier)?;
    control.map_or(Ok(()), |control| prepared.check(control))?;
    let products = Products::new(multiplier.table(coding));
    let exact_products = Products::new(Multiplier::exact().table(coding));
    let (mut network, mut constants) = (prepared.quantized.clone(), control.cloned());
    let mut layers = vec![None; network.macs.len()];
    let fitted = images.len() - JUDGES.min(images.len() / 4);
    side_by_side((prepared, &exact.prepared), images, |own, other| {
        go_on(watch)?;
        let (fused, output) = (own.0.fused, own.0.output);
        let layer = fused.layer;
        let of = |mac: &QuantizedMac, with: Option<(&ControlVariate, &LayerConstants)>| {
            prepared.layer_of(mac, fused, output, &product, with)
        };
        let with = constants.as_ref().map(|all| (all, &all.layers[layer]));
        let mut made = of(&network.macs[layer], with)?;
        if network.macs[layer].load.is_none() {
            let is_exact = network.is_exact(layer);
            let sight = Sight {
                prepared,
                exact: &exact.prepared,
                layer,
                visits: (&own, &other),
                bare: exact.bare_layer(layer)?,
                fitted,
            };
            let products = if is_exact { &exact_products } else { &products };
            let control = constants.as_ref().filter(|_| !is_exact);
            let chosen = sight.choose(products, control);
            if let Some((mac, of_mac)) = chosen {
                let better = of(&mac, constants.as_ref().map(|all| (all, &of_mac)))?;
                let error = |layer: &Layer| layer.bare(prepared.isa).map(|bare| sight.error(&bare));
                if error(&better)? < error(&made)? {
                    (made, network.macs[layer]) = (better, mac);
                    // Those of a layer on exact multipliers are 0.
                    if let Some(constants) = constants.as_mut().filter(|_| !is_exact) {
                        constants.layers[layer] = of_mac;
                    }
                }
            }
        }
        watch.advance(1);
        let made = Arc::new(made);
        layers[layer] = Some(made.clone());
        Ok((made, exact.layers[layer].clone()))
    })?;
    let prepared = Prepared::new(network, prepared.isa);
    let all_exact = multiplier.is_exact() && constants.is_none();
    Ok((Network::of_layers(prepared, layers, all_exact), constants))
}

/// A layer with what reaches it in both networks.
struct Sight<'a> {
    prepared: &'a Prepared,
    exact: &'a Prepared,
    layer: usize,
    visits: (&'a Visit<'a>, &'a Visit<'a>),
    /// The exact network's layer without what follows it.
    bare: Layer,
    /// Images that codes are chosen on, the first ones; the others judge.
    fitted: usize,
}

impl Sight<'_> {
    /// The layer in the codes that suit the first images, with its constants; none where a bias does
    /// not fit.
    fn choose(
        &self,
        products: &Products,
        control: Option<&ControlVariate>,
    ) -> Option<(QuantizedMac, LayerConstants)> {
        let (network, reference) = (&self.prepared.quantized, &self.exact.quantized);
        let (mac, of_reference) = (&network.macs[self.layer], &reference.macs[self.layer]);
        let input = network.mac_input(mac).1;
        let exact_input = reference.mac_input(of_reference).1;
        let (coding, depth) = (network.weights.coding(), mac.shape.depth());
        let places: Vec<Vec<usize>> = (0..self.fitted)
            .map(|image| places(image, mac.shape.positions(), self.fitted))
            .collect();
        let zero_points = (input.zero_point, exact_input.zero_point);
        let groups = (0..mac.shape.groups).into_par_iter();
        let groups = groups.map(|group| self.patches(&places, mac, zero_points, group)).collect();
        let outputs = self.exact_outputs(&places, mac.shape.filters);
        let filters = outputs.iter().enumerate().map(|(filter, outputs)| {
            let bytes = of_reference.weights[filter * depth..][..depth].iter();
            let real = |&byte: &u8| {
                let steps = code_value(byte, coding) - of_reference.zero_points[filter];
                steps as f32 * of_reference.scales[filter]
            };
            let (scale, zero_point) = (mac.scales[filter], mac.zero_points[filter]);
            Filter { weights: bytes.map(real).collect(), outputs, scale, zero_point }
        });
        let functions = control.iter().flat_map(|control| &control.functions);
        let functions: Vec<[u16; 256]> = functions.map(|function| function.x).collect();
        let (scale, zero_point) = (exact_input.scale.into(), exact_input.zero_point);
        let chosen = weight_choice::choose(
            self.prepared.isa,
            &weight_choice::Layer {
                groups,
                filters: filters.collect(),
                products,
                candidates: &candidates(network, self.layer),
                functions: &functions,
                c_frac: control.map_or(0, |control| control.c_frac),
                exact_input: Input { scale, zero_point },
                input_scale: input.scale.into(),
                coding,
                one_scale: network.weights == WeightScheme::U8Tensor,
            },
        );
        with_codes(mac, input, &chosen, (coding, control))
    }

    /// What a group of filters reads at some places of the images.
    fn patches(
        &self,
        places: &[Vec<usize>],
        mac: &QuantizedMac,
        (zero_point, exact_zero_point): (u8, u8),
        group: usize,
    ) -> Patches {
        let (own, other) = self.visits;
        let (mut codes, mut exact) = (Vec::new(), Vec::new());
        for (image, places) in places.iter().enumerate() {
            let of_own = own.0.input_of(&own.1[image]);
            let of_exact = other.0.input_of(&other.1[image]);
            for &place in places {
                let field = |padding, codes| {
                    naive::receptive_field(&mac.shape, padding, codes, place, group)
                };
                codes.extend(field(zero_point, of_own));
                exact.extend(field(exact_zero_point, of_exact));
            }
        }
        Patches::new(mac.shape.depth(), &codes, &exact)
    }

    /// The real outputs of the exact network at these places, by filter.
    fn exact_outputs(&self, places: &[Vec<usize>], filters: usize) -> Vec<Vec<f32>> {
        let (next, images) = self.visits.1;
        let of_image = |image: usize, scratch: &mut Scratch| -> Vec<f32> {
            let outputs = real_outputs(&self.bare, &images[image..=image], next, scratch);
            let rows = places[image].iter().map(|place| &outputs[place * filters..][..filters]);
            rows.flatten().copied().collect()
        };
        let all = (0..self.fitted).into_par_iter();
        let all: Vec<Vec<f32>> =
            all.map_init(Scratch::default, |scratch, image| of_image(image, scratch)).collect();
        let patches = || all.iter().flat_map(|image| image.chunks_exact(filters));
        (0..filters).map(|filter| patches().map(|patch| patch[filter]).collect()).collect()
    }

    /// Sum over filters of the variance that a layer's error has on the last images, in real units.
    fn error(&self, layer: &Layer) -> f64 {
        let ((own, images), (other, exact_images)) = self.visits;
        let filters = layer.spec().shape.filters;
        let of_image = |found: &[f32], expected: &[f32]| {
            let mut sums = vec![(0.0, 0.0); filters];
            let rows = found.chunks_exact(filters).zip(expected.chunks_exact(filters));
            for (found, expected) in rows {
                for ((sum, squares), (found, expected)) in
                    sums.iter_mut().zip(found.iter().zip(expected))
                {
                    let error = f64::from(found - expected);
                    *sum += error;
                    *squares += error * error;
                }
            }
            sums
        };
        let exact = (&self.bare, other, &exact_images[self.fitted..]);
        let of_images = of_outputs((layer, own, &images[self.fitted..]), exact, of_image);
        let n = (of_images.len() * layer.spec().shape.positions()) as f64;
        // Images in their order, so that the result does not depend on threads.
        let of_filter = |filter: usize| {
            let images = of_images.iter().map(|image| image[filter]);
            let (sum, squares) = images.fold((0.0, 0.0), |all, own| (all.0 + own.0, all.1 + own.1));
            squares - sum * sum / n
        };
        (0..filters).map(of_filter).sum()
    }
}

/// Places of an image that patches are taken from: evenly spread, and others in each image.
fn places(image: usize, positions: usize, images: usize) -> Vec<usize> {
    let count = PATCHES.div_ceil(images).min(positions);
    // The golden ratio spreads where images begin.
    let start = (image as f64 * 0.618_033_988_75).fract() * positions as f64;
    let place = |number: usize| {
        (start + number as f64 * positions as f64 / count as f64) as usize % positions
    };
    (0..count).map(place).collect()
}

/// The weight bytes that a layer may have, by their values. By channel, codes are symmetric about
/// their zero point, but for those of a model's own.
fn candidates(network: &Quantized, layer: usize) -> Vec<u8> {
    let mac = &network.macs[layer];
    let bits = if network.is_exact(layer) { 8 } else { network.widths.weight_bits };
    let step = 1 << (8 - bits);
    let coding = network.weights.coding();
    let middle = match coding {
        WeightCoding::Unsigned => 128,
        WeightCoding::Signed => 0,
    };
    let apart = |byte: u8| code_value(byte, coding) - middle;
    let is_symmetric = network.weights != WeightScheme::U8Tensor
        && mac.zero_points.iter().all(|&zero_point| zero_point == middle)
        && mac.weights.iter().all(|&byte| apart(byte) > -128);
    let allowed = (0..=255).filter(|&byte| apart(byte) % step == 0);
    let mut bytes: Vec<u8> = allowed.filter(|&byte| !is_symmetric || apart(byte) > -128).collect();
    bytes.sort_by_key(|&byte| apart(byte));
    bytes
}

/// A layer with its filters' codes and constants, which are in the bias if there is no control
/// variate; none where a bias does not fit.
fn with_codes(
    mac: &QuantizedMac,
    input: ActivationQuantization,
    chosen: &[Chosen],
    (coding, control): (WeightCoding, Option<&ControlVariate>),
) -> Option<(QuantizedMac, LayerConstants)> {
    let depth = mac.shape.depth();
    let mut new = mac.clone();
    new.weights = chosen.iter().flat_map(|filter| &filter.weights).copied().collect();
    new.scales = chosen.iter().map(|filter| filter.scale).collect();
    let terms = control.map_or(0, |control| control.functions.len());
    let mut c0 = vec![0; chosen.len()];
    for (filter, own) in chosen.iter().enumerate() {
        let sum = own.weights.iter().map(|&byte| code_value(byte, coding)).sum();
        let zero_term = zero_point_term(sum, depth, mac.zero_points[filter], input.zero_point);
        let constant = own.constant - f64::from(zero_term);
        new.bias[filter] = match control {
            None => round_to_i32(constant)?,
            Some(_) => {
                let ratio = f64::from(mac.scales[filter]) / f64::from(own.scale);
                let bias = round_to_i32(f64::from(mac.bias[filter]) * ratio)?;
                c0[filter] = round_to_i32(constant - f64::from(bias))?;
                bias
            }
        };
    }
    let c = (0..terms).map(|r| chosen.iter().map(|filter| filter.c[r]).collect()).collect();
    Some((new, LayerConstants { c, c0, load: None }))
}
