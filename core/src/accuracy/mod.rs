//! What the multipliers do to a network's accuracy.
//!
//! [`Experiment`] holds a model, its data and its calibration; a [`EmulatedDesign`] is one multiplier
//! with one control variate at one activation width; [`evaluate`] sends images through all of
//! them, range by range ([`Part`]), and [`paired`] compares them image by image; where there are no
//! labels, or other outputs than class scores, [`Fidelity`] says how close the outputs stay to those
//! of a reference.

mod cache;
mod classify;
mod emulated_designs;
mod evaluate;
mod evaluator;
mod experiment;
mod fidelity;
pub mod paired;
mod part;

pub use classify::{Classifier, LabelledInput};
pub use evaluate::{
    Details, EvaluateError, Evaluation, Images, Outcomes, Outputs, evaluate, outcomes, sampler,
};
pub use evaluator::{Evaluator, Observed};
pub use experiment::{EmulatedDesign, Experiment, ExperimentError};
pub use fidelity::{Agreement, Fidelity, OutputFidelity};
pub use part::{Measures, Part, Totals};
