//! Values in files as the texts that people write, with serde.

use std::fmt::Display;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// The one of `all` that is written so; `what` they are is for the message.
///
/// # Errors
/// With the names that there are.
pub fn find<T: Copy + Display>(what: &str, text: &str, all: &[T]) -> Result<T, String> {
    all.iter().copied().find(|it| it.to_string() == text).ok_or_else(|| {
        let names: Vec<String> = all.iter().map(T::to_string).collect();
        format!("unknown {what} \"{text}\"; expected one of {}", names.join(", "))
    })
}

/// For `serde(with)`.
///
/// # Errors
/// Those of the format.
pub fn serialize<T: Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

/// For `serde(with)`.
///
/// # Errors
/// Those of the format, and where the text means nothing.
pub fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    String::deserialize(from)?.parse().map_err(D::Error::custom)
}

/// The same of values that may be absent.
pub mod optional {
    use super::{Deserializer, Display, FromStr, Serializer};

    /// For `serde(with)`.
    ///
    /// # Errors
    /// Those of the format.
    pub fn serialize<T, S>(value: &Option<T>, to: S) -> Result<S::Ok, S::Error>
    where
        T: Display,
        S: Serializer,
    {
        match value {
            Some(value) => to.collect_str(value),
            None => to.serialize_none(),
        }
    }

    /// For `serde(with)`, of a value that is there.
    ///
    /// # Errors
    /// Those of the format, and where the text means nothing.
    pub fn deserialize<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        super::deserialize(from).map(Some)
    }
}
