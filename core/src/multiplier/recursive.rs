use super::{ControlFunction, Family, Multiplier};

pub(super) static FAMILY: Family = Family {
    name: "recursive",
    most: 7,
    keeps: |m, row, bit| row >= m || bit >= m,
    paper: Some(ControlFunction::LowBits),
    help: "without the product of the M low bits of both operands",
};

/// recursive(m): of the four sub-multipliers that a split at bit m makes, the low by low one is
/// left out; e = (w mod 2^m)(a mod 2^m).
///
/// # Panics
/// Unless `m` is 1 to 7.
pub fn recursive(m: u32) -> Multiplier {
    FAMILY.level(m)
}

#[cfg(test)]
mod tests {
    use super::super::tests::assert_errors;
    use super::*;

    #[test]
    fn errors_follow_the_closed_formula() {
        assert_errors(&FAMILY, |m, w, a| w.rem_euclid(1 << m) * (a % (1 << m)));
    }
}
