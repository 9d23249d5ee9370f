//! Constants that are made while a layer's operand is loaded into the array: products of two
//! activations have no others, docs/arithmetic.md, section 3.

use crate::numeric::round_half_even_shift;

use super::LayerConstants;

/// What the weights of a filter add to its constants, one by one as they are loaded.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadConstants {
    /// To C_r, per weight byte, in units of 2^-(c_frac + 8): gamma_r(w) / k, eq. (3.21).
    pub c: Vec<[i32; 256]>,
    /// To the mean of the error, per weight byte, in units of 2^-8: E e(w, a).
    pub mean: [i32; 256],
    /// k E x_r of the layer, which C_r is multiplied by once all is loaded.
    pub mean_x: Vec<i64>,
    /// Fraction bits of C.
    pub c_frac: u32,
    /// k: as many weights does a filter have.
    pub depth: usize,
}

/// Real numbers that [`LoadConstants`] are rounded from.
pub(super) struct Shares {
    /// gamma_r(w) / k, `[r][w]`.
    pub c: Vec<[f64; 256]>,
    /// E e(w, a).
    pub mean: [f64; 256],
    /// k E x_r.
    pub mean_x: Vec<f64>,
    /// k.
    pub depth: usize,
    /// Whether both are sums over the bits of w, as those of masks are: then eight numbers are
    /// rounded, not 256.
    pub of_bits: bool,
}

impl Shares {
    /// Those of constants that need no data: C is a mean over the weights, without C0.
    pub fn of_paper(c: &[f64; 256], depth: usize) -> Self {
        let c = c.map(|c| c / depth as f64);
        Self { c: vec![c], mean: [0.0; 256], mean_x: vec![0.0], depth, of_bits: false }
    }
}

impl LoadConstants {
    /// Fraction bits that what a weight adds has more than the constant that it adds to.
    pub const GUARD: u32 = 8;
    /// The largest C that is stored, of either sign; beyond it C saturates.
    pub const MOST_C: i64 = 1 << 28;

    pub(super) fn new(shares: &Shares, c_frac: u32) -> Self {
        let is_sum = shares.of_bits;
        let stored = |shares: &[f64; 256], bits: u32| {
            let unit = 2f64.powi(bits as i32);
            let round = |w: usize| (shares[w] * unit).round_ties_even() as i32;
            let of_bits = |w: usize| {
                let set = (0..8).filter(|l| w >> l & 1 == 1);
                set.map(|l| round(1 << l)).fold(0, i32::saturating_add)
            };
            std::array::from_fn(|w| if is_sum { of_bits(w) } else { round(w) })
        };
        Self {
            c: shares.c.iter().map(|c| stored(c, c_frac + Self::GUARD)).collect(),
            mean: stored(&shares.mean, Self::GUARD),
            mean_x: shares.mean_x.iter().map(|mean| mean.round_ties_even() as i64).collect(),
            c_frac,
            depth: shares.depth,
        }
    }

    /// The same for C0 alone.
    pub(super) fn without_c(self) -> Self {
        Self { c: self.c.iter().map(|_| [0; 256]).collect(), ..self }
    }

    /// The constants of filters, one after the other, eq. (3.22).
    pub fn of(&self, weights: &[u8]) -> LayerConstants {
        let filters = weights.chunks_exact(self.depth);
        let sum = |weights: &[u8], of: &[i32; 256]| -> i64 {
            weights.iter().map(|&w| i64::from(of[usize::from(w)])).sum()
        };
        let of_term = |of: &[i32; 256]| -> Vec<i32> {
            filters.clone().map(|weights| Self::c_of(sum(weights, of))).collect()
        };
        let c: Vec<Vec<i32>> = self.c.iter().map(of_term).collect();
        let c0 = filters.enumerate().map(|(filter, weights)| {
            self.c0_of(sum(weights, &self.mean), c.iter().map(|c| c[filter]))
        });
        LayerConstants { c0: c0.collect(), c, load: None }
    }

    /// C_r of a filter whose weights add so much to it.
    pub(crate) fn c_of(sum: i64) -> i32 {
        round_half_even_shift(sum, Self::GUARD).clamp(-Self::MOST_C, Self::MOST_C) as i32
    }

    /// C0 of a filter with such C_r whose weights add so much to the mean.
    pub(crate) fn c0_of(&self, sum_of_means: i64, c: impl Iterator<Item = i32>) -> i32 {
        let of_x = c.zip(&self.mean_x).map(|(c, mean_x)| i64::from(c) * mean_x).sum();
        let mean = round_half_even_shift(sum_of_means, Self::GUARD);
        let c0 = mean - round_half_even_shift(of_x, self.c_frac);
        c0.clamp(i32::MIN.into(), i32::MAX.into()) as i32
    }
}
