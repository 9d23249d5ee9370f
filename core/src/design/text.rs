//! A design as text, read and written.

use std::fmt;
use std::str::FromStr;

use super::Design;
use crate::control_variate::ControlOptions;
use crate::multiplier::{Multiplier, MultiplierError};
use crate::quantize::WeightCodes;

/// A text that names no design.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DesignTextError {
    /// The multiplier.
    #[error(transparent)]
    Multiplier(#[from] MultiplierError),
    /// Something else, as in words.
    #[error(
        "design \"{design}\": {problem}; expected a text such as \"truncated:7 with V (fitted), 6 \
         activation bits, aware quantisation, exact ends, u8-tensor weights\""
    )]
    Part {
        /// The whole text.
        design: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// The text of a design whose multiplier has this name, and is exact or not:
/// `MULTIPLIER[ with V (MODE[, OPTION N]...)][, N activation bits][, N weight bits][, HOW
/// quantisation][, HOW weight codes][, exact ends][, CODING weights]`, what is not said being the
/// default of [`Design::new`] without V.
pub(super) fn text(multiplier: impl fmt::Display, is_exact: bool, design: &Design) -> String {
    let mut text = multiplier.to_string();
    if design.is_corrected() {
        text += &format!(" with V ({}", design.control_variate);
        let (options, default) = (design.control_options, ControlOptions::default());
        if options.c_frac != default.c_frac {
            text += &format!(", c_frac {}", options.c_frac);
        }
        if options.terms != default.terms {
            text += &format!(", terms {}", options.terms);
        }
        if options.x_bits != default.x_bits {
            text += &format!(", x_bits {}", options.x_bits);
        }
        if options.statistics != default.statistics {
            text += &format!(", statistics {}", options.statistics);
        }
        if options.attention != default.attention {
            text += &format!(", attention {}", options.attention);
        }
        if options.loading != default.loading {
            text += &format!(", loading {}", options.loading);
        }
        text += ")";
    }
    if design.activation_bits != 8 {
        text += &format!(", {} activation bits", design.activation_bits);
    }
    if design.weight_bits != 8 {
        text += &format!(", {} weight bits", design.weight_bits);
    }
    if let Some(how) = design.quantization_beside(is_exact) {
        text += &format!(", {how} quantisation");
    }
    if design.weight_codes != WeightCodes::default() {
        text += &format!(", {} weight codes", design.weight_codes);
    }
    if design.exact_ends {
        text += ", exact ends";
    }
    if let Some(weights) = design.weights {
        text += &format!(", {weights} weights");
    }
    text
}

impl fmt::Display for Design {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&text(&self.multiplier, self.multiplier.is_exact(), self))
    }
}

impl FromStr for Design {
    type Err = DesignTextError;

    /// Reads what [`Display`](fmt::Display) writes of a multiplier that has a specification; one
    /// from a file must be read with [`Design::parse`].
    fn from_str(text: &str) -> Result<Self, DesignTextError> {
        Self::parse(text, |name| Ok(name.parse()?))
    }
}

impl Design {
    /// Reads what [`Display`](fmt::Display) writes; `multiplier` knows multipliers by their names.
    ///
    /// # Errors
    /// When the text is no design's, or `multiplier` does not know its name.
    pub fn parse<E: From<DesignTextError>>(
        text: &str,
        multiplier: impl FnOnce(&str) -> Result<Multiplier, E>,
    ) -> Result<Self, E> {
        let (name, options) = Self::parse_options(text)?;
        Ok(Self { multiplier: multiplier(name)?, ..options })
    }

    /// The name of the multiplier, and a design with everything else. Names may have commas: what
    /// comes last is read first.
    fn parse_options(text: &str) -> Result<(&str, Self), DesignTextError> {
        let wrong = |problem: String| DesignTextError::Part { design: text.to_owned(), problem };
        let mut design = Self::exact(8);
        let mut rest = text;
        if let Some((before, weights)) = last_part(rest, " weights") {
            design.weights = Some(weights.parse().map_err(wrong)?);
            rest = before;
        }
        if let Some(before) = rest.strip_suffix(", exact ends") {
            design.exact_ends = true;
            rest = before;
        }
        if let Some((before, codes)) = last_part(rest, " weight codes") {
            design.weight_codes = codes.parse().map_err(wrong)?;
            rest = before;
        }
        if let Some((before, how)) = last_part(rest, " quantisation") {
            design.quantization = Some(how.parse().map_err(wrong)?);
            rest = before;
        }
        for (ending, bits) in [
            (" weight bits", &mut design.weight_bits),
            (" activation bits", &mut design.activation_bits),
        ] {
            if let Some((before, number)) = last_part(rest, ending) {
                let known = number.parse().ok().filter(|number| (4..=8).contains(number));
                *bits = known.ok_or_else(|| wrong(format!("{number}{ending}, not 4 to 8")))?;
                rest = before;
            }
        }
        if let Some((before, corrected)) =
            rest.strip_suffix(')').and_then(|rest| rest.rsplit_once(" with V ("))
        {
            let mut parts = corrected.split(", ");
            design.control_variate = parts.next().unwrap_or_default().parse().map_err(wrong)?;
            for part in parts {
                set(&mut design.control_options, part).map_err(wrong)?;
            }
            rest = before;
        }
        Ok((rest, design))
    }
}

/// A text that ends in ", WORDS" and `ending`, without this part, and its words.
fn last_part<'a>(text: &'a str, ending: &str) -> Option<(&'a str, &'a str)> {
    text.strip_suffix(ending)?.rsplit_once(", ")
}

/// Reads `NAME N` into the options of a control variate.
fn set(options: &mut ControlOptions, part: &str) -> Result<(), String> {
    let (name, number) = part.rsplit_once(' ').unwrap_or((part, ""));
    let within = |least: u32, most: u32| {
        let number = number.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| format!("\"{part}\", where {name} is {least} to {most}"))
    };
    match name {
        "c_frac" => options.c_frac = within(0, 16)?,
        "terms" => options.terms = within(1, 8)? as usize,
        "x_bits" => options.x_bits = within(1, 8)?,
        "statistics" => options.statistics = number.parse()?,
        "attention" => options.attention = number.parse()?,
        "loading" => options.loading = number.parse()?,
        _ => return Err(format!("\"{part}\" is no option of a control variate")),
    }
    Ok(())
}
