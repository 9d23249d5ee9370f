//! Hashes of content.

use recoup_core::numeric::hex;
use sha2::{Digest, Sha256};

/// The hash of parts, which are told apart by their lengths.
pub(crate) fn sha256(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// The hash of tensors, in order.
pub(crate) fn sha256_of_floats<'a>(tensors: impl Iterator<Item = &'a [f32]>) -> String {
    let mut hash = Sha256::new();
    tensors.for_each(|tensor| update(&mut hash, tensor));
    hex(&hash.finalize())
}

/// Adds a tensor to a hash.
pub(crate) fn update(hash: &mut Sha256, tensor: &[f32]) {
    let bytes: Vec<u8> = tensor.iter().flat_map(|value| value.to_le_bytes()).collect();
    hash.update((tensor.len() as u64).to_le_bytes());
    hash.update(&bytes);
}
