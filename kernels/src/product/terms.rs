//! A partial-product mask as a short sum of ordinary products.
//!
//! Rows i of the mask that keep the same bits K of the weight share one product: with R their
//! set of activation bits, sum over these rows of a_i 2^i (w & K) = (a & R) (w & K). // eq. (2.1)
//! An exact multiplier is one such term, a perforated one too, a recursive one two. A truncated one
//! takes a term for almost each row; but pairs of its rows differ in one partial product, and those
//! of all pairs weigh the same: half as many terms, and a count of bits.

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

/// 2^diagonal times the number of some partial products a_i w_l with i + l = diagonal that are 1, added
/// or taken away. With the code's bits in the places of the weight's, it is a count of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    diagonal: u32,
    /// Bits of the weight; no two are neighbours.
    pub bits: u8,
    /// 2^diagonal with its sign.
    pub factor: i8,
}

impl Count {
    /// The code's bits, each in the place of that of the weight which it meets.
    pub fn of_code(self, a: u8) -> u8 {
        let meets = |l: &u32| self.bits >> l & 1 != 0 && a >> (self.diagonal - l) & 1 != 0;
        (0..8).filter(meets).fold(0, |bits, l| bits | 1 << l)
    }
}

/// What computes a mask's products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sum {
    pub terms: Vec<Term>,
    pub count: Option<Count>,
}

impl Sum {
    /// Time of a term's product, in the unit of [`LookupProfile`].
    const TERM: usize = 4;
    /// That of a count, which takes three instructions for the bits of two products.
    const COUNT: usize = 6;

    /// The fewest terms.
    pub fn of_terms(mask: u64) -> Sum {
        Sum { terms: terms(mask), count: None }
    }

    /// That which takes least time.
    pub fn with_count(mask: u64, coding: WeightCoding) -> Sum {
        let plain = Sum::of_terms(mask);
        if plain.cost() <= Sum::TERM + Sum::COUNT {
            return plain;
        }
        // What is taken away has to be there before; 2^7 does not fit the factor, but for its sign.
        let ways = (0..=7).map(|diagonal| (diagonal, false)).chain((0..=6).map(|it| (it, true)));
        let candidates = ways.flat_map(|(diagonal, is_added)| {
            let bit = move |l: u32| 1u64 << (8 * (diagonal - l) + l);
            let sign = (coding == WeightCoding::Signed).then_some(7);
            let may = move |l: u32| (mask & bit(l) != 0) == is_added && Some(l) != sign;
            let all = (0..=diagonal).filter(|&l| may(l)).fold(0u8, |bits, l| bits | 1 << l);
            let subsets = (1..=255u8).filter(move |bits| bits & !all == 0 && bits & bits << 1 == 0);
            subsets.map(move |bits| {
                let cells =
                    (0..8).filter(|l| bits >> l & 1 != 0).fold(0, |cells, l| cells | bit(l));
                let factor = if is_added { 1 } else { -1i32 } << diagonal;
                let count = Some(Count { diagonal, bits, factor: factor as i8 });
                Sum { terms: terms(mask ^ cells), count }
            })
        });
        candidates.fold(plain, |best, sum| if sum.cost() < best.cost() { sum } else { best })
    }

    /// Terms' products that take about as long.
    pub fn products(&self) -> usize {
        self.cost().div_ceil(Sum::TERM)
    }

    fn cost(&self) -> usize {
        Sum::TERM * self.terms.len() + self.count.map_or(0, |_| Sum::COUNT)
    }
}

/// All products of a mask, entry 256 w + a.
pub(crate) fn table(mask: u64, coding: WeightCoding) -> Vec<i32> {
    let terms = terms(mask);
    let product = |i: usize| {
        let (w, a) = ((i >> 8) as u8, i as u8);
        terms.iter().map(|term| term.weight(w, coding) * i32::from(a & term.rows)).sum()
    };
    (0..1 << 16).map(product).collect()
}

/// What a mask's products differ by from one term, as a lookup: 2^shift * (table of w and a), where
/// a byte holds the table's entries less `low`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lookup {
    mask: u64,
    term: Option<Term>,
    pub shift: u32,
    /// The lowest entry; 0 or negative.
    pub low: i32,
    /// The highest entry less the lowest.
    pub range: i32,
    /// The bits of a that the lookup reads.
    pub rows: u8,
}

impl Lookup {
    /// The lookup for `mask` less `term`, if there is a difference and a byte holds it.
    fn new(mask: u64, term: Option<Term>, coding: WeightCoding) -> Option<Lookup> {
        let mut lookup = Lookup { mask, term, shift: 0, low: 0, range: 0, rows: 0 };
        let mut all = 0;
        let mut high = 0;
        for w in 0..=255 {
            // The activation's bits are free: the extremes take just the rows of one sign.
            let (mut below, mut above) = (0, 0);
            for i in 0..8 {
                let row = lookup.value(w, 1 << i, coding);
                all |= row;
                lookup.rows |= u8::from(row != 0) << i;
                (below, above) = (below + row.min(0), above + row.max(0));
            }
            (lookup.low, high) = (lookup.low.min(below), high.max(above));
        }
        lookup.shift = all.trailing_zeros();
        if all == 0 || (high - lookup.low) >> lookup.shift > 255 {
            return None;
        }
        lookup.range = (high - lookup.low) >> lookup.shift;
        lookup.low >>= lookup.shift;
        Some(lookup)
    }

    /// What the products of w and a differ by, in units of 2^shift.
    pub fn value(&self, w: u8, a: u8, coding: WeightCoding) -> i32 {
        let product = |term: Term| term.weight(w, coding) * i32::from(a & term.rows);
        let row = |i: u32| product(Term { rows: 1 << i, keep: keep(self.mask, i) });
        ((0..8).map(row).sum::<i32>() - self.term.map_or(0, product)) >> self.shift
    }

    /// Entries that a byte can add up.
    pub fn entries_per_byte(&self) -> usize {
        (255 / self.range) as usize
    }
}

/// What a lookup kernel can do, and how fast.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LookupProfile {
    /// Bits of a that it reads at most.
    pub bits: u32,
    /// Positions that it computes together.
    pub positions: usize,
    /// Time to look one entry up, in quarters of that of a term's product; measured.
    pub cost: usize,
    /// Time to add a byte to a wider sum, in the same unit.
    pub widening_cost: usize,
}

/// The lookup that computes a mask's products sooner than `sum` would, and the term that it
/// leaves, if there is such a lookup. `positions` are wanted, and a lookup kernel rounds them up.
pub(crate) fn split(
    mask: u64,
    sum: &Sum,
    coding: WeightCoding,
    positions: usize,
    profile: LookupProfile,
) -> Option<(Option<Term>, Lookup)> {
    let all = &sum.terms;
    if all.len() <= 2 && sum.count.is_none() {
        return None;
    }
    let filled = positions.next_multiple_of(profile.positions);
    // The upper bits of both factors, besides the mask's own terms. Such a term may well have
    // products that the mask lacks: all that matters is how little remains to be looked up.
    let upper = (0..64u32).map(|n| Term { rows: 0xffu8 << (n / 8), keep: 0xffu8 << (n % 8) });
    let candidates = all.iter().copied().chain(upper).map(Some).chain([None]);
    let best = candidates
        .filter_map(|term| {
            let lookup = Lookup::new(mask, term, coding)?;
            let cost = profile.cost + profile.widening_cost.div_ceil(lookup.entries_per_byte());
            let cost = (cost * filled).div_ceil(positions) + term.map_or(0, |_| Sum::TERM);
            (lookup.rows.count_ones() <= profile.bits).then_some((cost, term, lookup))
        })
        .min_by_key(|(cost, _, lookup)| (*cost, lookup.range));
    best.filter(|(cost, ..)| *cost < sum.cost()).map(|(_, term, lookup)| (term, lookup))
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
    fn pairs_of_rows_share_a_term_where_a_count_makes_up_for_it() {
        let truncated = |m: u32| mask(move |i, l| i + l >= m);
        let sum = |mask, coding| Sum::with_count(mask, coding);
        let all = 0x9e37_79b9_7f4a_7c15;
        for coding in [WeightCoding::Unsigned, WeightCoding::Signed] {
            for mask in (1..15).map(truncated).chain([u64::MAX, 0, all, all << 1, !all]) {
                let sum = sum(mask, coding);
                assert!(sum.cost() <= Sum::of_terms(mask).cost());
                for (w, a) in (0..=255).flat_map(|w| (0..=255).map(move |a| (w, a))) {
                    let terms = sum.terms.iter();
                    let terms = terms.map(|it| it.weight(w, coding) * i32::from(a & it.rows));
                    let count = sum.count.map_or(0, |count| {
                        assert_eq!(count.bits & count.bits << 1, 0);
                        let bits = (w & count.of_code(a) & count.bits).count_ones();
                        i32::from(count.factor) * bits as i32
                    });
                    let product = crate::Product::Mask(mask);
                    let expected = crate::naive::product(coding, &product, w, a);
                    assert_eq!(terms.sum::<i32>() + count, expected, "{mask:x} {w} {a}");
                }
            }
            assert_eq!(sum(truncated(7), coding).terms.len(), 4);
            assert_eq!(sum(truncated(8), coding).terms.len(), 4);
            assert_eq!(sum(u64::MAX, coding), Sum::of_terms(u64::MAX));
        }
    }

    #[test]
    fn truncated_masks_split_into_a_term_and_a_lookup() {
        let profile = LookupProfile { bits: 7, positions: 64, cost: 5, widening_cost: 6 };
        for coding in [WeightCoding::Unsigned, WeightCoding::Signed] {
            for m in 3..=8 {
                let mask = mask(|i, l| i + l >= m);
                let (term, lookup) =
                    split(mask, &Sum::of_terms(mask), coding, 64, profile).expect("a lookup");
                let left = term.expect("a term");
                let table = table(mask, coding);
                assert!(lookup.entries_per_byte() >= 3);
                for (w, a) in (0..=255).flat_map(|w| (0..=255).map(move |a| (w, a))) {
                    let term = left.weight(w, coding) * i32::from(a & left.rows);
                    let value = lookup.value(w, a, coding);
                    assert!((0..=lookup.range).contains(&(value - lookup.low)));
                    let p = term + (value << lookup.shift);
                    let product = crate::Product::Mask(mask);
                    assert_eq!(p, crate::naive::product(coding, &product, w, a));
                    assert_eq!(p, table[usize::from(w) << 8 | usize::from(a)]);
                }
            }
            // A lookup for one position would compute 63 others in vain.
            let split =
                |mask, positions| split(mask, &Sum::of_terms(mask), coding, positions, profile);
            assert_eq!(split(mask(|i, l| i + l >= 7), 1), None);
            // An exact and a recursive multiplier are cheap as they are.
            assert_eq!(split(u64::MAX, 64), None);
            assert_eq!(split(mask(|i, l| i >= 4 || l >= 4), 64), None);
        }
    }
}
