//! What a group of filters reads, at some places of some images.

use crate::numeric::transposed;

/// The activation codes of patches, in the network whose weights are chosen and in the exact one.
pub(crate) struct Patches {
    /// How many there are.
    pub count: usize,
    /// Products of each, k.
    pub depth: usize,
    /// Codes that are multiplied, `[position][patch]`.
    codes: Vec<u8>,
    /// Those of the exact network, in the same order.
    exact: Vec<u8>,
}

impl Patches {
    /// Of fields of `depth` codes one after the other, as the multipliers read them and as those of
    /// the exact network do.
    pub fn new(depth: usize, own: &[u8], exact: &[u8]) -> Self {
        let count = own.len() / depth.max(1);
        let (codes, exact) = (transposed(own, count), transposed(exact, count));
        Self { count, depth, codes, exact }
    }

    /// The codes that a position meets, and those of the exact network.
    pub fn position(&self, position: usize) -> (&[u8], &[u8]) {
        let range = position * self.count..(position + 1) * self.count;
        (&self.codes[range.clone()], &self.exact[range])
    }
}
