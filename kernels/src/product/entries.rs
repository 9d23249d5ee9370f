//! Tables of products, prepared for adding up narrow numbers.
//!
//! Of each product, what an exact product, a common function of the code and the least value for
//! the weight leave is looked up; the sum of the function over the receptive field serves all
//! filters, and the least values are constants. // eq. (5.6)

use std::collections::HashMap;

use crate::{MacSpec, WeightCoding, product::terms::Term};

/// What products differ by from a term, a function of the code and the least value for the weight;
/// not negative.
#[derive(Debug, Clone)]
pub(crate) struct Entries {
    pub term: Option<Term>,
    /// The weights of the layer, and how often they occur.
    pub used: Vec<(u8, u32)>,
    /// `[used weights][256]`
    pub values: Vec<u32>,
    /// What each code's products are more than the values say, and what each used weight's are.
    pub of_code: [i32; 256],
    pub of_weight: Vec<i32>,
    /// The column of each code: codes whose entries are equal for all weights share one.
    pub columns: [u8; 256],
    /// Number of columns.
    pub count: usize,
    /// Low bits that are always 0, and gone from the values.
    pub shift: u32,
}

impl Entries {
    /// With one of the terms, and with or without a function of the code; none that do not fit 32
    /// bits.
    pub fn candidates(spec: &MacSpec, table: &[i32], terms: &[Option<Term>]) -> Vec<Entries> {
        let mut occurrences = [0u32; 256];
        spec.weights.iter().for_each(|&w| occurrences[usize::from(w)] += 1);
        let used: Vec<(u8, u32)> =
            (0..=255).zip(occurrences).filter(|&(_, occurrences)| occurrences > 0).collect();
        terms
            .iter()
            .filter_map(|&term| Entries::new(table, spec.coding, &used, term))
            .flat_map(|entries| {
                let mean = entries.mean();
                [entries.less_mean(&mean), entries.less_middle(&mean), Some(entries)]
            })
            .flatten()
            .collect()
    }

    fn new(
        table: &[i32],
        coding: WeightCoding,
        used: &[(u8, u32)],
        term: Option<Term>,
    ) -> Option<Entries> {
        let mut values = Vec::with_capacity(used.len() << 8);
        let mut of_weight = Vec::with_capacity(used.len());
        for &(w, _) in used {
            let row = &table[usize::from(w) << 8..][..256];
            let left = |(a, &p): (usize, &i32)| {
                let known =
                    term.map_or(0, |term| term.weight(w, coding) * i32::from(a as u8 & term.rows));
                i64::from(p) - i64::from(known)
            };
            let least = row.iter().enumerate().map(left).min().unwrap_or(0);
            for entry in row.iter().enumerate().map(left) {
                values.push(u32::try_from(entry - least).ok()?);
            }
            // Sums wrap, and so may this.
            of_weight.push(least as i32);
        }
        let shift = values.iter().fold(0, |bits, value| bits | value).trailing_zeros() % 32;
        values.iter_mut().for_each(|value| *value >>= shift);
        let mut numbers = HashMap::new();
        let columns = std::array::from_fn(|a| {
            let column: Vec<u32> = values.chunks_exact(256).map(|row| row[a]).collect();
            let next = numbers.len();
            *numbers.entry(column).or_insert(next) as u8
        });
        Some(Entries {
            term,
            used: used.to_vec(),
            values,
            of_code: [0; 256],
            of_weight,
            columns,
            count: numbers.len(),
            shift,
        })
    }

    /// Less their rounded mean over the weights; what is left may well span less.
    fn less_mean(&self, mean: &[f64; 256]) -> Option<Entries> {
        self.less(mean.map(f64::round))
    }

    /// Less the row of the weight that is nearest to the mean: unlike a rounded mean, it keeps
    /// what rows of halves of the code or of few columns have in common.
    fn less_middle(&self, mean: &[f64; 256]) -> Option<Entries> {
        // Whatever is added to a whole row does not matter.
        let distance = |row: &[u32]| -> f64 {
            let apart = || row.iter().zip(mean).map(|(&value, mean)| f64::from(value) - mean);
            let level = apart().sum::<f64>() / 256.0;
            apart().map(|apart| (apart - level).abs()).sum()
        };
        let rows = self.values.chunks_exact(256);
        let row = rows.min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
        self.less(std::array::from_fn(|a| f64::from(row[a])))
    }

    /// The mean of each code's entries over the weights as they occur.
    fn mean(&self) -> [f64; 256] {
        let mut mean = [0.0; 256];
        let all: f64 = self.used.iter().map(|&(_, occurrences)| f64::from(occurrences)).sum();
        for (row, &(_, occurrences)) in self.values.chunks_exact(256).zip(&self.used) {
            let share = f64::from(occurrences) / all;
            mean.iter_mut().zip(row).for_each(|(mean, &value)| *mean += share * f64::from(value));
        }
        mean
    }

    /// Less a function of the code, of whole numbers.
    fn less(&self, common: [f64; 256]) -> Option<Entries> {
        let common = common.map(|value| value as i64);
        let mut values = Vec::with_capacity(self.values.len());
        let mut of_weight = Vec::with_capacity(self.of_weight.len());
        for (row, before) in self.values.chunks_exact(256).zip(&self.of_weight) {
            let left = || row.iter().zip(common).map(|(&value, common)| i64::from(value) - common);
            let least = left().min().unwrap_or(0);
            for entry in left() {
                values.push(u32::try_from(entry - least).ok()?);
            }
            of_weight.push(before.wrapping_add((least << self.shift) as i32));
        }
        Some(Entries {
            values,
            of_code: common.map(|value| (value << self.shift) as i32),
            of_weight,
            // Lest the values be copied only to be dropped.
            used: self.used.clone(),
            ..*self
        })
    }

    pub fn column_bits(&self) -> u32 {
        self.count.next_power_of_two().trailing_zeros()
    }

    /// The same as f(w, a mod 16) + g(w, a div 16), if they can be written so.
    pub fn nibbles(&self) -> Option<Entries> {
        let splits = |row: &[u32]| {
            row.iter().enumerate().all(|(a, &value)| {
                let [low, high] = [row[a & 15], row[a & 0xf0]].map(i64::from);
                i64::from(value) == low + high - i64::from(row[0])
            })
        };
        let columns = std::array::from_fn(|a| a as u8);
        self.values.chunks_exact(256).all(splits).then(|| Entries {
            columns,
            count: 256,
            ..self.clone()
        })
    }

    /// The largest `part` of a weight's values, on average over the weights as they occur.
    pub fn mean_largest(&self, part: impl Fn(u32) -> u32) -> f64 {
        let (mut sum, mut all) = (0.0, 0.0);
        for (row, &(_, occurrences)) in self.values.chunks_exact(256).zip(&self.used) {
            let largest = row.iter().map(|&value| part(value)).max().unwrap_or(0);
            sum += f64::from(largest) * f64::from(occurrences);
            all += f64::from(occurrences);
        }
        sum / all
    }
}
