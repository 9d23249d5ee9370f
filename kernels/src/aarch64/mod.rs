//! Kernels in AArch64 intrinsics.

pub(crate) mod neon;
