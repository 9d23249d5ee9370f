//! Weights as codes, biases in accumulator units.

use std::sync::Arc;

use recoup_kernels::ConvShape;

use crate::model::{ActivationQuantization, Mac, Operand, QuantizedWeights, Weights};
use crate::numeric::round_to_i32;

use super::{CalibrationError, WeightScheme, drop_low_bits};

/// A bias of up to 2^24 steps keeps seven digits and leaves the accumulator its room.
const MOST_BIAS_STEPS: f32 = 16_777_216.0;
/// Ranges that weights of less than 8 bits are tried over, in percent of the range of all.
const SHARES: [u8; 17] = [100, 96, 92, 88, 84, 80, 76, 72, 68, 64, 60, 56, 52, 48, 44, 40, 36];

/// A layer in codes.
#[derive(Clone)]
pub struct QuantizedMac {
    /// Index of its node in the graph.
    pub node: usize,
    /// Geometry.
    pub shape: ConvShape,
    /// Weight bytes as the multiplier gets them, `[filter][kernel row][kernel column][channel]`; none
    /// if each image brings others.
    pub weights: Arc<[u8]>,
    /// If the codes of a tensor are loaded in their place: how they become weight bytes.
    pub load: Option<CodeLoad>,
    /// s_w per filter.
    pub scales: Vec<f32>,
    /// z_w per filter.
    pub zero_points: Vec<i32>,
    /// Bias per filter in units of s_w s_a.
    pub bias: Vec<i32>,
    /// g per filter, which multiplies s_w s_a where the result leaves the accumulator, eq. (6.8).
    pub gains: Vec<f32>,
}

/// How activation codes become weight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeLoad {
    dropped: u32,
    /// 128 where the multiplier reads weights in two's complement.
    offset: u8,
}

impl CodeLoad {
    /// The code that became a weight byte, if none was rounded.
    pub fn code(self, byte: u8) -> u8 {
        byte.wrapping_add(self.offset)
    }

    /// The weight byte of each code.
    pub fn bytes(self) -> [u8; 256] {
        self.kept().map(|code| code.wrapping_sub(self.offset))
    }

    /// What is left of each code without the low bits that are dropped.
    pub fn kept(self) -> [u8; 256] {
        std::array::from_fn(|code| drop_low_bits(code as i32, self.dropped))
    }

    /// Low bits that are rounded away.
    pub fn dropped_bits(self) -> u32 {
        self.dropped
    }
}

/// What is done to the outputs of a layer's filters.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FilterCorrections {
    /// g per filter.
    pub gains: Vec<f32>,
    /// What is added to each filter's bias, in accumulator units.
    pub steps: Vec<i32>,
}

impl QuantizedMac {
    /// Takes the corrections of its filters. What a bias cannot hold, no kernel takes.
    pub(crate) fn correct(&mut self, corrections: &FilterCorrections) {
        let biases = self.bias.iter_mut().zip(&corrections.steps);
        biases.for_each(|(bias, &steps)| *bias = bias.saturating_add(steps));
        self.gains.clone_from(&corrections.gains);
    }

    /// The layer `mac`, its weights in codes of `bits` significant bits, 4 to 8.
    pub(super) fn new(
        node: usize,
        name: &str,
        mac: &Mac,
        (input, loaded): (ActivationQuantization, Option<ActivationQuantization>),
        scheme: WeightScheme,
        bits: u32,
    ) -> Result<Self, CalibrationError> {
        let weights = match (&mac.loaded, loaded) {
            (Operand::Constant(weights), _) => weights,
            (Operand::Value { factor, .. }, Some(loaded)) => {
                return Ok(Self::of_value(node, mac.shape, loaded, *factor, scheme, bits));
            }
            (Operand::Value { .. }, None) => unreachable!("assigned like all that layers read"),
        };
        let least = mac.bias.iter().map(|bias| bias.abs() / (input.scale * MOST_BIAS_STEPS));
        let least: Vec<f32> = least.collect();
        let depth = mac.shape.depth();
        let coded = match weights {
            Weights::Quantized(weights) if bits == 8 => recode(weights, &least, scheme),
            Weights::Quantized(weights) => quantize(&weights.real(), depth, &least, scheme, bits),
            Weights::Float(weights) => quantize(weights, depth, &least, scheme, bits),
        };
        let bias =
            mac.bias.iter().zip(&coded.scales).enumerate().map(|(filter, (&bias, &scale))| {
                let steps = f64::from(bias) / (f64::from(scale) * f64::from(input.scale));
                round_to_i32(steps).ok_or_else(|| CalibrationError::Bias {
                    node: name.into(),
                    filter,
                    steps,
                })
            });
        Ok(Self {
            node,
            shape: mac.shape,
            bias: bias.collect::<Result<_, _>>()?,
            gains: vec![1.0; coded.scales.len()],
            load: None,
            weights: coded.bytes.into(),
            scales: coded.scales,
            zero_points: coded.zero_points,
        })
    }

    /// A layer that loads a tensor of such codes; `factor` is what its results are multiplied by.
    fn of_value(
        node: usize,
        shape: ConvShape,
        loaded: ActivationQuantization,
        factor: f32,
        scheme: WeightScheme,
        bits: u32,
    ) -> Self {
        let offset = match scheme {
            WeightScheme::U8Tensor | WeightScheme::U8Channel => 0,
            WeightScheme::I8Channel => 128,
        };
        Self::of_load(node, shape, CodeLoad { dropped: 8 - bits, offset }, loaded, factor)
    }

    /// The same layer, of another shape and loading a tensor of other codes.
    pub(super) fn loading(
        &self,
        (loaded, shape): (ActivationQuantization, ConvShape),
        factor: f32,
    ) -> Self {
        let load = self.load.expect("it is loaded with codes");
        Self::of_load(self.node, shape, load, loaded, factor)
    }

    fn of_load(
        node: usize,
        shape: ConvShape,
        load: CodeLoad,
        loaded: ActivationQuantization,
        factor: f32,
    ) -> Self {
        let zero_point = i32::from(loaded.zero_point) - i32::from(load.offset);
        Self {
            node,
            shape,
            weights: Arc::default(),
            load: Some(load),
            scales: vec![loaded.scale * factor; shape.filters],
            zero_points: vec![zero_point; shape.filters],
            bias: vec![0; shape.filters],
            gains: vec![1.0; shape.filters],
        }
    }
}

struct Coded {
    bytes: Vec<u8>,
    scales: Vec<f32>,
    zero_points: Vec<i32>,
}

/// Quantises real weights to codes of which `bits` bits are significant, the lower ones 0;
/// `least_scales` keeps a filter's scale large enough for its bias.
fn quantize(
    weights: &[f32],
    depth: usize,
    least_scales: &[f32],
    scheme: WeightScheme,
    bits: u32,
) -> Coded {
    // Eq. (1.3), (1.4) and (1.7).
    let step = 1 << (8 - bits);
    let filters = least_scales.len();
    if scheme == WeightScheme::U8Tensor {
        let low = weights.iter().copied().fold(0.0, f32::min);
        let high = weights.iter().copied().fold(0.0, f32::max);
        let least = least_scales.iter().copied().fold(0.0, f32::max) * step as f32;
        let top = (1 << bits) - 1;
        let grid = Grid::of_least_error(weights, bits, |share| {
            let size = usable(((high - low) * share / top as f32).max(least));
            let zero_point = ((-low * share / size).round_ties_even() as i32).clamp(0, top);
            Grid { size, lowest: -zero_point, highest: top - zero_point }
        });
        let codes = weights.iter().map(|&weight| (grid.code(weight) - grid.lowest) * step);
        return Coded {
            bytes: codes.map(|code| code as u8).collect(),
            scales: vec![grid.size / step as f32; filters],
            zero_points: vec![-grid.lowest * step; filters],
        };
    }
    let offset = offset(scheme);
    let highest = (1 << (bits - 1)) - 1;
    let mut coded =
        Coded { bytes: Vec::new(), scales: Vec::new(), zero_points: vec![offset; filters] };
    for (weights, &least) in weights.chunks_exact(depth).zip(least_scales) {
        let largest = weights.iter().fold(0.0, |largest: f32, weight| largest.max(weight.abs()));
        let grid = Grid::of_least_error(weights, bits, |share| {
            let size = usable((largest * share / highest as f32).max(least * step as f32));
            Grid { size, lowest: -highest, highest }
        });
        coded.bytes.extend(weights.iter().map(|&w| (grid.code(w) * step + offset) as u8));
        coded.scales.push(grid.size / step as f32);
    }
    coded
}

/// Real numbers as codes between two bounds.
struct Grid {
    /// What a step is worth.
    size: f32,
    lowest: i32,
    highest: i32,
}

impl Grid {
    /// The grid over a share of the range of the weights that leaves the least square error: of
    /// few codes too many would be spent on the largest weights. 8 bits take all of the range.
    fn of_least_error(weights: &[f32], bits: u32, over: impl Fn(f32) -> Self) -> Self {
        if bits == 8 {
            return over(1.0);
        }
        let grids = SHARES.map(|percent| over(percent as f32 / 100.0));
        let errors = grids.each_ref().map(|grid| grid.square_error(weights));
        let mut of_error = grids.into_iter().zip(errors);
        let first = of_error.next().expect("shares");
        let least = of_error.fold(first, |least, next| if next.1 < least.1 { next } else { least });
        least.0
    }

    fn code(&self, weight: f32) -> i32 {
        ((weight / self.size).round_ties_even() as i32).clamp(self.lowest, self.highest)
    }

    fn square_error(&self, weights: &[f32]) -> f64 {
        let error = |&weight: &f32| f64::from(weight - self.code(weight) as f32 * self.size);
        weights.iter().map(error).map(|error| error * error).sum()
    }
}

/// What is added to an int8 code: u8 codings store offset binary.
fn offset(scheme: WeightScheme) -> i32 {
    match scheme {
        WeightScheme::U8Tensor | WeightScheme::U8Channel => 128,
        WeightScheme::I8Channel => 0,
    }
}

/// A filter of zeros may have any scale.
fn usable(scale: f32) -> f32 {
    if scale.is_normal() { scale } else { 1.0 }
}

/// The model's own codes in the signedness of `scheme`; code and zero point move together. A filter
/// of scale 0 (a gamma of 0 was folded into it) becomes one of zeros, so that its bias has a unit.
fn recode(weights: &QuantizedWeights, least_scales: &[f32], scheme: WeightScheme) -> Coded {
    let shift = offset(scheme) - if weights.signed { 0 } else { 128 };
    let mut coded = Coded {
        bytes: weights.codes.iter().map(|&code| (i32::from(code) + shift) as u8).collect(),
        scales: weights.scales.clone(),
        zero_points: weights.zero_points.iter().map(|zero_point| zero_point + shift).collect(),
    };
    let depth = coded.bytes.len() / least_scales.len().max(1);
    let filters = coded.bytes.chunks_exact_mut(depth.max(1)).zip(&mut coded.scales);
    for (((bytes, scale), zero_point), &least) in
        filters.zip(&mut coded.zero_points).zip(least_scales)
    {
        if !scale.is_normal() {
            *scale = usable(least);
            *zero_point = offset(scheme);
            bytes.fill(*zero_point as u8);
        }
    }
    coded
}

#[cfg(test)]
mod tests;
