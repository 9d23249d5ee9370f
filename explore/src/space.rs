//! The designs to choose among.

use recoup_core::control_variate::Mode;
use recoup_core::design::{Design, Space};
use recoup_core::multiplier::{Multiplier, perforated, recursive, truncated};
use recoup_core::quantize::{Quantization, WeightCodes};

/// The multipliers of the paper's three families, at the levels between hardly and hopelessly
/// approximate.
fn families() -> Vec<Multiplier> {
    (1..=4).map(perforated).chain((4..=8).map(truncated)).chain((2..=5).map(recursive)).collect()
}

/// Truncation between and beyond the levels of the families: what lies in column 8 or 9 and above,
/// and of the column below the partial products of some activation bits in the middle, where V
/// finds least to go by.
pub fn partly_truncated() -> Vec<Multiplier> {
    [(8, 3..7), (8, 3..5), (9, 2..7), (9, 0..0)]
        .map(|(column, bits)| {
            let is_kept =
                |i: u32, l: u32| i + l >= column || (i + l == column - 1 && bits.contains(&i));
            let kept = (0..64).filter(|bit| is_kept(bit / 8, bit % 8));
            Multiplier::from_mask(kept.map(|bit| 1 << bit).sum())
        })
        .to_vec()
}

/// All of both: those that the cost table has.
pub fn standard() -> Vec<Multiplier> {
    [families(), partly_truncated()].concat()
}

/// The designs of a space behind the reference and the exact products that they have to beat: of
/// 8 to 4 bits of activations and of weights, which get the same quantisations, ends, and codes and
/// codings of the weights. Multipliers without a control variate also get gains. Reduced precision
/// with its ends on the array stays beside what the space asks for. Nothing is listed twice.
pub fn with_rivals(space: &Space) -> Vec<Design> {
    let mut all = Vec::new();
    for &weights in &space.weights {
        let of_weights = Space { weights: vec![weights], ..space.clone() };
        let exact_ends = match space.exact_ends.contains(&true) {
            true => vec![false, true],
            false => vec![false],
        };
        let rivals = |quantizations: &[Option<Quantization>]| Space {
            multipliers: vec![Multiplier::exact()],
            activation_bits: vec![8, 7, 6, 5, 4],
            weight_bits: vec![8, 7, 6, 5, 4],
            quantizations: quantizations.to_vec(),
            exact_ends: exact_ends.clone(),
            ..of_weights.clone()
        };
        let is_approximate = |multiplier: &&Multiplier| !multiplier.is_exact();
        let multipliers = space.multipliers.iter().filter(is_approximate).cloned().collect();
        let approximate = Space { multipliers, ..of_weights.clone() };
        let mut spaces = vec![rivals(&[None]), rivals(&space.quantizations), approximate.clone()];
        // What V has by default, its rivals get too.
        if space.quantizations.contains(&None) && space.control_variates.contains(&Mode::None) {
            let (control_variates, quantizations) =
                (vec![Mode::None], vec![Some(Quantization::GAIN)]);
            spaces.push(Space { control_variates, quantizations, ..approximate });
        }
        for design in spaces.iter().flat_map(Space::designs) {
            // The losses are measured against the calibration's own codes of 8 bits.
            let is_other_reference = design.multiplier.is_exact()
                && design.quantization() != Quantization::PLAIN
                && (design.activation_bits, design.weight_bits) == (8, 8);
            if !is_other_reference && !all.contains(&design) {
                all.push(design);
            }
        }
    }
    all
}

/// Whether a design has chosen codes of weights only beside chosen codes of activations.
pub fn are_chosen_together(design: &Design) -> bool {
    design.weight_codes == WeightCodes::Plain || design.quantization() == Quantization::CHOSEN
}

#[cfg(test)]
mod tests {
    use recoup_core::design::Kind;
    use recoup_core::quantize::WeightScheme;

    use super::*;

    fn space(multipliers: &[Multiplier], modes: &[Mode]) -> Space {
        Space {
            multipliers: multipliers.to_vec(),
            control_variates: modes.to_vec(),
            ..Space::default()
        }
    }

    fn texts(designs: &[Design]) -> Vec<String> {
        designs.iter().map(Design::to_string).collect()
    }

    #[test]
    fn the_default_space_has_every_kind_once() {
        let designs = with_rivals(&space(&standard(), &[Mode::None, Mode::Fitted(None)]));
        let count = |kind| designs.iter().filter(|design| design.kind() == kind).count();
        assert_eq!(designs[0].kind(), Kind::Reference);
        assert_eq!((count(Kind::Reference), count(Kind::ReducedPrecision)), (1, 24));
        assert_eq!((count(Kind::WithoutV), count(Kind::WithV)), (2 * 17, 17));
    }

    #[test]
    fn partly_truncated_ones_keep_less_and_less() {
        let masks: Vec<u64> = partly_truncated().iter().filter_map(Multiplier::mask).collect();
        let columns_8 = [0xfefe_fcf8_f0c0_8000, 0xfefc_f8f8_f0c0_8000];
        let columns_9 = [0xfcfc_f8f0_e0c0_0000, 0xfcf8_f0e0_c080_0000];
        assert_eq!(masks, [columns_8, columns_9].concat());
        let kept: Vec<u32> = masks.iter().map(|mask| mask.count_ones()).collect();
        assert_eq!(kept, [32, 30, 26, 21]);
        let eighth = truncated(8).mask().unwrap();
        assert!(columns_8.iter().all(|mask| mask & eighth == eighth));
        assert!(columns_9.iter().all(|mask| mask & !eighth == 0));
    }

    #[test]
    fn nothing_is_listed_twice() {
        let twice = [truncated(7), Multiplier::exact(), truncated(7)];
        let space = Space {
            activation_bits: vec![8, 6, 8],
            quantizations: vec![None, Some("plain+gain".parse().unwrap())],
            ..space(&twice, &[Mode::Fitted(None)])
        };
        let all = texts(&with_rivals(&space));
        assert_eq!(all.len(), 25 + 2);
        assert_eq!(
            all[..7],
            [
                "exact",
                "exact, 7 activation bits",
                "exact, 6 activation bits",
                "exact, 5 activation bits",
                "exact, 4 activation bits",
                "exact, 7 weight bits",
                "exact, 7 activation bits, 7 weight bits",
            ]
        );
        assert_eq!(all[24], "exact, 4 activation bits, 4 weight bits");
        let own = ["truncated:7 with V (fitted)", "truncated:7 with V (fitted), 6 activation bits"];
        assert_eq!(all[25..], own);
    }

    #[test]
    fn rivals_get_the_same_quantisation() {
        let aware = Quantization { aware: true, ..Quantization::PLAIN };
        let quantizations = vec![None, Some(aware)];
        let designs =
            with_rivals(&Space { quantizations, ..space(&[truncated(7)], &[Mode::Fitted(None)]) });
        let texts = texts(&designs);
        assert_eq!(texts.len(), 1 + 2 * (24 + 1), "{texts:?}");
        assert!(texts.contains(&"exact, 5 activation bits, aware quantisation".to_owned()));
        assert_eq!(texts[50], "truncated:7 with V (fitted), aware quantisation");
        let references = designs.iter().filter(|design| design.kind() == Kind::Reference);
        assert_eq!(references.count(), 1);
    }

    #[test]
    fn codings_are_designs_of_their_own() {
        let one = space(&[truncated(7)], &[Mode::None]);
        let weights = vec![None, Some(WeightScheme::U8Tensor)];
        let two = with_rivals(&Space { weights, ..one.clone() });
        assert_eq!((&two[..27], two.len()), (&with_rivals(&one)[..], 54));
        let kinds = [two[0].kind(), two[27].kind(), two[52].kind()];
        assert_eq!(kinds, [Kind::Reference, Kind::ReducedPrecision, Kind::WithoutV]);
        let texts = texts(&[two[27].clone(), two[52].clone(), two[53].clone()]);
        let expected = [
            "exact, u8-tensor weights",
            "truncated:7, u8-tensor weights",
            "truncated:7, plain+gain quantisation, u8-tensor weights",
        ];
        assert_eq!(texts, expected);
    }

    #[test]
    fn ends_vary_where_there_is_something_to_gain() {
        let with = |exact_ends: &[bool]| {
            let exact_ends = exact_ends.to_vec();
            with_rivals(&Space { exact_ends, ..space(&[truncated(7)], &[Mode::None]) })
        };
        let count = |ends: &[bool]| with(ends).len();
        // The reference, 24 of reduced precision, one approximate without and with gains.
        assert_eq!((count(&[false]), count(&[true]), count(&[false, true, true])), (27, 51, 53));
        assert_eq!(with(&[true])[49].to_string(), "truncated:7, exact ends");
    }
}
