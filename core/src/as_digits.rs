//! Outcomes in files and messages, with serde: a digit for each image, 1 for right.

use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// For `serde(with)`.
///
/// # Errors
/// Those of the format.
pub fn serialize<S: Serializer>(outcomes: &[bool], to: S) -> Result<S::Ok, S::Error> {
    let digits = outcomes.iter().map(|&right| if right { '1' } else { '0' });
    to.serialize_str(&digits.collect::<String>())
}

/// For `serde(with)`.
///
/// # Errors
/// Those of the format, and another character.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<bool>, D::Error> {
    let digits = String::deserialize(from)?;
    let outcome = |digit| match digit {
        '0' => Ok(false),
        '1' => Ok(true),
        _ => Err(D::Error::custom("expected a 0 or a 1 for each image")),
    };
    digits.chars().map(outcome).collect()
}
