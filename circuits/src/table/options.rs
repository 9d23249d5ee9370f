//! How a file lays out its products: what an option can say, and what is detected otherwise.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use crate::Operands;

/// The type of one product in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementType {
    /// 16 bits without a sign.
    U16,
    /// 16 bits, two's complement.
    I16,
    /// 32 bits, two's complement.
    I32,
    /// 16 bits that hold the product + 32768 (offset binary).
    Offset16,
}

impl ElementType {
    /// Bytes of one product.
    pub fn bytes(self) -> usize {
        match self {
            Self::U16 | Self::I16 | Self::Offset16 => 2,
            Self::I32 => 4,
        }
    }

    /// The products that it can hold.
    pub fn range(self) -> RangeInclusive<i32> {
        match self {
            Self::U16 => 0..=i32::from(u16::MAX),
            Self::I16 | Self::Offset16 => i32::from(i16::MIN)..=i32::from(i16::MAX),
            Self::I32 => i32::MIN..=i32::MAX,
        }
    }

    /// The number that stands for a product in a file.
    pub(super) fn stored(self, product: i32) -> i32 {
        if self == Self::Offset16 { product + OFFSET } else { product }
    }

    /// The product that a number in a file stands for. 16 bits have the sign of the type; what
    /// has more is no product of it.
    pub(super) fn product(self, stored: i32) -> Option<i32> {
        let has_16_bits = (i32::from(i16::MIN)..=i32::from(u16::MAX)).contains(&stored);
        match self {
            Self::I32 => Some(stored),
            Self::U16 => has_16_bits.then_some(i32::from(stored as u16)),
            Self::I16 => has_16_bits.then_some(i32::from(stored as i16)),
            Self::Offset16 => {
                (0..=i32::from(u16::MAX)).contains(&stored).then_some(stored - OFFSET)
            }
        }
    }

    /// The smallest type that holds all `products`, without a sign if there is none.
    pub fn holding(products: &[i32]) -> Self {
        let fits = |element: &Self| products.iter().all(|p| element.range().contains(p));
        [Self::U16, Self::I16].into_iter().find(fits).unwrap_or(Self::I32)
    }
}

/// What is added to a product in offset binary.
const OFFSET: i32 = 1 << 15;

/// Which operand the first index of a table is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Products are in the order `[weight][activation]`.
    #[default]
    WeightFirst,
    /// Products are in the order `[activation][weight]`.
    ActivationFirst,
}

impl Order {
    /// Both orders.
    pub const ALL: [Self; 2] = [Self::WeightFirst, Self::ActivationFirst];

    /// The orders that a table may have: `order`, and both where they can be told apart.
    pub(crate) fn possible(self, operands: Operands) -> impl Iterator<Item = Self> {
        let mixed = operands.weight_is_signed() != operands.activation_is_signed();
        Self::ALL.into_iter().filter(move |&order| mixed || order == self)
    }

    /// Whether the first and the second index are operands in two's complement.
    pub(crate) fn signed_axes(self, operands: Operands) -> [bool; 2] {
        let (weight, activation) = (operands.weight_is_signed(), operands.activation_is_signed());
        self.axes(weight, activation)
    }

    /// What belongs to the first and to the second index, from what belongs to the operands.
    pub(crate) fn axes<T>(self, weight: T, activation: T) -> [T; 2] {
        match self {
            Self::WeightFirst => [weight, activation],
            Self::ActivationFirst => [activation, weight],
        }
    }

    /// The corner between the row and the column of labels.
    pub(super) fn corner(self) -> &'static str {
        match self {
            Self::WeightFirst => r"w\a",
            Self::ActivationFirst => r"a\w",
        }
    }
}

/// Where a table keeps an operand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Index {
    /// At its byte: -1 is at 255.
    #[default]
    Code,
    /// At its value + 128: -128 is at 0, -1 at 127. An unsigned operand beside a signed one stays
    /// at its byte.
    Signed,
}

impl Index {
    /// The bytes of an operand at all indices.
    pub(super) fn bytes(self, signed: bool) -> [u8; 256] {
        let flip = if self == Self::Signed && signed { 0x80 } else { 0 };
        std::array::from_fn(|index| index as u8 ^ flip)
    }
}

/// What is known of a file; `None` is detected, or what the file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableOptions {
    /// How to read a product. In a file that writes numbers, a 16-bit type says which sign the
    /// 16-bit pattern of a number has.
    pub element: Option<ElementType>,
    /// The first index. Without it and without a word in the file, the weight: products are
    /// commutative, so that a table does not show it. Where weights alone are signed, it does.
    pub order: Option<Order>,
    /// Where the operands are.
    pub index: Option<Index>,
    /// How the operands are coded.
    pub operands: Option<Operands>,
}

/// A word that is no value of an option.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("found '{found}', expected one of: {expected}")]
pub struct OptionError {
    found: String,
    expected: String,
}

/// The words of an option, both ways.
macro_rules! words {
    ($option:ty, $($word:literal => $value:path),+) => {
        impl $option {
            /// The words for it, in help texts and on the command line.
            pub const WORDS: &[&str] = &[$($word),+];
        }

        impl fmt::Display for $option {
            fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str(match self {
                    $($value => $word),+
                })
            }
        }

        impl FromStr for $option {
            type Err = OptionError;

            fn from_str(word: &str) -> Result<Self, OptionError> {
                match word {
                    $($word => Ok($value),)+
                    _ => Err(OptionError {
                        found: word.to_owned(),
                        expected: Self::WORDS.join(", "),
                    }),
                }
            }
        }
    };
}

words!(Operands, "unsigned" => Self::Unsigned, "signed" => Self::Signed,
    "signed-weight" => Self::SignedWeight);
words!(ElementType, "u16" => Self::U16, "i16" => Self::I16, "i32" => Self::I32,
    "offset16" => Self::Offset16);
words!(Order, "wa" => Self::WeightFirst, "aw" => Self::ActivationFirst);
words!(Index, "code" => Self::Code, "signed" => Self::Signed);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip() {
        for word in Operands::WORDS {
            assert_eq!(word.parse::<Operands>().unwrap().to_string(), *word);
        }
        for word in ElementType::WORDS {
            assert_eq!(word.parse::<ElementType>().unwrap().to_string(), *word);
        }
        for word in Order::WORDS {
            assert_eq!(word.parse::<Order>().unwrap().to_string(), *word);
        }
        for word in Index::WORDS {
            assert_eq!(word.parse::<Index>().unwrap().to_string(), *word);
        }
        let error = "u8".parse::<ElementType>().unwrap_err().to_string();
        assert_eq!(error, "found 'u8', expected one of: u16, i16, i32, offset16");
    }

    #[test]
    fn the_smallest_element_type() {
        assert_eq!(ElementType::holding(&[0, 65535]), ElementType::U16);
        assert_eq!(ElementType::holding(&[-1, 32767]), ElementType::I16);
        assert_eq!(ElementType::holding(&[-1, 32768]), ElementType::I32);
        assert_eq!(ElementType::holding(&[65536]), ElementType::I32);
    }
}
