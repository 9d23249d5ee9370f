use super::{Family, Multiplier};

/// truncated(m): the m low columns of the product are left out;
/// e = sum over i < m of 2^i a_i (w mod 2^(m-i)).
///
/// # Panics
/// Unless `m` is 1 to 8.
pub fn truncated(m: u32) -> Multiplier {
    assert!((1..=8).contains(&m), "truncated takes 1 to 8");
    Multiplier::from_rule(Family::Truncated(m), |row, column| row + column >= m)
}
