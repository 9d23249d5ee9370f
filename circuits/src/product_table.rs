//! All products of an 8 x 8 multiplier.

/// How the operands are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operands {
    /// Both 0 to 255.
    Unsigned,
    /// Both in two's complement, -128 to 127.
    Signed,
    /// The weight in two's complement, -128 to 127; the activation 0 to 255.
    SignedWeight,
}

impl Operands {
    /// Every coding.
    pub const ALL: [Self; 3] = [Self::Unsigned, Self::Signed, Self::SignedWeight];

    /// Whether weights are in two's complement.
    pub fn weight_is_signed(self) -> bool {
        self != Self::Unsigned
    }

    /// Whether activations are in two's complement.
    pub fn activation_is_signed(self) -> bool {
        self == Self::Signed
    }

    /// The number that the byte of a weight stands for.
    pub fn weight(self, byte: u8) -> i32 {
        value(self.weight_is_signed(), byte)
    }

    /// The number that the byte of an activation stands for.
    pub fn activation(self, byte: u8) -> i32 {
        value(self.activation_is_signed(), byte)
    }

    /// The exact product of two bytes.
    pub fn product(self, weight: u8, activation: u8) -> i32 {
        self.weight(weight) * self.activation(activation)
    }
}

/// The number that a byte stands for.
pub(crate) fn value(signed: bool, byte: u8) -> i32 {
    if signed { i32::from(byte as i8) } else { i32::from(byte) }
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

    /// The table of triples: the byte of the weight, that of the activation, and the product; each
    /// pair of bytes once, in any order.
    pub(crate) fn from_triples(
        operands: Operands,
        triples: impl Iterator<Item = (u8, u8, i32)>,
    ) -> Self {
        let mut products = vec![0; Self::LEN];
        for (weight, activation, product) in triples {
            products[usize::from(weight) << 8 | usize::from(activation)] = product;
        }
        Self::new(operands, products)
    }

    /// The exact multiplier.
    pub fn exact(operands: Operands) -> Self {
        Self::from_fn(operands, |weight, activation| operands.product(weight, activation))
    }

    /// Whether exchanging the bytes of the inputs changes nothing.
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
