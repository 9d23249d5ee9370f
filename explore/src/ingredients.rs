//! What a saving is made of: the best under the limit with each ingredient that designs may have, one more at
//! each step.

use std::fmt;

use recoup_core::design::{Design, DesignRecord, Kind};
use recoup_core::multiplier::Multiplier;
use recoup_core::quantize::{OutputCorrection, Quantization, WeightCodes};
use serde::{Deserialize, Serialize};

use crate::choose::{Judged, cheapest};
use crate::entry::Entry;
use crate::sequential::Verdict;

/// The last thing that a design needs, in the order in which they are added: what reduced precision gets
/// as well comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ingredient {
    /// Codes of fewer bits, or fewer partial products.
    Less,
    /// Scales and biases that make up for what is missing of the outputs.
    Gains,
    /// Activation codes that are chosen for the multiplier.
    ActivationCodes,
    /// Weight codes that are chosen for it.
    WeightCodes,
    /// The control variate.
    V,
    /// Partial products that no family leaves out.
    Mask,
}

/// The best of the designs that need nothing beyond an ingredient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The ingredient that was added.
    pub ingredient: Ingredient,
    /// The position of the design; none if none is under the limit.
    pub best: Option<usize>,
}

impl Step {
    /// The same step in a longer list, where the designs are at these `positions`.
    #[must_use]
    pub fn at(self, positions: &[usize]) -> Self {
        Self { best: self.best.map(|best| positions[best]), ..self }
    }
}

impl Ingredient {
    const ALL: [Self; 6] =
        [Self::Less, Self::Gains, Self::ActivationCodes, Self::WeightCodes, Self::V, Self::Mask];

    /// The last that a design needs.
    pub fn of_design(design: &Design) -> Self {
        let multiplier = Some(&design.multiplier);
        Self::last(design.kind(), design.quantization(), design.weight_codes, multiplier)
    }

    /// The same of a design that was kept.
    pub fn of_entry(entry: &Entry) -> Self {
        let multiplier = entry.mask().map(Multiplier::from_mask);
        let DesignRecord { quantization, weight_codes, .. } = entry.design;
        Self::last(entry.kind, quantization, weight_codes, multiplier.as_ref())
    }

    fn last(
        kind: Kind,
        quantization: Quantization,
        weight_codes: WeightCodes,
        multiplier: Option<&Multiplier>,
    ) -> Self {
        // A table is no mask, and in files it is none at all.
        let is_made =
            |it: &Multiplier| !it.is_exact() && it.mask().is_some() && it.member().is_none();
        if multiplier.is_some_and(is_made) {
            Self::Mask
        } else if kind == Kind::WithV {
            Self::V
        } else if weight_codes != WeightCodes::Plain {
            Self::WeightCodes
        } else if quantization.aware {
            Self::ActivationCodes
        } else if quantization.outputs != OutputCorrection::None {
            Self::Gains
        } else {
            Self::Less
        }
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Less => "fewer bits or partial products",
            Self::Gains => "gains",
            Self::ActivationCodes => "activation codes chosen",
            Self::WeightCodes => "weight codes chosen",
            Self::V => "V",
            Self::Mask => "a mask beyond the families",
        }
    }
}

impl fmt::Display for Ingredient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.words())
    }
}

/// The steps, of designs with the last ingredient that they need; without those that no evaluated design needs.
pub fn steps<'a>(designs: impl Iterator<Item = (Ingredient, &'a Judged)> + Clone) -> Vec<Step> {
    let designs = designs.enumerate().filter(|(_, (_, judged))| judged.kind != Kind::Reference);
    let present = |ingredient| designs.clone().any(|(_, (last, _))| last == ingredient);
    let all = Ingredient::ALL.into_iter().filter(|&ingredient| present(ingredient));
    let best = |ingredient| {
        let under = designs.clone().filter(|(_, (last, judged))| {
            *last <= ingredient && judged.assessment.verdict == Verdict::Under
        });
        cheapest(under.filter_map(|(position, (_, judged))| {
            Some((position, judged.power?, judged.assessment.loss))
        }))
    };
    all.map(|ingredient| Step { ingredient, best: best(ingredient) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choose::tests::candidate;
    use recoup_core::multiplier::{recursive, truncated};

    #[test]
    fn the_last_thing_that_a_design_needs_counts() {
        let last = |kind, quantization, codes, multiplier: &Multiplier| {
            Ingredient::last(kind, quantization, codes, Some(multiplier))
        };
        let (plain, chosen) = (WeightCodes::Plain, WeightCodes::Chosen);
        let aware = Quantization::CHOSEN;
        let (with_v, without, bits) = (Kind::WithV, Kind::WithoutV, Kind::ReducedPrecision);
        let (made, exact) = (Multiplier::from_mask(0xf0f8_f0e0_c000_0000), Multiplier::exact());
        assert_eq!(last(without, Quantization::PLAIN, plain, &truncated(8)), Ingredient::Less);
        assert_eq!(last(without, Quantization::GAIN, plain, &recursive(4)), Ingredient::Gains);
        assert_eq!(last(bits, aware, plain, &exact), Ingredient::ActivationCodes);
        assert_eq!(last(bits, aware, chosen, &exact), Ingredient::WeightCodes);
        assert_eq!(last(with_v, Quantization::PLAIN, plain, &truncated(8)), Ingredient::V);
        assert_eq!(last(with_v, aware, chosen, &made), Ingredient::Mask);
        assert_eq!(last(without, Quantization::PLAIN, plain, &made), Ingredient::Mask);
        assert_eq!(Ingredient::last(with_v, aware, chosen, None), Ingredient::V);
        assert!(Ingredient::ALL.is_sorted());
    }

    #[test]
    fn each_step_may_use_all_before_it() {
        let designs = [
            (Ingredient::Less, candidate(Kind::Reference, Some(0.1), 0.1, 0.1)),
            (Ingredient::Mask, candidate(Kind::WithV, Some(0.45), 0.1, 0.1)),
            (Ingredient::Gains, candidate(Kind::ReducedPrecision, Some(0.6), 0.1, 0.1)),
            (Ingredient::V, candidate(Kind::WithV, Some(0.7), 0.1, 0.1)),
            (Ingredient::Less, candidate(Kind::WithoutV, Some(0.5), 5.0, 1.0)),
        ];
        let steps = steps(designs.iter().map(|(last, judged)| (*last, judged)));
        let of = |ingredient, best| Step { ingredient, best };
        assert_eq!(
            steps,
            [
                of(Ingredient::Less, None),
                of(Ingredient::Gains, Some(2)),
                of(Ingredient::V, Some(2)),
                of(Ingredient::Mask, Some(1)),
            ]
        );
    }
}
