//! The sequential test: is a candidate's loss under the limit, and how soon can that be said?
//!
//! Images come in random order. At a few fixed numbers of images the paired loss against the
//! exact 8-bit network is looked at, and the test ends as soon as its confidence interval lies on
//! one side of the limit. Every look may be wrong, so the looks share the error: those before the
//! last are two-sided tests at level [`INTERIM_ERROR`], the last gets what is left of [`ERROR`].
//! By the union bound the probability of a wrong verdict is then at most [`ERROR`], whatever the
//! looks have to do with one another (Haybittle, 1971; Peto et al., 1976). A wrong "under" alone
//! is half of that, as the interval is two-sided.
//!
//! The test also ends, without a verdict, where more images would show nothing: where the last look
//! is not likely to find the loss over the limit, and could not find it under even if the rest of
//! the images were as good as the lower end of a [`HOPE`] interval makes likely. That can only cost verdicts, not make wrong
//! ones: an "under" that is still possible is given up with a probability of at most
//! (1 - [`HOPE`]) / 2 at each look.

use std::fmt;

use recoup_core::accuracy::paired::{Discordant, quantile};
use serde::{Deserialize, Serialize};

/// How often a verdict may be wrong: one minus the confidence of all looks together.
pub const ERROR: f64 = 0.05;

/// The level of each look before the last.
pub const INTERIM_ERROR: f64 = 0.0005;

/// The confidence of the interval from which the rest of the images is foretold.
pub const HOPE: f64 = 0.99;

/// How often the estimated number of images is to decide: four times out of five.
const CHANCE: f64 = 0.8;

/// More images than this are as good as never enough.
const MOST_IMAGES: f64 = 1e9;

/// When the test looks, as shares of all images. The last is 1.
const LOOKS: [f64; 11] = [0.01, 0.02, 0.04, 0.07, 0.11, 0.17, 0.25, 0.37, 0.53, 0.75, 1.0];

/// A look at fewer images than this could decide nothing.
const LEAST_IMAGES: usize = 25;

/// How much accuracy may be lost.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Limit(f64);

/// A limit that no loss can be compared with.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("a loss of at most {0} points means nothing; give a number from 0 to below 100")]
pub struct LimitError(pub f64);

impl Limit {
    /// A limit in points: percent of images.
    ///
    /// # Errors
    /// Unless it is at least 0 and less than 100.
    pub fn new(points: f64) -> Result<Self, LimitError> {
        if (0.0..100.0).contains(&points) { Ok(Self(points)) } else { Err(LimitError(points)) }
    }

    /// The limit in points.
    pub fn points(self) -> f64 {
        self.0
    }
}

/// With its unit: 0.5 points, 1 point.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} {}", self.0, if self.0 == 1.0 { "point" } else { "points" })
    }
}

impl TryFrom<f64> for Limit {
    type Error = LimitError;

    fn try_from(points: f64) -> Result<Self, LimitError> {
        Self::new(points)
    }
}

impl From<Limit> for f64 {
    fn from(limit: Limit) -> f64 {
        limit.0
    }
}

/// What the test says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The loss is less than the limit.
    Under,
    /// The loss is more than the limit.
    Over,
    /// It could be either, and no more images, or none there are, would show that it is less.
    Undecided,
    /// More images can decide it.
    Open,
}

impl Verdict {
    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Under => "under",
            Self::Over => "over",
            Self::Undecided => "undecided",
            Self::Open => "open",
        }
    }

    /// Whether it says on which side of the limit the loss is.
    pub fn is_decided(self) -> bool {
        matches!(self, Self::Under | Self::Over)
    }
}

/// One look.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Look {
    images: usize,
    /// Of its interval.
    confidence: f64,
    /// How many standard deviations that is.
    z: f64,
}

/// The looks of a test on a given number of images.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    looks: Vec<Look>,
}

/// What was found out about one candidate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Assessment {
    /// Whether the loss is under the limit.
    pub verdict: Verdict,
    /// Images that the numbers below are about.
    pub images: usize,
    /// The loss against the exact 8-bit network in points, on these images.
    pub loss: f64,
    /// Its confidence interval.
    pub interval: [f64; 2],
    /// The confidence of the interval, so high that all looks together have 95 %.
    pub confidence: f64,
    /// Without a verdict: how many images would probably lead to one, eq. (7.4).
    pub images_to_decide: Option<u64>,
}

impl Plan {
    /// The looks at up to `images` images.
    ///
    /// # Panics
    /// When there are no images.
    pub fn new(images: usize) -> Self {
        assert!(images > 0, "at least one image");
        let at = LOOKS.map(|share| (share * images as f64).ceil() as usize);
        let mut at: Vec<usize> =
            at.into_iter().filter(|&look| look >= LEAST_IMAGES || look == images).collect();
        at.dedup();
        let last = at.len() - 1;
        let looks = at.into_iter().enumerate().map(|(index, images)| {
            let error =
                if index < last { INTERIM_ERROR } else { ERROR - last as f64 * INTERIM_ERROR };
            Look { images, confidence: 1.0 - error, z: quantile(1.0 - error) }
        });
        Self { looks: looks.collect() }
    }

    /// One look, at all images.
    ///
    /// # Panics
    /// When there are no images.
    pub fn single(images: usize) -> Self {
        assert!(images > 0, "at least one image");
        let confidence = 1.0 - ERROR;
        Self { looks: vec![Look { images, confidence, z: quantile(confidence) }] }
    }

    /// All images.
    pub fn images(&self) -> usize {
        self.looks.last().map_or(0, |look| look.images)
    }

    /// The number of looks.
    pub fn looks(&self) -> usize {
        self.looks.len()
    }

    /// The number of images at the first look after `seen` images; none after the last.
    pub fn next(&self, seen: usize) -> Option<usize> {
        self.looks.iter().map(|look| look.images).find(|&images| images > seen)
    }

    /// Takes all looks that the images seen so far allow. The first that decides counts: what
    /// was seen after it, for a harder limit, does not take the verdict back.
    ///
    /// # Panics
    /// When the candidate has seen more images than the reference.
    pub fn verdict(&self, reference: &[bool], candidate: &[bool], limit: Limit) -> Verdict {
        let next = self.next(candidate.len());
        let done = self.looks.iter().take_while(|look| look.images <= candidate.len());
        let mut verdicts = done.filter_map(|look| {
            let images = look.images;
            let counts = Discordant::count(&reference[..images], &candidate[..images])?;
            match counts.score(limit.points()) {
                score if score <= -look.z => Some(Verdict::Under),
                score if score >= look.z => Some(Verdict::Over),
                _ if images == self.images() => Some(Verdict::Undecided),
                // What was seen later anyway is better than what was foretold.
                _ if self.next(images) == next && !self.is_hopeful(counts, limit) => {
                    Some(Verdict::Undecided)
                }
                _ => None,
            }
        });
        verdicts.next().unwrap_or(Verdict::Open)
    }

    /// Whether the last look could still find the loss under the limit, or is likely to find it
    /// over.
    fn is_hopeful(&self, seen: Discordant, limit: Limit) -> bool {
        let Some(last) = self.looks.last() else { return false };
        let at_last = |points: f64| foretell(seen, last.images, points).score(limit.points());
        at_last(seen.interval(HOPE)[0]) <= -last.z || at_last(seen.points()) >= last.z
    }

    /// The verdict, and the loss on all images seen so far.
    ///
    /// # Panics
    /// When the candidate has seen no images, or more than the reference.
    pub fn assess(&self, reference: &[bool], candidate: &[bool], limit: Limit) -> Assessment {
        let images = candidate.len();
        // Between looks, as if it were the next one.
        let look = self.looks.iter().find(|look| look.images >= images);
        let confidence = look.map_or(1.0 - ERROR, |look| look.confidence);
        let counts =
            Discordant::count(&reference[..images], candidate).expect("it has seen images");
        let verdict = self.verdict(reference, candidate, limit);
        let last = self.looks.last().filter(|_| !verdict.is_decided());
        let score = counts.score(limit.points());
        Assessment {
            verdict,
            images,
            loss: counts.points(),
            interval: counts.interval(confidence),
            confidence,
            images_to_decide: last.and_then(|last| images_to_decide(images, score, last.z)),
        }
    }
}

/// How many images would decide, to two digits, eq. (7.4), if `images` of them put the loss `score`
/// standard deviations from the limit and the last look needs `z`. None where it is so near the
/// limit that no number would.
pub(crate) fn images_to_decide(images: usize, score: f64, z: f64) -> Option<u64> {
    let factor = ((z + quantile(2.0 * CHANCE - 1.0)) / score).powi(2);
    let needed = images as f64 * factor.max(1.0);
    let unit = 10f64.powi(needed.log10().floor() as i32 - 1).max(1.0);
    (needed <= MOST_IMAGES).then(|| ((needed / unit).ceil() * unit) as u64)
}

/// What `images` images will have shown if those not seen yet lose so many points.
fn foretell(seen: Discordant, images: usize, points: f64) -> Discordant {
    let (all, before) = (images as f64, seen.images as f64);
    let difference = seen.lost as f64 - seen.gained as f64 + points / 100.0 * (all - before);
    let discordant = ((seen.lost + seen.gained) as f64 * all / before).max(difference.abs());
    Discordant {
        images: images as u64,
        lost: ((discordant + difference) / 2.0).floor() as u64,
        gained: ((discordant - difference) / 2.0).ceil() as u64,
    }
}

#[cfg(test)]
mod tests;
