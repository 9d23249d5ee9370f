use super::{Family, Multiplier};

/// recursive(m): of the four sub-multipliers that a split at bit m makes, the low by low one is
/// left out; e = (w mod 2^m)(a mod 2^m).
///
/// # Panics
/// Unless `m` is 1 to 7.
pub fn recursive(m: u32) -> Multiplier {
    assert!((1..=7).contains(&m), "recursive takes 1 to 7");
    Multiplier::from_rule(Family::Recursive(m), |row, column| row >= m || column >= m)
}
