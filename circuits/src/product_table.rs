//! All products of an 8 x 8 multiplier.

use std::fmt;

/// How both operands are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operands {
    /// 0 to 255.
    Unsigned,
    /// Two's complement, -128 to 127.
    Signed,
}

impl Operands {
    /// The number that a byte stands for.
    pub fn value(self, byte: u8) -> i32 {
        match self {
            Self::Unsigned => i32::from(byte),
            Self::Signed => i32::from(byte as i8),
        }
    }

    /// The exact product of two bytes.
    pub fn product(self, weight: u8, activation: u8) -> i32 {
        self.value(weight) * self.value(activation)
    }
}

impl fmt::Display for Operands {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Unsigned => "unsigned",
            Self::Signed => "signed",
        })
    }
}

/// The 65,536 products of an 8 x 8 multiplier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductTable {
    operands: Operands,
    products: Box<[i32]>,
}

impl ProductTable {
    /// Entries of a table.
    pub const LEN: usize = 1 << 16;

    /// `products[256 w + a]` is what the multiplier returns for the bytes w (weight) and a
    /// (activation).
    ///
    /// # Panics
    /// If there are not 65,536 products.
    pub fn new(operands: Operands, products: Vec<i32>) -> Self {
        assert_eq!(products.len(), Self::LEN, "products of an 8 x 8 multiplier");
        Self { operands, products: products.into() }
    }

    /// The table of a function of the bytes w and a.
    pub fn from_fn(operands: Operands, product: impl Fn(u8, u8) -> i32) -> Self {
        let pairs =
            (0..=255).flat_map(|weight| (0..=255).map(move |activation| (weight, activation)));
        Self::new(operands, pairs.map(|(weight, activation)| product(weight, activation)).collect())
    }

    /// The exact multiplier.
    pub fn exact(operands: Operands) -> Self {
        Self::from_fn(operands, |weight, activation| operands.product(weight, activation))
    }

    /// The multiplier with its inputs exchanged.
    pub fn transposed(&self) -> Self {
        Self::from_fn(self.operands, |weight, activation| self.product(activation, weight))
    }

    /// Whether exchanging the inputs changes nothing.
    pub fn is_symmetric(&self) -> bool {
        let above = (0..=255).flat_map(|weight| (0..weight).map(move |a| (weight, a)));
        above.into_iter().all(|(w, a)| self.product(w, a) == self.product(a, w))
    }

    /// How the operands are coded.
    pub fn operands(&self) -> Operands {
        self.operands
    }

    /// All products, `[w][a]`, in the order of the bytes.
    pub fn products(&self) -> &[i32] {
        &self.products
    }

    /// What the multiplier returns for two bytes.
    pub fn product(&self, weight: u8, activation: u8) -> i32 {
        self.products[usize::from(weight) << 8 | usize::from(activation)]
    }
}
