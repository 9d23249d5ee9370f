//! What all filters of a group have in common: sums over the patches that they read.

use nalgebra::DMatrix;
use rayon::prelude::*;
use recoup_kernels::{Isa, Lanes};

use super::{Layer, Patches, Products};
use crate::control_variate::pseudo_inverse;

/// One position of the filters. Sums are over patches, of functions whose mean is taken off; the
/// functions of a code are the code itself, and those of the control variate behind it.
pub(super) struct Position {
    /// How often each code is there.
    pub counts: [f64; 256],
    /// h_r h_q, `[r][q]`.
    pub gram: Vec<f64>,
    /// p(w, a)^2 / 2 for each candidate.
    pub half_squares: Vec<f64>,
    /// h_r times each function.
    pub with_functions: Vec<Vec<f64>>,
    /// h_r times the real activation of the exact network.
    pub with_exact: Vec<f64>,
    /// The functions times each other, and the exact activation behind them.
    pub functions: DMatrix<f64>,
}

impl Position {
    /// The mean of a function of the code.
    pub fn mean(&self, of: impl Fn(usize) -> f64) -> f64 {
        let seen = (0..256).filter(|&a| self.counts[a] > 0.0);
        let (sum, count) = seen.fold((0.0, 0.0), |(sum, count), a| {
            (sum + self.counts[a] * of(a), count + self.counts[a])
        });
        sum / f64::max(count, 1.0)
    }

    /// Adds a function of the code, less its mean, to the table of a filter.
    pub fn add_centred(
        &self,
        table: &mut [Lanes<f32>; 256],
        lane: usize,
        of: impl Fn(usize) -> f64,
    ) {
        let mean = self.mean(&of);
        table.iter_mut().enumerate().for_each(|(a, own)| own[lane] += (of(a) - mean) as f32);
    }
}

/// A group of filters of a layer.
pub(super) struct Scene<'a> {
    pub isa: Isa,
    pub products: &'a Products,
    /// Weight bytes that are allowed, by their values.
    pub candidates: &'a [u8],
    /// The numbers that they stand for.
    values: Vec<f64>,
    /// f of the candidates, `[candidate][r]`.
    pub of_candidates: Vec<f64>,
    pub patches: &'a Patches,
    pub positions: Vec<Position>,
    /// The weight of what positions have in common, n / (n + 2 k): n patches tell little of the sums
    /// over pairs of k positions.
    pub joint: f64,
    /// X_r of each patch, less its mean.
    pub sums_x: Vec<Vec<f32>>,
    /// The mean of X_r.
    pub mean_x: Vec<f64>,
    /// What makes C of gradients: for positions that have nothing in common, and as it is.
    pub inverses: [DMatrix<f64>; 2],
    pub c_frac: u32,
    pub input_scale: f64,
}

impl<'a> Scene<'a> {
    pub fn new(isa: Isa, layer: &Layer<'a>, patches: &'a Patches) -> Self {
        let (products, candidates) = (layer.products, layer.candidates);
        let of_candidates =
            candidates.iter().flat_map(|&byte| products.of_weight(byte)).copied().collect();
        let mut functions = vec![std::array::from_fn(|a| a as f64)];
        functions.extend(layer.functions.iter().map(|x| x.map(f64::from)));
        let mut scene = Self {
            isa,
            products,
            candidates,
            values: candidates.iter().map(|&byte| layer.value(byte)).collect(),
            of_candidates,
            patches,
            positions: Vec::new(),
            joint: patches.count as f64 / (patches.count + 2 * patches.depth) as f64,
            sums_x: Vec::new(),
            mean_x: Vec::new(),
            inverses: [DMatrix::zeros(0, 0), DMatrix::zeros(0, 0)],
            c_frac: layer.c_frac,
            input_scale: layer.input_scale,
        };
        let value: [f64; 256] = std::array::from_fn(|code| {
            let apart = code as f64 - f64::from(layer.exact_input.zero_point);
            apart * layer.exact_input.scale
        });
        let positions = 0..patches.depth;
        let position = |at| scene.position(at, &functions, &value);
        scene.positions = positions.into_par_iter().map(position).collect();
        scene.sum_functions(&functions[1..]);
        scene
    }

    fn position(&self, at: usize, functions: &[[f64; 256]], value: &[f64; 256]) -> Position {
        let n = self.patches.count.max(1) as f64;
        let rank = self.products.rank();
        let h = |r: usize| &self.products.of_code()[256 * r..][..256];
        let (mut counts, mut exact, mut exact_squares) = ([0.0; 256], [0.0; 256], 0.0);
        let (codes, exact_codes) = self.patches.position(at);
        for (&code, &exact_code) in codes.iter().zip(exact_codes) {
            let value = value[usize::from(exact_code)];
            counts[usize::from(code)] += 1.0;
            exact[usize::from(code)] += value;
            exact_squares += value * value;
        }
        // Only codes that were seen: mostly a part of all.
        let seen: Vec<usize> = (0..256).filter(|&a| counts[a] > 0.0).collect();
        let sum = |of: &dyn Fn(usize) -> f64| seen.iter().map(|&a| of(a)).sum::<f64>();
        let mean_exact = sum(&|a| exact[a]) / n;
        let mean = |f: &[f64]| sum(&|a| counts[a] * f[a]) / n;
        let centred = |f: &[f64]| -> Vec<f64> {
            let mean = mean(f);
            (0..256).map(|a| f[a] - mean).collect()
        };
        let h: Vec<Vec<f64>> = (0..rank).map(|r| centred(h(r))).collect();
        let of: Vec<Vec<f64>> = functions.iter().map(|f| centred(f)).collect();
        let times = |f: &[f64], g: &[f64]| sum(&|a| counts[a] * f[a] * g[a]);
        let with_exact = |f: &[f64]| sum(&|a| (exact[a] - counts[a] * mean_exact) * f[a]);
        let gram: Vec<f64> =
            (0..rank * rank).map(|at| times(&h[at / rank], &h[at % rank])).collect();
        let half_squares = self.of_candidates.chunks_exact(rank.max(1)).map(|f| {
            let rows = gram.chunks_exact(rank.max(1)).zip(f);
            rows.map(|(row, own)| own * dot(row, f)).sum::<f64>() / 2.0
        });
        let last = functions.len();
        Position {
            half_squares: half_squares.collect(),
            with_functions: of.iter().map(|f| h.iter().map(|h| times(h, f)).collect()).collect(),
            with_exact: h.iter().map(|h| with_exact(h)).collect(),
            functions: DMatrix::from_fn(last + 1, last + 1, |row, column| {
                match (row == last, column == last) {
                    (false, false) => times(&of[row], &of[column]),
                    (true, false) => with_exact(&of[column]),
                    (false, true) => with_exact(&of[row]),
                    (true, true) => exact_squares - n * mean_exact * mean_exact,
                }
            }),
            gram,
            counts,
        }
    }

    /// The sums X of the control variate, and what makes C of them.
    fn sum_functions(&mut self, functions: &[[f64; 256]]) {
        let n = self.patches.count;
        for x in functions {
            let mut sums = vec![0.0; n];
            for at in 0..self.patches.depth {
                let codes = self.patches.position(at).0;
                sums.iter_mut().zip(codes).for_each(|(sum, &code)| *sum += x[usize::from(code)]);
            }
            let mean = sums.iter().sum::<f64>() / n.max(1) as f64;
            self.sums_x.push(sums.iter().map(|sum| (sum - mean) as f32).collect());
            self.mean_x.push(mean);
        }
        let terms = functions.len();
        let alone = DMatrix::from_fn(terms, terms, |row, column| {
            let positions = self.positions.iter();
            positions.map(|position| position.functions[(1 + row, 1 + column)]).sum::<f64>()
        });
        let together = DMatrix::from_fn(terms, terms, |row, column| {
            let sums = self.sums_x[row].iter().zip(&self.sums_x[column]);
            sums.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>()
        });
        let mixed = &together * self.joint + &alone * (1.0 - self.joint);
        self.inverses = [pseudo_inverse(&alone), pseudo_inverse(&mixed)];
    }

    pub fn terms(&self) -> usize {
        self.sums_x.len()
    }

    /// f of a candidate.
    pub fn of_candidate(&self, candidate: u16) -> &[f64] {
        let rank = self.products.rank();
        &self.of_candidates[usize::from(candidate) * rank..][..rank]
    }

    /// The candidate whose value is nearest.
    pub fn nearest(&self, value: f64) -> u16 {
        let distance = |&(_, &own): &(usize, &f64)| (own - value).abs();
        let values = self.values.iter().enumerate();
        let nearest = values.min_by(|a, b| distance(a).total_cmp(&distance(b)));
        nearest.map_or(0, |(number, _)| number as u16)
    }

    /// The products of a candidate with all codes.
    pub fn row(&self, candidate: u16) -> &[i32] {
        self.products.row(self.candidates[usize::from(candidate)])
    }
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
