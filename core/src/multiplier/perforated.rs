use super::{Family, Multiplier};

/// perforated(m): the rows of the m low activation bits are left out; e = w (a mod 2^m).
///
/// # Panics
/// Unless `m` is 1 to 7.
pub fn perforated(m: u32) -> Multiplier {
    assert!((1..=7).contains(&m), "perforated takes 1 to 7");
    Multiplier::from_rule(Family::Perforated(m), |row, _| row >= m)
}
