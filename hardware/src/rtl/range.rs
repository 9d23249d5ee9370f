//! Ranges of integers and the bits that hold them.

/// All integers from `low` to `high`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The smallest.
    pub low: i64,
    /// The largest.
    pub high: i64,
}

impl Range {
    /// The range of some values, 0 included.
    pub fn of(values: impl IntoIterator<Item = i64>) -> Self {
        let zero = Self::default();
        values.into_iter().fold(zero, |range, value| range.union(Self { low: value, high: value }))
    }

    /// Whether two's complement is needed.
    pub fn is_signed(self) -> bool {
        self.low < 0
    }

    /// Bits that hold every value, in two's complement if [`Range::is_signed`]; at least 1.
    pub fn bits(self) -> usize {
        let magnitude = self.high.max(!self.low).max(0);
        let unsigned = (64 - magnitude.leading_zeros()) as usize;
        (unsigned + usize::from(self.is_signed())).max(1)
    }

    /// The values of both.
    pub fn union(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// Sums of `count` values, and of fewer if 0 is one of them.
    pub fn times(self, count: usize) -> Self {
        Self { low: self.low * count as i64, high: self.high * count as i64 }
    }

    /// Sums of a value of each.
    pub fn plus(self, other: Self) -> Self {
        Self { low: self.low + other.low, high: self.high + other.high }
    }

    /// Products of a value of each.
    pub fn product(self, other: Self) -> Self {
        let corners = [self.low, self.high].map(|a| [a * other.low, a * other.high]);
        Self::of(corners.into_iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_hold_the_ends_and_not_what_is_beyond() {
        for (low, high, bits) in [
            (0, 0, 1),
            (0, 1, 1),
            (0, 255, 8),
            (0, 256, 9),
            (-1, 0, 1),
            (-1, 1, 2),
            (-128, 127, 8),
            (-129, 0, 9),
            (-1, 128, 9),
        ] {
            assert_eq!(Range { low, high }.bits(), bits, "{low}..{high}");
        }
    }
}
