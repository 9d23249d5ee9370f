//! What an array computes: weights and activation codes of a layer.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use recoup_core::accuracy::EmulatedDesign;
use recoup_core::emulate::{EmulateError, activation_streams};
use recoup_core::watch::Watch;
use recoup_kernels::WeightCoding;

use crate::layer_shape::LayerShape;
use crate::rtl::{Vectors, cut};

/// One layer's codes. Weights stay in the array for a tile of rows and columns while the
/// positions stream through.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The layer's name.
    pub name: String,
    /// Products per output, k.
    pub depth: usize,
    /// Groups, which go through the array one after the other.
    pub groups: usize,
    /// Filters of a group.
    pub filters: usize,
    /// Positions per image.
    pub positions_per_image: usize,
    /// Weight codes, `[group][filter][depth]`.
    pub weights: Vec<u8>,
    /// Positions that are there to be sampled.
    pub positions: usize,
    /// Their activation codes, `[group][position][depth]`.
    pub activations: Vec<u8>,
    /// C per filter as stored, group by group; empty without x.
    pub c: Vec<i32>,
    /// C0 per filter, group by group; empty without V.
    pub c0: Vec<i32>,
}

impl Workload {
    /// All layers of a network with its multiplier and control variate, on the codes that
    /// `images` cause in it; of each image and layer at most `most` positions. Where images bring
    /// the weights, they are those of the first one, with the constants that they make: those that
    /// others bring are alike in what they cost.
    ///
    /// # Errors
    /// When an operator in float does not take the values of an image, or `watch` stops it.
    pub fn of_network(
        candidate: &EmulatedDesign,
        images: &[Vec<f32>],
        most: usize,
        watch: &dyn Watch,
    ) -> Result<Vec<Self>, EmulateError> {
        let quantized = &candidate.prepared.quantized;
        let streams = activation_streams(&candidate.network, images, most, watch)?;
        let layers = quantized.macs.iter().zip(streams).enumerate();
        let workloads = layers.map(|(layer, (mac, stream))| {
            let loads = mac.load.is_some();
            let weights = if loads { stream.loaded } else { mac.weights.to_vec() };
            let constants = candidate.control.as_ref().map(|control| &control.layers[layer]);
            let made = constants
                .and_then(|constants| constants.load.as_deref())
                .map(|load| load.of(&weights));
            let constants = made.as_ref().or(constants);
            Self {
                name: quantized.graph.nodes[mac.node].name.clone(),
                depth: stream.depth,
                groups: mac.shape.groups,
                filters: mac.shape.filters_per_group(),
                positions_per_image: mac.shape.positions(),
                weights,
                positions: stream.positions,
                activations: stream.codes,
                c: constants.and_then(|of| of.c.first()).cloned().unwrap_or_default(),
                c0: constants.map_or(Vec::new(), |of| of.c0.clone()),
            }
        });
        Ok(workloads.collect())
    }

    /// The codes and constants of a testbench's vectors.
    pub fn of_vectors(vectors: &Vectors) -> Self {
        Self {
            name: vectors.source.clone(),
            depth: vectors.depth,
            groups: 1,
            filters: vectors.filters(),
            positions_per_image: vectors.positions(),
            weights: vectors.weights.clone(),
            positions: vectors.positions(),
            activations: vectors.activations.clone(),
            c: vectors.c.clone(),
            c0: vectors.c0.clone(),
        }
    }

    /// Random codes, all alike likely: one layer of `depth` products and `filters` filters.
    pub fn uniform(depth: usize, filters: usize, seed: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        Self::random("uniform", depth, filters, |codes| generator.fill_bytes(codes), None)
    }

    /// Random codes as in a network after a ReLU: weights about the middle of their range with a
    /// standard deviation of 25, 45 % of the activations 0, the others half-normal with 40.
    pub fn relu_like(depth: usize, filters: usize, coding: WeightCoding, seed: u64) -> Self {
        let generator = &mut ChaCha8Rng::seed_from_u64(seed);
        let uniform =
            |generator: &mut ChaCha8Rng| (f64::from(generator.next_u32()) + 0.5) / 2_f64.powi(32);
        // Box and Muller's transformation.
        let normal = |generator: &mut ChaCha8Rng| {
            let (radius, angle) = (uniform(generator), uniform(generator));
            (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
        };
        let activations = |codes: &mut [u8], generator: &mut ChaCha8Rng| {
            for code in codes {
                let zero = uniform(generator) < 0.45;
                let value = 40.0 * normal(generator).abs();
                *code = if zero { 0 } else { value.round().min(255.0) as u8 };
            }
        };
        let middle = match coding {
            WeightCoding::Unsigned => 128,
            WeightCoding::Signed => 0,
        };
        let mut weights = vec![0; depth * filters];
        for code in &mut weights {
            let offset = (25.0 * normal(generator)).round().clamp(-127.0, 127.0) as i32;
            *code = (middle + offset) as u8;
        }
        Self::random(
            "ReLU-like",
            depth,
            filters,
            |codes| activations(codes, generator),
            Some(weights),
        )
    }

    fn random(
        name: &str,
        depth: usize,
        filters: usize,
        mut fill: impl FnMut(&mut [u8]),
        weights: Option<Vec<u8>>,
    ) -> Self {
        const POSITIONS: usize = 4096;
        let weights = weights.unwrap_or_else(|| {
            let mut weights = vec![0; depth * filters];
            fill(&mut weights);
            weights
        });
        let mut activations = vec![0; POSITIONS * depth];
        fill(&mut activations);
        Self {
            name: name.into(),
            depth,
            groups: 1,
            filters,
            positions_per_image: POSITIONS,
            weights,
            positions: POSITIONS,
            activations,
            c: Vec::new(),
            c0: Vec::new(),
        }
    }

    /// This layer with codes of so many significant bits, the others 0.
    pub fn cut_to(mut self, activation_bits: u32, weight_bits: u32) -> Self {
        cut(&mut self.activations, activation_bits);
        cut(&mut self.weights, weight_bits);
        self
    }

    /// Its sizes.
    pub fn shape(&self) -> LayerShape {
        LayerShape {
            depth: self.depth,
            groups: self.groups,
            filters: self.filters,
            positions: self.positions_per_image,
        }
    }

    /// A weight; 0 beyond the last filter and the last product, where tiles are not full.
    pub fn weight(&self, group: usize, filter: usize, product: usize) -> u8 {
        if filter >= self.filters || product >= self.depth {
            return 0;
        }
        self.weights[(group * self.filters + filter) * self.depth + product]
    }

    /// An activation; 0 beyond the last product. Positions begin again after the last.
    pub fn activation(&self, group: usize, position: usize, product: usize) -> u8 {
        if product >= self.depth {
            return 0;
        }
        let position = position % self.positions;
        self.activations[(group * self.positions + position) * self.depth + product]
    }

    /// C of a filter; 0 beyond the last.
    pub fn c(&self, group: usize, filter: usize) -> i32 {
        self.constant(&self.c, group, filter)
    }

    /// This layer with constants of a control variate, given to the filters in turn.
    pub fn with_constants(mut self, c: &[i32]) -> Self {
        self.c = c.iter().copied().cycle().take(self.groups * self.filters).collect();
        self
    }

    /// C0 of a filter; 0 beyond the last.
    pub fn c0(&self, group: usize, filter: usize) -> i32 {
        self.constant(&self.c0, group, filter)
    }

    fn constant(&self, constants: &[i32], group: usize, filter: usize) -> i32 {
        if filter >= self.filters || constants.is_empty() {
            return 0;
        }
        constants[group * self.filters + filter]
    }
}
