//! Two networks on the same images.

use statrs::distribution::{Binomial, DiscreteCDF};

/// 97.5 % quantile of the normal distribution.
const Z: f64 = 1.959963984540054;

/// How much accuracy a candidate loses against a reference, in points (percent of images).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedLoss {
    /// Accuracy of the reference minus that of the candidate.
    pub points: f64,
    /// 95 % confidence interval of it: Bonett and Price's adjusted Wald interval for paired
    /// proportions.
    pub ci95: [f64; 2],
    /// Two-sided p of McNemar's exact test: how often two equally good networks would differ by
    /// as much.
    pub mcnemar_p: f64,
}

/// Compares two networks, image by image: which did they get right?
///
/// # Panics
/// When the slices differ in length, or are empty.
pub fn compare(reference: &[bool], candidate: &[bool]) -> PairedLoss {
    assert_eq!(reference.len(), candidate.len(), "the same images");
    assert!(!reference.is_empty(), "at least one image");
    let only = |one: &[bool], other: &[bool]| {
        one.iter().zip(other).filter(|(one, other)| **one && !**other).count() as u64
    };
    let lost = only(reference, candidate);
    let gained = only(candidate, reference);
    let n = reference.len() as f64;
    let share = |count: u64| (count as f64 + 1.0) / (n + 2.0);
    let (p_lost, p_gained) = (share(lost), share(gained));
    let difference = p_lost - p_gained;
    let error = Z * ((p_lost + p_gained - difference * difference) / (n + 2.0)).sqrt();
    let points = |value: f64| 100.0 * value.clamp(-1.0, 1.0);
    PairedLoss {
        points: 100.0 * (lost as f64 - gained as f64) / n,
        ci95: [points(difference - error), points(difference + error)],
        mcnemar_p: mcnemar(lost, gained),
    }
}

/// Two-sided exact p: under equality, each discordant image falls to either side like a coin.
fn mcnemar(lost: u64, gained: u64) -> f64 {
    let discordant = lost + gained;
    if discordant == 0 {
        return 1.0;
    }
    let coin = Binomial::new(0.5, discordant).expect("one half is a probability");
    (2.0 * coin.cdf(lost.min(gained))).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(both: usize, lost: usize, gained: usize, neither: usize) -> (Vec<bool>, Vec<bool>) {
        let part = |reference, candidate, count| std::iter::repeat_n((reference, candidate), count);
        part(true, true, both)
            .chain(part(true, false, lost))
            .chain(part(false, true, gained))
            .chain(part(false, false, neither))
            .unzip()
    }

    #[test]
    fn mcnemar_by_hand() {
        // 1 of 6: 2 (C(6,0) + C(6,1)) / 2^6 = 14 / 64.
        assert!((mcnemar(5, 1) - 14.0 / 64.0).abs() < 1e-12);
        assert_eq!(mcnemar(3, 3), 1.0);
        assert_eq!(mcnemar(0, 0), 1.0);
        assert!((mcnemar(0, 10) - 2.0 / 1024.0).abs() < 1e-12);
    }

    #[test]
    fn the_interval_is_bonett_and_prices() {
        // n = 100, 12 lost, 3 gained: (13 - 4) / 102 -+ z sqrt((17/102 - (9/102)^2) / 102).
        let (reference, candidate) = outcomes(70, 12, 3, 15);
        let loss = compare(&reference, &candidate);
        assert!((loss.points - 9.0).abs() < 1e-12);
        assert!((loss.ci95[0] - 1.088).abs() < 1e-2, "{:?}", loss.ci95);
        assert!((loss.ci95[1] - 16.559).abs() < 1e-2, "{:?}", loss.ci95);
    }

    #[test]
    fn equal_networks_still_have_an_interval() {
        let (reference, candidate) = outcomes(9, 0, 0, 1);
        let loss = compare(&reference, &candidate);
        assert_eq!((loss.points, loss.mcnemar_p), (0.0, 1.0));
        assert!(loss.ci95[0] < 0.0 && loss.ci95[1] > 0.0);
    }
}
