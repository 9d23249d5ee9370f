//! All combinations of options.

use super::{Design, Kind};
use crate::control_variate::{ControlOptions, Mode};
use crate::multiplier::Multiplier;
use crate::quantize::{Quantization, WeightCodes, WeightScheme};

/// What designs are made of: every multiplier in every way.
#[derive(Clone, Debug, PartialEq)]
pub struct Space {
    /// The multipliers.
    pub multipliers: Vec<Multiplier>,
    /// What corrects them; exact ones need nothing.
    pub control_variates: Vec<Mode>,
    /// How control variates are made.
    pub control_options: ControlOptions,
    /// Significant bits of the activation codes, 4 to 8.
    pub activation_bits: Vec<u32>,
    /// Significant bits of the weight codes, 4 to 8.
    pub weight_bits: Vec<u32>,
    /// How activations become codes; `None` is the default of each design.
    pub quantizations: Vec<Option<Quantization>>,
    /// Whether the first and the last layer run on exact multipliers. The reference needs no second
    /// array.
    pub exact_ends: Vec<bool>,
    /// How weights are coded; the first of several may be the reference's, as `None`.
    pub weights: Vec<Option<WeightScheme>>,
    /// Whether the codes of weights are chosen. Those of the reference are not.
    pub weight_codes: Vec<WeightCodes>,
}

impl Default for Space {
    /// Exact products of 8-bit codes; other multipliers with a fitted control variate.
    fn default() -> Self {
        Self {
            multipliers: vec![Multiplier::exact()],
            control_variates: vec![Mode::Fitted(None)],
            control_options: ControlOptions::default(),
            activation_bits: vec![8],
            weight_bits: vec![8],
            quantizations: vec![None],
            exact_ends: vec![false],
            weights: vec![None],
            weight_codes: vec![WeightCodes::Plain],
        }
    }
}

impl Space {
    /// Every combination once.
    pub fn designs(&self) -> Vec<Design> {
        let mut designs = Vec::new();
        let mut add = |design: Design| {
            if !designs.contains(&design) {
                designs.push(design);
            }
        };
        for codes in self.codes() {
            for multiplier in &self.multipliers {
                let design = Design { multiplier: multiplier.clone(), ..codes.clone() };
                self.corrected(&design).for_each(&mut add);
            }
        }
        designs
    }

    /// Exact multipliers in all codes.
    fn codes(&self) -> Vec<Design> {
        let mut codes = Vec::new();
        for &weights in &self.weights {
            for &weight_bits in &self.weight_bits {
                for &activation_bits in &self.activation_bits {
                    let exact = Design::exact(activation_bits)
                        .with_weight_bits(weight_bits)
                        .with_weights(weights);
                    let codings = self.quantizations.iter();
                    codes.extend(
                        codings.map(|&quantization| Design { quantization, ..exact.clone() }),
                    );
                }
            }
        }
        codes
    }

    /// A design, corrected in every way and with every kind of ends.
    fn corrected(&self, codes: &Design) -> impl Iterator<Item = Design> {
        let modes = match codes.multiplier.is_exact() {
            true => &[Mode::None][..],
            false => &self.control_variates,
        };
        modes.iter().flat_map(move |&mode| {
            let mut design = codes.clone().with_control_variate(mode);
            if design.is_corrected() {
                design.control_options = self.control_options;
            }
            let is_reference =
                design.kind() == Kind::Reference && design.quantization() == Quantization::PLAIN;
            let ends = self.exact_ends.iter();
            ends.flat_map(move |&ends| {
                let design = design.clone().with_exact_ends(ends && !is_reference);
                let codes = self.weight_codes.iter();
                codes.map(move |&codes| match is_reference {
                    true => design.clone(),
                    false => design.clone().with_weight_codes(codes),
                })
            })
        })
    }
}
