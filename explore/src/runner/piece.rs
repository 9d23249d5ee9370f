//! The unit of work: a design on a range of images.
//!
//! Pieces and their results are plain data, to be sent to other processes and machines: content is
//! named by its hash, and what comes back is which images are right, not what the network said.

use std::ops::Range;

use recoup_core::design::Design;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::quality::LayerQuality;

/// Something to be done for a design, which depends on nothing but what is named here.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Piece {
    /// Key of the network on its images, with the weights in the coding of the design
    /// ([`ExperimentKey`](crate::key::ExperimentKey)).
    pub experiment: String,
    /// Key of the design's result.
    pub design: String,
    /// What is to be done.
    pub job: Job,
}

/// What is to be done for a design.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Job {
    /// Say which of these images are classified correctly.
    Images(Range<usize>),
    /// Look at the layers on so many of the first images.
    Layers(usize),
}

/// What came of a piece.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PieceResult {
    /// What was seen.
    pub seen: Seen,
    /// Time that it took, s.
    pub elapsed_s: f64,
}

/// What was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// Whether each image of the range is classified correctly; those that are missing at its end
    /// are to be done again.
    Outcomes(#[serde(serialize_with = "to_digits", deserialize_with = "of_digits")] Vec<bool>),
    /// The errors in the layers.
    Layers(Vec<LayerQuality>),
    /// The design cannot be run, for this reason.
    Failed(String),
}

/// A digit for each image: 1 for right.
fn to_digits<S: Serializer>(outcomes: &[bool], serializer: S) -> Result<S::Ok, S::Error> {
    let digits = outcomes.iter().map(|&right| if right { '1' } else { '0' });
    serializer.serialize_str(&digits.collect::<String>())
}

fn of_digits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<bool>, D::Error> {
    let digits = String::deserialize(deserializer)?;
    let outcome = |digit| match digit {
        '0' => Ok(false),
        '1' => Ok(true),
        _ => Err(serde::de::Error::custom("expected a 0 or a 1 for each image")),
    };
    digits.chars().map(outcome).collect()
}

/// Where pieces are done.
pub trait Pool {
    /// A design that pieces may name by this key.
    fn know(&mut self, key: &str, design: &Design);

    /// How many pieces may be under way at a time. Of several, some may turn out not to be needed.
    fn size(&self) -> usize;

    /// How many more may be handed out now.
    fn room(&self) -> usize;

    /// How many images a piece should have at most.
    fn images(&self) -> usize;

    /// Hands a piece out.
    fn submit(&mut self, piece: Piece);

    /// Waits a moment until a piece comes back, with its result or lost; none when the moment is
    /// over.
    fn wait(&mut self) -> Option<(Piece, Option<PieceResult>)>;

    /// What is under way is not needed any more, and need not come back.
    fn forget(&mut self) {}
}
