use super::{ControlFunction, Family, Multiplier};

pub(super) static FAMILY: Family = Family {
    name: "perforated",
    most: 7,
    keeps: |m, row, _| row >= m,
    paper: Some(ControlFunction::LowBits),
    help: "without the M low activation bits",
};

/// perforated(m): the rows of the m low activation bits are left out; e = w (a mod 2^m).
///
/// # Panics
/// Unless `m` is 1 to 7.
pub fn perforated(m: u32) -> Multiplier {
    FAMILY.level(m)
}

#[cfg(test)]
mod tests {
    use super::super::tests::assert_errors;
    use super::*;

    #[test]
    fn errors_follow_the_closed_formula() {
        assert_errors(&FAMILY, |m, w, a| w * (a % (1 << m)));
    }
}
