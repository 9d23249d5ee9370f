//! Kernels in x86-64 intrinsics.

pub(crate) mod avx2;
pub(crate) mod avx2_bytes;
pub(crate) mod avx2_columns;
pub(crate) mod avx2_softmax;
pub(crate) mod avx512;
pub(crate) mod avx512_bytes;
pub(crate) mod avx512_columns;
pub(crate) mod avx512_planes;
pub(crate) mod avx512_requantize;
pub(crate) mod avx512_softmax;
pub(crate) mod floats;
pub(crate) mod transpose;
