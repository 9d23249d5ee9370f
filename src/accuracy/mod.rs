//! What the multipliers do to a network's accuracy.
//!
//! [`Experiment`] holds a model, its data and its calibration; a [`Candidate`] is one multiplier
//! with one control variate at one activation width; [`evaluate`] sends images through all of
//! them, and [`paired`] compares them image by image.

mod classify;
mod evaluate;
mod experiment;
mod make;
pub mod paired;

pub use classify::{Classifier, LabelledInput, float_scores};
pub use evaluate::{EvaluateError, Evaluation, Images, Outcomes, Scores, evaluate};
pub use experiment::{Candidate, Configuration, Experiment, ExperimentError};
