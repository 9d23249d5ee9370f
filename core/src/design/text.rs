//! A design as text, read and written.

use std::fmt;
use std::str::FromStr;

use super::Design;
use crate::control_variate::{ControlOptions, Mode};
use crate::multiplier::{Multiplier, MultiplierError};
use crate::quantize::{Quantization, WeightScheme};

/// What all that names a design has in common; its text is
/// `MULTIPLIER[ with V (MODE[, OPTION N]...)][, N activation bits][, HOW quantisation][, exact
/// ends][, CODING weights]`, what is not said being the default of [`Design::new`] without V.
pub(super) struct Named<'a> {
    pub multiplier: &'a dyn fmt::Display,
    pub control_variate: Mode,
    pub control_options: ControlOptions,
    pub activation_bits: u32,
    pub quantization: Quantization,
    pub exact_ends: bool,
    pub weights: Option<WeightScheme>,
}

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

impl fmt::Display for Named<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.multiplier)?;
        if self.control_variate != Mode::None {
            write!(formatter, " with V ({}", self.control_variate)?;
            let (options, default) = (self.control_options, ControlOptions::default());
            if options.c_frac != default.c_frac {
                write!(formatter, ", c_frac {}", options.c_frac)?;
            }
            if options.terms != default.terms {
                write!(formatter, ", terms {}", options.terms)?;
            }
            if options.x_bits != default.x_bits {
                write!(formatter, ", x_bits {}", options.x_bits)?;
            }
            formatter.write_str(")")?;
        }
        if self.activation_bits < 8 {
            write!(formatter, ", {} activation bits", self.activation_bits)?;
        }
        if self.quantization != Quantization::PLAIN {
            write!(formatter, ", {} quantisation", self.quantization)?;
        }
        if self.exact_ends {
            formatter.write_str(", exact ends")?;
        }
        match self.weights {
            Some(weights) => write!(formatter, ", {weights} weights"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Design {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = Named {
            multiplier: &self.multiplier,
            control_variate: self.control_variate,
            control_options: self.control_options,
            activation_bits: self.activation_bits,
            quantization: self.quantization,
            exact_ends: self.exact_ends,
            weights: self.weights,
        };
        formatter.pad(&named.to_string())
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
        if let Some((before, how)) = last_part(rest, " quantisation") {
            design.quantization = how.parse().map_err(wrong)?;
            rest = before;
        }
        if let Some((before, bits)) = last_part(rest, " activation bits") {
            let known = bits.parse().ok().filter(|bits| (4..=8).contains(bits));
            design.activation_bits =
                known.ok_or_else(|| wrong(format!("{bits} activation bits, not 4 to 8")))?;
            rest = before;
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
        _ => return Err(format!("\"{part}\" is no option of a control variate")),
    }
    Ok(())
}
