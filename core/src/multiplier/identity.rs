//! What a multiplier is, whatever it is called.

use recoup_kernels::WeightCoding;
use sha2::{Digest, Sha256};

use super::Multiplier;
use crate::numeric::hex;

impl Multiplier {
    /// The SHA-256 of its products as [`Multiplier::table`] has them, int32 little-endian. Names and
    /// files of multipliers with the same products may differ, their identity does not.
    ///
    /// # Panics
    /// If [`Multiplier::check_coding`] fails.
    pub fn identity(&self, coding: WeightCoding) -> String {
        let products = self.table(coding);
        let bytes: Vec<u8> = products.iter().flat_map(|product| product.to_le_bytes()).collect();
        hex(&Sha256::digest(bytes))
    }

    /// The same, its name with the first digits of its identity: for one whose file is called as
    /// another's.
    pub fn told_apart(self) -> Self {
        let identity = self.identity(self.coding.unwrap_or(WeightCoding::Unsigned));
        let label = self.label.map(|name| format!("{name}#{}", &identity[..8]).into());
        Self { label, ..self }
    }
}
