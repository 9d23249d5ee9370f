//! From the engines' accumulators to the output.

pub(crate) mod combine;
pub(crate) mod epilogue;
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
pub(crate) mod sums;
