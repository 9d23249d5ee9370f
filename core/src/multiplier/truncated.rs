use super::{ControlFunction, Family, Multiplier};

/// The sign extension of row i is in column 8 + i, and goes with that column.
pub(super) static FAMILY: Family = Family {
    name: "truncated",
    most: 14,
    keeps: |m, row, bit| row + bit >= m,
    paper: Some(ControlFunction::AnyBit),
    help: "without the M low columns of the product",
};

/// truncated(m): the m low columns of the product are left out;
/// e = sum over i < m of 2^i a_i (w mod 2^(m-i)), where w mod 2^n is w for n > 8.
///
/// # Panics
/// Unless `m` is 1 to 14.
pub fn truncated(m: u32) -> Multiplier {
    FAMILY.level(m)
}

#[cfg(test)]
mod tests {
    use super::super::tests::assert_errors;
    use super::*;

    #[test]
    fn errors_follow_the_closed_formula() {
        assert_errors(&FAMILY, |m, w, a| {
            let lost = |i: u32| if m - i > 8 { w } else { w.rem_euclid(1 << (m - i)) };
            (0..m.min(8)).map(|i| ((a >> i & 1) * lost(i)) << i).sum()
        });
    }
}
