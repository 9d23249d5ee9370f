//! Instruction sets, as values that prove the processor's support.

use crate::KernelError;

/// An instruction set that this processor has.
///
/// The only constructors ask the processor, so holding a value is the proof that the kernels
/// behind it may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Isa(Level);

/// Which kernels to run. Private, so that nobody can claim support without the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Level {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Isa {
    /// Portable code; exists everywhere.
    pub const SCALAR: Isa = Isa(Level::Scalar);

    /// The instruction sets of this processor, slowest first; [`Isa::SCALAR`] is always there.
    pub fn available() -> Vec<Isa> {
        let mut found = vec![Isa::SCALAR];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                found.push(Isa(Level::Avx2));
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512vnni")
                    && is_x86_feature_detected!("avx512vbmi")
                {
                    found.push(Isa(Level::Avx512Vnni));
                }
            }
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") {
            found.push(Isa(Level::Neon));
        }
        found
    }

    /// The fastest instruction set of this processor.
    pub fn best() -> Isa {
        Self::available().pop().unwrap_or(Isa::SCALAR)
    }

    /// The instruction set with this [`name`](Isa::name).
    ///
    /// # Errors
    /// [`KernelError::Isa`] if no instruction set of this processor is called so.
    pub fn from_name(name: &str) -> Result<Isa, KernelError> {
        let available = Self::available();
        available.iter().copied().find(|isa| isa.name() == name).ok_or_else(|| KernelError::Isa {
            name: name.to_owned(),
            available: available.iter().map(|isa| isa.name()).collect(),
        })
    }

    /// "scalar", "avx2" (with FMA), "avx512vnni" (with BW, DQ, VL and VBMI) or "neon".
    pub fn name(self) -> &'static str {
        match self.0 {
            Level::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512Vnni => "avx512vnni",
            #[cfg(target_arch = "aarch64")]
            Level::Neon => "neon",
        }
    }

    pub(crate) fn level(self) -> Level {
        self.0
    }
}

/// Bytes of the first-level data cache; the least of today's processors where it is not known.
pub(crate) fn first_cache_bytes() -> usize {
    const LEAST: usize = 32 << 10;
    #[cfg(target_arch = "x86_64")]
    {
        use raw_cpuid::{CacheType, CpuId};
        // Intel lists all caches, AMD tells the first.
        let cpu = CpuId::new();
        let listed = cpu.get_cache_parameters().and_then(|mut caches| {
            let first = caches.find(|it| it.level() == 1 && it.cache_type() == CacheType::Data)?;
            let line = first.coherency_line_size() * first.physical_line_partitions();
            Some(line * first.associativity() * first.sets())
        });
        let told = cpu.get_l1_cache_and_tlb_info().map(|it| usize::from(it.dcache_size()) << 10);
        listed.or(told).unwrap_or(LEAST).max(LEAST)
    }
    #[cfg(not(target_arch = "x86_64"))]
    LEAST
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::judged::Judged;

    #[test]
    fn names_lead_back_to_the_same_value() {
        let mut judged = Judged::default();
        for isa in Isa::available() {
            assert_eq!(Isa::from_name(isa.name()), Ok(isa));
            judged.count(isa, "names");
        }
        judged.verdict(&[("names", 1)]);
        assert_eq!(Isa::available()[0], Isa::SCALAR);
    }

    #[test]
    fn an_unknown_name_lists_the_valid_ones() {
        let message = Isa::from_name("mmx").unwrap_err().to_string();
        assert!(message.contains("mmx") && message.contains("scalar"), "{message}");
    }
}
