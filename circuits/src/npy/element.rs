//! Numbers as arrays store them.
//!
//! What reads one of many is inlined into the loops of other packages.

/// Type of an array element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
}

/// Type and byte order of an array element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element {
    /// The type.
    pub kind: Kind,
    /// Whether the most significant byte comes first.
    pub big_endian: bool,
}

/// The value of an element, without loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// Of an integer type.
    Integer(i128),
    /// Of a type of real numbers.
    Float(f64),
}

impl Element {
    /// A byte.
    pub const U8: Element = Element { kind: Kind::U8, big_endian: false };

    /// Parses a NumPy type string such as `|u1` or `<f4`; `None` for types not supported.
    pub fn from_numpy(descr: &str) -> Option<Element> {
        let (order, code) = descr.split_at_checked(1)?;
        let kind = match code {
            "u1" => Kind::U8,
            "i1" => Kind::I8,
            "u2" => Kind::U16,
            "i2" => Kind::I16,
            "u4" => Kind::U32,
            "i4" => Kind::I32,
            "u8" => Kind::U64,
            "i8" => Kind::I64,
            "f4" => Kind::F32,
            "f8" => Kind::F64,
            _ => return None,
        };
        let big_endian = match order {
            "<" => false,
            ">" => true,
            // "Not applicable": one byte has no order.
            "|" if matches!(kind, Kind::U8 | Kind::I8) => false,
            _ => return None,
        };
        Some(Element { kind, big_endian })
    }

    /// Whether its numbers are whole.
    pub fn is_integer(self) -> bool {
        !matches!(self.kind, Kind::F32 | Kind::F64)
    }

    /// Size of one element.
    #[inline]
    pub fn bytes(self) -> usize {
        match self.kind {
            Kind::U8 | Kind::I8 => 1,
            Kind::U16 | Kind::I16 => 2,
            Kind::U32 | Kind::I32 | Kind::F32 => 4,
            Kind::U64 | Kind::I64 | Kind::F64 => 8,
        }
    }

    /// Decodes one element from its `bytes()` bytes.
    #[inline]
    pub fn decode(self, stored: &[u8]) -> Number {
        // The bytes from the least to the most significant one, the rest 0.
        let mut low_first = [0; 8];
        for (position, &byte) in stored.iter().enumerate() {
            let significance = match self.big_endian {
                true => stored.len() - 1 - position,
                false => position,
            };
            low_first[significance] = byte;
        }
        let bits = u64::from_le_bytes(low_first);
        match self.kind {
            Kind::U8 | Kind::U16 | Kind::U32 | Kind::U64 => Number::Integer(bits.into()),
            Kind::I8 => Number::Integer((bits as i8).into()),
            Kind::I16 => Number::Integer((bits as i16).into()),
            Kind::I32 => Number::Integer((bits as i32).into()),
            Kind::I64 => Number::Integer((bits as i64).into()),
            Kind::F32 => Number::Float(f32::from_bits(bits as u32).into()),
            Kind::F64 => Number::Float(f64::from_bits(bits)),
        }
    }
}

impl Number {
    /// The nearest `f32`; infinite beyond its range.
    #[inline]
    pub fn to_f32(self) -> f32 {
        match self {
            Number::Integer(value) => value as f32,
            Number::Float(value) => value as f32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_both_byte_orders() {
        let cases: [(&str, &[u8], Number); 10] = [
            ("|u1", &[200], Number::Integer(200)),
            ("|i1", &[200], Number::Integer(-56)),
            ("<u2", &[1, 2], Number::Integer(513)),
            (">u2", &[1, 2], Number::Integer(258)),
            ("<i2", &[0xfe, 0xff], Number::Integer(-2)),
            (">i4", &[0xff, 0xff, 0xff, 0xfd], Number::Integer(-3)),
            ("<u8", &[0xff; 8], Number::Integer(u64::MAX.into())),
            ("<i8", &[0xff; 8], Number::Integer(-1)),
            ("<f4", &[0, 0, 0x80, 0xbf], Number::Float(-1.0)),
            (">f8", &[0x40, 0x04, 0, 0, 0, 0, 0, 0], Number::Float(2.5)),
        ];
        for (descr, stored, value) in cases {
            let element = Element::from_numpy(descr).unwrap();
            assert_eq!(element.bytes(), stored.len(), "{descr}");
            assert_eq!(element.decode(stored), value, "{descr}");
        }
    }

    #[test]
    fn refuses_other_types() {
        for descr in ["", "<f2", "|b1", "<U5", "|O", "<c8", "=f4", "|f4", "é"] {
            assert_eq!(Element::from_numpy(descr), None, "{descr}");
        }
    }
}
