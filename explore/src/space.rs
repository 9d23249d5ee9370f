//! The configurations to choose among.

use recoup_core::accuracy::Configuration;
use recoup_core::control_variate::{ControlOptions, Mode};
use recoup_core::multiplier::{Multiplier, perforated, recursive, truncated};
use recoup_core::quantize::{Quantization, WeightScheme};
use serde::{Deserialize, Serialize};

/// A configuration, with how its control variate is made.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Multiplier, control variate and activation bits.
    pub configuration: Configuration,
    /// How the control variate is made.
    pub options: ControlOptions,
    /// How weights are coded, if not as the first of the codings that are compared: losses are
    /// measured against exact products in that one.
    pub weights: Option<WeightScheme>,
}

/// What kind of design a configuration is, for the comparison of the best of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Exact products of 8-bit codes, which losses are measured against.
    Reference,
    /// Exact products of fewer activation bits, or of weights in another coding.
    ReducedPrecision,
    /// An approximate multiplier as it is.
    WithoutV,
    /// An approximate multiplier with a control variate.
    WithV,
}

impl Point {
    /// Exact products of `activation_bits` bits.
    pub fn exact(activation_bits: u32) -> Self {
        Self {
            configuration: Configuration::exact(activation_bits),
            options: ControlOptions::default(),
            weights: None,
        }
    }

    /// Whether it has a control variate.
    pub fn is_corrected(&self) -> bool {
        self.configuration.control_variate != Mode::None
    }

    /// What kind of design it is.
    pub fn kind(&self) -> Kind {
        match (self.configuration.multiplier.is_exact(), self.configuration.activation_bits) {
            (true, 8) if self.weights.is_none() => Kind::Reference,
            (true, _) => Kind::ReducedPrecision,
            (false, _) if self.is_corrected() => Kind::WithV,
            (false, _) => Kind::WithoutV,
        }
    }

    /// In words.
    pub fn name(&self) -> String {
        let Configuration {
            multiplier,
            control_variate,
            activation_bits,
            quantization,
            exact_ends,
        } = &self.configuration;
        let mut name = multiplier.to_string();
        if self.is_corrected() {
            name += &format!(" with V ({control_variate})");
        }
        if *activation_bits < 8 {
            name += &format!(", {activation_bits} activation bits");
        }
        if *quantization != Quantization::PLAIN {
            name += &format!(", {quantization} quantisation");
        }
        if *exact_ends {
            name += ", exact ends";
        }
        if let Some(weights) = self.weights {
            name += &format!(", {weights} weights");
        }
        name
    }
}

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

/// Every multiplier with every mode at every width in every quantisation, behind the reference and
/// the exact products of 7 to 4 bits that they have to beat, which get the same quantisations.
/// Nothing is listed twice.
pub fn points(
    multipliers: &[Multiplier],
    modes: &[Mode],
    activation_bits: &[u32],
    quantizations: &[Quantization],
    options: ControlOptions,
) -> Vec<Point> {
    let mut points: Vec<Point> = (4..=8).rev().map(Point::exact).collect();
    let mut add = |point: Point| {
        if !points.contains(&point) {
            points.push(point);
        }
    };
    for &quantization in quantizations {
        for mut rival in (4..8).rev().map(Point::exact) {
            rival.configuration.quantization = quantization;
            add(rival);
        }
        for &activation_bits in activation_bits {
            for multiplier in multipliers.iter().filter(|multiplier| !multiplier.is_exact()) {
                for &control_variate in modes {
                    let multiplier = multiplier.clone();
                    let configuration = Configuration {
                        multiplier,
                        control_variate,
                        activation_bits,
                        quantization,
                        exact_ends: false,
                    };
                    add(Point { configuration, options, weights: None });
                }
            }
        }
    }
    points
}

/// All points in the first of several codings of the weights, and behind them in each of the
/// `others`.
pub fn vary_weights(points: Vec<Point>, others: &[WeightScheme]) -> Vec<Point> {
    let codings = std::iter::once(None).chain(others.iter().copied().map(Some));
    let varied = codings
        .flat_map(|weights| points.iter().cloned().map(move |point| Point { weights, ..point }));
    varied.collect()
}

/// The same points with their first and last layer on the approximate array (`false`) or on an
/// exact one of their own (`true`), as `exact_ends` lists. The reference needs no second array;
/// reduced precision stays as it is, beside what the list asks for.
pub fn vary_ends(points: Vec<Point>, exact_ends: &[bool]) -> Vec<Point> {
    let mut varied: Vec<Point> = Vec::new();
    for point in points {
        let ends: &[bool] = match point.kind() {
            Kind::Reference => &[false],
            Kind::ReducedPrecision if exact_ends.contains(&true) => &[false, true],
            Kind::ReducedPrecision => &[false],
            Kind::WithoutV | Kind::WithV => exact_ends,
        };
        for &exact_ends in ends {
            let mut next = point.clone();
            next.configuration.exact_ends = exact_ends;
            if !varied.contains(&next) {
                varied.push(next);
            }
        }
    }
    varied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_space_has_every_kind_once() {
        let modes = [Mode::None, Mode::Fitted(None)];
        let points =
            points(&standard(), &modes, &[8], &[Quantization::PLAIN], ControlOptions::default());
        let count = |kind| points.iter().filter(|point| point.kind() == kind).count();
        assert_eq!(points[0].kind(), Kind::Reference);
        assert_eq!((count(Kind::Reference), count(Kind::ReducedPrecision)), (1, 4));
        assert_eq!((count(Kind::WithoutV), count(Kind::WithV)), (17, 17));
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
        let (modes, plain) = ([Mode::Fitted(None)], [Quantization::PLAIN; 2]);
        let points = points(&twice, &modes, &[8, 6, 8], &plain, ControlOptions::default());
        let names: Vec<String> = points.iter().map(Point::name).collect();
        assert_eq!(
            names,
            [
                "exact",
                "exact, 7 activation bits",
                "exact, 6 activation bits",
                "exact, 5 activation bits",
                "exact, 4 activation bits",
                "truncated:7 with V (fitted)",
                "truncated:7 with V (fitted), 6 activation bits",
            ]
        );
    }

    #[test]
    fn rivals_get_the_same_quantisation() {
        let aware = Quantization { aware: true, bias_correction: false };
        let both = [Quantization::PLAIN, aware];
        let modes = [Mode::Fitted(None)];
        let points = points(&[truncated(7)], &modes, &[8], &both, ControlOptions::default());
        let names: Vec<String> = points.iter().map(Point::name).collect();
        assert_eq!(names.len(), 1 + 2 * (4 + 1), "{names:?}");
        assert!(names.contains(&"exact, 5 activation bits, aware quantisation".to_owned()));
        assert_eq!(names[10], "truncated:7 with V (fitted), aware quantisation");
        assert_eq!(points.iter().filter(|point| point.kind() == Kind::Reference).count(), 1);
    }

    #[test]
    fn codings_are_designs_of_their_own() {
        let plain = [Quantization::PLAIN];
        let points =
            points(&[truncated(7)], &[Mode::None], &[8], &plain, ControlOptions::default());
        let one = vary_weights(points.clone(), &[]);
        assert_eq!(one, points);
        let two = vary_weights(points, &[WeightScheme::U8Tensor]);
        assert_eq!((&two[..6], two.len()), (&one[..], 12));
        let kinds = [two[0].kind(), two[6].kind(), two[11].kind()];
        assert_eq!(kinds, [Kind::Reference, Kind::ReducedPrecision, Kind::WithoutV]);
        let names = [two[6].name(), two[11].name()];
        assert_eq!(names, ["exact, u8-tensor weights", "truncated:7, u8-tensor weights"]);
    }

    #[test]
    fn ends_vary_where_there_is_something_to_gain() {
        let points = points(
            &[truncated(7)],
            &[Mode::None],
            &[8],
            &[Quantization::PLAIN],
            ControlOptions::default(),
        );
        let count = |ends: &[bool]| vary_ends(points.clone(), ends).len();
        // The reference, four of reduced precision, one approximate.
        assert_eq!((count(&[false]), count(&[true]), count(&[false, true, true])), (6, 10, 11));
        let last = vary_ends(points, &[true]).pop().unwrap();
        assert_eq!(last.name(), "truncated:7, exact ends");
    }
}
