//! A table of products as bytes that a vector register can look up.
//!
//! The [`Entries`] are cut into planes of at most 8 bits. Codes whose entries are equal for all
//! weights of the layer are one column, so that a circuit which ignores low bits of its operand
//! needs small tables.

use std::collections::HashMap;

use crate::{
    MacSpec,
    product::{entries::Entries, terms::Term},
};

/// A part of a table: entry a of table n is at 64 n `lines` + column of a.
#[repr(C, align(64))]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line(pub [u8; 64]);

/// Some bits of the entries.
#[derive(Debug)]
pub(crate) struct BytePlane {
    /// For each of 256 numbers as many lines as an index has; the last are empty if there are fewer.
    pub tables: Vec<Line>,
    /// What bit 7 of an index of 8 adds to the entry of the others modulo 256, for each number, if
    /// that is always the same: tables then have half the lines.
    pub upper: Option<Box<[u8; 256]>>,
    /// The largest entry for each number.
    pub largest: Vec<u8>,
    /// What a sum is shifted left by.
    pub shift: u32,
}

/// How a table is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Index {
    /// By the number of the column, of so many bits.
    Column(u32),
    /// By the low and the high four bits apart; the entries of the second 16 are added modulo 256.
    Nibbles,
}

impl std::fmt::Display for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Index::Column(bits) => bits.fmt(f),
            Index::Nibbles => f.write_str("4+4"),
        }
    }
}

#[derive(Debug)]
pub(crate) struct ByteTables {
    /// What the products lack.
    pub term: Option<Term>,
    pub index: Index,
    /// The column of each code; the code itself for nibbles.
    pub columns: [u8; 256],
    /// The number of each weight's table.
    pub numbers: [u8; 256],
    /// What each code's products are more than the planes say, and what each weight's are.
    pub of_code: [i32; 256],
    pub of_weight: [i32; 256],
    pub planes: Vec<BytePlane>,
}

/// Costs of an instruction set in quarters of the time of one addition of a vector of bytes;
/// infinite for what it has no kernel for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Costs {
    /// Of a lookup by a column of so many bits, up to 8.
    pub column: [Option<usize>; 9],
    pub nibbles: Option<usize>,
    /// Of adding one byte to others.
    pub add: usize,
    /// Of adding a byte to wider sums.
    pub widen: usize,
    /// Of an exact product.
    pub product: usize,
    /// Of each sum of such that is added to what is looked up.
    pub sum: usize,
}

impl ByteTables {
    /// The cheapest way with one of the terms or none; None if there is no kernel for any, or so
    /// many ordinary `products` cost less.
    pub fn new(
        spec: &MacSpec,
        table: &[i32],
        terms: &[Option<Term>],
        costs: &Costs,
        products: usize,
    ) -> Option<ByteTables> {
        let most = costs.product.saturating_mul(products);
        let sum = costs.sum / spec.shape.depth();
        let whole = terms.contains(&None).then(|| Entries::less_zero_point(spec, table)).flatten();
        let whole = whole.filter(|entries| entries.count > 128 && entries.is_split());
        let candidates = whole.into_iter().chain(Entries::candidates(spec, table, terms));
        candidates
            .flat_map(|entries| {
                let nibbles = entries.nibbles().map(|nibbles| (nibbles, Index::Nibbles));
                let column = Index::Column(entries.column_bits());
                [Some((entries, column)), nibbles].into_iter().flatten()
            })
            .filter_map(|(entries, index)| Some((entries.cost(index, costs)?, entries, index)))
            .filter(|(cost, ..)| *cost < most)
            .min_by_key(|(cost, entries, _)| cost + entries.term.map_or(0, |_| sum))
            .map(|(_, entries, index)| entries.tables(index))
    }

    /// Looked up by columns, less what the weights' zero point, if they share one, takes from each
    /// product: the sum of codes that this would take is then not needed. None if the entries do not
    /// fit 32 bits.
    pub fn for_zero_point(spec: &MacSpec, table: &[i32]) -> Option<ByteTables> {
        let entries = Entries::less_zero_point(spec, table)?;
        let index = Index::Column(entries.column_bits());
        Some(entries.tables(index))
    }

    /// Lines of one table.
    pub fn lines(&self) -> usize {
        match self.index {
            Index::Column(bits) => 1 << bits.saturating_sub(6),
            Index::Nibbles => 1,
        }
    }
}

impl Entries {
    /// Less what the weights' zero point, if they share one, takes from each product.
    fn less_zero_point(spec: &MacSpec, table: &[i32]) -> Option<Entries> {
        let first = spec.weight_zero_points[0];
        let uniform = spec.weight_zero_points.iter().all(|&z| z == first);
        let zero_point = if uniform { first } else { 0 };
        let of_code: [i32; 256] = std::array::from_fn(|a| zero_point.wrapping_mul(a as i32));
        let left = table.iter().zip(of_code.iter().cycle()).map(|(p, of)| p.wrapping_sub(*of));
        let left: Vec<i32> = left.collect();
        let entries = Entries::candidates(spec, &left, &[None]).pop()?;
        Some(Entries { of_code, ..entries })
    }

    /// Whether bit 7 of the code always adds the same.
    fn is_split(&self) -> bool {
        self.values.chunks_exact(256).all(|row| {
            let (low, high) = row.split_at(128);
            let mut more = low.iter().zip(high).map(|(low, high)| high.wrapping_sub(*low));
            let first = more.next();
            more.all(|more| Some(more) == first)
        })
    }

    /// Bits of a plane, and how many planes there are.
    fn planes(&self) -> (u32, u32) {
        let most = self.values.iter().max().copied().unwrap_or(0);
        let bits = 32 - most.leading_zeros();
        let planes = bits.div_ceil(8);
        (if planes == 0 { 0 } else { bits.div_ceil(planes) }, planes)
    }

    fn cost(&self, index: Index, costs: &Costs) -> Option<usize> {
        let (each, planes) = self.planes();
        let lookup = match index {
            // Half a table, and what the upper bit adds.
            Index::Column(8) if planes == 1 && self.is_split() => {
                costs.column[8].and(costs.column[7])? + 2 * costs.add
            }
            Index::Column(bits) => costs.column[bits as usize]?,
            // The halves of several planes could not be told apart.
            Index::Nibbles if planes > 1 => return None,
            Index::Nibbles => costs.nibbles?,
        };
        let plane = |plane: u32| {
            let largest = self.mean_largest(|value| entry(value, each, plane).into());
            match (255.0 / largest.max(1.0)) as usize {
                1 => lookup + costs.widen,
                entries => lookup + costs.add + costs.widen.div_ceil(entries),
            }
        };
        Some((0..planes).map(plane).sum::<usize>() + self.term.map_or(0, |_| costs.product))
    }

    fn tables(self, index: Index) -> ByteTables {
        let (each, planes) = self.planes();
        let mut tables = ByteTables {
            term: self.term,
            index,
            columns: self.columns,
            numbers: [0; 256],
            of_code: self.of_code,
            of_weight: [0; 256],
            planes: Vec::new(),
        };
        // Weights whose entries are equal share a table: the fewer, the more stay in the cache.
        let mut rows: Vec<&[u32]> = Vec::new();
        let mut numbers = HashMap::new();
        let weights = self.used.iter().zip(&self.of_weight);
        for ((&(w, _), &least), row) in weights.zip(self.values.chunks_exact(256)) {
            let number = *numbers.entry(row).or_insert_with(|| {
                rows.push(row);
                rows.len() - 1
            });
            tables.numbers[usize::from(w)] = number as u8;
            tables.of_weight[usize::from(w)] = least;
        }
        let lines = tables.lines();
        for plane in 0..planes {
            let mut bytes = vec![Line([0; 64]); 256 * lines];
            for (row, lines) in rows.iter().zip(bytes.chunks_exact_mut(lines)) {
                match index {
                    Index::Column(_) => {
                        for (&value, &column) in row.iter().zip(&self.columns) {
                            let (line, at) = (usize::from(column) / 64, usize::from(column) % 64);
                            lines[line].0[at] = entry(value, each, plane);
                        }
                    }
                    Index::Nibbles => {
                        for n in 0..16 {
                            lines[0].0[n] = row[n] as u8;
                            lines[0].0[n + 16] = row[n << 4].wrapping_sub(row[0]) as u8;
                        }
                    }
                }
            }
            let upper = if index == Index::Column(8) { upper(&bytes) } else { None };
            if upper.is_some() {
                bytes = bytes.chunks_exact(4).flat_map(|lines| lines[..2].to_vec()).collect();
            }
            tables.planes.push(BytePlane {
                upper,
                largest: rows
                    .iter()
                    .map(|row| row.iter().map(|value| entry(*value, each, plane)).max())
                    .map(|largest| largest.expect("256 values"))
                    .collect(),
                tables: bytes,
                shift: self.shift + each * plane,
            });
        }
        tables
    }
}

/// See [`BytePlane::upper`].
fn upper(tables: &[Line]) -> Option<Box<[u8; 256]>> {
    let mut upper = Box::new([0; 256]);
    for (upper, lines) in upper.iter_mut().zip(tables.as_chunks::<4>().0) {
        let halves = lines[..2].iter().zip(&lines[2..]);
        let mut more = halves.flat_map(|(low, high)| {
            low.0.iter().zip(&high.0).map(|(low, high)| high.wrapping_sub(*low))
        });
        *upper = more.next().unwrap_or(0);
        if more.any(|more| more != *upper) {
            return None;
        }
    }
    Some(upper)
}

/// The part of a value that is in a plane, of so many bits each.
fn entry(value: u32, each: u32, plane: u32) -> u8 {
    (value >> (each * plane) & ((1 << each) - 1)) as u8
}

impl BytePlane {
    /// Whether 16 bits hold the sum of all taps' entries, whatever the codes, for every filter.
    pub fn fit_words<const FILTERS: usize>(&self, numbers: &[[u8; FILTERS]]) -> bool {
        let largest = |number: u8| u32::from(self.largest[usize::from(number)]);
        let sum = |f: usize| numbers.iter().map(|numbers| largest(numbers[f])).sum::<u32>();
        (0..FILTERS).all(|f| sum(f) <= u16::MAX.into())
    }

    /// Cuts taps, each of which adds one entry to a byte of every filter, into runs that no byte
    /// overflows in; `numbers` are the filters' tables at each tap. Runs of hardly two would cost
    /// more than they save, and are all 1.
    pub fn runs<const FILTERS: usize>(&self, numbers: &[[u8; FILTERS]]) -> Vec<u8> {
        let mut runs = Vec::new();
        let mut sums = [256u32; FILTERS];
        for numbers in numbers {
            let more = numbers.map(|number| u32::from(self.largest[usize::from(number)]));
            sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
            match runs.last_mut() {
                Some(run) if *run < u8::MAX && sums.iter().all(|&sum| sum < 256) => *run += 1,
                _ => {
                    runs.push(1);
                    sums = more;
                }
            }
        }
        if runs.len() * 5 > numbers.len() * 2 { vec![1; numbers.len()] } else { runs }
    }
}
