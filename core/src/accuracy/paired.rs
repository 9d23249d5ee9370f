//! Two networks on the same images.

use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, Normal};

/// How much accuracy a candidate loses against a reference, in points (percent of images).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedLoss {
    /// Accuracy of the reference minus that of the candidate.
    pub points: f64,
    /// 95 % confidence interval of it: [`Discordant::interval`].
    pub ci95: [f64; 2],
    /// Two-sided p of McNemar's exact test: how often two equally good networks would differ by
    /// as much.
    pub mcnemar_p: f64,
}

/// Compares two networks, image by image: which did they get right? `None` as for
/// [`Discordant::count`].
pub fn compare(reference: &[bool], candidate: &[bool]) -> Option<PairedLoss> {
    let counts = Discordant::count(reference, candidate)?;
    Some(PairedLoss {
        points: counts.points(),
        ci95: counts.interval(0.95),
        mcnemar_p: mcnemar(counts.lost, counts.gained),
    })
}

/// The images on which two networks differ: all that a comparison of them depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Discordant {
    /// All images, of which there is at least one.
    pub images: u64,
    /// Those that only the reference got right.
    pub lost: u64,
    /// Those that only the candidate got right.
    pub gained: u64,
}

impl Discordant {
    /// Counts; `None` when these are not the same images, or none.
    pub fn count(reference: &[bool], candidate: &[bool]) -> Option<Self> {
        if reference.len() != candidate.len() || reference.is_empty() {
            return None;
        }
        let only = |one: &[bool], other: &[bool]| {
            one.iter().zip(other).filter(|(one, other)| **one && !**other).count() as u64
        };
        Some(Self {
            images: reference.len() as u64,
            lost: only(reference, candidate),
            gained: only(candidate, reference),
        })
    }

    /// The loss, eq. (7.1), in points.
    pub fn points(&self) -> f64 {
        100.0 * self.difference() / self.images as f64
    }

    fn difference(&self) -> f64 {
        self.lost as f64 - self.gained as f64
    }

    /// Tango's score, eq. (7.2): by how many standard deviations the loss is above `points`, which
    /// is between -100 and 100, if that is what it really is.
    pub fn score(&self, points: f64) -> f64 {
        let (images, lost, gained) = (self.images as f64, self.lost as f64, self.gained as f64);
        let loss = points / 100.0;
        // The most likely share of gained images if the loss is this.
        let linear = loss * (2.0 * images - lost + gained) - lost - gained;
        let constant = -gained * loss * (1.0 - loss);
        let root = (linear * linear - 8.0 * images * constant).max(0.0).sqrt();
        let gained_share = ((root - linear) / (4.0 * images)).max(0.0);
        let variance = (images * (2.0 * gained_share + loss * (1.0 - loss))).max(0.0);
        let distance = self.difference() - images * loss;
        if distance == 0.0 { 0.0 } else { distance / variance.sqrt() }
    }

    /// The losses, in points, that a two-sided test at this `confidence`, between 0 and 1, does
    /// not exclude: Tango's score interval.
    pub fn interval(&self, confidence: f64) -> [f64; 2] {
        let z = quantile(confidence);
        [self.where_score_is(z), self.where_score_is(-z)]
    }

    /// The score falls with the loss that it is taken at.
    fn where_score_is(&self, z: f64) -> f64 {
        let (mut low, mut high) = (-100.0, 100.0);
        // Halved to less than a float can tell.
        for _ in 0..64 {
            let middle = f64::midpoint(low, high);
            if self.score(middle) > z { low = middle } else { high = middle }
        }
        f64::midpoint(low, high)
    }
}

/// How many standard deviations around the mean hold the share `confidence` of a normal
/// distribution: 1.96 for 0.95.
pub fn quantile(confidence: f64) -> f64 {
    Normal::standard().inverse_cdf(f64::midpoint(1.0, confidence))
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

    const Z95: f64 = 1.959963984540054;

    #[test]
    fn mcnemar_by_hand() {
        // 1 of 6: 2 (C(6,0) + C(6,1)) / 2^6 = 14 / 64.
        assert!((mcnemar(5, 1) - 14.0 / 64.0).abs() < 1e-12);
        assert_eq!(mcnemar(3, 3), 1.0);
        assert_eq!(mcnemar(0, 0), 1.0);
        assert!((mcnemar(0, 10) - 2.0 / 1024.0).abs() < 1e-12);
    }

    #[test]
    fn images_are_counted() {
        let counts = Discordant::count(
            &[true, true, true, false, false, true],
            &[true, false, false, true, false, true],
        );
        let counts = counts.unwrap();
        assert_eq!(counts, Discordant { images: 6, lost: 2, gained: 1 });
        for (reference, candidate) in [(&[true][..], &[true, true][..]), (&[], &[])] {
            assert_eq!(Discordant::count(reference, candidate), None);
            assert_eq!(compare(reference, candidate), None);
        }
        assert!((counts.points() - 100.0 / 6.0).abs() < 1e-12);
    }

    #[test]
    fn without_a_difference_the_interval_is_wilsons() {
        // All agree: the score at loss d is -n d / sqrt(n d (1 - d)), -z at d = z^2 / (n + z^2).
        for images in [1, 9, 5000] {
            let counts = Discordant { images, lost: 0, gained: 0 };
            let [low, high] = counts.interval(0.95);
            let expected = 100.0 * Z95 * Z95 / (images as f64 + Z95 * Z95);
            assert!((high - expected).abs() < 1e-9 && (low + expected).abs() < 1e-9, "{images}");
        }
        assert!((quantile(0.95) - Z95).abs() < 1e-9);
    }

    /// The score with the most likely share of gained images found by trying all.
    fn naive_score(counts: Discordant, loss: f64) -> f64 {
        let (images, lost, gained) =
            (counts.images as f64, counts.lost as f64, counts.gained as f64);
        let log = |count: f64, share: f64| if count == 0.0 { 0.0 } else { count * share.ln() };
        let likelihood = |gained_share: f64| {
            log(lost, gained_share + loss)
                + log(gained, gained_share)
                + log(images - lost - gained, 1.0 - 2.0 * gained_share - loss)
        };
        let (from, to) = ((-loss).max(0.0), (1.0 - loss) / 2.0);
        let shares = (1..100_000).map(|step| from + (to - from) * f64::from(step) / 1e5);
        let best = shares.max_by(|a, b| likelihood(*a).total_cmp(&likelihood(*b))).unwrap();
        let variance = images * (2.0 * best + loss - loss * loss);
        (lost - gained - images * loss) / variance.sqrt()
    }

    #[test]
    fn the_score_uses_the_most_likely_shares() {
        for (images, lost, gained) in [(100, 12, 3), (21, 7, 1), (1000, 2, 9), (50, 5, 5)] {
            let counts = Discordant { images, lost, gained };
            for points in [-9.0, -0.5, 0.5, 4.0, 30.0] {
                let (found, expected) = (counts.score(points), naive_score(counts, points / 100.0));
                assert!((found - expected).abs() < 1e-3 * (1.0 + expected.abs()), "{counts:?}");
            }
        }
    }

    #[test]
    fn the_interval_is_where_the_test_begins_to_reject() {
        let counts = Discordant { images: 100, lost: 12, gained: 3 };
        let [low, high] = counts.interval(0.95);
        assert!(low < 9.0 && high > 9.0);
        assert!((counts.score(low) - Z95).abs() < 1e-6 && (counts.score(high) + Z95).abs() < 1e-6);
        // Changing sides changes the sign.
        let swapped = Discordant { lost: 3, gained: 12, ..counts }.interval(0.95);
        assert!((swapped[0] + high).abs() < 1e-9 && (swapped[1] + low).abs() < 1e-9);
        let wider = counts.interval(0.999);
        assert!(wider[0] < low && wider[1] > high);
    }

    #[test]
    fn the_interval_ends_where_losses_do() {
        let all_lost = Discordant { images: 10, lost: 10, gained: 0 };
        let [low, high] = all_lost.interval(0.95);
        assert!(low > 0.0 && low < 100.0 && (high - 100.0).abs() < 1e-6, "{low} {high}");
    }
}
