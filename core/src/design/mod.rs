//! A design: which multiplier, what corrects it, and how weights and activations become codes.
//!
//! It is named, compared and found again the same way everywhere: [`Design`] is read from and
//! written as one text, [`DesignRecord`] is what files keep of it, and its identity depends on
//! products and options, not on names. [`Space`] lists all combinations of options.

mod record;
mod space;
mod text;

use recoup_kernels::WeightCoding;
use serde::{Deserialize, Serialize};

use crate::control_variate::{ControlOptions, Mode, Statistics};
use crate::multiplier::{Multiplier, MultiplierError};
use crate::quantize::{Quantization, WeightCodes, WeightScheme, Widths};

pub use record::DesignRecord;
pub use space::Space;
pub use text::DesignTextError;

/// One multiplier with one control variate and one way to code weights and activations.
#[derive(Clone, Debug)]
pub struct Design {
    /// The multiplier.
    pub multiplier: Multiplier,
    /// What corrects it.
    pub control_variate: Mode,
    /// How the control variate is made.
    pub control_options: ControlOptions,
    /// Significant bits of the activation codes, 4 to 8.
    pub activation_bits: u32,
    /// Significant bits of the weight codes, 4 to 8.
    pub weight_bits: u32,
    /// Whether codes, scales and biases are chosen for the multiplier, if it is said:
    /// [`Design::quantization`] has it otherwise.
    pub quantization: Option<Quantization>,
    /// Whether the first and the last layer run on exact multipliers, without control variate.
    pub exact_ends: bool,
    /// How weights are coded, if not as the network's reference has them: losses are measured
    /// against exact products in that coding.
    pub weights: Option<WeightScheme>,
    /// Whether the codes of weights are chosen for the multiplier.
    pub weight_codes: WeightCodes,
}

/// What kind of design it is, for the comparison of the best of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Exact products of 8-bit codes, which losses are measured against.
    Reference,
    /// Exact products in other codes: of fewer bits, or of weights in another coding.
    ReducedPrecision,
    /// An approximate multiplier as it is.
    WithoutV,
    /// An approximate multiplier with a control variate.
    WithV,
}

impl Kind {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::ReducedPrecision => "reduced precision",
            Self::WithoutV => "without V",
            Self::WithV => "with V",
        }
    }

    /// As in JSON.
    pub fn key(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::ReducedPrecision => "reduced-precision",
            Self::WithoutV => "without-v",
            Self::WithV => "with-v",
        }
    }
}

impl Design {
    /// All layers on the multiplier, in the calibration's 8-bit codes, corrected by a fitted control
    /// variate and a gain for each filter where there is anything to correct.
    pub fn new(multiplier: Multiplier) -> Self {
        let is_exact = multiplier.is_exact();
        Self {
            multiplier,
            control_variate: if is_exact { Mode::None } else { Mode::Fitted(None) },
            control_options: ControlOptions::default(),
            activation_bits: 8,
            weight_bits: 8,
            quantization: None,
            exact_ends: false,
            weights: None,
            weight_codes: WeightCodes::Plain,
        }
    }

    /// The same, corrected in this way, if one is said and there is anything to correct.
    pub fn corrected_by(multiplier: Multiplier, control_variate: Option<Mode>) -> Self {
        let design = Self::new(multiplier);
        let mode = control_variate.filter(|_| !design.multiplier.is_exact());
        let mode = mode.unwrap_or(design.control_variate);
        design.with_control_variate(mode)
    }

    /// Exact products of so many activation bits.
    pub fn exact(activation_bits: u32) -> Self {
        Self::new(Multiplier::exact()).with_activation_bits(activation_bits)
    }

    /// The same, corrected in this way.
    #[must_use]
    pub fn with_control_variate(self, control_variate: Mode) -> Self {
        Self { control_variate, ..self }
    }

    /// The same, its control variate made so.
    #[must_use]
    pub fn with_control_options(self, control_options: ControlOptions) -> Self {
        Self { control_options, ..self }
    }

    /// The same with activation codes of so many significant bits, 4 to 8.
    #[must_use]
    pub fn with_activation_bits(self, activation_bits: u32) -> Self {
        Self { activation_bits, ..self }
    }

    /// The same with weight codes of so many significant bits, 4 to 8.
    #[must_use]
    pub fn with_weight_bits(self, weight_bits: u32) -> Self {
        Self { weight_bits, ..self }
    }

    /// The same in codes chosen so.
    #[must_use]
    pub fn with_quantization(self, quantization: Quantization) -> Self {
        Self { quantization: Some(quantization), ..self }
    }

    /// The same with its first and last layer on exact multipliers, or not.
    #[must_use]
    pub fn with_exact_ends(self, exact_ends: bool) -> Self {
        Self { exact_ends, ..self }
    }

    /// The same with weights in this coding, or in the reference's.
    #[must_use]
    pub fn with_weights(self, weights: Option<WeightScheme>) -> Self {
        Self { weights, ..self }
    }

    /// The same with codes of weights chosen so.
    #[must_use]
    pub fn with_weight_codes(self, weight_codes: WeightCodes) -> Self {
        Self { weight_codes, ..self }
    }

    /// The same with all that can be chosen for its multiplier: codes of activations and of weights, and a
    /// gain for each filter.
    #[must_use]
    pub fn with_all_chosen(self) -> Self {
        self.with_quantization(Quantization::CHOSEN).with_weight_codes(WeightCodes::Chosen)
    }

    /// How weights are coded: as it says, otherwise as its multiplier is for.
    ///
    /// # Errors
    /// When the multiplier's circuit is for others than it says.
    pub fn weight_scheme(&self) -> Result<WeightScheme, MultiplierError> {
        let scheme = self.weights.unwrap_or(match self.multiplier.coding() {
            Some(WeightCoding::Signed) => WeightScheme::I8Channel,
            _ => WeightScheme::U8Channel,
        });
        self.multiplier.check_coding(scheme.coding())?;
        Ok(scheme)
    }

    /// How wide its codes are.
    pub fn widths(&self) -> Widths {
        let Self { activation_bits, weight_bits, exact_ends, .. } = *self;
        Widths { activation_bits, weight_bits, exact_ends }
    }

    /// How codes, scales and biases are chosen: as it says; otherwise the calibration's codes, with a
    /// gain for each filter. There is none where nothing is lost, where nothing is corrected, in the
    /// paper's own method, and with constants for the pooled distribution of codes: that is Recoup's
    /// method before it had gains.
    pub fn quantization(&self) -> Quantization {
        self.quantization.unwrap_or_else(|| self.default_quantization(self.multiplier.is_exact()))
    }

    /// Whether codes of activations or of weights are chosen for the multiplier.
    pub fn chooses_codes(&self) -> bool {
        self.quantization().aware || self.weight_codes == WeightCodes::Chosen
    }

    /// That, if it is not the default.
    pub fn other_quantization(&self) -> Option<Quantization> {
        self.quantization_beside(self.multiplier.is_exact())
    }

    /// What it says, if that is not the default with such a multiplier.
    fn quantization_beside(&self, is_exact: bool) -> Option<Quantization> {
        self.quantization.filter(|&how| how != self.default_quantization(is_exact))
    }

    fn default_quantization(&self, is_exact: bool) -> Quantization {
        let is_reference = is_exact && (self.activation_bits, self.weight_bits) == (8, 8);
        let has_none = match self.control_variate {
            Mode::None => is_reference || !is_exact,
            Mode::Paper => true,
            _ => self.control_options.statistics == Statistics::Pooled,
        };
        if has_none { Quantization::PLAIN } else { Quantization::GAIN }
    }

    /// Whether it has a control variate.
    pub fn is_corrected(&self) -> bool {
        self.control_variate != Mode::None
    }

    /// What kind of design it is.
    pub fn kind(&self) -> Kind {
        match self.multiplier.is_exact() {
            true if self.widths() == Widths { exact_ends: self.exact_ends, ..Widths::FULL }
                && (self.weights, self.weight_codes) == (None, WeightCodes::Plain) =>
            {
                Kind::Reference
            }
            true => Kind::ReducedPrecision,
            false if self.is_corrected() => Kind::WithV,
            false => Kind::WithoutV,
        }
    }
}

/// A default is equal to itself, whether it is said or not.
impl PartialEq for Design {
    fn eq(&self, other: &Self) -> bool {
        let all = |it: &Self| {
            let Self { control_variate, control_options, weights, weight_codes, .. } = *it;
            let codes = (it.widths(), it.quantization(), weights, weight_codes);
            (control_variate, control_options, codes)
        };
        all(self) == all(other) && self.multiplier == other.multiplier
    }
}

impl From<Multiplier> for Design {
    fn from(multiplier: Multiplier) -> Self {
        Self::new(multiplier)
    }
}

#[cfg(test)]
mod tests;
