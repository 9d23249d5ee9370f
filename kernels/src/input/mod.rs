//! The copies of an image that the engines read.

pub(crate) mod image;
pub(crate) mod planes;
