//! Families of multipliers: rules for the mask, a file each.

use std::fmt;

use super::{ControlFunction, FAMILIES, Multiplier};

/// The weight bit by which a rule is asked for the sign extension of a signed weight, -2^8 w_7 of
/// the byte, eq. (2.3).
pub const SIGN_EXTENSION: u32 = 8;

/// A rule for the mask, with levels from 1 on.
#[derive(Debug)]
pub struct Family {
    /// As it is written before the level.
    pub name: &'static str,
    /// The highest level.
    pub most: u32,
    /// Whether the level of the first argument keeps the product of the activation bit of the
    /// second and the weight bit of the third, which may be [`SIGN_EXTENSION`].
    pub keeps: fn(u32, u32, u32) -> bool,
    /// The function x of the control variate that needs no data, eq. (3.9).
    pub paper: Option<ControlFunction>,
    /// What level M leaves out, in some words.
    pub help: &'static str,
}

/// A level of a family.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// The family.
    pub family: &'static Family,
    /// Its level.
    pub level: u32,
}

impl Family {
    /// Its multiplier of level m.
    ///
    /// # Panics
    /// Unless the family has this level.
    pub fn level(&'static self, m: u32) -> Multiplier {
        assert!((1..=self.most).contains(&m), "{} takes 1 to {}", self.name, self.most);
        Multiplier::of_member(Member { family: self, level: m })
    }

    /// All members of all families.
    pub(super) fn members() -> impl Iterator<Item = Member> {
        FAMILIES
            .iter()
            .flat_map(|family| (1..=family.most).map(move |level| Member { family, level }))
    }
}

impl Member {
    /// Which products of an activation bit and a weight bit it keeps: bit `8 i + l` for `a_i w_l`.
    pub(super) fn mask(self) -> u64 {
        let kept = (0..64).filter(|bit| (self.family.keeps)(self.level, bit / 8, bit % 8));
        kept.fold(0, |mask, bit| mask | 1 << bit)
    }

    /// The rows that keep the sign extension.
    pub(super) fn sign_rows(self) -> u8 {
        let kept = (0..8).filter(|&row| (self.family.keeps)(self.level, row, SIGN_EXTENSION));
        kept.fold(0, |rows, row| rows | 1 << row)
    }
}

impl PartialEq for Member {
    fn eq(&self, other: &Self) -> bool {
        (self.family.name, self.level) == (other.family.name, other.level)
    }
}

impl Eq for Member {}

impl fmt::Display for Member {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.family.name, self.level)
    }
}
