//! Stimuli for an array, and what the emulator makes of them.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use recoup::control_variate::{
    CodeHistogram, ControlOptions, ControlVariate, ControlVariateError, LayerConstants, Mode, fit,
};
use recoup::model::Graph;
use recoup::multiplier::Multiplier;
use recoup::numeric::round_half_even_shift;
use recoup::quantize::{Quantized, QuantizedMac, WeightScheme};
use recoup_kernels::{ConvShape, MacSpec, Product, WeightCoding, naive};

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
    /// acc* of eq. (6), `[position][filter]`.
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

    /// Codes and constants, with the accumulators that the naive kernel and eq. (22) give.
    ///
    /// # Panics
    /// When the sizes do not fit each other.
    pub fn new(
        source: String,
        depth: usize,
        (weights, activations): (Vec<u8>, Vec<u8>),
        (product, coding): (&Product, WeightCoding),
        control: Option<(&ControlVariate, &LayerConstants)>,
    ) -> Self {
        let filters = weights.len() / depth;
        let positions = activations.len() / depth;
        let spec = MacSpec {
            shape: ConvShape::linear(positions, depth, filters),
            weights: weights.clone(),
            coding,
            product: product.clone(),
            input_zero_point: 0,
            weight_zero_points: vec![0; filters],
            control: None,
            constant: vec![0; filters],
            scale: vec![1.0; filters],
            low: f32::NEG_INFINITY,
            high: f32::INFINITY,
            residual: recoup_kernels::ResidualSpec::None,
            output: recoup_kernels::OutputSpec::F32,
        };
        let mut expected = vec![0; positions * filters];
        naive::accumulate(&spec, &activations, &mut expected);
        let (mut c, mut c0) = (Vec::new(), Vec::new());
        if let Some((control, constants)) = control {
            c = constants.c.first().cloned().unwrap_or_default();
            c0 = constants.c0.clone();
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
/// When the mode is not defined for the multiplier.
///
/// # Panics
/// For regressed constants, which need a network.
pub fn random(
    multiplier: &Multiplier,
    scheme: WeightScheme,
    (mode, options): (Mode, ControlOptions),
    size: RandomSize,
) -> Result<(Vectors, Option<ControlVariate>), ControlVariateError> {
    let RandomSize { depth, filters, positions, seed } = size;
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

    let layer = |weights: Vec<u8>, filters| QuantizedMac {
        node: 0,
        shape: ConvShape::linear(positions, depth, filters),
        weights,
        scales: vec![1.0; filters],
        zero_points: vec![0; filters],
        bias: vec![0; filters],
    };
    // C is a mean over a filter's weights: filters of one weight have all that there can be.
    let uniform = (0..=255).flat_map(|weight| vec![weight; depth]).collect();

    let network = Quantized {
        graph: std::sync::Arc::new(Graph {
            sha256: String::new(),
            values: Vec::new(),
            nodes: Vec::new(),
            input: 0,
            output: 0,
        }),
        activations: Vec::new(),
        macs: vec![layer(weights.clone(), filters), layer(uniform, 256)],
        activation_bits: 8,
        weights: scheme,
    };
    let histogram: CodeHistogram = [1; 256];
    let control = fit(&network, &[histogram; 2], multiplier, mode, options)?;
    let constants = control.as_ref().map(|control| (control, &control.layers[0]));
    let vectors = Vectors::new(
        format!("random codes, seed {seed}"),
        depth,
        (weights, activations),
        (&multiplier.kernel_product(coding), coding),
        constants,
    );
    Ok((vectors, control))
}
