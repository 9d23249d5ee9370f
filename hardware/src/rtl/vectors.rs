//! Stimuli for an array, and what the emulator makes of them.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use recoup_core::accuracy::EmulatedDesign;
use recoup_core::control_variate::{
    ControlVariate, ControlVariateError, Layer, LayerConstants, SeenCodes, fit,
};
use recoup_core::design::Design;
use recoup_core::emulate::Workspace;
use recoup_core::numeric::round_half_even_shift;
use recoup_core::quantize::{Quantized, QuantizedMac, WeightScheme};
use recoup_kernels::{ConvShape, MacSpec, Product, Scratch, WeightCoding, naive};

use super::error::RtlError;

/// Share of the random activations that are 0, as after a ReLU.
const ZEROS: f64 = 0.45;

/// A dot product for each position and filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vectors {
    /// Where they come from, in words.
    pub source: String,
    /// Products per output, k.
    pub depth: usize,
    /// Weight codes, `[filter][depth]`.
    pub weights: Vec<u8>,
    /// Activation codes, `[position][depth]`.
    pub activations: Vec<u8>,
    /// C per filter, as stored; empty without x.
    pub c: Vec<i32>,
    /// C0 per filter; empty without V.
    pub c0: Vec<i32>,
    /// acc* of eq. (3.2), `[position][filter]`.
    pub expected: Vec<i32>,
}

impl Vectors {
    /// Number of filters.
    pub fn filters(&self) -> usize {
        self.weights.len() / self.depth
    }

    /// Number of positions.
    pub fn positions(&self) -> usize {
        self.activations.len() / self.depth
    }

    /// Codes and the sums of their products, `[position][filter]`, to which the control variate is
    /// added: eq. (3.12).
    ///
    /// # Panics
    /// When the sizes do not fit each other.
    pub fn new(
        source: String,
        depth: usize,
        (weights, activations): (Vec<u8>, Vec<u8>),
        sums: Vec<i32>,
        control: Option<(&ControlVariate, &LayerConstants)>,
    ) -> Self {
        let filters = weights.len() / depth;
        let mut expected = sums;
        let (mut c, mut c0) = (Vec::new(), Vec::new());
        if let Some((control, constants)) = control {
            let first = |of: &[i32]| of[..filters].to_vec();
            c = constants.c.first().map_or(Vec::new(), |c| first(c));
            c0 = first(&constants.c0);
            for (codes, sums) in activations.chunks(depth).zip(expected.chunks_mut(filters)) {
                let x: i64 = control.functions.first().map_or(0, |function| {
                    codes.iter().map(|&code| i64::from(function.x[usize::from(code)])).sum()
                });
                for (filter, sum) in sums.iter_mut().enumerate() {
                    let c = c.get(filter).map_or(0, |&c| i64::from(c));
                    let v = round_half_even_shift(c * x, control.c_frac) as i32;
                    *sum = sum.wrapping_add(v).wrapping_add(c0[filter]);
                }
            }
        }
        Self { source, depth, weights, activations, c, c0, expected }
    }

    /// What a layer of a network multiplies: the first positions of each image, `positions` in all
    /// or a few more, and the filters of the first group, with the sums of the emulator's kernel.
    ///
    /// `node` is the layer's name; otherwise it is the first convolution with more than `rows`
    /// products per output, or the deepest layer if there is none.
    ///
    /// # Errors
    /// When no layer has this name.
    pub fn of_layer(
        candidate: &EmulatedDesign,
        node: Option<&str>,
        rows: usize,
        images: &[Vec<f32>],
        positions: usize,
    ) -> Result<Self, RtlError> {
        let quantized = &candidate.prepared.quantized;
        let layer = find_layer(quantized, node, rows)?;
        let mac = &quantized.macs[layer];
        let (shape, filters) = (&mac.shape, mac.shape.filters_per_group());
        let padding = quantized.mac_input(mac).1.zero_point;
        let of_image = positions.div_ceil(images.len().max(1)).min(shape.positions());
        let (mut activations, mut sums) = (Vec::new(), Vec::new());
        let mut workspace = Workspace::default();
        for image in images {
            candidate.network.run_observed(image, &mut workspace, |index, kernel, codes| {
                if index != layer {
                    return;
                }
                let mut all = vec![0; shape.output_len()];
                kernel.accumulate(codes, &mut Scratch::default(), &mut all);
                for (position, all) in all.chunks(shape.filters).take(of_image).enumerate() {
                    let field = naive::receptive_field(shape, padding, codes, position, 0);
                    activations.extend(field);
                    sums.extend_from_slice(&all[..filters]);
                }
            })?;
        }
        let control = candidate.control.as_ref();
        Ok(Self::new(
            format!("layer \"{}\"", quantized.graph.nodes[mac.node].name),
            shape.depth(),
            (mac.weights[..filters * shape.depth()].to_vec(), activations),
            sums,
            control.map(|control| (control, &control.layers[layer])),
        ))
    }
}

/// Index of a layer in the network.
fn find_layer(quantized: &Quantized, node: Option<&str>, rows: usize) -> Result<usize, RtlError> {
    let of = |mac: &QuantizedMac| &quantized.graph.nodes[mac.node];
    let macs = &quantized.macs;
    let found = match node {
        Some(node) => macs.iter().position(|mac| of(mac).name == node),
        None => {
            let tiled = |mac: &QuantizedMac| {
                of(mac).operator.starts_with("Conv") && mac.shape.depth() > rows
            };
            let deepest = (0..macs.len()).max_by_key(|&layer| macs[layer].shape.depth());
            macs.iter().position(tiled).or(deepest)
        }
    };
    found.ok_or_else(|| RtlError::Layer {
        name: node.unwrap_or("any").into(),
        layers: macs.iter().map(|mac| of(mac).name.clone()).collect::<Vec<_>>().join(", "),
    })
}

/// Sums of products by the naive kernel, `[position][filter]`.
fn naive_sums(
    depth: usize,
    (weights, activations): (&[u8], &[u8]),
    (product, coding): (Product, WeightCoding),
) -> Vec<i32> {
    let (filters, positions) = (weights.len() / depth, activations.len() / depth);
    let shape = ConvShape::linear(positions, depth, filters);
    let spec = MacSpec::bare(shape, weights.to_vec(), coding, product);
    let mut sums = vec![0; positions * filters];
    naive::accumulate(&spec, activations, &mut sums);
    sums
}

/// Sizes of random vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RandomSize {
    /// Products per output.
    pub depth: usize,
    /// Filters.
    pub filters: usize,
    /// Positions.
    pub positions: usize,
    /// For the generator.
    pub seed: u64,
}

/// Random codes with the constants that a mode gives for them: all weight bytes alike, 45 % of the
/// activations 0; the first filter and the first position hold the largest codes, whose sums are
/// the widest, and the second filter of a signed coding the most negative. The control variate
/// has these constants as its first layer, and as its second those of filters of one weight each:
/// together they span what any filter can have.
///
/// # Errors
/// When the mode is not defined for the multiplier, or needs a network that runs.
pub fn random(
    design: &Design,
    scheme: WeightScheme,
    size: RandomSize,
) -> Result<(Vectors, Option<ControlVariate>), ControlVariateError> {
    let RandomSize { depth, filters, positions, seed } = size;
    let Design { multiplier, control_variate: mode, control_options: options, .. } = design;
    let coding = scheme.coding();
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut weights = vec![0; filters * depth];
    generator.fill_bytes(&mut weights);
    let extremes = match coding {
        WeightCoding::Unsigned => [255, 0],
        WeightCoding::Signed => [127, 128],
    };
    for (filter, extreme) in weights.chunks_mut(depth).zip(extremes) {
        filter.fill(extreme);
    }
    let mut activations = vec![0; positions * depth];
    generator.fill_bytes(&mut activations);
    let mut zeros = vec![0; activations.len()];
    generator.fill_bytes(&mut zeros);
    let zeros = zeros.into_iter().map(|byte: u8| f64::from(byte) < ZEROS * 256.0);
    activations.iter_mut().zip(zeros).filter(|(_, zero)| *zero).for_each(|(code, _)| *code = 0);
    activations[..depth].fill(255);
    cut(&mut activations, design.activation_bits);
    cut(&mut weights, design.weight_bits);

    // C is a mean over a filter's weights: filters of one weight have all that there can be.
    let uniform: Vec<u8> = (0..=255).flat_map(|weight| vec![weight; depth]).collect();
    let codes = SeenCodes::pooled([1; 256]);
    let layers = [&weights, &uniform].map(|weights| Layer {
        filters: weights.chunks_exact(depth).collect(),
        groups: 1,
        codes: &codes,
        is_exact: false,
    });
    let control = fit(&layers, coding, multiplier, *mode, *options)?;
    let constants = control.as_ref().map(|control| (control, &control.layers[0]));
    let product = (multiplier.kernel_product(coding), coding);
    let sums = naive_sums(depth, (&weights, &activations), product);
    let source = format!("random codes, seed {seed}");
    let vectors = Vectors::new(source, depth, (weights, activations), sums, constants);
    Ok((vectors, control))
}

/// Leaves so many bits of codes, the others 0.
pub(crate) fn cut(codes: &mut [u8], bits: u32) {
    codes.iter_mut().for_each(|code| *code &= 0xff_u8 << (8 - bits));
}
