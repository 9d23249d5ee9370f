//! From the engines' accumulators to the output.

pub(crate) mod blocks;
pub(crate) mod combine;
pub(crate) mod epilogue;
// The vector kernels that read these exist only for x86-64 so far.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
pub(crate) mod requantize;
pub(crate) mod rounding;
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
pub(crate) mod sums;
