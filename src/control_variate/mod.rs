//! The control variate of eq. (5): per filter, `V = C X + C0`, added to the accumulator.
//!
//! `X = sum x(a_j)` is the same for all filters of a group; x is one function per network,
//! because the hardware has one. C has `c_frac` fraction bits, C0 is an integer, and V is rounded
//! once, half to even: the emulator uses the constants exactly as hardware stores them.

mod fit;
mod function;
mod mode;
mod regress;

use recoup_kernels::WeightCoding;

use crate::multiplier::{Family, Multiplier};
use crate::quantize::{Quantized, QuantizedMac};

use fit::{LayerMoments, residual_share};
pub use function::ControlFunction;
pub use mode::{MODE_HELP, Mode};
pub use regress::Regression;

/// How often each activation code takes part in a product of a layer (padding included).
pub type CodeHistogram = [u64; 256];

/// The constants of every filter of a network, as hardware stores them.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlVariate {
    /// x; `None` when V is a constant.
    pub function: Option<ControlFunction>,
    /// Fraction bits of C.
    pub c_frac: u32,
    /// Constants per layer, in the order of [`Quantized::macs`].
    pub layers: Vec<LayerConstants>,
}

/// The constants of one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerConstants {
    /// C per filter, in units of 2^-c_frac.
    pub c: Vec<i32>,
    /// C0 per filter, in accumulator units.
    pub c0: Vec<i32>,
}

impl LayerConstants {
    /// Rounds real constants to what hardware stores. C is rounded first; C0 may then make up
    /// for what that costs on average, given the mean of X.
    pub(crate) fn round(c: &[f64], c0: impl Fn(usize, f64) -> f64, c_frac: u32) -> Self {
        let unit = f64::from(1u32 << c_frac);
        // A float to integer cast saturates, as a hardware register would be made to.
        let saturate = |value: f64| value.round_ties_even() as i32;
        let c: Vec<i32> = c.iter().map(|c| saturate(c * unit)).collect();
        let c0 = c.iter().enumerate().map(|(filter, &c)| saturate(c0(filter, f64::from(c) / unit)));
        Self { c0: c0.collect(), c }
    }
}

/// Why a control variate cannot be made.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ControlVariateError {
    /// The paper's constants exist for the paper's families.
    #[error(
        "control variate \"paper\" is defined for perforated, truncated and recursive multipliers, not for {0}; use fitted"
    )]
    NoPaper(String),
}

/// The control variate without running the network: every mode but `regressed`.
///
/// `histograms` holds the codes of each layer of the network with exact products.
///
/// # Errors
/// When the mode is not defined for this multiplier.
///
/// # Panics
/// For [`Mode::Regressed`], which needs the network to run (`emulate::regress`).
pub fn fit(
    network: &Quantized,
    histograms: &[CodeHistogram],
    multiplier: &Multiplier,
    mode: Mode,
    c_frac: u32,
) -> Result<Option<ControlVariate>, ControlVariateError> {
    if multiplier.is_exact() {
        return Ok(None);
    }
    let coding = network.weights.coding();
    let errors = multiplier.errors(coding);
    // Eq. (7) and (8); `c` replaces the former.
    let fitted = |function: ControlFunction, c: Option<f64>| -> Vec<LayerConstants> {
        let x = function.table(multiplier);
        let layers = network.macs.iter().zip(histograms);
        layers
            .map(|(mac, histogram)| {
                LayerMoments::new(&errors, &x, histogram).constants(mac, c, c_frac)
            })
            .collect()
    };
    let (function, layers) = match mode {
        Mode::None => return Ok(None),
        // Without C, any x gives the same C0.
        Mode::Constant => (None, fitted(ControlFunction::LowBits, Some(0.0))),
        Mode::Paper => {
            let (function, mean) = paper(multiplier, coding)?;
            let constants = |mac: &QuantizedMac| {
                let c: Vec<f64> = filters(mac).map(|weights| mean_over(weights, &mean)).collect();
                LayerConstants::round(&c, |_, _| 0.0, c_frac)
            };
            (Some(function), network.macs.iter().map(constants).collect())
        }
        Mode::Fitted(named) => {
            let best = || least_residual(network, histograms, multiplier, &errors);
            let function = named.unwrap_or_else(best);
            (Some(function), fitted(function, None))
        }
        Mode::Regressed(_) => panic!("regressed constants come from emulate::regress"),
    };
    Ok(Some(ControlVariate { function, c_frac, layers }))
}

/// The function that leaves the least of the error's variance, eq. (9), averaged over layers.
pub fn best_function(
    network: &Quantized,
    histograms: &[CodeHistogram],
    multiplier: &Multiplier,
) -> ControlFunction {
    least_residual(network, histograms, multiplier, &multiplier.errors(network.weights.coding()))
}

fn least_residual(
    network: &Quantized,
    histograms: &[CodeHistogram],
    multiplier: &Multiplier,
    errors: &[i32],
) -> ControlFunction {
    let share = |function: ControlFunction| {
        residual_share(network, histograms, errors, &function.table(multiplier))
    };
    let candidates = ControlFunction::ALL.map(|function| (share(function), function));
    // The first of equals: low bits before any bit before popcount before weighted.
    let best = candidates.iter().min_by(|a, b| a.0.total_cmp(&b.0));
    best.expect("there are four").1
}

/// The weight bytes of each filter.
pub(crate) fn filters(mac: &QuantizedMac) -> impl Iterator<Item = &[u8]> {
    mac.weights.chunks_exact(mac.shape.depth())
}

fn mean_over(weights: &[u8], of_weight: &[f64; 256]) -> f64 {
    weights.iter().map(|&weight| of_weight[usize::from(weight)]).sum::<f64>() / weights.len() as f64
}

/// The data-free x and, per weight code, the mean of e over x that C averages over a filter
/// (docs/arithmetic.md, section 3).
fn paper(
    multiplier: &Multiplier,
    coding: WeightCoding,
) -> Result<(ControlFunction, [f64; 256]), ControlVariateError> {
    let error = |weight: usize, activation: u32| {
        f64::from(multiplier.error(weight as u8, activation as u8, coding))
    };
    match multiplier.family() {
        // e = w x, or (w mod 2^m) x: the factor is the error at x = 1.
        Family::Perforated(_) | Family::Recursive(_) => {
            Ok((ControlFunction::LowBits, std::array::from_fn(|weight| error(weight, 1))))
        }
        // The mean of e over uniform low bits, given that one of them is set.
        Family::Truncated(m) => {
            let low = 1..1u32 << m;
            let count = low.len() as f64;
            let mean = |weight| low.clone().map(|a| error(weight, a)).sum::<f64>() / count;
            Ok((ControlFunction::AnyBit, std::array::from_fn(mean)))
        }
        Family::Exact | Family::Mask => Err(ControlVariateError::NoPaper(multiplier.to_string())),
    }
}

#[cfg(test)]
mod tests;
