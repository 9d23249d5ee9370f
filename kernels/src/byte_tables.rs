//! A table of products as bytes that a vector register can look up.
//!
//! Of each product, what an exact product and the least value for the weight leave is cut into
//! planes of at most 8 bits. Codes whose entries are equal for all weights of the layer are one
//! column, so that a circuit which ignores low bits of its operand needs small tables.

use std::collections::HashMap;

use crate::{MacSpec, WeightCoding, terms::Term};

/// A part of a table: entry a of table n is at 64 n `lines` + column of a.
#[repr(C, align(64))]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line(pub [u8; 64]);

/// Some bits of the entries.
#[derive(Debug)]
pub(crate) struct BytePlane {
    /// For each number, [`ByteTables::lines`] lines.
    pub tables: Vec<Line>,
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

#[derive(Debug)]
pub(crate) struct ByteTables {
    /// What the products lack.
    pub term: Option<Term>,
    pub index: Index,
    /// The column of each code; the code itself for nibbles.
    pub columns: [u8; 256],
    /// The number of each weight's table.
    pub numbers: [u8; 256],
    /// What each weight's products are more than the planes say.
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
}

impl ByteTables {
    /// The cheapest way with one of the terms or none; None if there is no kernel for any.
    pub fn new(
        spec: &MacSpec,
        table: &[i32],
        terms: &[Option<Term>],
        costs: &Costs,
    ) -> Option<ByteTables> {
        let mut used: Vec<u8> = (0..=255).collect();
        let mut occurs = [false; 256];
        spec.weights.iter().for_each(|&w| occurs[usize::from(w)] = true);
        used.retain(|&w| occurs[usize::from(w)]);
        terms
            .iter()
            .filter_map(|&term| Entries::new(table, spec.coding, &used, term))
            .flat_map(|entries| {
                let nibbles = entries.nibbles().map(|nibbles| (nibbles, Index::Nibbles));
                let column = Index::Column(entries.column_bits());
                [Some((entries, column)), nibbles].into_iter().flatten()
            })
            .filter_map(|(entries, index)| Some((entries.cost(index, costs)?, entries, index)))
            .min_by_key(|(cost, ..)| *cost)
            .map(|(_, entries, index)| entries.tables(&used, index))
    }

    /// Lines of one table.
    pub fn lines(&self) -> usize {
        match self.index {
            Index::Column(bits) => 1 << bits.saturating_sub(6),
            Index::Nibbles => 1,
        }
    }
}

/// What products differ by from a term and the least value for the weight; not negative.
#[derive(Debug, Clone)]
struct Entries {
    term: Option<Term>,
    /// `[used weights][256]`
    values: Vec<u32>,
    of_weight: Vec<i32>,
    columns: [u8; 256],
    /// Number of columns.
    count: usize,
    /// Low bits that are always 0, and gone from the values.
    shift: u32,
}

impl Entries {
    /// None if they do not fit 32 bits.
    fn new(
        table: &[i32],
        coding: WeightCoding,
        used: &[u8],
        term: Option<Term>,
    ) -> Option<Entries> {
        let mut values = Vec::with_capacity(used.len() << 8);
        let mut of_weight = Vec::with_capacity(used.len());
        for &w in used {
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
        Some(Entries { term, values, of_weight, columns, count: numbers.len(), shift })
    }

    fn column_bits(&self) -> u32 {
        self.count.next_power_of_two().trailing_zeros()
    }

    /// The same as f(w, a mod 16) + g(w, a div 16), if they can be written so.
    fn nibbles(&self) -> Option<Entries> {
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

    /// Bits of a plane, and the largest entry of each plane.
    fn planes(&self) -> (u32, Vec<u32>) {
        let most = self.values.iter().max().copied().unwrap_or(0);
        let bits = 32 - most.leading_zeros();
        let planes = bits.div_ceil(8);
        let each = if planes == 0 { 0 } else { bits.div_ceil(planes) };
        let largest = |plane: u32| {
            let entries = self.values.iter().map(|&value| entry(value, each, plane));
            u32::from(entries.max().unwrap_or(0))
        };
        (each, (0..planes).map(largest).collect())
    }

    fn cost(&self, index: Index, costs: &Costs) -> Option<usize> {
        let (_, largest) = self.planes();
        let lookup = match index {
            Index::Column(bits) => costs.column[bits as usize]?,
            // The halves of several planes could not be told apart.
            Index::Nibbles if largest.len() > 1 => return None,
            Index::Nibbles => costs.nibbles?,
        };
        let plane = |&most: &u32| match entries_per_byte(most) {
            1 => lookup + costs.widen,
            entries => lookup + costs.add + costs.widen.div_ceil(entries),
        };
        Some(largest.iter().map(plane).sum::<usize>() + self.term.map_or(0, |_| costs.product))
    }

    fn tables(self, used: &[u8], index: Index) -> ByteTables {
        let (each, largest) = self.planes();
        let mut tables = ByteTables {
            term: self.term,
            index,
            columns: self.columns,
            numbers: [0; 256],
            of_weight: [0; 256],
            planes: Vec::new(),
        };
        // Weights whose entries are equal share a table: the fewer, the more stay in the cache.
        let mut rows: Vec<&[u32]> = Vec::new();
        let mut numbers = HashMap::new();
        for ((&w, &least), row) in used.iter().zip(&self.of_weight).zip(self.values.chunks(256)) {
            let number = *numbers.entry(row).or_insert_with(|| {
                rows.push(row);
                rows.len() - 1
            });
            tables.numbers[usize::from(w)] = number as u8;
            tables.of_weight[usize::from(w)] = least;
        }
        let lines = tables.lines();
        for plane in 0..largest.len() as u32 {
            let mut bytes = vec![Line([0; 64]); rows.len() * lines];
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
            tables.planes.push(BytePlane {
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

/// The part of a value that is in a plane, of so many bits each.
fn entry(value: u32, each: u32, plane: u32) -> u8 {
    (value >> (each * plane) & ((1 << each) - 1)) as u8
}

/// Entries of at most `most` that a byte can add up.
fn entries_per_byte(most: u32) -> usize {
    255 / most.max(1) as usize
}

impl BytePlane {
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
