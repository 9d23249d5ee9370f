//! Which operand of a product of two activations is loaded.

use std::fmt;
use std::str::FromStr;

use rayon::prelude::*;

use crate::as_text;
use crate::multiplier::Multiplier;
use crate::numeric::round_half_even_shift;
use crate::quantize::{Quantized, QuantizedMac};

use super::{
    CodeFunction, ControlOptions, ControlVariateError, Errors, Layer, LayerConstants,
    LoadConstants, Mode, SeenCodes, functions_of, layers,
};

/// Which operand of products of two activations is loaded into the array.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Loading {
    /// Of each layer the one that leaves less error on calibration images; the second where they are
    /// alike.
    #[default]
    Chosen,
    /// The first: queries and probabilities.
    First,
    /// The second: keys and values.
    Second,
}

/// The choices, for help texts.
pub const LOADING_HELP: &str = "chosen (layer by layer, the one that leaves less error on calibration images), second (keys and \
     values), first (queries and probabilities)";

impl Loading {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Chosen, Self::Second, Self::First];
}

impl fmt::Display for Loading {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Chosen => "chosen",
            Self::First => "first",
            Self::Second => "second",
        })
    }
}

impl FromStr for Loading {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        as_text::find("loaded operand", name, &Self::ALL)
    }
}

/// The first operand is loaded if it leaves less than this share of the squares that the second
/// leaves, eq. (3.23): half a decibel, more than other images change.
const LEAST_SHARE: f64 = 0.9;

/// Products of a layer that are looked at.
const MOST_PRODUCTS: usize = 1 << 21;

/// For each layer, whether its first operand is to be loaded.
///
/// # Errors
/// When the mode is not defined for this multiplier.
pub(crate) fn loads_first(
    network: &Quantized,
    codes: &[SeenCodes],
    multiplier: &Multiplier,
    mode: Mode,
    options: ControlOptions,
) -> Result<Vec<bool>, ControlVariateError> {
    let layers = layers(network, codes)?;
    let coding = network.weights.coding();
    let can = |layer: &Layer| layer.codes.exchanged.is_some() && !layer.is_exact;
    // What is loaded has the width of weights: if that is less, the operands differ in what is
    // rounded away, too.
    let widths = network.widths;
    let are_alike = widths.weight_bits >= widths.activation_bits && !multiplier.is_exact();
    if !are_alike || options.loading == Loading::Second || !layers.iter().any(can) {
        return Ok(vec![false; layers.len()]);
    }
    if options.loading == Loading::First {
        return Ok(layers.iter().map(can).collect());
    }
    let errors = multiplier.errors(coding);
    let residual = Residual {
        of_moments: Errors::new(&errors),
        errors,
        of_bits: multiplier.mask().is_some(),
        functions: functions_of(&layers, coding, multiplier, mode, options)?,
        options,
    };
    let is_better = |(mac, layer): (&QuantizedMac, &Layer)| {
        let Some((load, exchanged)) = mac.load.zip(layer.codes.exchanged.as_deref()) else {
            return false;
        };
        let of_image = mac.shape.filters * mac.shape.depth();
        let matrices = mac.shape.groups * layer.codes.loaded.len() / of_image;
        let left = |codes: &SeenCodes, other: &SeenCodes| {
            let streamed: Vec<u8> = other.loaded.iter().map(|&byte| load.code(byte)).collect();
            residual.mean_square(&Layer { codes, ..layer.clone() }, &streamed, matrices)
        };
        let (second, first) = (left(layer.codes, exchanged), left(exchanged, layer.codes));
        !layer.is_exact && first < LEAST_SHARE * second
    };
    Ok(network.macs.par_iter().zip(&layers).map(is_better).collect())
}

/// What is left of the errors of a design's products.
struct Residual {
    /// e(w, a), `[w][a]`.
    errors: Vec<i32>,
    of_moments: Errors,
    /// Whether they are sums over the bits of w.
    of_bits: bool,
    /// Those of V, if there is one.
    functions: Option<Vec<CodeFunction>>,
    options: ControlOptions,
}

impl Residual {
    /// Mean square of the accumulated error with V, of the images whose codes are known, eq. (3.23).
    /// `streamed` are the codes that meet what is loaded, `[matrix][row][depth]` of all images.
    fn mean_square(&self, layer: &Layer, streamed: &[u8], matrices: usize) -> f64 {
        let (loaded, functions) = (&layer.codes.loaded, self.functions.as_deref());
        let functions = functions.unwrap_or_default();
        let depth = layer.filters.first().map_or(1, |weights| weights.len());
        let (rows, columns) = (streamed.len() / matrices / depth, loaded.len() / matrices / depth);
        let constants = self.functions.as_ref().map(|_| {
            let moments = layer.moments(&self.of_moments, functions, self.options.statistics);
            let load = LoadConstants::new(&moments.shares(self.of_bits), self.options.c_frac);
            let of_images =
                Layer { filters: loaded.chunks_exact(depth).collect(), ..layer.clone() };
            let constants = of_images.of_load(load, self.options.attention);
            constants.load.as_ref().map(|load| load.of(loaded)).unwrap_or(constants)
        });
        let every = (streamed.len() * columns).div_ceil(MOST_PRODUCTS).max(1);
        let (mut squares, mut outputs) = (0.0, 0_u32);
        for row in (0..matrices * rows).step_by(every) {
            let codes = &streamed[row * depth..][..depth];
            let sum_x =
                |x: &CodeFunction| codes.iter().map(|&a| i64::from(x.x[usize::from(a)])).sum();
            let sums_x: Vec<i64> = functions.iter().map(sum_x).collect();
            for filter in (row / rows * columns..).take(columns) {
                let weights = loaded[filter * depth..].iter();
                let error = |(&w, &a): (&u8, &u8)| {
                    i64::from(self.errors[usize::from(w) << 8 | usize::from(a)])
                };
                let error: i64 = weights.zip(codes).map(error).sum();
                let v = constants.as_ref().map_or(0, |LayerConstants { c, c0, .. }| {
                    let terms = c.iter().zip(&sums_x).map(|(c, x)| i64::from(c[filter]) * x);
                    round_half_even_shift(terms.sum(), self.options.c_frac) + i64::from(c0[filter])
                });
                squares += ((error - v) as f64).powi(2);
                outputs += 1;
            }
        }
        squares / f64::from(outputs.max(1))
    }
}
