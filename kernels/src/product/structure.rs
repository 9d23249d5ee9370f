//! What is special about a table of products.

use std::collections::HashSet;

use crate::{Product, WeightCoding, naive};

/// What a multiplier's products have in common; the first that applies, in the order of
/// [`structure`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Structure {
    /// A sum of partial products: bit 8 i + l keeps a_i w_l 2^(i+l).
    Mask(u64),
    /// A sum of so many products f(a) g(w), at most [`RANKS`].
    Ranks(usize),
    /// Few different functions of the activation's code.
    Rows {
        /// Weights that differ.
        distinct: usize,
    },
    /// Few different functions of the weight.
    Columns {
        /// Activation codes that differ.
        distinct: usize,
    },
    /// f(w, a mod 16) + g(w, a div 16).
    Nibbles,
    /// None of these.
    General,
}

/// Most ranks that are told.
pub const RANKS: usize = 4;

/// The most rows or columns that make a structure by themselves: a quarter of all.
const FEW: usize = 64;

/// A mask if the products are one, to the last of 65,536; else up to [`RANKS`] ranks; else rows or
/// columns if at most 64 differ, whichever are fewer; else nibbles; else columns or rows if some
/// are equal.
pub fn structure(product: &Product, coding: WeightCoding) -> Structure {
    let table = match product {
        Product::Mask(mask) => return Structure::Mask(*mask),
        Product::Table(table) => table,
    };
    if table.len() != 1 << 16 {
        return Structure::General;
    }
    if let Some(mask) = mask(table, coding) {
        return Structure::Mask(mask);
    }
    if let Some(ranks) = ranks(table) {
        return Structure::Ranks(ranks);
    }
    let rows = table.chunks_exact(256).collect::<HashSet<_>>().len();
    let columns: HashSet<Vec<i32>> =
        (0..256).map(|a| table.chunks_exact(256).map(|row| row[a]).collect()).collect();
    let columns = columns.len();
    let fewer = match columns <= rows {
        true => Structure::Columns { distinct: columns },
        false => Structure::Rows { distinct: rows },
    };
    match rows.min(columns) {
        0..=FEW => fewer,
        _ if is_split(table) => Structure::Nibbles,
        256 => Structure::General,
        _ => fewer,
    }
}

/// The mask that gives exactly these products. `table` has 65,536 entries.
pub(crate) fn mask(table: &[i32], coding: WeightCoding) -> Option<u64> {
    let kept = |bit: &u32| table[1 << (8 + bit % 8) | 1 << (bit / 8)] != 0;
    let mask = (0..64).filter(kept).fold(0, |mask, bit| mask | 1u64 << bit);
    let product = Product::Mask(mask);
    let equal = |(i, &p): (usize, &i32)| {
        p == naive::product(coding, &product, (i >> 8) as u8, (i & 255) as u8)
    };
    table.iter().enumerate().all(equal).then_some(mask)
}

fn is_split(table: &[i32]) -> bool {
    table.chunks_exact(256).all(|row| {
        let entry = |a: usize| i64::from(row[a]);
        (0..256).all(|a| entry(a) + entry(0) == entry(a & 0x0f) + entry(a & 0xf0))
    })
}

/// The rank if it is from 1 to [`RANKS`].
///
/// Modulo a prime, so that nothing is rounded; only a table made for the purpose could have a
/// lower rank there.
fn ranks(table: &[i32]) -> Option<usize> {
    const PRIME: u64 = (1 << 61) - 1;
    let times = |a: u64, b: u64| (u128::from(a) * u128::from(b) % u128::from(PRIME)) as u64;
    let inverse = |value: u64| {
        // Fermat: value^(PRIME - 2).
        (0..61).rev().fold(1, |power, bit| {
            let square = times(power, power);
            if ((PRIME - 2) >> bit) & 1 == 1 { times(square, value) } else { square }
        })
    };
    let entry = |&p: &i32| i64::from(p).rem_euclid(PRIME as i64) as u64;
    let mut left: Vec<u64> = table.iter().map(entry).collect();
    for rank in 0..=RANKS {
        let Some(pivot) = left.iter().position(|&p| p != 0) else {
            return (rank > 0).then_some(rank);
        };
        // Takes the product of the pivot's row and column away.
        let (w, a) = (pivot >> 8, pivot & 255);
        let by = inverse(left[pivot]);
        let row: Vec<u64> = left[w << 8..][..256].iter().map(|&p| times(p, by)).collect();
        for others in left.chunks_exact_mut(256) {
            let factor = others[a];
            for (other, &of_row) in others.iter_mut().zip(&row) {
                *other = (*other + PRIME - times(factor, of_row)) % PRIME;
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(product: impl Fn(i32, i32) -> i32) -> Product {
        Product::Table((0..1 << 16).map(|i| product(i >> 8, i & 255)).collect::<Vec<_>>().into())
    }

    fn of(product: impl Fn(i32, i32) -> i32) -> Structure {
        structure(&table(product), WeightCoding::Unsigned)
    }

    /// Some bits that follow from both numbers.
    fn hash(w: i32, a: i32) -> i32 {
        (w * 1003 + a).wrapping_mul(0x9e37_79b9_u32 as i32) >> 20
    }

    #[test]
    fn masks_are_recognised_and_one_wrong_entry_is_noticed() {
        let mut state = 1u64;
        for coding in [WeightCoding::Unsigned, WeightCoding::Signed] {
            for case in 0..20 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let mask = match case {
                    0 => 0,
                    1 => u64::MAX,
                    _ => state ^ (state >> 29),
                };
                let product = Product::Mask(mask);
                let mut entries: Vec<i32> = (0..1 << 16)
                    .map(|i| naive::product(coding, &product, (i >> 8) as u8, i as u8))
                    .collect();
                let found = structure(&Product::Table(entries.clone().into()), coding);
                assert_eq!(found, Structure::Mask(mask));
                entries[(state >> 48) as usize] ^= 1;
                let found = structure(&Product::Table(entries.into()), coding);
                assert!(!matches!(found, Structure::Mask(_)), "{found:?}");
            }
        }
    }

    #[test]
    fn ranks_are_counted() {
        let (f, g) = (|a: i32| (a * a) >> 3, |w: i32| w ^ 0x55);
        assert_eq!(of(|w, a| f(a) * g(w)), Structure::Ranks(1));
        assert_eq!(of(|w, a| f(a) * g(w) - 7), Structure::Ranks(2));
        let four = |w: i32, a: i32| f(a) * g(w) - 7 + (a & 5) * (w & 6) - (a >> 6) * (w * w);
        assert_eq!(of(four), Structure::Ranks(4));
        assert!(!matches!(of(|w, a| four(w, a) + (a % 7) * (w % 11)), Structure::Ranks(_)));
    }

    #[test]
    fn rows_columns_and_nibbles_are_told_apart() {
        assert_eq!(of(|w, a| hash(w / 8, a)), Structure::Rows { distinct: 32 });
        assert_eq!(of(|w, a| hash(w, a / 16)), Structure::Columns { distinct: 16 });
        assert_eq!(of(|w, a| hash(w, a & 15) + hash(w + 256, a >> 4)), Structure::Nibbles);
        assert_eq!(of(|w, a| hash(w, a / 2)), Structure::Columns { distinct: 128 });
        assert_eq!(of(hash), Structure::General);
    }
}
