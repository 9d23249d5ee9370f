//! Parts of the work of one question, for machines that share nothing.
//!
//! Designs are dealt out in the order of their identities, so that a part depends on the designs of
//! the question alone: not on their order, and not on machines. Each part also runs the reference,
//! which losses are measured against. Ranges of images would make no parts: a sequential test ends
//! by what all images so far have shown.
//!
//! A part leaves designs out by others of its own. What it evaluates in vain, as a design of another
//! part rules it out, is no part of the answer (see [`crate::runner`]); what it leaves out by a design
//! that would not have been tried itself, the search on all parts together makes up for. So the
//! answer on the merged file is that of one machine.

use std::fmt;
use std::str::FromStr;

use recoup_core::design::Design;
use recoup_core::multiplier::Multiplier;
use recoup_core::quantize::WeightScheme;
use recoup_kernels::WeightCoding;
use serde::{Deserialize, Serialize};

use crate::hash::sha256;

/// One of several parts of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    count: u32,
    number: u32,
}

/// A text that is no part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no part of the work; expected its number and how many there are, as in 2/8")]
pub struct ShardError(pub String);

/// A part of the work on the designs of a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Which one.
    pub shard: Shard,
    /// SHA-256 of the identities of all designs of the question.
    pub designs_sha256: String,
}

impl Shard {
    /// Its number, from 1 on.
    pub fn number(self) -> u32 {
        self.number
    }

    /// How many parts there are.
    pub fn count(self) -> u32 {
        self.count
    }

    /// Every part of the same work.
    pub fn all(self) -> impl Iterator<Item = Self> {
        (1..=self.count).map(move |number| Self { number, ..self })
    }

    /// The designs of this part, in their order: the first of all, which is the reference, and its
    /// share of the others. Weights are in the coding `reference` where a design names none.
    pub fn designs(self, designs: &[Design], reference: WeightScheme) -> Vec<Design> {
        let identities = identities(designs, reference);
        let mut dealt = distinct(&identities);
        dealt.retain(|identity| **identity != identities[0]);
        let is_ours = |identity: &String| {
            let place = dealt.binary_search(&identity).ok();
            place.is_none_or(|place| place % self.count as usize + 1 == self.number as usize)
        };
        let ours = designs.iter().zip(&identities).filter(|(_, identity)| is_ours(identity));
        ours.map(|(design, _)| design.clone()).collect()
    }

    /// This part of the work on `designs`.
    pub fn of(self, designs: &[Design], reference: WeightScheme) -> Part {
        let identities = identities(designs, reference);
        let parts: Vec<&[u8]> = distinct(&identities).into_iter().map(String::as_bytes).collect();
        Part { shard: self, designs_sha256: sha256(&parts) }
    }
}

/// What names each design by its content.
fn identities(designs: &[Design], reference: WeightScheme) -> Vec<String> {
    // Hashes of products take time, and many designs have the same multiplier.
    let mut products: Vec<(&Multiplier, WeightCoding, String)> = Vec::new();
    let mut identities = Vec::new();
    for design in designs {
        let (multiplier, coding) =
            (&design.multiplier, design.weights.unwrap_or(reference).coding());
        let known = products.iter().find(|(known, of, _)| *known == multiplier && *of == coding);
        let hash = match known {
            Some((.., hash)) => hash.clone(),
            None => {
                let hash = multiplier.identity(coding);
                products.push((multiplier, coding, hash.clone()));
                hash
            }
        };
        identities.push(design.record_with(hash).identity(reference));
    }
    identities
}

/// Each text once, in their order.
fn distinct(texts: &[String]) -> Vec<&String> {
    let mut texts: Vec<&String> = texts.iter().collect();
    texts.sort();
    texts.dedup();
    texts
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let shard = text.split_once('/').and_then(|(number, count)| {
            let (number, count) = (number.parse().ok()?, count.parse().ok()?);
            (1..=count).contains(&number).then_some(Self { count, number })
        });
        shard.ok_or_else(|| ShardError(text.to_owned()))
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.number, self.count)
    }
}

impl TryFrom<String> for Shard {
    type Error = ShardError;

    fn try_from(text: String) -> Result<Self, ShardError> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

#[cfg(test)]
mod tests {
    use recoup_core::control_variate::Mode;
    use recoup_core::design::Space;
    use recoup_core::multiplier::{perforated, truncated};

    use super::*;
    use crate::space;

    const CODING: WeightScheme = WeightScheme::U8Channel;

    fn designs() -> Vec<Design> {
        space::with_rivals(&Space {
            multipliers: vec![truncated(7), perforated(2)],
            control_variates: vec![Mode::None, Mode::Fitted(None)],
            ..Space::default()
        })
    }

    #[test]
    fn every_design_is_dealt_once_and_evenly() {
        let designs = designs();
        assert_eq!(designs.len(), 31);
        let mut shared = 0;
        for count in [1, 2, 3, 8, 30] {
            let first: Shard = format!("1/{count}").parse().unwrap();
            let parts: Vec<Vec<Design>> =
                first.all().map(|shard| shard.designs(&designs, CODING)).collect();
            assert_eq!(parts.len(), count);
            for (at, design) in designs.iter().enumerate() {
                let holders = parts.iter().filter(|part| part.contains(design)).count();
                assert_eq!(holders, if at == 0 { count } else { 1 }, "{design}");
            }
            let sizes: Vec<usize> = parts.iter().map(|part| part.len() - 1).collect();
            let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
            assert!(most - least <= 1, "{sizes:?}");
            shared += count;
        }
        assert_eq!(shared, 44);
    }

    #[test]
    fn a_part_does_not_depend_on_the_order_of_the_designs() {
        let designs = designs();
        let mut reversed = designs.clone();
        reversed[1..].reverse();
        let shard: Shard = "2/3".parse().unwrap();
        let mut ours = shard.designs(&reversed, CODING);
        ours[1..].reverse();
        assert_eq!(ours, shard.designs(&designs, CODING));
        let hash = |designs: &[Design]| shard.of(designs, CODING).designs_sha256;
        assert_eq!(hash(&reversed), hash(&designs));
        assert_ne!(hash(&designs[..28]), hash(&designs));
        // In another coding they are other designs.
        assert_ne!(shard.of(&designs, WeightScheme::I8Channel).designs_sha256, hash(&designs));
    }

    #[test]
    fn texts_of_parts() {
        for text in ["1/1", "2/8", "8/8"] {
            assert_eq!(text.parse::<Shard>().unwrap().to_string(), text);
        }
        for text in ["", "3", "0/3", "4/3", "1/0", "-1/3", "1/3/5", "a/b", "1/4294967296"] {
            assert_eq!(text.parse::<Shard>(), Err(ShardError(text.to_owned())), "{text}");
        }
    }
}
