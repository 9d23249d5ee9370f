//! Floats in messages, with serde: their bits, as no number of a text is NaN or infinite.

use serde::{Deserialize, Deserializer, Serializer};

/// For `serde(with)`.
///
/// # Errors
/// Those of the format.
pub fn serialize<S: Serializer>(number: &f64, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(number.to_bits())
}

/// For `serde(with)`.
///
/// # Errors
/// Those of the format.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    u64::deserialize(from).map(f64::from_bits)
}
