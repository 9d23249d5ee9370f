//! Recoup.
pub mod model;
pub mod multiplier;
pub mod numeric;
