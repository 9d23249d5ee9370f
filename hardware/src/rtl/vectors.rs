//! Stimuli for an array, and what the emulator makes of them.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use recoup_core::accuracy::EmulatedDesign;
use recoup_core::control_variate::{
    ControlVariate, ControlVariateError, Layer, LayerConstants, LoadConstants, SeenCodes, fit,
};
use recoup_core::design::Design;
use recoup_core::emulate::Workspace;
use recoup_core::numeric::round_half_even_shift;
use recoup_core::quantize::{Quantized, QuantizedMac, WeightScheme};
use recoup_kernels::{ConvShape, MacSpec, Product, Scratch, WeightCoding, naive};

use super::error::RtlError;

/// Share of the random activations that are 0, as after a ReLU.
const ZEROS: f64 = 0.45;

/// A dot product for each position and filter; where images bring the weights, for each image.
#[derive(Clone, Debug, PartialEq)]
pub struct Vectors {
    /// Where they come from, in words.
    pub source: String,
    /// Products per output, k.
    pub depth: usize,
    /// How often other weights are loaded: once, or by each image.
    pub loads: usize,
    /// What makes the constants of the weights, if they are made when these are loaded.
    pub load: Option<Arc<LoadConstants>>,
    /// Weight codes, `[load][filter][depth]`.
    pub weights: Vec<u8>,
    /// Activation codes, `[load][position][depth]`.
    pub activations: Vec<u8>,
    /// C per filter, as stored, `[load][filter]`; empty without x.
    pub c: Vec<i32>,
    /// C0 per filter, `[load][filter]`; empty without V.
    pub c0: Vec<i32>,
    /// acc* of eq. (3.2), `[load][position][filter]`.
    pub expected: Vec<i32>,
}

impl Vectors {
    /// Number of filters.
    pub fn filters(&self) -> usize {
        self.weights.len() / self.depth / self.loads
    }

    /// Number of positions that the same weights serve.
    pub fn positions(&self) -> usize {
        self.activations.len() / self.depth / self.loads
    }

    /// Codes and the sums of their products, `[position][filter]`, to which the control variate is
    /// added: eq. (3.12). Weights are loaded once; if that makes their constants, by eq. (3.22).
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
        let load = control.and_then(|(_, constants)| constants.load.clone());
        if let Some((control, constants)) = control {
            let made = load.as_ref().map(|load| load.of(&weights));
            let constants = made.as_ref().unwrap_or(constants);
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
        Self { source, depth, loads: 1, load, weights, activations, c, c0, expected }
    }

    /// Those of the same layer with other weights, one after the other.
    fn join(mut self, next: Self) -> Self {
        self.loads += next.loads;
        self.weights.extend(next.weights);
        self.activations.extend(next.activations);
        self.c.extend(next.c);
        self.c0.extend(next.c0);
        self.expected.extend(next.expected);
        self
    }

    /// What a layer of a network multiplies: the first positions of each image, `positions` in all
    /// or a few more, and the filters of the first group, with the sums of the emulator's kernel.
    /// Where images bring the weights, each image's are loaded before its positions.
    ///
    /// `node` is the layer's name; otherwise it is the first convolution with more than `rows`
    /// products per output, or the deepest layer if there is none; with `loaded` it is the first
    /// product of two activations.
    ///
    /// # Errors
    /// When no layer has this name.
    pub fn of_layer(
        candidate: &EmulatedDesign,
        (node, loaded): (Option<&str>, bool),
        rows: usize,
        images: &[Vec<f32>],
        positions: usize,
    ) -> Result<Self, RtlError> {
        let quantized = &candidate.prepared.quantized;
        let layer = find_layer(quantized, node, loaded, rows)?;
        let mac = &quantized.macs[layer];
        let (shape, filters) = (&mac.shape, mac.shape.filters_per_group());
        let padding = quantized.mac_input(mac).1.zero_point;
        let of_image = positions.div_ceil(images.len().max(1)).min(shape.positions());
        // For each time that weights are loaded: these, activations and sums.
        let mut loads: Vec<[Vec<u8>; 2]> = Vec::new();
        let mut sums: Vec<Vec<i32>> = Vec::new();
        let mut workspace = Workspace::default();
        for image in images {
            candidate.network.run_observed(image, &mut workspace, |index, kernel, codes| {
                if index != layer {
                    return;
                }
                if loads.is_empty() || mac.load.is_some() {
                    let weights = &kernel.spec().weights[..filters * shape.depth()];
                    loads.push([weights.to_vec(), Vec::new()]);
                    sums.push(Vec::new());
                }
                let mut all = vec![0; shape.output_len()];
                kernel.accumulate(codes, &mut Scratch::default(), &mut all);
                for (position, all) in all.chunks(shape.filters).take(of_image).enumerate() {
                    let field = naive::receptive_field(shape, padding, codes, position, 0);
                    loads.last_mut().expect("one was pushed")[1].extend(field);
                    sums.last_mut().expect("one was pushed").extend_from_slice(&all[..filters]);
                }
            })?;
        }
        let control = candidate.control.as_ref();
        let name = &quantized.graph.nodes[mac.node].name;
        let vectors = loads.into_iter().zip(sums).map(|([weights, activations], sums)| {
            Self::new(
                format!("layer \"{name}\""),
                shape.depth(),
                (weights, activations),
                sums,
                control.map(|control| (control, &control.layers[layer])),
            )
        });
        vectors.reduce(Self::join).ok_or_else(|| RtlError::Vectors {
            found: "no image".into(),
            expected: "one at least".into(),
        })
    }
}

/// Index of a layer in the network.
fn find_layer(
    quantized: &Quantized,
    node: Option<&str>,
    loaded: bool,
    rows: usize,
) -> Result<usize, RtlError> {
    let of = |mac: &QuantizedMac| &quantized.graph.nodes[mac.node];
    let macs = &quantized.macs;
    let found = match node {
        Some(node) => macs.iter().position(|mac| of(mac).name == node),
        None if loaded => {
            let first = macs.iter().position(|mac| mac.load.is_some());
            return first.ok_or(RtlError::NothingLoaded);
        }
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
    /// How often other weights are loaded and make their constants, as in a product of two
    /// activations; 0 for weights whose constants are known.
    pub loads: usize,
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
    let RandomSize { depth, filters, positions, loads, seed } = size;
    let Design { multiplier, control_variate: mode, control_options: options, .. } = design;
    let coding = scheme.coding();
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut codes = || {
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
        (weights, activations)
    };
    let codes: Vec<(Vec<u8>, Vec<u8>)> = (0..loads.max(1)).map(|_| codes()).collect();
    let weights = &codes[0].0;

    // C is a mean over a filter's weights: filters of one weight have all that there can be.
    let uniform: Vec<u8> = (0..=255).flat_map(|weight| vec![weight; depth]).collect();
    let known = SeenCodes::pooled([1; 256]);
    let brought = if loads > 0 { weights.clone() } else { Vec::new() };
    let seen = SeenCodes { loaded: brought, ..known.clone() };
    let layers = [(weights, &seen), (&uniform, &known)].map(|(weights, codes)| Layer {
        filters: weights.chunks_exact(depth).collect(),
        groups: 1,
        codes,
        is_exact: false,
    });
    let control = fit(&layers, coding, multiplier, *mode, *options)?;
    let constants = control.as_ref().map(|control| (control, &control.layers[0]));
    let product = multiplier.kernel_product(coding);
    let source = format!("random codes, seed {seed}");
    let vectors = codes.into_iter().map(|(weights, activations)| {
        let sums = naive_sums(depth, (&weights, &activations), (product.clone(), coding));
        Vectors::new(source.clone(), depth, (weights, activations), sums, constants)
    });
    let vectors = vectors.reduce(Vectors::join).expect("codes are drawn once at least");
    Ok((vectors, control))
}

/// Leaves so many bits of codes, the others 0.
pub(crate) fn cut(codes: &mut [u8], bits: u32) {
    codes.iter_mut().for_each(|code| *code &= 0xff_u8 << (8 - bits));
}
