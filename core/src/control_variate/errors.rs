//! The errors of a multiplier, and their sums over codes.

use nalgebra::DMatrix;

/// All errors of a multiplier, `[w, a]`: what one code makes of all weights lies together.
pub struct Errors(DMatrix<f64>);

impl Errors {
    /// `errors` is `[w][a]` ([`Multiplier::errors`]).
    ///
    /// [`Multiplier::errors`]: crate::multiplier::Multiplier::errors
    pub fn new(errors: &[i32]) -> Self {
        let errors = errors.iter().map(|&error| f64::from(error));
        Self(DMatrix::from_row_iterator(256, 256, errors))
    }

    /// e(w, a).
    pub(super) fn at(&self, w: usize, a: usize) -> f64 {
        self.0[(w, a)]
    }

    /// Sum over codes of their share times a function of weight byte, code and error, per weight
    /// byte.
    pub(crate) fn sums(
        &self,
        shares: &[f64; 256],
        of_error: impl Fn(usize, usize, f64) -> f64,
    ) -> [f64; 256] {
        let mut sums = [0.0; 256];
        let columns = self.0.as_slice().as_chunks::<256>().0;
        for (a, (errors, &share)) in columns.iter().zip(shares).enumerate() {
            if share != 0.0 {
                let terms = sums.iter_mut().zip(errors).enumerate();
                terms.for_each(|(w, (sum, &e))| *sum += share * of_error(w, a, e));
            }
        }
        sums
    }

    /// Sum over codes of their share times a function of the error, for each of many shares.
    pub(super) fn products(
        &self,
        shares: &[[f64; 256]],
        of_error: impl Fn(f64) -> f64,
    ) -> Vec<[f64; 256]> {
        let shares = DMatrix::from_column_slice(256, shares.len(), shares.as_flattened());
        (self.0.map(of_error) * shares).as_slice().as_chunks().0.to_vec()
    }
}
