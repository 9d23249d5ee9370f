//! Scales of the channels that a LayerNormalization makes, docs/arithmetic.md, section 6: one channel
//! that reaches further than the others would make the steps of all coarse. They are powers of two, so
//! that the network in float32 stays what it was to the last bit.

use std::fmt;
use std::str::FromStr;

use rayon::prelude::*;

use crate::as_text;
use crate::model::{FloatModel, Graph, Scalable};
use crate::watch::{Watch, go_on};

use super::calibration::CalibrationError;
use super::range::{Method, from_range};

/// Whether channels of a LayerNormalization have scales.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ChannelScaling {
    /// Where they at least halve the error of what reads them, measured on calibration images.
    #[default]
    Measured,
    /// Nowhere.
    None,
}

/// The choices, for help texts.
pub const CHANNEL_SCALING_HELP: &str = "measured (where scales of its channels at least halve the error of \
     what reads them), none";

impl ChannelScaling {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Measured, Self::None];
}

impl fmt::Display for ChannelScaling {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Measured => "measured",
            Self::None => "none",
        })
    }
}

impl FromStr for ChannelScaling {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        as_text::find("channel scaling", name, &Self::ALL)
    }
}

/// How activations get their ranges.
#[derive(Clone, Copy, Debug)]
pub struct Ranging {
    /// How the range of a tensor is chosen.
    pub method: Method,
    /// Whether channels have scales before it is.
    pub channel_scaling: ChannelScaling,
}

impl From<Method> for Ranging {
    fn from(method: Method) -> Self {
        Self { method, channel_scaling: ChannelScaling::default() }
    }
}

/// Tensors by their names, with the scales of their channels.
pub(crate) type ChannelScales = Vec<(String, Vec<f32>)>;

/// Images that scales are measured on, the first ones.
const IMAGES: usize = 16;
/// Rows of each of them that are looked at, spread over all.
const ROWS: usize = 8;
/// Products of a layer that are looked at.
const PRODUCTS: usize = 1 << 22;
/// Scales are taken if they leave less than this share of the square error, eq. (6.13).
const LEAST_SHARE: f64 = 0.5;

/// What a LayerNormalization makes of some images.
#[derive(Default)]
struct Seen {
    /// Largest magnitude of each channel.
    largest: Vec<f32>,
    /// Some rows, one after the other.
    rows: Vec<f32>,
}

/// The scales of all channels that shall have some.
///
/// # Errors
/// When an operator in float does not take the values of an image, or `watch` stops it.
pub(super) fn channel_scales(
    graph: &Graph,
    images: &[Vec<f32>],
    watch: &(impl Watch + ?Sized),
) -> Result<ChannelScales, CalibrationError> {
    let scalable = graph.scalable();
    if scalable.is_empty() {
        return Ok(Vec::new());
    }
    let name = |it: &Scalable| graph.values[it.value].tensor.as_str();
    let model = FloatModel::new(graph, &scalable.iter().map(name).collect::<Vec<_>>());
    let images = &images[..images.len().min(IMAGES)];
    let of_images = images.par_iter().map(|image| {
        go_on(watch)?;
        let mut seen = Vec::new();
        model.run(image, |at, values| {
            if let Some(Scalable { channels, .. }) = scalable.get(at) {
                seen.push(look(values, *channels));
            }
        })?;
        Ok(seen)
    });
    let of_images = of_images.collect::<Result<Vec<_>, CalibrationError>>()?;
    let of_one = |(at, it): (usize, &Scalable)| {
        let mut all = Seen { largest: vec![0.0; it.channels], rows: Vec::new() };
        for Seen { largest, rows } in of_images.iter().map(|seen| &seen[at]) {
            all.largest.iter_mut().zip(largest).for_each(|(all, own)| *all = all.max(*own));
            all.rows.extend(rows);
        }
        let readers: Vec<&[f32]> = graph.readers_of(it).collect();
        let scales = scales(&all.largest, &readers)?;
        is_better(&all.rows, &readers, &scales).then(|| (name(it).to_owned(), scales))
    };
    Ok(scalable.par_iter().enumerate().filter_map(of_one).collect())
}

/// Looks at `[row][channel]` of one image.
fn look(values: &[f32], channels: usize) -> Seen {
    let mut seen = Seen { largest: vec![0.0; channels], rows: Vec::new() };
    let every = (values.len() / channels).div_ceil(ROWS).max(1);
    for (at, row) in values.chunks_exact(channels).enumerate() {
        seen.largest.iter_mut().zip(row).for_each(|(all, own)| *all = all.max(own.abs()));
        if at % every == 0 {
            seen.rows.extend(row);
        }
    }
    seen
}

/// s of each channel, eq. (6.12); none if they are all the same, or not to be had.
fn scales(largest: &[f32], readers: &[&[f32]]) -> Option<Vec<f32>> {
    let mut of_weights = vec![0.0_f32; largest.len()];
    for filter in readers.iter().flat_map(|weights| weights.chunks_exact(largest.len())) {
        of_weights.iter_mut().zip(filter).for_each(|(all, own)| *all = all.max(own.abs()));
    }
    let ratio = |(x, w): (&f32, &f32)| f64::from(*x) / f64::from(*w);
    let ratios: Vec<f64> = largest.iter().zip(&of_weights).map(ratio).collect();
    // Channels that nobody reads, or in which there is nothing, go with the others.
    let mut known: Vec<f64> = ratios.iter().copied().filter(|ratio| ratio.is_normal()).collect();
    if known.is_empty() {
        return None;
    }
    let middle = known.len() / 2;
    let median = *known.select_nth_unstable_by(middle, f64::total_cmp).1;
    let scale = |&ratio: &f64| match ratio.is_normal() {
        true => 2.0_f32.powi((0.5 * (ratio / median).log2()).round().clamp(-30.0, 30.0) as i32),
        false => 1.0,
    };
    let scales: Vec<f32> = ratios.iter().map(scale).collect();
    scales.iter().any(|&scale| scale != 1.0).then_some(scales)
}

/// Whether the layers that read the channels are better off, all in all and each, eq. (6.13).
fn is_better(rows: &[f32], readers: &[&[f32]], scales: &[f32]) -> bool {
    let none = vec![1.0; scales.len()];
    let [mut before, mut after] = [0.0; 2];
    let mut is_none_worse = true;
    for weights in readers {
        let (own, scaled) = (Left::new(rows, weights, &none), Left::new(rows, weights, scales));
        is_none_worse &= scaled.error <= own.error && scaled.unit <= own.unit;
        (before, after) = (before + own.error, after + scaled.error);
    }
    is_none_worse && after < LEAST_SHARE * before
}

/// What codes of 8 bits leave in the outputs of a layer.
struct Left {
    /// Sum of squared errors with exact products.
    error: f64,
    /// Mean of the squared real value of an accumulator unit, in which the errors of a multiplier are.
    unit: f64,
}

impl Left {
    /// `rows` are `[row][channel]`, divided by `scales`; `weights` `[filter][channel]`, multiplied.
    fn new(rows: &[f32], weights: &[f32], scales: &[f32]) -> Self {
        let channels = scales.len();
        let divided: Vec<f32> = rows
            .chunks_exact(channels)
            .flat_map(|row| row.iter().zip(scales).map(|(x, s)| x / s))
            .collect();
        let bound = |of: fn(f32, f32) -> f32| f64::from(divided.iter().copied().fold(0.0, of));
        let codes = from_range(bound(f32::min), bound(f32::max));
        let zero_point = f32::from(codes.zero_point);
        let rounded = |x: &f32| {
            let code = (x / codes.scale).round_ties_even() + zero_point;
            (code.clamp(0.0, 255.0) - zero_point) * codes.scale
        };
        let rounded: Vec<f32> = divided.iter().map(rounded).collect();
        let every = (rows.len() * weights.len() / channels).div_ceil(PRODUCTS).max(1);
        let (mut error, mut unit, mut filters) = (0.0, 0.0, 0);
        for filter in weights.chunks_exact(channels).step_by(every) {
            let filter: Vec<f32> = filter.iter().zip(scales).map(|(w, s)| w * s).collect();
            let largest = filter.iter().fold(0.0_f32, |largest, w| largest.max(w.abs()));
            let step = if largest > 0.0 { largest / 127.0 } else { 1.0 };
            let coded: Vec<f32> =
                filter.iter().map(|w| (w / step).round_ties_even() * step).collect();
            for (row, rounded) in divided.chunks_exact(channels).zip(rounded.chunks_exact(channels))
            {
                let terms = row.iter().zip(&filter).zip(rounded.iter().zip(&coded));
                let difference: f32 = terms.map(|((x, w), (xr, wr))| x * w - xr * wr).sum();
                error += f64::from(difference).powi(2);
            }
            unit += f64::from(codes.scale * step).powi(2);
            filters += 1;
        }
        Self { error, unit: unit / f64::from(filters.max(1)) }
    }
}
