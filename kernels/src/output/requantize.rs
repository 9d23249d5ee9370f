//! Accumulators to codes, or to real values, by kernels of an instruction set.

use crate::{Isa, output::blocks::LANES, output::epilogue::BlockParameters};

/// Blocks that a kernel takes at most.
pub(crate) const BLOCKS: usize = 4;

/// One value for each position and all its filters, or one for each filter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Values<'a, T> {
    /// From the first position's first block on.
    pub of: &'a [T],
    /// From one position to the next.
    pub step: usize,
    pub is_shared: bool,
}

/// What is added before the output's scale: none of it, codes or real values.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Addend<'a> {
    None,
    Codes { codes: Values<'a, u8>, scale: f32, zero_point: i32 },
    Reals(Values<'a, f32>),
}

/// What a kernel turns into outputs: blocks of neighbouring filters, at neighbouring positions.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    pub positions: usize,
    /// Filters of a position; the last block may have fewer than lanes.
    pub filters: usize,
    pub acc: Values<'a, i32>,
    /// One for each block.
    pub parameters: &'a [BlockParameters],
    /// Added as it is.
    pub offset: Option<Values<'a, i32>>,
    /// Multiplied by minus each filter's zero point.
    pub codes: Option<Values<'a, i32>>,
    /// X, for a control variate by one fused multiplication and addition.
    pub x: Option<Values<'a, i32>>,
    /// Added times X.
    pub offset_scale: i32,
    pub residual: Addend<'a>,
    pub inv: f32,
    /// What codes less the zero point are limited to, or real values; none where a byte's own limits are
    /// the same.
    pub limits: Option<(f32, f32)>,
    pub zero_point: i32,
    pub dropped_bits: u32,
    /// Filters, from one position's outputs to the next.
    pub step: usize,
}

impl Input<'_> {
    /// Whether nothing is added.
    pub fn is_plain(&self) -> bool {
        matches!(
            (&self.offset, &self.codes, &self.x, &self.residual),
            (None, None, None, Addend::None)
        )
    }

    /// Whether the last block has a filter for each lane.
    pub fn is_whole(&self) -> bool {
        self.filters.is_multiple_of(LANES)
    }

    /// That everything is there, and place for so many outputs is enough.
    #[inline]
    pub fn check(&self, places: usize) {
        let (positions, filters) = (self.positions, self.filters);
        assert!(positions > 0 && (1..=BLOCKS * LANES).contains(&filters));
        assert_eq!(self.parameters.len(), filters.div_ceil(LANES));
        self.acc.check(positions, filters);
        // By reference: copies of what was just written would wait for it.
        for sums in [&self.offset, &self.codes, &self.x].into_iter().flatten() {
            sums.check(positions, filters);
        }
        match &self.residual {
            Addend::None => {}
            Addend::Codes { codes, .. } => codes.check(positions, filters),
            Addend::Reals(values) => values.check(positions, filters),
        }
        assert!((positions - 1) * self.step + filters <= places);
    }
}

impl<T> Values<'_, T> {
    /// That so many positions have one or so many values.
    #[inline]
    fn check(&self, positions: usize, values: usize) {
        let values = if self.is_shared { 1 } else { values };
        assert!((positions - 1) * self.step + values <= self.of.len());
    }
}

/// Writes the outputs of each position.
///
/// # Safety
/// The processor has the features of the kernel.
type Write<T> = unsafe fn(&Input<'_>, out: &mut [T]);

/// What writes codes, and what writes real values.
#[derive(Clone, Copy)]
pub(crate) struct Kernel {
    pub codes: Write<u8>,
    pub reals: Write<f32>,
}

/// None if the portable loop is all there is.
pub(crate) fn kernel(isa: Isa) -> Option<Kernel> {
    match isa.level() {
        #[cfg(target_arch = "x86_64")]
        crate::isa::Level::Avx512Vnni => {
            use crate::x86_64::avx512_requantize::{reals, requantize};
            Some(Kernel { codes: requantize, reals })
        }
        _ => None,
    }
}
