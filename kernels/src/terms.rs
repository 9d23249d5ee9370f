//! A partial-product mask as a short sum of ordinary products.
//!
//! Rows i of the mask that keep the same bits K of the weight share one product: with R their
//! set of activation bits, sum over these rows of a_i 2^i (w & K) = (a & R) (w & K). // eq. (3)
//! An exact multiplier is one such term, a perforated one too, a recursive one two.

use crate::WeightCoding;

/// (a & rows) * (w & keep).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Term {
    /// Activation bits.
    pub rows: u8,
    /// Weight bits.
    pub keep: u8,
}

impl Term {
    /// The value of the kept weight bits.
    pub fn weight(self, w: u8, coding: WeightCoding) -> i32 {
        match coding {
            WeightCoding::Unsigned => i32::from(w & self.keep),
            WeightCoding::Signed => i32::from((w & self.keep) as i8),
        }
    }
}

/// Row i of a mask: the weight bits that activation bit i is multiplied with.
pub(crate) fn keep(mask: u64, i: u32) -> u8 {
    (mask >> (8 * i)) as u8
}

/// The fewest terms that group equal rows; none for the empty mask.
pub(crate) fn terms(mask: u64) -> Vec<Term> {
    let mut terms: Vec<Term> = Vec::new();
    for i in 0..8 {
        let keep = keep(mask, i);
        if keep == 0 {
            continue;
        }
        match terms.iter_mut().find(|term| term.keep == keep) {
            Some(term) => term.rows |= 1 << i,
            None => terms.push(Term { rows: 1 << i, keep }),
        }
    }
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(kept: impl Fn(u32, u32) -> bool) -> u64 {
        (0..64).filter(|&b| kept(b / 8, b % 8)).map(|b| 1 << b).sum()
    }

    #[test]
    fn families_need_as_many_terms_as_they_have_kinds_of_rows() {
        assert_eq!(terms(u64::MAX).len(), 1);
        assert_eq!(terms(0).len(), 0);
        for m in 1..8 {
            assert_eq!(terms(mask(|i, _| i >= m)).len(), 1, "perforated {m}");
            assert_eq!(terms(mask(|i, l| i >= m || l >= m)).len(), 2, "recursive {m}");
            assert_eq!(terms(mask(|i, l| i + l >= m)).len(), 1 + m as usize, "truncated {m}");
        }
    }
}
