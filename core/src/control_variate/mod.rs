//! The control variate of eq. (3.1): per filter, `V = C X + C0`, added to the accumulator.
//!
//! `X = sum x(a_j)` is the same for all filters of a group; x is one function per network,
//! because the hardware has one. C has `c_frac` fraction bits, C0 is an integer, and V is rounded
//! once, half to even: the emulator uses the constants exactly as hardware stores them.

mod auto;
mod codes;
mod errors;
mod fit;
mod function;
mod load;
mod mask_noise;
mod mode;
mod moments;
mod operands;
mod regress;
mod study;
mod term_cost;

use std::cell::LazyCell;
use std::sync::Arc;

use rayon::prelude::*;
use recoup_kernels::WeightCoding;

use crate::multiplier::{FAMILIES, Multiplier, MultiplierError};
use crate::quantize::{Quantized, QuantizedMac};

pub use crate::multiplier::ControlFunction;
use auto::{LayerForm, fit_function};
pub use codes::{ChannelCodes, CodeHistogram, SeenCodes};
pub use errors::Errors;
use fit::noise_to_signal_of_layers;
pub(crate) use fit::pseudo_inverse;
pub use fit::residual_share;
pub use function::CodeFunction;
pub use load::LoadConstants;
use load::Shares;
pub use mask_noise::MaskNoise;
pub use mode::{AttentionConstants, MODE_HELP, Mode, ModeHelp, Statistics};
pub(crate) use moments::{Filter, LayerMoments};
pub(crate) use operands::loads_first;
pub use operands::{LOADING_HELP, Loading};
pub use regress::Regression;
pub use study::{Choice, Study};
pub use term_cost::{ROWS, TermCost};

/// What a control variate asks of a layer.
#[derive(Clone, Debug)]
pub struct Layer<'a> {
    /// The weight bytes of each filter; where images bring them, those of one image.
    pub filters: Vec<&'a [u8]>,
    /// Groups of filters that read channels of their own.
    pub groups: usize,
    /// The codes that they meet.
    pub codes: &'a SeenCodes,
    /// Whether it runs on exact multipliers, which need no correction.
    pub is_exact: bool,
}

impl Layer<'_> {
    /// Whether images bring its weights: then their constants are made when they are loaded.
    fn is_loaded(&self) -> bool {
        !self.codes.loaded.is_empty()
    }

    /// Its filters, with the groups that they are in.
    fn filters(&self) -> Vec<Filter<'_>> {
        let groups = self.groups.max(1);
        let in_group = (self.filters.len() / groups).max(1);
        let group = |at: usize| (at / in_group).min(groups - 1);
        let filters = self.filters.iter().enumerate();
        filters.map(|(at, weights)| Filter { group: group(at), weights }).collect()
    }

    /// Its constants, if images bring its weights: made by `load`, or instead of it.
    fn of_load(&self, load: LoadConstants, how: AttentionConstants) -> LayerConstants {
        let (filters, terms) = (self.filters.len(), load.c.len());
        let without = |load| {
            let (c, c0) = (vec![vec![0; filters]; terms], vec![0; filters]);
            LayerConstants { c, c0, load }
        };
        match how {
            AttentionConstants::Loaded => without(Some(Arc::new(load))),
            AttentionConstants::Constant => without(Some(Arc::new(load.without_c()))),
            AttentionConstants::None => without(None),
            AttentionConstants::Layer => {
                let of_filters = load.of(&self.codes.loaded);
                let mean = |values: &Vec<i32>| {
                    let sum: f64 = values.iter().map(|&value| f64::from(value)).sum();
                    vec![(sum / values.len() as f64).round_ties_even() as i32; filters]
                };
                let c = of_filters.c.iter().map(mean).collect();
                LayerConstants { c, c0: mean(&of_filters.c0), load: None }
            }
        }
    }

    /// Moments over its codes.
    fn moments(
        &self,
        errors: &Errors,
        functions: &[CodeFunction],
        statistics: Statistics,
    ) -> LayerMoments {
        let depth = self.filters.first().map_or(0, |weights| weights.len());
        match statistics {
            // What is loaded has one function for all positions.
            Statistics::Channel if !self.is_loaded() => {
                LayerMoments::by_channel(errors, functions, self.codes, depth, self.groups)
            }
            _ => LayerMoments::pooled(errors, functions, &self.codes.all, depth),
        }
    }
}

/// The layers of a network, with the codes of each where all products are exact.
///
/// # Errors
/// When there is another number of histograms than of layers.
pub fn layers<'a>(
    network: &'a Quantized,
    histograms: &'a [SeenCodes],
) -> Result<Vec<Layer<'a>>, ControlVariateError> {
    let (found, expected) = (histograms.len(), network.macs.len());
    if found != expected {
        return Err(ControlVariateError::Histograms { found, expected });
    }
    let layers = network.macs.iter().zip(histograms).enumerate();
    let layers = layers.map(|(layer, (mac, codes))| Layer {
        filters: filters(mac, codes).collect(),
        groups: mac.shape.groups,
        codes,
        is_exact: network.is_exact(layer),
    });
    Ok(layers.collect())
}

/// How a control variate is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlOptions {
    /// Fraction bits of C, 0 to 16.
    pub c_frac: u32,
    /// Number of functions x_r; those after the first are [`ControlFunction::Auto`].
    pub terms: usize,
    /// Bits of x for [`ControlFunction::Auto`], 1 to 8.
    pub x_bits: u32,
    /// Which distribution of codes they are made for.
    pub statistics: Statistics,
    /// Where those of products of two activations come from.
    pub attention: AttentionConstants,
    /// Which operand of these is loaded.
    pub loading: Loading,
}

impl ControlOptions {
    fn check(&self) -> Result<(), ControlVariateError> {
        let Self { c_frac, x_bits, .. } = *self;
        match () {
            () if c_frac > 16 => Err(ControlVariateError::FractionBits(c_frac)),
            () if !(1..=8).contains(&x_bits) => Err(ControlVariateError::FunctionBits(x_bits)),
            () => Ok(()),
        }
    }
}

impl Default for ControlOptions {
    /// One function, of 4 bits if it is fitted. 4 fraction bits are the least that leaves accuracy
    /// unchanged in every coding (measured, docs/arithmetic.md, section 3).
    fn default() -> Self {
        let (attention, loading) = (AttentionConstants::Loaded, Loading::Chosen);
        let statistics = Statistics::Channel;
        Self { c_frac: 4, terms: 1, x_bits: 4, statistics, attention, loading }
    }
}

/// The constants of every filter of a network, as hardware stores them.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlVariate {
    /// x_r; none when V is a constant.
    pub functions: Vec<CodeFunction>,
    /// Fraction bits of C.
    pub c_frac: u32,
    /// Constants per layer, in the order of [`Quantized::macs`].
    pub layers: Vec<LayerConstants>,
}

impl ControlVariate {
    /// The functions x in words; empty when V is a constant.
    pub fn names(&self) -> String {
        let names = self.functions.iter().map(|x| x.function.to_string());
        names.collect::<Vec<_>>().join(" + ")
    }
}

/// The constants of one layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerConstants {
    /// C_r per filter, in units of 2^-c_frac, `[term][filter]`.
    pub c: Vec<Vec<i32>>,
    /// C0 per filter, in accumulator units.
    pub c0: Vec<i32>,
    /// What makes them when each image brings the layer's weights; C and C0 are 0 then.
    pub load: Option<Arc<LoadConstants>>,
}

impl LayerConstants {
    /// Rounds real constants (`[term][filter]`) to what hardware stores. C is rounded first; C0
    /// may then make up for what that costs on average: it is given the filter and its C.
    pub(crate) fn round(
        c: &[Vec<f64>],
        filters: usize,
        c_frac: u32,
        c0: impl Fn(usize, &[f64]) -> f64,
    ) -> Self {
        let unit = 2f64.powi(c_frac as i32);
        // A float to integer cast saturates, as a hardware register would be made to.
        let saturate = |value: f64| value.round_ties_even() as i32;
        let c: Vec<Vec<i32>> =
            c.iter().map(|c| c.iter().map(|c| saturate(c * unit)).collect()).collect();
        let stored =
            |filter: usize| -> Vec<f64> { c.iter().map(|c| f64::from(c[filter]) / unit).collect() };
        let c0 = (0..filters).map(|filter| saturate(c0(filter, &stored(filter)))).collect();
        Self { c, c0, load: None }
    }
}

/// Why a control variate cannot be made.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ControlVariateError {
    /// Data-free constants exist for the families that have an x for them.
    #[error(
        "control variate \"paper\" is defined for the families {families}, not for {0}; use fitted",
        families = FAMILIES.iter().filter(|it| it.paper.is_some()).map(|it| it.name).collect::<Vec<_>>().join(", ")
    )]
    NoPaper(String),
    /// Constants by regression are those of a network that runs.
    #[error("control variate \"regressed\" needs the network to run; use fitted without one")]
    Regressed,
    /// Codes of other layers than the network has.
    #[error("codes of {found} layers for a network of {expected}: count them in this network")]
    Histograms {
        /// Of how many layers there are codes.
        found: usize,
        /// How many layers there are.
        expected: usize,
    },
    /// Nothing can be said of masks in such codes.
    #[error("masks are judged for unsigned weights with one zero point in each layer, and {0}")]
    MaskNoise(&'static str),
    /// C with more fraction bits than there are.
    #[error("{0} fraction bits of C; give 0 to 16")]
    FractionBits(u32),
    /// x with more bits than a code, or none.
    #[error("{0} bits of x; give 1 to 8")]
    FunctionBits(u32),
    /// The multiplier is for another weight coding.
    #[error(transparent)]
    Multiplier(#[from] MultiplierError),
}

/// The control variate without running the network: every mode but `regressed`.
///
/// # Errors
/// When the mode is not defined for this multiplier, or is [`Mode::Regressed`], which needs the
/// network to run (`emulate::regress`); when the multiplier is for another coding of the weights.
pub fn fit(
    layers: &[Layer],
    coding: WeightCoding,
    multiplier: &Multiplier,
    mode: Mode,
    options: ControlOptions,
) -> Result<Option<ControlVariate>, ControlVariateError> {
    if multiplier.is_exact() {
        return Ok(None);
    }
    options.check()?;
    multiplier.check_coding(coding)?;
    let c_frac = options.c_frac;
    let errors = Errors::new(&multiplier.errors(coding));
    // Eq. (3.3) and (3.4).
    let fitted = |functions: &[CodeFunction]| -> Vec<LayerConstants> {
        let constants = |layer: &Layer| {
            let moments = layer.moments(&errors, functions, options.statistics);
            match layer.is_loaded() {
                false => moments.constants(&layer.filters(), c_frac),
                true => {
                    let shares = moments.shares(multiplier.mask().is_some());
                    layer.of_load(LoadConstants::new(&shares, c_frac), options.attention)
                }
            }
        };
        layers.par_iter().map(constants).collect()
    };
    let (functions, mut constants) = match mode {
        Mode::None => return Ok(None),
        Mode::Constant => (Vec::new(), fitted(&[])),
        Mode::Paper => {
            let (function, mean) = paper(multiplier, coding)?;
            let constants = |layer: &Layer| {
                let filters = &layer.filters;
                if layer.is_loaded() {
                    let depth = filters.first().map_or(1, |weights| weights.len());
                    let load = LoadConstants::new(&Shares::of_paper(&mean, depth), c_frac);
                    return layer.of_load(load, options.attention);
                }
                let c = filters.iter().map(|weights| mean_over(weights, &mean)).collect();
                LayerConstants::round(&[c], filters.len(), c_frac, |_, _| 0.0)
            };
            (vec![function], layers.iter().map(constants).collect())
        }
        Mode::Fitted(named) => {
            let functions = functions(layers, coding, multiplier, named, options)?;
            let constants = fitted(&functions);
            (functions, constants)
        }
        Mode::Regressed(_) => return Err(ControlVariateError::Regressed),
    };
    for (_, constants) in layers.iter().zip(&mut constants).filter(|(layer, _)| layer.is_exact) {
        constants.c.iter_mut().flatten().chain(&mut constants.c0).for_each(|value| *value = 0);
        constants.load = None;
    }
    Ok(Some(ControlVariate { functions, c_frac, layers: constants }))
}

/// The functions of a network's control variate.
///
/// The first is the named one, or the one that leaves the least of the error's variance, eq. (3.5),
/// averaged over layers: of the named for a mask, whose hardware is a few gates; of all for a
/// table, and where `auto` is asked for. The others are fitted to what remains.
///
/// # Errors
/// When the multiplier is for another coding of the weights, or hardware cannot have the options.
pub fn functions(
    layers: &[Layer],
    coding: WeightCoding,
    multiplier: &Multiplier,
    named: Option<ControlFunction>,
    options: ControlOptions,
) -> Result<Vec<CodeFunction>, ControlVariateError> {
    options.check()?;
    multiplier.check_coding(coding)?;
    let errors = multiplier.errors(coding);
    let of_moments = LazyCell::new(|| Errors::new(&errors));
    let forms: LazyCell<Vec<LayerForm>, _> = LazyCell::new(|| {
        let of_moments = &*of_moments;
        let form = |layer: &Layer| match layer.codes.of_groups(layer.groups) {
            Some(channels) if options.statistics == Statistics::Channel => {
                LayerForm::by_channel(of_moments, channels, layer)
            }
            _ => {
                let weights = layer.filters.iter().map(|weights| weight_histogram(weights));
                LayerForm::new(&errors, &layer.codes.all, weights)
            }
        };
        layers.par_iter().filter(|layer| !layer.is_exact).map(form).collect()
    });
    let named_function = named.and_then(|named| CodeFunction::named(named, multiplier));
    let first = named_function.unwrap_or_else(|| {
        let mut candidates = CodeFunction::all_named(multiplier);
        if named.is_some() || multiplier.mask().is_none() {
            candidates.push(fit_function(&forms, &[], options.x_bits));
        }
        let share = |function: &CodeFunction| {
            residual_share(layers, &of_moments, std::slice::from_ref(function), options.statistics)
        };
        let shares: Vec<f64> = candidates.iter().map(share).collect();
        // The first of equals: cheap before dear.
        let best = (0..candidates.len()).min_by(|&a, &b| shares[a].total_cmp(&shares[b]));
        candidates.swap_remove(best.expect("there are candidates"))
    });
    let mut functions = vec![first];
    while functions.len() < options.terms {
        functions.push(fit_function(&forms, &functions, options.x_bits));
    }
    Ok(functions)
}

/// What a control variate can be expected to do, without running the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The functions x that it will have; empty without any.
    pub functions: Vec<CodeFunction>,
    /// Mean square of what is left of the accumulated error over the variance of the signal,
    /// averaged over the layers. It ranks candidates; it is no estimate of their accuracy.
    pub noise_to_signal: f64,
    /// The same of each layer, in the order of [`Quantized::macs`].
    pub layers: Vec<f64>,
    /// The products of two activations that load their first operand, by the names of their nodes.
    pub first_loaded: Vec<String>,
}

/// Predicts what `mode` leaves of the error of `multiplier`; the constants of
/// [`Mode::Paper`] and [`Mode::Regressed`] count as if they were fitted.
///
/// # Errors
/// When the mode is not defined for this multiplier.
pub fn predict(
    network: &Quantized,
    histograms: &[SeenCodes],
    multiplier: &Multiplier,
    mode: Mode,
    options: ControlOptions,
) -> Result<Prediction, ControlVariateError> {
    let (layers, coding) = (layers(network, histograms)?, network.weights.coding());
    multiplier.check_coding(coding)?;
    let functions = functions_of(&layers, coding, multiplier, mode, options)?;
    let errors = Errors::new(&multiplier.errors(coding));
    let functions_of_v = functions.as_deref();
    let of_layers =
        noise_to_signal_of_layers(network, &layers, &errors, functions_of_v, options.statistics);
    // Added up in their order, whatever the number of threads.
    let noise_to_signal = of_layers.iter().sum::<f64>() / of_layers.len().max(1) as f64;
    let functions = functions.unwrap_or_default();
    let first = network.graph.macs().filter(|(_, mac)| mac.loads_first());
    let first_loaded = first.map(|(node, _)| node.name.clone()).collect();
    Ok(Prediction { functions, noise_to_signal, layers: of_layers, first_loaded })
}

/// The functions x of a mode; none without V.
///
/// # Errors
/// When the mode is not defined for this multiplier.
pub(crate) fn functions_of(
    layers: &[Layer],
    coding: WeightCoding,
    multiplier: &Multiplier,
    mode: Mode,
    options: ControlOptions,
) -> Result<Option<Vec<CodeFunction>>, ControlVariateError> {
    Ok(match mode {
        _ if multiplier.is_exact() => None,
        Mode::None => None,
        Mode::Constant => Some(Vec::new()),
        Mode::Paper => Some(vec![paper(multiplier, coding)?.0]),
        Mode::Fitted(named) | Mode::Regressed(named) => {
            Some(functions(layers, coding, multiplier, named, options)?)
        }
    })
}

fn weight_histogram(weights: &[u8]) -> [u32; 256] {
    let mut histogram = [0; 256];
    weights.iter().for_each(|&weight| histogram[usize::from(weight)] += 1);
    histogram
}

/// The weight bytes of each filter, of one image if images bring them.
pub(crate) fn filters<'a>(
    mac: &'a QuantizedMac,
    codes: &'a SeenCodes,
) -> impl Iterator<Item = &'a [u8]> {
    let weights = if mac.load.is_some() { &codes.loaded[..] } else { &mac.weights[..] };
    weights.chunks_exact(mac.shape.depth()).take(mac.shape.filters)
}

fn mean_over(weights: &[u8], of_weight: &[f64; 256]) -> f64 {
    weights.iter().map(|&weight| of_weight[usize::from(weight)]).sum::<f64>() / weights.len() as f64
}

/// The data-free x and, per weight code, what C averages over a filter: the sum of e over that of x,
/// both over the codes of low bits, eq. (3.9).
fn paper(
    multiplier: &Multiplier,
    coding: WeightCoding,
) -> Result<(CodeFunction, [f64; 256]), ControlVariateError> {
    let paper = multiplier.member().and_then(|member| member.family.paper);
    let Some(function) = paper else {
        return Err(ControlVariateError::NoPaper(multiplier.to_string()));
    };
    let function = CodeFunction::named(function, multiplier).expect("one that its name defines");
    let lossy_bits = multiplier.lossy_bits();
    let low = || (1..=lossy_bits).filter(|code| code & !lossy_bits == 0);
    let all: f64 = low().map(|code| f64::from(function.x[usize::from(code)])).sum();
    let mean = |weight: usize| {
        let error = |code| f64::from(multiplier.error(weight as u8, code, coding));
        low().map(error).sum::<f64>() / all
    };
    let means = std::array::from_fn(mean);
    Ok((function, means))
}

#[cfg(test)]
mod tests;
