//! What a multiplier's products are made of, which decides the engine.

pub(crate) mod entries;
pub(crate) mod factors;
pub(crate) mod structure;
pub(crate) mod terms;
