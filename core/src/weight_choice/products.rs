//! The products of a multiplier as a sum of products of two functions.

/// Products that differ by less are alike: it is far below what a step of a code makes.
const TOLERANCE: f64 = 0.5;

/// p(w, a), and p as a sum over r of f_r(w) h_r(a): of eight terms or fewer for a mask, where h is a
/// bit of the code, eq. (2.1).
pub(crate) struct Products {
    /// `[w][a]`.
    table: Vec<i32>,
    /// f, `[w][r]`.
    of_weight: Vec<f64>,
    /// h, `[r][a]`.
    of_code: Vec<f64>,
}

impl Products {
    /// Of a table `[w][a]`. Each term takes the row and the column of the largest rest: the
    /// decomposition of a matrix by complete pivoting, which ends where all is exact.
    pub fn new(table: Vec<i32>) -> Self {
        let mut rest: Vec<f64> = table.iter().map(|&product| f64::from(product)).collect();
        let (mut columns, mut of_code): (Vec<Vec<f64>>, Vec<f64>) = (Vec::new(), Vec::new());
        for _ in 0..256 {
            let largest = |best: usize, at: usize| {
                if rest[at].abs() > rest[best].abs() { at } else { best }
            };
            let at = (0..rest.len()).fold(0, largest);
            let pivot = rest[at];
            if pivot.abs() <= TOLERANCE {
                break;
            }
            let row: Vec<f64> = rest[at & !255..][..256].to_vec();
            let column: Vec<f64> = rest.iter().skip(at & 255).step_by(256).copied().collect();
            for (rest, &factor) in rest.chunks_exact_mut(256).zip(&column) {
                let factor = factor / pivot;
                rest.iter_mut().zip(&row).for_each(|(rest, &own)| *rest -= factor * own);
            }
            columns.push(column.iter().map(|factor| factor / pivot).collect());
            of_code.extend(row);
        }
        let of_weight =
            (0..256).flat_map(|w| columns.iter().map(move |column| column[w])).collect();
        Self { table, of_weight, of_code }
    }

    /// How many terms there are.
    pub fn rank(&self) -> usize {
        self.of_code.len() / 256
    }

    /// f_r of a weight byte.
    pub fn of_weight(&self, weight: u8) -> &[f64] {
        &self.of_weight[usize::from(weight) * self.rank()..][..self.rank()]
    }

    /// h, `[r][a]`.
    pub fn of_code(&self) -> &[f64] {
        &self.of_code
    }

    /// The products of a weight byte with all codes.
    pub fn row(&self, weight: u8) -> &[i32] {
        &self.table[usize::from(weight) * 256..][..256]
    }
}

#[cfg(test)]
mod tests {
    use recoup_kernels::WeightCoding;

    use super::*;
    use crate::multiplier::{Multiplier, perforated, truncated};

    #[test]
    fn the_terms_add_up_to_the_products() {
        let mut crooked = Multiplier::exact().table(WeightCoding::Unsigned);
        crooked.iter_mut().step_by(7).for_each(|product| *product &= !31);
        let masks = [Multiplier::exact(), perforated(3), truncated(9)];
        let codings = [WeightCoding::Unsigned, WeightCoding::Signed];
        let masks = masks.iter().flat_map(|mask| codings.map(|coding| mask.table(coding)));
        for (table, most) in masks.map(|table| (table, 8)).chain([(crooked, 256)]) {
            let products = Products::new(table.clone());
            assert!((1..=most).contains(&products.rank()), "{}", products.rank());
            for w in 0..=255 {
                assert_eq!(products.row(w), &table[usize::from(w) * 256..][..256]);
                for a in 0..256 {
                    let terms = products.of_weight(w).iter().enumerate();
                    let sum: f64 = terms.map(|(r, f)| f * products.of_code()[256 * r + a]).sum();
                    let apart = (sum - f64::from(products.row(w)[a])).abs();
                    assert!(apart <= TOLERANCE + 1e-6, "{w} {a}: {apart}");
                }
            }
        }
        assert_eq!(Products::new(vec![0; 65536]).rank(), 0);
    }
}
