//! What instruction sets have for lookups of bytes.

use super::{AddBytes, Gather, LANES, LookupProfile, MapCodes, Sums, tables::Costs};
use crate::Isa;

/// Transposes up to as many positions as sums of a block's filters, shifted to the left, to every
/// row that is a number of rows further; adds them to what the rows hold or, if given, to constants.
///
/// # Safety
/// The processor has the features of the kernel.
pub(crate) type ToRows = unsafe fn(
    sums: &[Sums; LANES],
    shift: u32,
    constants: Option<&[i32; LANES]>,
    rows: (&mut [[i32; LANES]], usize),
);

#[derive(Debug, Clone, Copy)]
pub(super) struct Kernel {
    pub add_bytes: AddBytes,
    pub map_codes: MapCodes,
    pub to_rows: ToRows,
    pub gather: Option<Gather>,
    /// Added to the column if there are 17 to 32.
    pub raise: u8,
    pub costs: Costs,
    /// For masks.
    pub profile: LookupProfile,
}

pub(super) fn kernel(isa: Isa) -> Option<Kernel> {
    #[cfg(target_arch = "x86_64")]
    use super::POSITIONS;
    #[cfg(target_arch = "x86_64")]
    use crate::x86_64::{avx2, avx2_bytes, avx512_bytes};
    match isa.level() {
        #[cfg(target_arch = "x86_64")]
        crate::isa::Level::Avx2 => {
            let (one, two, no) = (Some(4), Some(14), None);
            let column = [one, one, one, one, one, two, no, no, no];
            Some(Kernel {
                add_bytes: avx2_bytes::add_bytes,
                map_codes: avx2::map_codes,
                to_rows: avx2_bytes::to_rows,
                gather: None,
                raise: avx2_bytes::RAISE,
                costs: Costs { column, nibbles: Some(16), add: 4, widen: 12, product: 16, sum: 0 },
                profile: LookupProfile { bits: 8, positions: POSITIONS, cost: 8, widening_cost: 0 },
            })
        }
        #[cfg(target_arch = "x86_64")]
        crate::isa::Level::Avx512Vnni => {
            let (one, two) = (Some(8), Some(20));
            let column = [one, one, one, one, one, one, one, one, two];
            Some(Kernel {
                add_bytes: avx512_bytes::add_bytes,
                map_codes: avx512_bytes::map_codes,
                to_rows: avx512_bytes::to_rows,
                gather: Some(avx512_bytes::gather),
                raise: 0,
                costs: Costs { column, nibbles: None, add: 4, widen: 12, product: 8, sum: 256 },
                profile: LookupProfile { bits: 7, positions: POSITIONS, cost: 5, widening_cost: 6 },
            })
        }
        _ => None,
    }
}

/// None if the instruction set has no kernel.
pub(crate) fn profile(isa: Isa) -> Option<LookupProfile> {
    kernel(isa).map(|kernel| kernel.profile)
}

/// Replaces each code by its entry.
pub(crate) fn map_codes(isa: Isa, entries: &[u8; 256], codes: &mut [u8]) {
    match kernel(isa) {
        // SAFETY: kernel() chose the function for the features of an Isa.
        Some(kernel) => unsafe { (kernel.map_codes)(entries, codes) },
        None => codes.iter_mut().for_each(|code| *code = entries[usize::from(*code)]),
    }
}
