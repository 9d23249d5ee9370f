//! The unit of work: a design on a range of images.
//!
//! Pieces and their results are plain data, to be sent to other processes and machines: content is
//! named by its hash, and what comes back is which images are right, not what the network said.

use std::ops::Range;

use recoup_core::as_digits;
use recoup_core::design::Design;
use serde::{Deserialize, Serialize};

use crate::quality::LayerQuality;
use crate::subject::Expected;

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
    /// Say what can be expected of it.
    Expect,
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
    /// What can be expected.
    Expected(Expected),
    /// Whether each image of the range is classified correctly; those that are missing at its end
    /// are to be done again.
    Outcomes(#[serde(with = "as_digits")] Vec<bool>),
    /// The errors in the layers.
    Layers(Vec<LayerQuality>),
    /// The design cannot be run, for this reason.
    Failed(String),
}

/// Where pieces are done, of this work or of another.
pub trait Pool<P = Piece, R = PieceResult> {
    /// A design that pieces may name by this key, for who does not make it of what it was given.
    fn know(&mut self, _key: &str, _design: &Design) {}

    /// How many pieces may be under way at a time. Of several, some may turn out not to be needed.
    fn size(&self) -> usize;

    /// How many more may be handed out now.
    fn room(&self) -> usize;

    /// How many images a piece should have at most.
    fn images(&self) -> usize;

    /// Hands a piece out.
    fn submit(&mut self, piece: P);

    /// Waits a moment until a piece comes back, with its result or lost; none when the moment is
    /// over.
    fn wait(&mut self) -> Option<(P, Option<R>)>;

    /// What is under way is not needed any more, and need not come back.
    fn forget(&mut self) {}
}
