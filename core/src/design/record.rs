//! What files keep of a design.

use std::fmt;

use recoup_kernels::WeightCoding;
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};

use super::{Design, text::text};
use crate::as_text;
use crate::control_variate::{AttentionConstants, ControlOptions, Loading, Mode, Statistics};
use crate::multiplier::Multiplier;
use crate::numeric::hex;
use crate::quantize::{Quantization, WeightCodes, WeightScheme, all_bits, are_all_bits};

/// Those of versions that knew no other, and wrote nothing.
const FIRST_STATISTICS: Statistics = Statistics::Pooled;

/// A design without the products of its multiplier, of which it has the hash: read from files, and
/// the same for all who read it. What is not there has its default, as in files of versions that
/// knew no other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DesignRecord {
    /// Significant bits of the activation codes, 4 to 8.
    pub activation_bits: u32,
    /// Where the constants of products of two activations come from, if not from what is loaded.
    #[serde(default, with = "as_text::optional", skip_serializing_if = "Option::is_none")]
    attention: Option<AttentionConstants>,
    /// Fraction bits of C; none without a control variate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    c_frac: Option<u32>,
    /// What corrects the multiplier.
    #[serde(with = "as_text")]
    pub control_variate: Mode,
    /// Whether the first and the last layer run on an exact array of their own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exact_ends: bool,
    /// Which operand of products of two activations is loaded, if it is not chosen.
    #[serde(default, with = "as_text::optional", skip_serializing_if = "Option::is_none")]
    loading: Option<Loading>,
    /// The multiplier, as this version names it.
    #[serde(deserialize_with = "name_of_today")]
    pub multiplier: String,
    /// Its identity, which depends on the coding of the weights ([`Multiplier::identity`]).
    pub products_sha256: String,
    /// How activations become codes.
    #[serde(default, with = "as_text", skip_serializing_if = "is_plain")]
    pub quantization: Quantization,
    /// Which distribution of codes the constants are made for, if not the pooled one.
    #[serde(default, with = "as_text::optional", skip_serializing_if = "Option::is_none")]
    statistics: Option<Statistics>,
    /// Number of functions of the control variate; none without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    terms: Option<usize>,
    /// Significant bits of the weight codes, 4 to 8.
    #[serde(default = "all_bits", skip_serializing_if = "are_all_bits")]
    pub weight_bits: u32,
    /// How the codes of weights are chosen, if they are.
    #[serde(default, with = "as_text", skip_serializing_if = "are_plain")]
    pub weight_codes: WeightCodes,
    /// How weights are coded, if not as the reference's.
    #[serde(default, with = "as_text::optional", skip_serializing_if = "Option::is_none")]
    pub weights: Option<WeightScheme>,
    /// Bits of a fitted function; none without a control variate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    x_bits: Option<u32>,
}

impl Design {
    /// What files keep of it, with weights of this coding.
    ///
    /// # Panics
    /// If [`Multiplier::check_coding`] fails.
    pub fn record(&self, coding: WeightCoding) -> DesignRecord {
        self.record_with(self.multiplier.identity(coding))
    }

    /// The same, of a multiplier whose identity is known: it is a hash of all products.
    pub fn record_with(&self, products_sha256: String) -> DesignRecord {
        let corrected = self.is_corrected();
        let ControlOptions { c_frac, terms, x_bits, statistics, attention, loading } =
            self.control_options;
        let has_own = corrected && attention != AttentionConstants::default();
        let has_other = corrected && statistics != FIRST_STATISTICS;
        DesignRecord {
            activation_bits: self.activation_bits,
            attention: has_own.then_some(attention),
            c_frac: corrected.then_some(c_frac),
            control_variate: self.control_variate,
            exact_ends: self.exact_ends,
            loading: Some(loading).filter(|&it| corrected && it != Loading::default()),
            multiplier: self.multiplier.to_string(),
            products_sha256,
            quantization: self.quantization(),
            statistics: has_other.then_some(statistics),
            terms: corrected.then_some(terms),
            weight_bits: self.weight_bits,
            weight_codes: self.weight_codes,
            weights: self.weights,
            x_bits: corrected.then_some(x_bits),
        }
    }
}

impl DesignRecord {
    /// All that its results depend on beside the network with its weights in one coding, as JSON:
    /// products and options, no names. Keys of results are made of it: its text must not change.
    pub fn content(&self) -> String {
        let mut content = serde_json::json!(self);
        let parts = content.as_object_mut().expect("a struct");
        parts.remove("multiplier");
        parts.remove("weights");
        content.to_string()
    }

    /// The SHA-256 of products and options, of weights in the coding `reference` where the design
    /// names none: equal for designs that differ in names alone.
    pub fn identity(&self, reference: WeightScheme) -> String {
        let mut hash = Sha256::new_with_prefix(self.content());
        hash.update(self.weights.unwrap_or(reference).to_string());
        hex(&hash.finalize())
    }

    /// Whether C and C0 of products of two activations are made of what the array is loaded with.
    pub fn makes_c_and_c0(&self) -> bool {
        self.attention.unwrap_or_default().are_c_and_c0(self.control_variate)
    }

    /// What of it the array depends on, and how codes of its widths are multiplied there: not how
    /// they and the constants are chosen, nor which operand is loaded, nor what other layers run on.
    #[must_use]
    pub fn of_array(self) -> Self {
        let (quantization, weight_codes) = (Quantization::PLAIN, WeightCodes::Plain);
        let (statistics, loading) = (None, None);
        Self { quantization, weight_codes, statistics, loading, exact_ends: false, ..self }
    }

    /// The same without a control variate.
    #[must_use]
    pub fn uncorrected(self) -> Self {
        Self {
            control_variate: Mode::None,
            attention: None,
            c_frac: None,
            loading: None,
            statistics: None,
            terms: None,
            x_bits: None,
            ..self
        }
    }

    /// How its codes, scales and biases are chosen, if that is not the default for it.
    pub fn other_quantization(&self) -> Option<Quantization> {
        self.options().quantization_beside(self.is_exact())
    }

    /// A design that has everything of it but the multiplier.
    fn options(&self) -> Design {
        Design::exact(self.activation_bits)
            .with_weight_bits(self.weight_bits)
            .with_control_variate(self.control_variate)
            .with_control_options(self.control_options())
            .with_quantization(self.quantization)
            .with_exact_ends(self.exact_ends)
            .with_weights(self.weights)
            .with_weight_codes(self.weight_codes)
    }

    fn is_exact(&self) -> bool {
        let codings = [WeightCoding::Unsigned, WeightCoding::Signed];
        let mut exact = codings.map(|coding| Multiplier::exact().identity(coding)).into_iter();
        exact.any(|identity| identity == self.products_sha256)
    }

    /// How the control variate is made.
    pub fn control_options(&self) -> ControlOptions {
        let default = ControlOptions::default();
        ControlOptions {
            c_frac: self.c_frac.unwrap_or(default.c_frac),
            terms: self.terms.unwrap_or(default.terms),
            x_bits: self.x_bits.unwrap_or(default.x_bits),
            statistics: self.statistics.unwrap_or(FIRST_STATISTICS),
            attention: self.attention.unwrap_or_default(),
            loading: self.loading.unwrap_or_default(),
        }
    }
}

/// As [`Design`] is written.
impl fmt::Display for DesignRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&text(&self.multiplier, self.is_exact(), &self.options()))
    }
}

fn are_plain(codes: &WeightCodes) -> bool {
    *codes == WeightCodes::Plain
}

fn is_plain(quantization: &Quantization) -> bool {
    *quantization == Quantization::PLAIN
}

/// Earlier versions had fewer families: a mask may have a name today.
fn name_of_today<'de, D: Deserializer<'de>>(text: D) -> Result<String, D::Error> {
    let name = String::deserialize(text)?;
    Ok(name.parse::<Multiplier>().map_or(name, |multiplier| multiplier.to_string()))
}
