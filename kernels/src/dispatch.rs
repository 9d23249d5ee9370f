//! One portable body, compiled once for each instruction set.
//!
//! The loops around the multiplications (copies, sums, requantisation) are plain Rust that the
//! compiler vectorises; they only need to be compiled with the wider registers switched on.

/// Defines `fn name(isa, args...)` that runs `body(args...)` compiled for `isa`. The body has to be
/// `#[inline(always)]`, or it would keep the features of its own definition.
macro_rules! multiversion {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($isa:ident, $($arg:ident: $type:ty),* $(,)?) = $body:path;) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $vis fn $name($isa: $crate::Isa, $($arg: $type),*) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            fn avx2($($arg: $type),*) {
                $body($($arg),*)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
            #[allow(clippy::too_many_arguments)]
            fn avx512($($arg: $type),*) {
                $body($($arg),*)
            }
            match $isa.level() {
                $crate::isa::Level::Scalar => $body($($arg),*),
                // SAFETY: an Isa of this level exists only after Isa::available found the features.
                #[cfg(target_arch = "x86_64")]
                $crate::isa::Level::Avx2 => unsafe { avx2($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::isa::Level::Avx512Vnni => unsafe { avx512($($arg),*) },
                // NEON is part of the baseline that the portable body is compiled for.
                #[cfg(target_arch = "aarch64")]
                $crate::isa::Level::Neon => $body($($arg),*),
            }
        }
    };
}

pub(crate) use multiversion;
