//! A table of products as a short sum of ordinary products of bytes.
//!
//! With f_r a function of the code and g_r one of the weight,
//! p(w, a) = sum_r f_r(a) g_r(w) + c(a) + d(w). // eq. (5.5)
//!
//! Tables of low rank have many such sums of fractions; one of bytes is wanted. All that rows add
//! up to, taken whole times, is a lattice, and any basis of it gives whole numbers: its vectors are
//! the f_r, and how often each row has them the g_r. Bases of short vectors are known to be found
//! fast; from there both are made small.

use crate::{WeightCoding, product::terms::Term};

/// Most ordinary products that are tried.
const MOST: usize = 4;

/// One ordinary product: what stands for the code, and for the weight by its byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Factor {
    pub of_code: CodeFactor,
    pub of_weight: [i16; 256],
}

/// What stands for the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CodeFactor {
    /// Some of its bits.
    Bits(u8),
    /// Any byte.
    Bytes(Box<[u8; 256]>),
}

impl CodeFactor {
    fn new(bytes: [u8; 256]) -> CodeFactor {
        let bits = CodeFactor::Bits(bytes[255]);
        match (0..=255).all(|code| bits.of(code) == bytes[usize::from(code)]) {
            true => bits,
            false => CodeFactor::Bytes(Box::new(bytes)),
        }
    }

    /// What `of` makes of each code.
    pub fn by(of: impl Fn(u8) -> u8) -> CodeFactor {
        CodeFactor::new(std::array::from_fn(|code| of(code as u8)))
    }

    pub fn of(&self, code: u8) -> u8 {
        match self {
            CodeFactor::Bits(bits) => code & bits,
            CodeFactor::Bytes(bytes) => bytes[usize::from(code)],
        }
    }
}

impl Factor {
    pub fn of_term(term: Term, coding: WeightCoding) -> Factor {
        Factor {
            of_code: CodeFactor::Bits(term.rows),
            of_weight: std::array::from_fn(|w| term.weight(w as u8, coding) as i16),
        }
    }

    /// Largest less smallest factor of the weights in use.
    fn span(&self, used: &[u8]) -> i32 {
        let factors = || used.iter().map(|&w| i32::from(self.of_weight[usize::from(w)]));
        factors().max().unwrap_or(0) - factors().min().unwrap_or(0)
    }
}

/// The sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Factors {
    pub terms: Vec<Factor>,
    /// c, and d by the weight's byte.
    pub of_code: [i32; 256],
    pub of_weight: [i32; 256],
}

impl Factors {
    /// The sum for the weights in use, if there is one of at most [`MOST`] ordinary products whose
    /// factors of the code are bytes and whose factors of the weight span less than `span`.
    /// `table` has 65,536 entries.
    pub fn new(table: &[i32], used: &[u8], span: i32) -> Option<Factors> {
        let row = |w: u8| table[usize::from(w) << 8..][..256].iter().map(|&p| i64::from(p));
        // Functions of the weight or of the code alone cost nothing, and need no product.
        let first = *used.first()?;
        let common: Vec<i64> = row(first).collect();
        let left = |w: u8| -> Vec<i64> {
            let left = row(w).zip(&common).map(|(p, common)| p - common);
            let base = table[usize::from(w) << 8];
            left.map(|left| left - i64::from(base) + common[0]).collect()
        };
        let mut lattice = Lattice::default();
        used.iter().try_for_each(|&w| lattice.add(&left(w)))?;
        // `[vectors][used weights]`
        let mut counts = vec![Vec::with_capacity(used.len()); lattice.vectors.len()];
        for &w in used {
            let all = lattice.counts(&left(w))?;
            counts.iter_mut().zip(all).for_each(|(counts, count)| counts.push(count));
        }
        lattice.balance(&mut counts)?;
        let mut factors = Factors {
            terms: Vec::new(),
            of_code: common.iter().map(|&p| p as i32).collect::<Vec<_>>().try_into().ok()?,
            of_weight: [0; 256],
        };
        for &w in used {
            let base = i64::from(table[usize::from(w) << 8]) - common[0];
            factors.of_weight[usize::from(w)] = i32::try_from(base).ok()?;
        }
        for (entries, counts) in lattice.vectors.iter().zip(&counts) {
            let term = factors.term(entries, used.iter().copied().zip(counts))?;
            factors.terms.push(term);
        }
        factors.terms.iter().all(|term| term.span(used) < span).then_some(factors)
    }

    /// A vector times its counts, as bytes; what they are moved by goes to the weights.
    fn term<'a>(
        &mut self,
        vector: &[i64],
        counts: impl Iterator<Item = (u8, &'a i64)>,
    ) -> Option<Factor> {
        let low = *vector.iter().min()?;
        // What all entries have in common is the weights' as far as bytes cannot hold it.
        let common = vector.iter().fold(0, |common, &entry| gcd(common, entry));
        let most = i64::try_from(255 * i128::from(common) / span(vector)).ok()?;
        let kept = (1..=common.min(most)).rev().find(|kept| common % kept == 0)?;
        let unit = common / kept;
        let bytes = std::array::from_fn(|a| ((vector[a] - low) / unit) as u8);
        let mut factor = Factor { of_code: CodeFactor::new(bytes), of_weight: [0; 256] };
        for (w, count) in counts {
            factor.of_weight[usize::from(w)] = i16::try_from(count.checked_mul(unit)?).ok()?;
            let of_weight = &mut self.of_weight[usize::from(w)];
            *of_weight = i32::try_from(i64::from(*of_weight) + count * low).ok()?;
        }
        Some(factor)
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a.abs() } else { gcd(b, a % b) }
}

/// Whole multiples of up to [`MOST`] vectors, added up. Numbers that do not fit 64 bits give None.
#[derive(Debug, Default)]
struct Lattice {
    /// `[vectors][256]`; no other vectors of the lattice are much shorter.
    vectors: Vec<Vec<i64>>,
}

impl Lattice {
    /// Adds a vector; None if there are too many then.
    fn add(&mut self, vector: &[i64]) -> Option<()> {
        let (_, left) = self.divide(vector)?;
        if left.iter().all(|&entry| entry == 0) {
            return Some(());
        }
        self.vectors.push(left);
        self.shorten()?;
        self.vectors.retain(|vector| vector.iter().any(|&entry| entry != 0));
        (self.vectors.len() <= MOST).then_some(())
    }

    /// How often a vector of the lattice has each of these; None if it is none.
    fn counts(&self, vector: &[i64]) -> Option<Vec<i64>> {
        let (counts, left) = self.divide(vector)?;
        left.iter().all(|&entry| entry == 0).then_some(counts)
    }

    /// How often these are in a vector, the last first, and what is left of it.
    fn divide(&self, vector: &[i64]) -> Option<(Vec<i64>, Vec<i64>)> {
        let upright = upright(&self.vectors);
        let (mut counts, mut left) = (vec![0; self.vectors.len()], vector.to_vec());
        for (j, vector) in self.vectors.iter().enumerate().rev() {
            counts[j] = part(&floats(&left), &upright[j]).round() as i64;
            left = without(&left, counts[j], vector)?;
        }
        Some((counts, left))
    }

    /// Makes vectors short, whatever is added to all entries of one; those that others add up to
    /// become 0. (Lenstra, Lenstra and Lovasz: Factoring polynomials with rational coefficients,
    /// 1982.)
    fn shorten(&mut self) -> Option<()> {
        let mut k = 1;
        // Far more steps than it takes, lest rounding keep it going.
        for _ in 0..1000 {
            if k >= self.vectors.len() {
                return Some(());
            }
            let upright = upright(&self.vectors);
            for j in (0..k).rev() {
                let times = part(&floats(&self.vectors[k]), &upright[j]).round() as i64;
                self.vectors[k] = without(&self.vectors[k], times, &self.vectors[j])?;
            }
            let length = |n: usize| covariance(&upright[n], &upright[n]);
            let part = part(&floats(&self.vectors[k]), &upright[k - 1]);
            if length(k) >= (0.99 - part * part) * length(k - 1) {
                k += 1;
            } else {
                self.vectors.swap(k - 1, k);
                k = (k - 1).max(1);
            }
        }
        None
    }

    /// Takes vectors from each other as long as they and the counts become smaller together:
    /// short vectors alone have large counts. (As in Seysen: Simultaneous reduction of a lattice
    /// basis and its reciprocal basis, 1993.)
    fn balance(&mut self, counts: &mut [Vec<i64>]) -> Option<()> {
        // Sums that fit take some tens of steps; products beyond 16 bits may ask for millions, and
        // have no sum at their end.
        const MOST_STEPS: usize = 1000;
        // The widest have to fit: a high power tells more of them than squares do.
        let size = |numbers: &[i64]| (span(numbers) as f64).powi(6);
        let count = self.vectors.len();
        for _ in 0..MOST_STEPS {
            // One less or more `times` the second vector, and what that gains.
            let mut best: Option<(f64, [usize; 2], i64)> = None;
            for (i, j) in (0..count).flat_map(|i| (0..count).map(move |j| (i, j))) {
                for times in [1, -1].into_iter().filter(|_| i != j) {
                    let vector = without(&self.vectors[i], times, &self.vectors[j])?;
                    let other = without(&counts[j], -times, &counts[i])?;
                    let before = size(&self.vectors[i]) + size(&counts[j]);
                    let gain = before - size(&vector) - size(&other);
                    if gain > 1e-9 * before && best.is_none_or(|best| gain > best.0) {
                        best = Some((gain, [i, j], times));
                    }
                }
            }
            let Some((_, [i, j], times)) = best else { return Some(()) };
            self.vectors[i] = without(&self.vectors[i], times, &self.vectors[j])?;
            counts[j] = without(&counts[j], -times, &counts[i])?;
        }
        None
    }
}

/// Largest less smallest.
fn span(numbers: &[i64]) -> i128 {
    let (low, high) =
        numbers.iter().fold((i64::MAX, i64::MIN), |(low, high), &n| (low.min(n), high.max(n)));
    i128::from(high) - i128::from(low)
}

/// The vectors less what lies along earlier ones (Gram and Schmidt); 0 where nothing else is left.
fn upright(vectors: &[Vec<i64>]) -> Vec<Vec<f64>> {
    let mut upright: Vec<Vec<f64>> = Vec::new();
    for vector in vectors {
        let mut left = floats(vector);
        let length = covariance(&left, &left);
        for earlier in &upright {
            let part = part(&left, earlier);
            left.iter_mut().zip(earlier).for_each(|(left, earlier)| *left -= part * earlier);
        }
        if covariance(&left, &left) < 1e-12 * length {
            left.fill(0.0);
        }
        upright.push(left);
    }
    upright
}

/// How much of one vector is in another.
fn part(vector: &[f64], one: &[f64]) -> f64 {
    let length = covariance(one, one);
    if length > 0.0 { covariance(vector, one) / length } else { 0.0 }
}

fn floats(numbers: &[i64]) -> Vec<f64> {
    numbers.iter().map(|&number| number as f64).collect()
}

/// Times the length.
fn covariance(a: &[f64], b: &[f64]) -> f64 {
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (of_a, of_b) = (mean(a), mean(b));
    a.iter().zip(b).map(|(a, b)| (a - of_a) * (b - of_b)).sum()
}

fn without(vector: &[i64], times: i64, other: &[i64]) -> Option<Vec<i64>> {
    let parts = vector.iter().zip(other);
    parts.map(|(&entry, &other)| entry.checked_sub(times.checked_mul(other)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the sum says for each pair is what the table says; how many products that takes.
    fn terms(span: i32, product: impl Fn(i32, i32) -> i32) -> Option<usize> {
        let table: Vec<i32> = (0..1 << 16).map(|i| product(i >> 8, i & 255)).collect();
        let used: Vec<u8> = (0..=255).collect();
        let factors = Factors::new(&table, &used, span)?;
        for (i, &p) in table.iter().enumerate() {
            let (w, a) = (i >> 8, i & 255);
            let products = factors
                .terms
                .iter()
                .map(|term| i32::from(term.of_code.of(a as u8)) * i32::from(term.of_weight[w]));
            assert_eq!(p, products.sum::<i32>() + factors.of_code[a] + factors.of_weight[w]);
        }
        Some(factors.terms.len())
    }

    /// The leading four bits.
    fn lead(v: i32) -> i32 {
        v & (-1 << (28 - v.leading_zeros() as i32).max(0))
    }

    /// The pairs of bits that are both set, as the multiplier of Kulkarni et al. gets wrong.
    fn pairs(v: i32) -> i32 {
        v & (v >> 1) & 0x55
    }

    #[test]
    fn one_product() {
        let all = 256;
        assert_eq!(terms(all, |w, a| w * a), Some(1));
        assert_eq!(terms(all, |w, a| lead(w) * lead(a)), Some(1));
        assert_eq!(terms(all, |w, a| (w as u8 as i8) as i32 / 3 * a), Some(1));
        // Codes that count down, a constant, functions of one alone.
        assert_eq!(terms(all, |w, a| w * (128 - a) + 77), Some(1));
        assert_eq!(terms(all, |w, a| w * a + a * a - 300 * w), Some(1));
        assert_eq!(terms(all, |w, a| a * a - 300 * w), Some(0));
        assert_eq!(terms(all, |_, _| 0), Some(0));
        // A common factor is the codes' as far as they have room.
        assert_eq!(terms(all, |w, a| 4 * w * (a / 4)), Some(1));
        assert_eq!(terms(all, |w, a| 5 * w * (a / 4)), None);
        assert_eq!(terms(i32::MAX, |w, a| 5 * w * (a / 4)), Some(1));
        // Neither has room.
        assert_eq!(terms(i32::MAX, |w, a| 200 * w * a), None);
    }

    #[test]
    fn several_products() {
        let all = 256;
        assert_eq!(terms(all, |w, a| w * a - 2 * pairs(w) * pairs(a)), Some(2));
        assert_eq!(terms(all, |w, a| w * a - (w & 15) * (a & 15)), Some(2));
        assert_eq!(terms(all, |w, a| lead(w) * lead(a) + pairs(w) * (a >> 5) - 9), Some(2));
        let three = |w: i32, a: i32| w * a - pairs(w) * (a & 7) - (w & 3) * ((a ^ 99) >> 4);
        assert_eq!(terms(all, three), Some(3));
        assert_eq!(terms(all, |w, a| three(w, a) - (w % 7) * (a % 11)), Some(4));
        let mut state = 1u32;
        let mut random = |most: u32| -> Vec<i32> {
            let mut number = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 16) % (most + 1)
            };
            (0..256).map(|_| number() as i32).collect()
        };
        for products in 1..=4 {
            let factors: Vec<_> =
                (0..products).map(|r| (random(255 >> r), random(255 >> r))).collect();
            let sum = |w: i32, a: i32| {
                factors.iter().map(|(f, g)| f[a as usize] * g[w as usize]).sum::<i32>()
            };
            assert_eq!(terms(all, sum), Some(products));
        }
        let five = |w: i32, a: i32| three(w, a) - (w % 7) * (a % 11) - (w % 5) * (a % 13);
        assert_eq!(terms(i32::MAX, five), None);
        // Any entry of 32 bits ends well.
        let any = |w: i32, a: i32| (w * 1003 + a).wrapping_mul(0x9e37_79b9_u32 as i32);
        assert_eq!(terms(i32::MAX, any), None);
        assert_eq!(terms(i32::MAX, |w, a| if w > a { i32::MAX } else { i32::MIN }), None);
    }

    /// Balancing them takes steps in proportion to the product: here 8 million, if nothing ends it.
    #[test]
    fn products_of_any_size_take_as_long() {
        for (size, expected) in [(1 << 16, Some(2)), (1 << 20, Some(2)), (i32::MAX, None)] {
            let odd = |w, a| if (w, a) == (1, 1) { size } else { w * a };
            assert_eq!(terms(1 << 15, odd), expected, "{size}");
        }
        assert_eq!(terms(1 << 15, |w, a| if w & a == 255 { i32::MAX } else { w * a }), None);
        assert_eq!(terms(1 << 15, |w, a| if w & a == 255 { i32::MIN } else { w * a }), None);
    }

    #[test]
    fn weights_that_are_not_used_do_not_matter() {
        let table: Vec<i32> =
            (0..1 << 16).map(|i: i32| if i >> 8 < 3 { i * 77 % 1013 } else { 7 }).collect();
        let products = |used: &[u8]| Factors::new(&table, used, 256).map(|sum| sum.terms.len());
        assert_eq!(products(&[5, 9, 200]), Some(0));
        assert_eq!(products(&[]), None);
    }
}
