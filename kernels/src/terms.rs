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

/// Rows of a mask as a lookup: sum_i a_i 2^i (w & keep_i) = 2^shift * (table of w and a), where a
/// byte holds the table's entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lookup {
    pub mask: u64,
    pub shift: u32,
}

impl Lookup {
    /// The lookup for the rows of `mask`, if a byte (signed, if the weights are) holds it.
    fn new(mask: u64, coding: WeightCoding) -> Option<Lookup> {
        let all = (0..8).map(|i| u32::from(keep(mask, i)) << i).fold(0, |all, row| all | row);
        let lookup = Lookup { mask, shift: all.trailing_zeros().min(15) };
        let (low, high) = match coding {
            WeightCoding::Unsigned => (0, 255),
            WeightCoding::Signed => (-128, 127),
        };
        // The activation's bits are free: the extremes take just the rows of one sign.
        let fits = (0..=255u8).all(|w| {
            let rows: [i32; 8] = std::array::from_fn(|i| lookup.value(w, 1 << i, coding));
            rows.iter().filter(|&&row| row < 0).sum::<i32>() >= low
                && rows.iter().filter(|&&row| row > 0).sum::<i32>() <= high
        });
        fits.then_some(lookup)
    }

    /// What the rows contribute to the product of w and a, in units of 2^shift.
    pub fn value(&self, w: u8, a: u8, coding: WeightCoding) -> i32 {
        let row = |i: u32| Term { rows: 1 << i, keep: keep(self.mask, i) }.weight(w, coding) << i;
        (0..8).filter(|&i| (a >> i) & 1 == 1).map(row).sum::<i32>() >> self.shift
    }

    /// The rows that occur: the bits of a that the lookup reads.
    pub fn rows(&self) -> u8 {
        (0..8).filter(|&i| keep(self.mask, i) != 0).map(|i| 1 << i).sum()
    }
}

/// What a lookup kernel can do, and how fast.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LookupProfile {
    /// Neighbouring bits of a that it reads, counted from the lowest that occurs.
    pub bits: u32,
    /// Positions that it computes together.
    pub positions: usize,
    /// Time for one product, in that of a term; measured.
    pub cost: usize,
}

/// The cheaper way to compute a mask's products: terms alone, or at most one term and a lookup.
/// `positions` are wanted, and a lookup kernel rounds them up.
pub(crate) fn split(
    mask: u64,
    coding: WeightCoding,
    positions: usize,
    profile: LookupProfile,
) -> (Vec<Term>, Option<Lookup>) {
    let all = terms(mask);
    let filled = positions.next_multiple_of(profile.positions);
    let candidates = all.iter().map(Some).chain([None]);
    let best = candidates
        .filter_map(|term| {
            let rest = (0..8)
                .filter(|&i| term.is_none_or(|term| (term.rows >> i) & 1 == 0))
                .map(|i| u64::from(keep(mask, i)) << (8 * i))
                .sum();
            let cost = (profile.cost * filled).div_ceil(positions) + usize::from(term.is_some());
            let narrow = |lookup: &Lookup| {
                let rows = lookup.rows();
                8 - rows.leading_zeros() - rows.trailing_zeros() <= profile.bits
            };
            (all.len() > 2 && rest != 0)
                .then(|| Lookup::new(rest, coding))
                .flatten()
                .filter(narrow)
                .map(|lookup| (cost, term, lookup))
        })
        .min_by_key(|&(cost, ..)| cost);
    match best {
        Some((cost, term, lookup)) if cost < all.len() => {
            (term.copied().into_iter().collect(), Some(lookup))
        }
        _ => (all, None),
    }
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

    #[test]
    fn truncated_masks_split_into_a_term_and_a_lookup() {
        let profile = LookupProfile { bits: 7, positions: 64, cost: 2 };
        for coding in [WeightCoding::Unsigned, WeightCoding::Signed] {
            for m in 3..=8 {
                let mask = mask(|i, l| i + l >= m);
                let (terms, lookup) = split(mask, coding, 64, profile);
                let lookup = lookup.expect("a lookup");
                assert_eq!(terms.len(), usize::from(m < 8));
                assert_eq!(lookup.shift, m);
                for (w, a) in (0..=255).flat_map(|w| (0..=255).map(move |a| (w, a))) {
                    let term: i32 =
                        terms.iter().map(|t| t.weight(w, coding) * i32::from(a & t.rows)).sum();
                    let p = term + (lookup.value(w, a, coding) << lookup.shift);
                    let product = crate::Product::Mask(mask);
                    assert_eq!(p, crate::naive::product(coding, &product, w, a));
                }
            }
            // A lookup for one position would compute 63 others in vain.
            assert_eq!(split(mask(|i, l| i + l >= 7), coding, 1, profile).1, None);
            // An exact and a recursive multiplier are cheap as they are.
            assert_eq!(split(u64::MAX, coding, 64, profile).1, None);
            assert_eq!(split(mask(|i, l| i >= 4 || l >= 4), coding, 64, profile).1, None);
        }
    }
}
