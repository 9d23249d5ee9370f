//! What a multiplier is, whatever it is called.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use recoup_kernels::WeightCoding;
use sha2::{Digest, Sha256};

use super::{Multiplier, Products};
use crate::numeric::hex;

/// Of masks, by their bits, rows of the sign and the coding of the weights.
type Identities = HashMap<(u64, u8, WeightCoding), String>;

impl Multiplier {
    /// The SHA-256 of its products as [`Multiplier::table`] has them, int32 little-endian. Names and
    /// files of multipliers with the same products may differ, their identity does not.
    ///
    /// # Panics
    /// If [`Multiplier::check_coding`] fails.
    pub fn identity(&self, coding: WeightCoding) -> String {
        let Products::Mask(mask) = self.products else { return self.hash(coding) };
        // Costs are looked up by it, over and over.
        static KNOWN: LazyLock<Mutex<Identities>> = LazyLock::new(Mutex::default);
        let key = (mask.bits, mask.sign_rows, coding);
        let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(identity) = known().get(&key) {
            return identity.clone();
        }
        let identity = self.hash(coding);
        known().insert(key, identity.clone());
        identity
    }

    fn hash(&self, coding: WeightCoding) -> String {
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
