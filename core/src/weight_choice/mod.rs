//! Codes of weights chosen for the multiplier that reads them, docs/arithmetic.md, section 6.
//!
//! An approximate multiplier answers some codes better than others, and what one weight of a filter
//! gets wrong another can make up for: they read the same patches. So the codes of a filter are
//! chosen together, with C and C0, for the outputs of the exact network: GPTQ's and AdaRound's idea
//! with the multiplier's response in the place of the number that a code stands for.
//!
//! What scales with the depth k of a filter is neither the matrix of all pairs of bits (8 k squared
//! numbers, gigabytes for k = 4608) nor its making: the residual of each patch is kept instead, for
//! 16 filters at a time, and the gradient of a position is its sum by the activation code there. This
//! is the same for masks and tables.

mod block;
mod patches;
mod products;
mod scene;

use rayon::prelude::*;
use recoup_kernels::{Isa, LANES, WeightCoding};

use crate::multiplier::code_value;

use block::{Block, Fit};
pub(crate) use patches::Patches;
pub(crate) use products::Products;
use scene::Scene;

/// Shares of the range of a filter's weights that the codes are spread over.
const SHARES: [f64; 4] = [1.0, 0.85, 0.7, 0.6];

/// A layer whose weights are to be chosen.
pub(crate) struct Layer<'a> {
    /// What each group of filters reads.
    pub groups: Vec<Patches>,
    /// The layer's filters, group after group, as many in each.
    pub filters: Vec<Filter<'a>>,
    /// The multiplier.
    pub products: &'a Products,
    /// Weight bytes that are allowed.
    pub candidates: &'a [u8],
    /// The functions x of the control variate; none without one.
    pub functions: &'a [[u16; 256]],
    /// Fraction bits of C.
    pub c_frac: u32,
    /// What an activation is in the network with exact products.
    pub exact_input: Input,
    /// The real value of a step of the activations.
    pub input_scale: f64,
    /// Whether a weight byte is a signed number.
    pub coding: WeightCoding,
    /// Whether all filters have one scale.
    pub one_scale: bool,
}

/// How codes stand for activations.
#[derive(Clone, Copy)]
pub(crate) struct Input {
    pub scale: f64,
    pub zero_point: u8,
}

/// One filter before the choice.
pub(crate) struct Filter<'a> {
    /// Its real weights.
    pub weights: Vec<f32>,
    /// Its real outputs in the network with exact products, for each patch.
    pub outputs: &'a [f32],
    /// s_w of its own codes.
    pub scale: f32,
    /// z_w.
    pub zero_point: i32,
}

/// One filter with its codes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chosen {
    /// Weight bytes.
    pub weights: Vec<u8>,
    /// s_w.
    pub scale: f32,
    /// C_r, in units of 2^-c_frac.
    pub c: Vec<i32>,
    /// What `sum_j (p - z_w a_j) + C X` lacks on average, in accumulator units: all constants of the
    /// filter together.
    pub constant: f64,
}

impl Layer<'_> {
    /// The number that a weight byte stands for.
    fn value(&self, byte: u8) -> f64 {
        f64::from(code_value(byte, self.coding))
    }

    /// The range of all codes for each filter, as s_w: that of its real weights, or that of its own
    /// codes where it is larger.
    fn full_scales(&self) -> Vec<f64> {
        let values = || self.candidates.iter().map(|&byte| self.value(byte));
        let (low, high) = (values().fold(0.0, f64::min), values().fold(0.0, f64::max));
        let of_filter = |filter: &Filter| {
            let zero_point = f64::from(filter.zero_point);
            let needed = filter.weights.iter().map(|&weight| {
                let room = if weight > 0.0 { high - zero_point } else { zero_point - low };
                if room > 0.0 { f64::from(weight.abs()) / room } else { 0.0 }
            });
            needed.fold(f64::from(filter.scale.abs()), f64::max)
        };
        let scales: Vec<f64> = self.filters.iter().map(of_filter).collect();
        match self.one_scale {
            true => vec![scales.iter().copied().fold(0.0, f64::max); scales.len()],
            false => scales,
        }
    }
}

/// The codes of all filters of a layer.
pub(crate) fn choose(isa: Isa, layer: &Layer) -> Vec<Chosen> {
    let in_group = (layer.filters.len() / layer.groups.len().max(1)).max(1);
    let full = layer.full_scales();
    let scales: Vec<Vec<f64>> =
        SHARES.iter().map(|share| full.iter().map(|scale| scale * share).collect()).collect();
    // By group, and then by share.
    let of_group = |(group, patches): (usize, &Patches)| -> Vec<Vec<Fit>> {
        let scene = Scene::new(isa, layer, patches);
        let range = group * in_group..(group + 1) * in_group;
        let fit = |scales: &Vec<f64>| -> Vec<Fit> {
            let blocks = layer.filters[range.clone()].par_chunks(LANES);
            let blocks = blocks.zip(scales[range.clone()].par_chunks(LANES));
            let fits =
                blocks.map(|(filters, scales)| Block::new(&scene, filters, scales).fit(&scene));
            fits.flatten().collect()
        };
        scales.par_iter().map(fit).collect()
    };
    let groups: Vec<Vec<Vec<Fit>>> = layer.groups.par_iter().enumerate().map(of_group).collect();
    // Of equals the largest share.
    let best = |errors: &dyn Fn(usize) -> f64| {
        (0..SHARES.len()).min_by(|&a, &b| errors(a).total_cmp(&errors(b))).expect("shares")
    };
    let of_layer = layer.one_scale.then(|| {
        let filters = |share: usize| groups.iter().flat_map(move |group| &group[share]);
        best(&|share| filters(share).map(|fit| fit.error).sum())
    });
    let chosen = groups.iter().flat_map(|group| {
        (0..group[0].len()).map(move |filter| {
            let share = of_layer.unwrap_or_else(|| best(&|share| group[share][filter].error));
            let Fit { weights, scale, c, constant, .. } = group[share][filter].clone();
            Chosen { weights, scale: scale as f32, c, constant }
        })
    });
    chosen.collect()
}

#[cfg(test)]
mod tests;
